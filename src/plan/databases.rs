//! Planning databases: which are made, renamed, given to another owner, dropped.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::database::DatabaseId;
use crate::model::drift::{Adoption, Attribute, Kind, Side};
use crate::model::name::{DatabaseName, RoleName};
use crate::model::operation::Subject;
use crate::plan::desired::DesiredDatabase;
use crate::plan::drift::{Act, Differing, print_of_oid};
use crate::plan::observed::{DatabaseMark, ObservedDatabase, Oid};
use crate::plan::roles::RolePlan;
use crate::plan::step::{Stage, Step};
use crate::plan::{Draft, free_name};

/// What was decided about databases, for those who plan on.
#[derive(Default)]
pub(super) struct DatabasePlan {
    /// Those that are dropped.
    pub(super) dropped: BTreeSet<Oid>,
    /// The new owners of those that change theirs.
    pub(super) owner_after: BTreeMap<Oid, RoleName>,
    /// The new names of those that change theirs.
    pub(super) name_after: BTreeMap<Oid, String>,
}

/// A managed database that was found.
#[derive(Clone, Copy)]
struct Ours<'a> {
    id: DatabaseId,
    mark: &'a DatabaseMark,
    found_as: &'a str,
    found: &'a ObservedDatabase,
}

impl<'a> Ours<'a> {
    /// Finds the database that the mark under `id` speaks of. One that was only announced is known
    /// by its name and owner: the name was free when it was announced, or about to be freed by one
    /// of ours, which is known by its number.
    fn find(draft: &Draft<'a>, id: DatabaseId) -> Option<Self> {
        let observed = draft.observed;
        let mark = observed.database_marks.get(&id)?;
        let (found_as, found) = if let Some(oid) = mark.oid {
            draft.index.database(oid)?
        } else {
            let (name, found) = observed.databases.get_key_value(mark.name.as_str())?;
            let mut marks = observed.database_marks.values();
            let is_anothers = marks.any(|other| other.oid == Some(found.oid));
            let is_its = found.owner == mark.owner.as_str() && !is_anothers;
            is_its.then_some((name.as_str(), found))?
        };
        Some(Self { id, mark, found_as, found })
    }
}

/// A database that is to be renamed.
struct Rename<'a> {
    ours: Ours<'a>,
    from: String,
    to: &'a DatabaseName,
}

fn subject(name: &DatabaseName) -> Subject {
    Subject::Database(name.clone())
}

pub(super) fn plan(draft: &mut Draft<'_>, roles: &RolePlan) -> DatabasePlan {
    let mut plan = DatabasePlan::default();
    drop(draft, &mut plan);
    let mut renames = Vec::new();
    let mut missing = Vec::new();
    let (desired, observed) = (draft.desired, draft.observed);
    for (id, want) in &desired.databases {
        let subject = subject(&want.name);
        if draft.is_aside(Stage::Change, &subject) {
            continue;
        }
        let is_kept = draft.is_aside(Stage::Reshape, &subject);
        match Ours::find(draft, *id) {
            None if is_kept => {}
            None => {
                if !is_to_stay_gone(draft, *id, want) {
                    missing.push((*id, want));
                }
            }
            Some(ours) => {
                renames.extend(recognize(draft, want, ours).filter(|_| !is_kept));
                change_owner(draft, &mut plan, roles, want, ours);
            }
        }
    }
    let mut taken: BTreeSet<String> = observed
        .databases
        .iter()
        .filter(|(_, database)| !plan.dropped.contains(&database.oid))
        .map(|(name, _)| name.clone())
        .collect();
    rename(draft, &mut plan, &mut taken, renames);
    for (id, want) in missing {
        create(draft, roles, &taken, id, want);
    }
    report_unmanaged(draft);
    plan
}

/// Plans the end of the databases that the catalog dropped.
fn drop(draft: &mut Draft<'_>, plan: &mut DatabasePlan) {
    let observed = draft.observed;
    for (id, mark) in &observed.database_marks {
        let (id, name) = (*id, mark.name.clone());
        if draft.desired.databases.contains_key(&id) {
            continue;
        }
        let Some(ours) = Ours::find(draft, id) else {
            draft.steps.push(Step::ForgetDatabase { id, name });
            continue;
        };
        let (oid, found_as) = (ours.found.oid, ours.found_as);
        if found_as == observed.maintenance || oid < Oid::FIRST_OF_USERS {
            let message = format!(
                "database `{found_as}` is the one that Offshoot connects to, or belongs to \
                 Postgres, so it is not dropped; drop it with SQL"
            );
            draft.problem(subject(&name), message);
        } else if !draft.is_aside(Stage::Reshape, &subject(&name)) {
            plan.dropped.insert(oid);
            draft.steps.push(Step::DropDatabase { id, name, oid, found_as: found_as.into() });
        }
    }
}

/// Plans what a database's mark needs, and returns the change of name that the catalog wants.
fn recognize<'a>(
    draft: &mut Draft<'_>,
    want: &'a DesiredDatabase,
    ours: Ours<'a>,
) -> Option<Rename<'a>> {
    let Ours { id, mark, found_as, found: _ } = ours;
    let is_named = found_as == want.name.as_str();
    if !is_named && mark.name == want.name {
        let found = Differing {
            is_revertible: false,
            ..differing(&want.name, Attribute::Name, want.name.as_str(), found_as)
        };
        if draft.differs(found) == Act::Silently {
            return None;
        }
        let message = format!(
            "database `{}` was renamed to `{found_as}` with SQL; rename it back, or give it that \
             name over the API",
            want.name
        );
        draft.problem(subject(&want.name), message);
        return None;
    }
    if mark.oid.is_none() || (is_named && mark.name != want.name) {
        let (name, found_as) = (want.name.clone(), found_as.into());
        draft.steps.push(Step::AdoptDatabase { id, name, found_as });
    }
    (!is_named).then(|| Rename { ours, from: found_as.into(), to: &want.name })
}

/// Plans a change of owner, where the catalog wants another than it last gave, or where the owner
/// that was found is about to go.
fn change_owner(
    draft: &mut Draft<'_>,
    plan: &mut DatabasePlan,
    roles: &RolePlan,
    want: &DesiredDatabase,
    ours: Ours<'_>,
) {
    let is_losing_owner = roles.retired.contains_key(&ours.found.owner);
    let act = if is_losing_owner { Act::Now } else { owner_differs(draft, want, ours) };
    if act == Act::Later || (act != Act::Now && ours.mark.owner == want.owner) {
        return;
    }
    if let Some(owner) = owner(draft, roles, want) {
        plan.owner_after.insert(ours.found.oid, owner.clone());
        draft.steps.push(Step::ChangeOwner {
            id: ours.id,
            name: want.name.clone(),
            found_as: ours.found_as.into(),
            owner,
        });
    }
}

/// Tells where somebody gave a database to another role with SQL.
fn owner_differs(draft: &mut Draft<'_>, want: &DesiredDatabase, ours: Ours<'_>) -> Act {
    let Ours { mark, found, .. } = ours;
    // A role that was renamed is told as such, and still owns what it owned.
    let given_to = draft.index.marked(&mark.owner).first();
    let given_to = given_to.map_or(mark.owner.as_str(), |marked| marked.found_as);
    if found.owner == given_to || found.owner == want.owner.as_str() {
        return Act::Never;
    }
    let taker = RoleName::parse_existing(&*found.owner).ok();
    let taker = taker.filter(|name| draft.desired.roles.contains_key(name));
    let adoption = taker.map(|owner| Adoption::Owner { name: want.name.clone(), owner });
    let side = if want.owner == mark.owner { Side::Postgres } else { Side::Both };
    let found = differing(&want.name, Attribute::Owner, want.owner.as_str(), &found.owner);
    draft.differs(Differing { side, adoption, ..found })
}

fn differing(name: &DatabaseName, attribute: Attribute, desired: &str, found: &str) -> Differing {
    Differing::in_postgres(Kind::Database, name.as_str(), attribute, desired, found)
}

/// Whether a database that somebody dropped with SQL stays away for now. One that was only announced
/// was never there.
fn is_to_stay_gone(draft: &mut Draft<'_>, id: DatabaseId, want: &DesiredDatabase) -> bool {
    let was_there = draft.observed.database_marks.get(&id).is_some_and(|mark| mark.oid.is_some());
    if !was_there || draft.observed.databases.contains_key(want.name.as_str()) {
        return false;
    }
    let adoption = Some(Adoption::DropDatabase { name: want.name.clone() });
    let (desired, found) = ("a database of the catalog", "dropped with SQL");
    let found = differing(&want.name, Attribute::Existence, desired, found);
    draft.differs(Differing { adoption, ..found }) != Act::Now
}

/// Tells which databases were made with SQL.
fn report_unmanaged(draft: &mut Draft<'_>) {
    let observed = draft.observed;
    let ids = observed.database_marks.keys();
    let ours: BTreeSet<_> =
        ids.filter_map(|id| Ours::find(draft, *id)).map(|ours| ours.found.oid).collect();
    for (found_as, found) in &observed.databases {
        let belongs_to_postgres =
            *found_as == observed.maintenance || found.oid < Oid::FIRST_OF_USERS;
        if belongs_to_postgres || ours.contains(&found.oid) {
            continue;
        }
        let owner = RoleName::parse_existing(&*found.owner).ok();
        let owner = owner.filter(|owner| draft.desired.roles.contains_key(owner));
        let adoption = found_as.parse().ok().zip(owner);
        let made = format!("a database made with SQL, of role {}", found.owner);
        let (kind, attribute) = (Kind::Database, Attribute::Unmanaged);
        draft.differs(Differing {
            print: print_of_oid(found.oid),
            adoption: adoption.map(|(name, owner)| Adoption::Database { name, owner }),
            is_revertible: false,
            ..Differing::in_postgres(kind, found_as, attribute, "no such database", made)
        });
    }
}

fn owner(draft: &mut Draft<'_>, roles: &RolePlan, want: &DesiredDatabase) -> Option<RoleName> {
    if roles.present.contains(&want.owner) {
        return Some(want.owner.clone());
    }
    let message = format!(
        "database `{}` should belong to role `{}`, which Postgres does not have as the catalog \
         wants it; mend the role first",
        want.name, want.owner
    );
    draft.problem(subject(&want.name), message);
    None
}

/// Orders the changes of name so that each name is free when it is taken. Where databases swap
/// names, one of them takes another name in between.
fn rename(
    draft: &mut Draft<'_>,
    plan: &mut DatabasePlan,
    taken: &mut BTreeSet<String>,
    mut renames: Vec<Rename<'_>>,
) {
    // Each round makes a rename, gives one up, or breaks a circle; at most every second is the
    // last of these.
    for _ in 0..2 * renames.len() {
        let free = renames.iter().position(|rename| !taken.contains(rename.to.as_str()));
        let stuck = renames.iter().position(|rename| {
            let to = rename.to.as_str();
            taken.contains(to) && renames.iter().all(|other| other.from != to)
        });
        if let Some(index) = free {
            let Rename { ours, from, to } = renames.remove(index);
            taken.remove(&from);
            taken.insert(to.as_str().into());
            plan.name_after.insert(ours.found.oid, to.as_str().into());
            let (id, name, to) = (ours.id, to.clone(), to.clone());
            draft.steps.push(Step::RenameDatabase { id, name, found_as: from, to });
        } else if let Some(index) = stuck {
            let Rename { to, .. } = renames.remove(index);
            draft.problem(subject(to), namesake(to));
        } else if let Some(first) = renames.first_mut() {
            let between = format!("offshoot_renaming_{}", first.ours.id.0);
            let between = free_name(&between, &draft.observed.databases);
            let between = DatabaseName::parse_existing(between).expect("a legal name");
            let found_as = std::mem::replace(&mut first.from, between.as_str().into());
            taken.remove(&found_as);
            taken.insert(first.from.clone());
            let (id, name) = (first.ours.id, first.to.clone());
            draft.steps.push(Step::RenameDatabase { id, name, found_as, to: between });
        }
    }
}

fn create(
    draft: &mut Draft<'_>,
    roles: &RolePlan,
    taken: &BTreeSet<String>,
    id: DatabaseId,
    want: &DesiredDatabase,
) {
    let name = want.name.clone();
    if taken.contains(name.as_str()) && adopt(draft, id, &name) {
        return;
    }
    if taken.contains(name.as_str()) {
        draft.problem(subject(&name), namesake(&name));
    } else if let Some(owner) = owner(draft, roles, want) {
        draft.steps.push(Step::IntendDatabase { id, name: name.clone(), owner: owner.clone() });
        draft.steps.push(Step::CreateDatabase { id, name, owner });
    }
}

/// Takes over a database that was made with SQL under the name of one of the catalog's, if somebody
/// has decided so.
fn adopt(draft: &mut Draft<'_>, id: DatabaseId, name: &DatabaseName) -> bool {
    let Some(found) = draft.observed.databases.get(name.as_str()) else { return false };
    let is_ours_to_take = Oid::FIRST_OF_USERS <= found.oid;
    let print = print_of_oid(found.oid);
    if !is_ours_to_take || !draft.is_adopting(Kind::Database, name.as_str(), print) {
        return false;
    }
    let Ok(owner) = RoleName::parse_existing(&*found.owner) else { return false };
    let (name, found_as) = (name.clone(), name.to_string());
    draft.steps.push(Step::IntendDatabase { id, name: name.clone(), owner });
    draft.steps.push(Step::AdoptDatabase { id, name, found_as });
    true
}

fn namesake(name: &DatabaseName) -> String {
    format!(
        "Postgres has a database `{name}` that Offshoot did not create, and does not touch; adopt \
         it, rename or drop it with SQL, or choose another name"
    )
}
