//! Planning roles: which are made, which are changed, and how the dropped ones go.

mod attributes;
mod unmanaged;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::drift::{Adoption, Attribute, Kind};
use crate::model::name::{ROLE_GROUP, RoleName};
use crate::model::operation::Subject;
use crate::plan::databases::DatabasePlan;
use crate::plan::desired::DesiredRole;
use crate::plan::drift::{Act, Differing};
use crate::plan::index::Marked;
use crate::plan::observed::{ObservedRole, Oid, RoleMark, VerifierDigest};
use crate::plan::roles::attributes::Ours;
use crate::plan::step::{Estate, Stage, Step};
use crate::plan::{Draft, free_name};

/// Postgres keeps roles of this prefix for itself.
const RESERVED_PREFIX: &str = "pg_";

/// What was decided about roles, for those who plan on.
#[derive(Default)]
pub(super) struct RolePlan {
    /// The roles of the catalog that exist once the plan's transaction is committed.
    pub(super) present: BTreeSet<RoleName>,
    /// The dropped roles that are still there, by the names under which they were found.
    pub(super) retired: BTreeMap<String, Retired>,
    /// The roles of the catalog that somebody dropped with SQL, and that stay away for now.
    gone: BTreeSet<RoleName>,
}

/// A dropped role that is still there.
pub(super) struct Retired {
    oid: Oid,
    name: RoleName,
    /// Whether what it owns goes with it.
    drops: bool,
    /// Its name once it is retired.
    name_after: String,
    /// The role as which it acted, if as another. What it owns is that one's.
    acted_for: Option<Oid>,
}

impl RolePlan {
    /// Returns the name that an observed role has once the plan's transaction is committed.
    fn name_after<'a>(&'a self, observed: &'a str) -> &'a str {
        self.retired.get(observed).map_or(observed, |retired| &retired.name_after)
    }

    /// Returns the name of the role that had this number, or that of its successor in the catalog.
    fn name_of<'a>(&'a self, draft: &Draft<'a>, oid: Oid) -> Option<&'a str> {
        let (found_as, _) = draft.index.role(oid)?;
        match self.retired.get(found_as) {
            None => Some(found_as),
            Some(retired) => self.present.get(&retired.name).map(RoleName::as_str),
        }
    }
}

pub(super) fn plan(draft: &mut Draft<'_>) -> RolePlan {
    let mut roles = retire(draft);
    let mut outside_group = Vec::new();
    let mut acting = Vec::new();
    for (name, want) in &draft.desired.roles {
        let marked = draft.index.marked(name).iter().copied();
        let ours = marked.into_iter().find(|ours| is_wanted(ours.mark, want));
        let exists = match ours {
            Some(ours) => change(draft, name, want, ours),
            None => create(draft, name, want, &roles),
        };
        if exists {
            roles.present.insert(name.clone());
            let mark = ours.map(|ours| ours.mark);
            acting.push((name, want, mark.and_then(|mark| mark.acts_for)));
            let is_made_here = !draft.observed.roles.contains_key(name.as_str())
                || roles.retired.contains_key(name.as_str());
            if mark.map_or(is_made_here, |mark| !mark.in_group && !mark.is_adopted) {
                outside_group.push(name.clone());
            }
        }
    }
    unmanaged::report(draft);
    for (name, want, was) in acting {
        act_for(draft, &roles, name, want.acts_for.as_ref(), was);
    }
    if draft.observed.roles.contains_key(ROLE_GROUP)
        && !outside_group.is_empty()
        && !draft.is_aside(Stage::Change, &Subject::Whole)
    {
        draft.steps.push(Step::JoinGroup { names: outside_group });
    }
    roles
}

fn is_wanted(mark: &RoleMark, want: &DesiredRole) -> bool {
    mark.born == want.born && !mark.is_retired
}

/// Plans how the roles that the catalog dropped lose their logins, and returns them. A role that
/// was dropped and made again is another role: the old one goes, and its name is freed at once.
fn retire(draft: &mut Draft<'_>) -> RolePlan {
    let mut roles = RolePlan::default();
    for (oid, mark) in &draft.observed.role_marks {
        let (oid, name) = (*oid, mark.name.clone());
        let want = draft.desired.roles.get(&name);
        let Some((found_as, role)) = draft.index.role(oid) else {
            if want.is_some_and(|want| is_wanted(mark, want)) && is_to_stay_gone(draft, &name) {
                roles.gone.insert(name);
            } else {
                draft.steps.push(Step::ForgetRole { oid, name });
            }
            continue;
        };
        let subject = Subject::Role(name.clone());
        if want.is_some_and(|want| is_wanted(mark, want)) || draft.is_aside(Stage::Retire, &subject)
        {
            continue;
        }
        if let Some(why) = untouchable(draft, found_as, role) {
            let message = format!(
                "role `{found_as}`, which the catalog dropped, {why}, so Offshoot leaves it alone; \
                 drop it with SQL"
            );
            draft.problem(subject, message);
            continue;
        }
        let drops = mark.drops || draft.desired.estates.contains(&(name.clone(), mark.born));
        let found_name = RoleName::parse_existing(found_as).ok();
        let renamed_to = found_name.filter(|name| draft.desired.roles.contains_key(name));
        let renamed_to = renamed_to
            .map(|_| free_name(&format!("offshoot_retired_{}", oid.0), &draft.observed.roles));
        let name_after = renamed_to.clone().unwrap_or_else(|| found_as.into());
        if !mark.is_retired || role.can_login || renamed_to.is_some() {
            let (name, found_as) = (name.clone(), found_as.into());
            draft.steps.push(Step::RetireRole { oid, name, found_as, renamed_to, drops });
        }
        let acted_for = mark.acts_for;
        let retired = Retired { oid, name, drops, name_after, acted_for };
        roles.retired.insert(found_as.into(), retired);
    }
    roles
}

/// Whether a role that somebody dropped with SQL stays away for now. Where another has its name, that
/// one is what is told.
fn is_to_stay_gone(draft: &mut Draft<'_>, name: &RoleName) -> bool {
    if draft.observed.roles.contains_key(name.as_str()) {
        return false;
    }
    let adoption = Some(Adoption::DropRole { name: name.clone() });
    let (desired, found) = ("a role of the catalog", "dropped with SQL");
    let found = differing(name, Attribute::Existence, desired, found);
    draft.differs(Differing { adoption, ..found }) != Act::Now
}

/// Returns why a role is never touched, whatever its mark says: a mark can be forged by whoever
/// administers that Postgres, and a managed role can be raised by hand.
fn untouchable(draft: &Draft<'_>, found_as: &str, role: &ObservedRole) -> Option<&'static str> {
    if role.is_superuser {
        Some("is a superuser")
    } else if found_as == draft.observed.admin {
        Some("is the administrator")
    } else if found_as.starts_with(RESERVED_PREFIX) || role.oid < Oid::FIRST_OF_USERS {
        Some("belongs to Postgres")
    } else {
        None
    }
}

/// Plans what a role that exists and is ours needs, and returns whether databases can be given to
/// it.
fn change(
    draft: &mut Draft<'_>,
    name: &RoleName,
    want: &DesiredRole,
    Marked { mark, found_as, role }: Marked<'_>,
) -> bool {
    let subject = Subject::Role(name.clone());
    if found_as != name.as_str() {
        let found = Differing {
            is_revertible: false,
            ..differing(name, Attribute::Name, name.as_str(), found_as)
        };
        if draft.differs(found) != Act::Silently {
            let message = format!(
                "role `{name}` was renamed to `{found_as}` with SQL; rename it back, or drop the \
                 role over the API and create it again"
            );
            draft.problem(subject, message);
        }
        return false;
    }
    let Some(why) = untouchable(draft, found_as, role) else {
        attributes::plan(draft, Ours { name, want, mark, role });
        return true;
    };
    if role.is_superuser {
        let found = differing(name, Attribute::Superuser, "NOSUPERUSER", "SUPERUSER");
        draft.differs(Differing { is_revertible: false, ..found });
    }
    let has_login = want.login.of(VerifierDigest::of) == mark.login;
    let has_activity = want.is_active == mark.is_active;
    let is_idle = want.is_active || !draft.observed.connected.contains(&role.oid);
    if !(has_login && has_activity && is_idle) || want.valid_until != mark.valid_until {
        let message = format!(
            "role `{name}` {why}, so Offshoot does not change how it logs in; undo that with SQL"
        );
        draft.problem(subject, message);
    }
    true
}

/// Plans the end of the sessions of a role that cannot log in any more, where it has some.
fn disconnect(draft: &mut Draft<'_>, oid: Oid, name: &RoleName, found_as: &str) {
    let is_aside = draft.is_aside(Stage::Disconnect, &Subject::Role(name.clone()));
    if draft.observed.connected.contains(&oid) && !is_aside {
        let (name, found_as) = (name.clone(), found_as.to_owned());
        draft.steps.push(Step::Disconnect { oid, name, found_as });
    }
}

fn differing(name: &RoleName, attribute: Attribute, desired: &str, found: &str) -> Differing {
    Differing::in_postgres(Kind::Role, name.as_str(), attribute, desired, found)
}

/// Plans a new role, and returns whether it can be made.
fn create(draft: &mut Draft<'_>, name: &RoleName, want: &DesiredRole, roles: &RolePlan) -> bool {
    let subject = Subject::Role(name.clone());
    let is_aside = [Stage::Retire, Stage::Change].iter().any(|it| draft.is_aside(*it, &subject));
    if is_aside || roles.gone.contains(name) {
        return false;
    }
    let observed = draft.observed;
    let is_freed = roles.retired.contains_key(name.as_str());
    if let Some(role) = observed.roles.get(name.as_str()).filter(|_| !is_freed) {
        return unmanaged::adopt(draft, name, want, role);
    }
    let DesiredRole { born, login, valid_until, is_active, acts_for: _ } = want.clone();
    let name = name.clone();
    draft.steps.push(Step::CreateRole { name, born, login, valid_until, is_active });
    true
}

/// Plans as which role another acts: `was` is the one as which it was last made to act.
fn act_for(
    draft: &mut Draft<'_>,
    roles: &RolePlan,
    name: &RoleName,
    original: Option<&RoleName>,
    was: Option<Oid>,
) {
    let subject = Subject::Role(name.clone());
    let found = |name: &RoleName| {
        let is_kept = !roles.retired.contains_key(name.as_str());
        draft.observed.roles.get_key_value(name.as_str()).filter(|_| is_kept)
    };
    let is_so = match original {
        None => was.is_none(),
        Some(original) => was.is_some() && found(original).map(|(_, role)| role.oid) == was,
    };
    if is_so || draft.is_aside(Stage::Change, &subject) {
        return;
    }
    let parties = [Some(name), original].into_iter().flatten();
    let bad = parties
        .filter_map(found)
        .find_map(|(found_as, role)| Some((found_as, untouchable(draft, found_as, role)?)));
    if let Some((party, why)) = bad {
        let message = format!(
            "role `{name}` is not made to act for another, or no longer: role `{party}` {why}; undo \
             that with SQL"
        );
        draft.problem(subject, message);
        return;
    }
    if let Some(original) = original.filter(|original| !roles.present.contains(*original)) {
        let message = format!(
            "role `{name}` should act for role `{original}`, which Postgres does not have as the \
             catalog wants it; mend that role first"
        );
        draft.problem(subject, message);
        return;
    }
    let was = was.and_then(|oid| draft.index.role(oid));
    let was = was.map(|(found_as, _)| roles.name_after(found_as).to_owned());
    draft.steps.push(Step::ActFor { name: name.clone(), was, original: original.cloned() });
}

/// Plans the end of the dropped roles.
pub(super) fn clean_up(draft: &mut Draft<'_>, roles: &RolePlan, databases: &DatabasePlan) {
    let observed = draft.observed;
    let kept: Vec<_> = observed
        .databases
        .iter()
        .filter(|(_, database)| !databases.dropped.contains(&database.oid))
        .map(|(name, database)| {
            let owner = databases.owner_after.get(&database.oid).map(RoleName::as_str);
            let name = databases.name_after.get(&database.oid).unwrap_or(name);
            (name, owner.unwrap_or_else(|| roles.name_after(&database.owner)), database)
        })
        .collect();
    for Retired { oid, name, drops, name_after, acted_for } in roles.retired.values() {
        let subject = Subject::Role(name.clone());
        // Who is connected with a credential acts for another role, and may go on as that one.
        if acted_for.is_none() {
            disconnect(draft, *oid, name, name_after);
        }
        // What belongs to no database is cleaned up in none: it would be given away in the first.
        let of_it = kept.iter().filter(|(_, owner, _)| owner == name_after);
        let of_it: Vec<_> = of_it.map(|(database, ..)| database.as_str()).collect();
        let spaces = observed.tablespaces.iter().filter(|(_, owner)| *owner == oid);
        let spaces: Vec<_> = spaces.map(|(space, _)| space.as_str()).collect();
        if let Some(owns) = owns("database", &of_it).or_else(|| owns("tablespace", &spaces)) {
            let message =
                format!("role `{name}` can no longer log in, but cannot be dropped: it {owns}");
            draft.problem(subject, message);
            continue;
        }
        if draft.is_aside(Stage::CleanUp, &subject) || draft.is_aside(Stage::Remove, &subject) {
            continue;
        }
        let original = acted_for.and_then(|oid| roles.name_of(draft, oid));
        let original = original.filter(|it| may_inherit(draft, it));
        for (database, owner, _) in kept.iter().filter(|(.., database)| database.is_connectable) {
            draft.steps.push(Step::CleanUp {
                name: name.clone(),
                oid: *oid,
                found_as: name_after.clone(),
                database: (*database).clone(),
                estate: if *drops {
                    Estate::Dropped
                } else {
                    original
                        .or_else(|| Some(*owner).filter(|owner| may_inherit(draft, owner)))
                        .map_or(Estate::Unclaimed, |heir| Estate::Given(heir.to_owned()))
                },
            });
        }
        let (oid, name, found_as) = (*oid, name.clone(), name_after.clone());
        draft.steps.push(Step::RemoveRole { oid, name, found_as });
    }
}

/// Says what keeps an owner from being dropped, and what to do about that.
fn owns(what: &str, names: &[&str]) -> Option<String> {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let alter = format!("ALTER {} .. OWNER TO ..", what.to_uppercase());
    let names = quoted.join(", ");
    (!quoted.is_empty())
        .then(|| format!("owns the {what} {names}; give that another owner ({alter})"))
}

/// Whether a role may be given what another owned. A function that runs with its owner's rights
/// would have all rights under a superuser, whoever wrote it.
fn may_inherit(draft: &Draft<'_>, heir: &str) -> bool {
    let is_superuser = draft.observed.roles.get(heir).is_some_and(|role| role.is_superuser);
    !is_superuser && heir != draft.observed.admin && !heir.starts_with(RESERVED_PREFIX)
}
