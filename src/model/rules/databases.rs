//! Rules about databases.

use crate::model::branch::Branch;
use crate::model::database::{Database, DatabaseId};
use crate::model::id::BranchId;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::operation::{Operation, Subject};
use crate::model::origin::Origin;
use crate::model::refusal::Refusal;
use crate::model::revision::Moment;
use crate::model::rules::roles::origin;
use crate::model::rules::{Seed, changed, get_branch, refuse};
use crate::model::state::{Denied, Read, Write};

/// A database and what is left to do about it.
pub type Changed = (Database, Vec<Operation>);

/// What is to change about a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseChange {
    /// Its new name, if it is to have one.
    pub name: Option<DatabaseName>,
    /// Its new owner, if it is to have one.
    pub owner: Option<RoleName>,
}

/// Creates a database on a branch.
pub fn create<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: DatabaseName,
    owner: RoleName,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    if state.database(&branch.id, &name)?.is_some() {
        return refuse(Refusal::DatabaseExists(name));
    }
    check_owner(state, &branch, &owner)?;
    let database = born(moment, origin(&branch, moment), name, owner);
    put(state, moment, seed, branch, database)
}

/// Renames a database or gives it another owner.
pub fn update<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: &DatabaseName,
    change: DatabaseChange,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    let database = get(state, &branch.id, name)?;
    let renamed = change.name.unwrap_or_else(|| name.clone());
    if renamed != *name {
        if state.database(&branch.id, &renamed)?.is_some() {
            return refuse(Refusal::DatabaseExists(renamed));
        }
        state.drop_database(&branch.id, name)?;
    }
    let owner = change.owner.unwrap_or_else(|| database.owner.clone());
    check_owner(state, &branch, &owner)?;
    let (origin, updated_at) = (origin(&branch, moment), moment.at);
    let database = Database { name: renamed, owner, origin, updated_at, ..database };
    put(state, moment, seed, branch, database)
}

/// Drops a database from a branch, with all that is in it.
pub fn delete<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: &DatabaseName,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    let database = get(state, &branch.id, name)?;
    state.drop_database(&branch.id, name)?;
    let subject = Subject::Database(name.clone());
    let operations = changed(state, moment, seed, branch, subject)?;
    Ok((database, operations))
}

/// Returns a new database.
pub(super) fn born(
    moment: Moment,
    origin: Origin,
    name: DatabaseName,
    owner: RoleName,
) -> Database {
    Database {
        id: DatabaseId(moment.revision.0),
        name,
        owner,
        origin,
        created_at: moment.at,
        updated_at: moment.at,
    }
}

fn put<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: Branch,
    database: Database,
) -> Result<Changed, Denied<S::Error>> {
    state.put_database(&branch.id, database.clone())?;
    let subject = Subject::Database(database.name.clone());
    let operations = changed(state, moment, seed, branch, subject)?;
    Ok((database, operations))
}

pub(super) fn check_owner<S: Read>(
    state: &S,
    branch: &Branch,
    owner: &RoleName,
) -> Result<(), Denied<S::Error>> {
    match state.role(&branch.id, owner)? {
        Some(role) if role.protected => refuse(Refusal::RoleProtected(role.name)),
        Some(role) if role.expires_at.is_some() => refuse(Refusal::OwnerExpires(role.name)),
        Some(_) => Ok(()),
        None => refuse(Refusal::OwnerMissing(owner.clone())),
    }
}

fn get<S: Read>(
    state: &S,
    branch: &BranchId,
    name: &DatabaseName,
) -> Result<Database, Denied<S::Error>> {
    state
        .database(branch, name)?
        .ok_or_else(|| Denied::Refused(Refusal::DatabaseMissing(name.clone())))
}
