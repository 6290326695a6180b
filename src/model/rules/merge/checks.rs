//! What a merge must not do to its target: leave a database without a lasting owner, touch what
//! belongs to the system, or give a name twice.

use std::collections::BTreeSet;

use crate::model::branch::Branch;
use crate::model::database::Database;
use crate::model::merge::{Choices, Conflict, Contested, Side, Thing, Why};
use crate::model::name::RoleName;
use crate::model::role::Role;
use crate::model::rules::merge::credentials;
use crate::model::rules::merge::databases::thing;
use crate::model::rules::merge::{Draft, Edit};
use crate::model::state::{Denied, Read};

/// Takes out of the draft what would break the target, whose databases are `kept`, and notes it as
/// conflicts, but for what is chosen to be left out. What is left can be applied as it is.
///
/// Each round takes something out, and what depends on that shows in the next one.
pub(super) fn take_out_what_breaks<S: Read>(
    state: &S,
    target: &Branch,
    kept: &[Database],
    choices: &Choices,
    draft: &mut Draft,
) -> Result<(), Denied<S::Error>> {
    let credentials = credentials::of_target(state, target, draft)?;
    loop {
        let after = databases_after(kept, draft);
        if take_out_roles(&after, &credentials, choices, draft) {
            continue;
        }
        let owner_of = |draft: &Draft, name: &RoleName| match draft.roles.get(name) {
            Some(edit) => Ok(edit.after.clone()),
            None => state.role(&target.id, name),
        };
        let mut broken = Vec::new();
        for (index, edit) in draft.databases.iter().enumerate() {
            let Some(database) = &edit.after else { continue };
            let owner = owner_of(draft, &database.owner)?;
            if let Some(why) = check_database(edit, database, owner.as_ref(), &after) {
                broken.push((index, why));
            }
        }
        if broken.is_empty() {
            return credentials::settle(&credentials, draft);
        }
        for (index, why) in broken.into_iter().rev() {
            let Edit { versions, after: _ } = draft.databases.remove(index);
            let thing = thing(&versions);
            note(choices, draft, thing, why, Contested::Database(Box::new(versions)));
        }
    }
}

/// Returns the databases that the target would have.
fn databases_after(kept: &[Database], draft: &Draft) -> Vec<Database> {
    let edits = || draft.databases.iter();
    let edited: BTreeSet<_> =
        edits().filter_map(|edit| edit.versions.target.as_ref()).map(|target| target.id).collect();
    let untouched = kept.iter().filter(|database| !edited.contains(&database.id));
    untouched.chain(edits().filter_map(|edit| edit.after.as_ref())).cloned().collect()
}

/// Takes out the changes of roles that would break the target, and returns whether there were any.
fn take_out_roles(
    after: &[Database],
    credentials: &[Role],
    choices: &Choices,
    draft: &mut Draft,
) -> bool {
    let check = |(name, edit): (&RoleName, &Edit<Role>)| {
        let bereft = || credentials::bereft(edit, credentials, draft).map(Why::RoleIsOriginal);
        let why = check_role(name, edit, after).or_else(bereft);
        why.map(|why| (name.clone(), why))
    };
    let broken: Vec<_> = draft.roles.iter().filter_map(check).collect();
    let were_any = !broken.is_empty();
    for (name, why) in broken {
        if let Some(Edit { versions, after: _ }) = draft.roles.remove(&name) {
            note(choices, draft, Thing::Role(name), why, Contested::Role(Box::new(versions)));
        }
    }
    were_any
}

fn note(choices: &Choices, draft: &mut Draft, thing: Thing, why: Why, versions: Contested) {
    if choices.of(&thing) != Some(Side::Target) {
        draft.conflicts.push(Conflict { thing, why, attributes: Vec::new(), versions });
    }
}

fn check_role(name: &RoleName, edit: &Edit<Role>, databases: &[Database]) -> Option<Why> {
    let roles = [&edit.versions.target, &edit.after];
    if roles.into_iter().flatten().any(|role| role.protected) {
        return Some(Why::RoleProtected);
    }
    if edit.after.as_ref().is_some_and(|role| role.expires_at.is_none()) {
        return None;
    }
    let owned = databases.iter().find(|database| database.owner == *name)?;
    // One that is only coming is at fault itself.
    let is_there = edit.versions.target.is_some();
    is_there.then(|| Why::OwnsDatabase(owned.name.clone()))
}

fn check_database(
    edit: &Edit<Database>,
    database: &Database,
    owner: Option<&Role>,
    databases: &[Database],
) -> Option<Why> {
    let name = &database.owner;
    match owner {
        None => return Some(Why::OwnerMissing(name.clone())),
        Some(owner) if owner.protected => return Some(Why::OwnerProtected(name.clone())),
        Some(owner) if owner.expires_at.is_some() => return Some(Why::OwnerExpires(name.clone())),
        Some(_) => {}
    }
    let had = edit.versions.target.as_ref().map(|target| &target.name);
    let is_new_name = had != Some(&database.name);
    let is_taken =
        || databases.iter().any(|other| other.name == database.name && other.id != database.id);
    (is_new_name && is_taken()).then_some(Why::NameTaken)
}
