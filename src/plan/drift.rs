//! Planning what to do about drift: what somebody changed in Postgres is told first, and then left,
//! taken over or put back, as the branch's policy or somebody's verdict says.

use std::collections::BTreeSet;

use crate::model::drift::{
    Adoption, Attribute, Deviation, Item, Kind, Policy, Print, Response, Side, Verdict, print_of,
};
use crate::plan::observed::Oid;
use crate::plan::step::Step;
use crate::plan::{Draft, Plan};

/// Something that was found to differ.
pub(super) struct Differing {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) attribute: Attribute,
    pub(super) side: Side,
    pub(super) desired: String,
    pub(super) found: String,
    pub(super) print: Print,
    pub(super) adoption: Option<Adoption>,
    /// Whether there is a way to put it back.
    pub(super) is_revertible: bool,
}

impl Differing {
    /// Returns that something differs because somebody changed it in Postgres.
    pub(super) fn in_postgres(
        kind: Kind,
        name: &str,
        attribute: Attribute,
        desired: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let found = found.into();
        Self {
            kind,
            name: name.to_owned(),
            attribute,
            side: Side::Postgres,
            print: print_of(&[&found]),
            desired: desired.into(),
            found,
            adoption: None,
            is_revertible: true,
        }
    }
}

/// Returns the print of something that was made with SQL.
pub(super) fn print_of_oid(Oid(oid): Oid) -> Print {
    print_of(&[&oid.to_string()])
}

/// What is to be done about it in this plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It is put back.
    Now,
    /// It is to be put back, and has to be told first.
    Later,
    /// It stays as it is.
    Never,
    /// It stays as it is, and nobody wants to hear of it.
    Silently,
}

impl Draft<'_> {
    /// Notes that something differs, and returns what is to be done about it.
    pub(super) fn differs(&mut self, found: Differing) -> Act {
        let Differing {
            kind,
            name,
            attribute,
            side,
            desired,
            found,
            print,
            adoption,
            is_revertible,
        } = found;
        let item = Item { kind, name, attribute };
        let policy = self.desired.orders.policy.of(attribute);
        let (is_told, verdict) = self.desired.orders.about(&item, print);
        let enforced = if is_revertible { Response::Enforced } else { Response::Reported };
        let response = match (verdict, policy) {
            // What the catalog changed meanwhile is newer than what was done by hand.
            _ if side == Side::Both => Response::Enforced,
            (Some(Verdict::Ignore), _) => Response::Ignored,
            (Some(Verdict::Adopt), _) => Response::Adopted,
            (None, Policy::Adopt) if adoption.is_some() => Response::Adopted,
            (Some(Verdict::Revert), _) | (None, Policy::Enforce | Policy::Adopt) => enforced,
            (None, Policy::Report) => Response::Reported,
            (None, Policy::Ignore) => return Act::Silently,
        };
        let deviation = Deviation {
            item,
            side,
            desired,
            found,
            print,
            response,
            is_told,
            adoption,
            is_revertible,
        };
        self.deviations.push(deviation);
        match response {
            Response::Enforced if is_told => Act::Now,
            Response::Enforced => Act::Later,
            Response::Ignored => Act::Silently,
            Response::Adopted | Response::Reported => Act::Never,
        }
    }

    /// Whether somebody decided that the catalog takes over what was made with SQL.
    pub(super) fn is_adopting(&self, kind: Kind, name: &str, print: Print) -> bool {
        let item = Item { kind, name: name.to_owned(), attribute: Attribute::Unmanaged };
        self.desired.orders.about(&item, print) == (true, Some(Verdict::Adopt))
    }
}

/// Returns what differs because the catalog changed, or because nobody has applied it yet: what a
/// plan's steps bring about that no deviation tells.
#[must_use]
pub fn pending(plan: &Plan) -> Vec<Deviation> {
    let mut told: BTreeSet<Item> = plan.deviations.iter().map(|it| it.item.clone()).collect();
    let mut pending = Vec::new();
    for step in &plan.steps {
        let Some((kind, name, attribute)) = about(step) else { continue };
        let item = Item { kind, name, attribute };
        if !told.insert(item.clone()) {
            continue;
        }
        pending.push(Deviation {
            item,
            side: Side::Catalog,
            desired: step.to_string(),
            found: "not applied yet".into(),
            print: Print(0),
            response: Response::Enforced,
            is_told: true,
            adoption: None,
            is_revertible: false,
        });
    }
    pending
}

fn about(step: &Step) -> Option<(Kind, String, Attribute)> {
    let (kind, name, attribute) = match step {
        Step::RetireRole { name, .. } | Step::CreateRole { name, .. } => {
            (Kind::Role, name.as_str(), Attribute::Existence)
        }
        Step::SetLogin { name, .. } => (Kind::Role, name.as_str(), Attribute::Password),
        Step::SetActive { name, .. } => (Kind::Role, name.as_str(), Attribute::Login),
        Step::SetValidity { name, .. } => (Kind::Role, name.as_str(), Attribute::ValidUntil),
        Step::ActFor { name, .. } => (Kind::Role, name.as_str(), Attribute::Membership),
        Step::ChangeOwner { name, .. } => (Kind::Database, name.as_str(), Attribute::Owner),
        Step::DropDatabase { name, .. } | Step::CreateDatabase { name, .. } => {
            (Kind::Database, name.as_str(), Attribute::Existence)
        }
        Step::RenameDatabase { name, .. } => (Kind::Database, name.as_str(), Attribute::Name),
        Step::ForgetRole { .. }
        | Step::ForgetDatabase { .. }
        | Step::RestoreRole { .. }
        | Step::RestoreMembership { .. }
        | Step::NoteRole { .. }
        | Step::JoinGroup { .. }
        | Step::AdoptDatabase { .. }
        | Step::IntendDatabase { .. }
        | Step::Disconnect { .. }
        | Step::CleanUp { .. }
        | Step::RemoveRole { .. } => return None,
    };
    Some((kind, name.to_owned(), attribute))
}
