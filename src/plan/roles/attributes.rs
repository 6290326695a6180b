//! Planning what a role of the catalog has: its login, its password, what it may.

use std::collections::BTreeSet;

use crate::model::drift::{Adoption, Attribute, Kind, Side, print_of};
use crate::model::name::{ROLE_GROUP, RoleName};
use crate::model::operation::Subject;
use crate::model::refusal::time_text;
use crate::model::revision::Timestamp;
use crate::model::role::Login;
use crate::plan::Draft;
use crate::plan::desired::DesiredRole;
use crate::plan::drift::{Act, Differing};
use crate::plan::observed::{
    NO_LIMIT, ObservedPassword, ObservedRole, Oid, Privilege, RoleMark, VerifierDigest,
};
use crate::plan::roles::disconnect;
use crate::plan::step::{Clause, Stage, Step};

/// A role of the catalog as it was found.
#[derive(Clone, Copy)]
pub(super) struct Ours<'a> {
    pub(super) name: &'a RoleName,
    pub(super) want: &'a DesiredRole,
    pub(super) mark: &'a RoleMark,
    pub(super) role: &'a ObservedRole,
}

/// Plans what a role needs that exists under its name and may be touched.
pub(super) fn plan(draft: &mut Draft<'_>, ours: Ours<'_>) {
    if draft.is_aside(Stage::Change, &Subject::Role(ours.name.clone())) {
        return;
    }
    let (mut clauses, first) = (Vec::new(), draft.steps.len());
    let is_login_set = login(draft, ours, &mut clauses);
    let is_validity_set = validity(draft, ours);
    if !ours.mark.is_adopted {
        privileges(draft, ours, &mut clauses);
        membership(draft, ours);
    }
    let Ours { name, want, role, .. } = ours;
    let oid = role.oid;
    if !clauses.is_empty() {
        draft.steps.push(Step::RestoreRole { oid, name: name.clone(), clauses });
    }
    // Whoever is left able to log in would be back at once.
    if !want.is_active && (!role.can_login || draft.steps[first..].iter().any(takes_login)) {
        disconnect(draft, oid, name, name.as_str());
    }
    if [is_login_set, is_validity_set].contains(&Known::Already) {
        let RoleMark { login, valid_until, is_active, .. } = ours.mark.clone();
        let wanted = want.login.of(VerifierDigest::of);
        let is_same = is_validity_set == Known::Already;
        let note = Step::NoteRole {
            oid,
            name: name.clone(),
            born: want.born,
            login: if is_login_set == Known::Already { wanted } else { login },
            valid_until: if is_same { want.valid_until } else { valid_until },
            is_active,
            is_adopted: false,
        };
        // Before the others: what they note besides must not be noted as it was.
        draft.steps.insert(first, note);
    }
}

/// Whether a step takes the login from a role that is not active.
fn takes_login(step: &Step) -> bool {
    if let Step::RestoreRole { clauses, .. } = step {
        clauses.contains(&Clause::Login(false))
    } else {
        matches!(
            step,
            Step::SetActive { is_active: false, .. } | Step::SetLogin { is_active: false, .. }
        )
    }
}

/// How what is wanted stands to what is noted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It is noted, or a step brings it about.
    Fine,
    /// Postgres has it, and only the note is old.
    Already,
}

impl Ours<'_> {
    fn found(&self, attribute: Attribute, desired: String, found: String) -> Differing {
        Differing::in_postgres(Kind::Role, self.name.as_str(), attribute, desired, found)
    }
}

/// Returns on which side something differs from what is noted that was changed in Postgres.
fn side(is_pending: bool) -> Side {
    if is_pending { Side::Both } else { Side::Postgres }
}

fn login(draft: &mut Draft<'_>, ours: Ours<'_>, clauses: &mut Vec<Clause>) -> Known {
    let Ours { name, want, mark, role } = ours;
    let wanted = want.login.of(VerifierDigest::of);
    let (is_pending, is_switched) = (wanted != mark.login, want.is_active != mark.is_active);
    let (found, base) = (role.password.digest(), mark.login.credential().copied());
    let is_known = role.password != ObservedPassword::Unknown;
    let may_log_in = want.can_log_in();
    let has_password = is_known && found == wanted.credential().copied();
    let mut act = Act::Never;
    if role.can_login != mark.can_log_in() && role.can_login != may_log_in {
        let (desired, found) = (Clause::Login(may_log_in), Clause::Login(role.can_login));
        let found = ours.found(Attribute::Login, desired.to_string(), found.to_string());
        let side = side(is_pending || is_switched);
        match draft.differs(Differing { side, ..found }) {
            Act::Now if !is_pending => clauses.push(Clause::Login(may_log_in)),
            other @ (Act::Now | Act::Later | Act::Never | Act::Silently) => act = other,
        }
    }
    let (oid, name, is_active) = (role.oid, name.clone(), want.is_active);
    if is_switched && act != Act::Later {
        let (name, has_login) = (name.clone(), want.login.is_any());
        draft.steps.push(Step::SetActive { oid, name, is_active, has_login });
    }
    if is_pending && has_password && role.can_login == may_log_in {
        return Known::Already;
    }
    if is_known && found != base && !has_password {
        let other = draft.differs(Differing { side: side(is_pending), ..password(ours) });
        act = if act == Act::Later { act } else { other };
    }
    if act == Act::Now || (is_pending && act != Act::Later) {
        let login = want.login.clone();
        draft.steps.push(Step::SetLogin { oid, name, login, is_active });
    }
    Known::Fine
}

/// Returns that a role has another password than it was given.
fn password(ours: Ours<'_>) -> Differing {
    let Ours { name, want, role, .. } = ours;
    let desired = match want.login {
        Login::Never | Login::Unset => "no password",
        Login::Password(_) => "the password of the catalog",
    };
    let (found, adoption) = match &role.password {
        ObservedPassword::Unknown | ObservedPassword::None => ("no password", None),
        ObservedPassword::Verifier(verifier) => {
            let (name, verifier, over) = (name.clone(), verifier.clone(), want.login.clone());
            ("another password", Some(Adoption::Password { name, verifier, over }))
        }
        ObservedPassword::Other(_) => ("another password, not kept as SCRAM-SHA-256", None),
    };
    let digest = role.password.digest().map(|VerifierDigest(bytes)| format!("{bytes:?}"));
    let print = print_of(&[&digest.unwrap_or_default()]);
    let adoption = adoption.filter(|_| want.login.is_any());
    Differing { print, adoption, ..ours.found(Attribute::Password, desired.into(), found.into()) }
}

fn validity(draft: &mut Draft<'_>, ours: Ours<'_>) -> Known {
    let Ours { name, want, mark, role } = ours;
    let is_pending = want.valid_until != mark.valid_until;
    if is_pending && role.valid_until == want.valid_until {
        return Known::Already;
    }
    let mut act = Act::Never;
    if role.valid_until != mark.valid_until {
        let found =
            ours.found(Attribute::ValidUntil, until(want.valid_until), until(role.valid_until));
        act = draft.differs(Differing { side: side(is_pending), ..found });
    }
    if act == Act::Now || (is_pending && act != Act::Later) {
        let (oid, name, valid_until) = (role.oid, name.clone(), want.valid_until);
        draft.steps.push(Step::SetValidity { oid, name, valid_until });
    }
    Known::Fine
}

fn until(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "without an end".into(), |at| format!("until {}", time_text(at)))
}

fn privileges(draft: &mut Draft<'_>, ours: Ours<'_>, clauses: &mut Vec<Clause>) {
    let role = ours.role;
    let should: BTreeSet<_> = [Privilege::Inherit].into();
    let differing: Vec<_> = should.symmetric_difference(&role.privileges).copied().collect();
    if !differing.is_empty() {
        let words = |has: &BTreeSet<Privilege>| {
            let each = differing.iter().map(|it| Clause::Privilege(*it, has.contains(it)));
            each.map(|clause| clause.to_string()).collect::<Vec<_>>().join(" ")
        };
        let found = ours.found(Attribute::Privileges, words(&should), words(&role.privileges));
        if draft.differs(found) == Act::Now {
            let back = differing.iter().map(|it| Clause::Privilege(*it, should.contains(it)));
            clauses.extend(back);
        }
    }
    if role.connection_limit != NO_LIMIT {
        let found = ours.found(
            Attribute::ConnectionLimit,
            "no limit".into(),
            format!("{} sessions", role.connection_limit),
        );
        if draft.differs(found) == Act::Now {
            clauses.push(Clause::NoConnectionLimit);
        }
    }
}

fn membership(draft: &mut Draft<'_>, ours: Ours<'_>) {
    let Ours { name, want, mark, role } = ours;
    let observed = draft.observed;
    let original = want.acts_for.as_ref().and_then(|it| observed.roles.get(it.as_str()));
    let original = original.map(|original| original.oid);
    // Where it is about to act for another, that is planned elsewhere.
    let is_moving = original != mark.acts_for;
    let moving: BTreeSet<Oid> =
        [original, mark.acts_for].into_iter().flatten().filter(|_| is_moving).collect();
    let group = observed.roles.get(ROLE_GROUP).filter(|_| mark.in_group).map(|group| group.oid);
    let should: BTreeSet<Oid> = group.into_iter().chain(mark.acts_for).collect();
    let (should, member_of) = (&should - &moving, &role.member_of - &moving);
    let names = |oids: BTreeSet<Oid>| {
        let names = oids.into_iter().filter_map(|oid| draft.index.role(oid));
        names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    let grant = names(&should - &member_of);
    let revoke = names(&member_of - &should);
    if grant.is_empty() && revoke.is_empty() {
        return;
    }
    let listed = |names: Vec<String>| {
        if names.is_empty() { "of none".to_owned() } else { format!("of {}", names.join(", ")) }
    };
    let (desired, found) = (listed(names(should)), listed(names(member_of)));
    if draft.differs(ours.found(Attribute::Membership, desired, found)) == Act::Now {
        let (oid, name) = (role.oid, name.clone());
        draft.steps.push(Step::RestoreMembership { oid, name, grant, revoke });
    }
}
