//! Rules about roles.

use crate::model::id::BranchId;
use crate::model::name::RoleName;
use crate::model::operation::{Operation, Subject};
use crate::model::refusal::{Refusal, and_others};
use crate::model::revision::Moment;
use crate::model::role::{Credential, Login, Role};
use crate::model::rules::{Seed, changed, get_branch, refuse};
use crate::model::state::{Denied, Read, Write};

/// A role and what is left to do about it.
pub type Changed = (Role, Vec<Operation>);

/// Creates a role on a branch.
pub fn create<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: RoleName,
    login: Login,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    if state.role(&branch.id, &name)?.is_some() {
        return refuse(Refusal::RoleExists(name));
    }
    put(state, moment, seed, branch, born(moment, name, login, false))
}

/// Gives a role another password.
pub fn reset_password<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: &RoleName,
    credential: Credential,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    let role = get_changeable(state, &branch.id, name)?;
    if role.login == Login::Never {
        return refuse(Refusal::RoleWithoutPassword(role.name));
    }
    let role = Role { login: Login::Password(credential), updated_at: moment.at, ..role };
    put(state, moment, seed, branch, role)
}

/// Drops a role from a branch. One that owns a database is refused.
pub fn delete<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: &RoleName,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    let role = get_changeable(state, &branch.id, name)?;
    let owned: Vec<_> = state
        .databases(&branch.id)?
        .into_iter()
        .filter(|database| database.owner == *name)
        .map(|database| database.name)
        .collect();
    if let Some(database) = owned.first() {
        return refuse(Refusal::RoleOwnsDatabase {
            role: role.name,
            database: database.clone(),
            more: and_others(&owned),
        });
    }
    state.drop_role(&branch.id, name)?;
    let operations = changed(state, moment, seed, branch, Subject::Role(name.clone()))?;
    Ok((role, operations))
}

/// Returns a new role.
pub(super) fn born(moment: Moment, name: RoleName, login: Login, protected: bool) -> Role {
    Role {
        name,
        login,
        protected,
        born: moment.revision,
        created_at: moment.at,
        updated_at: moment.at,
    }
}

fn put<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: crate::model::branch::Branch,
    role: Role,
) -> Result<Changed, Denied<S::Error>> {
    state.put_role(&branch.id, role.clone())?;
    let operations = changed(state, moment, seed, branch, Subject::Role(role.name.clone()))?;
    Ok((role, operations))
}

fn get_changeable<S: Read>(
    state: &S,
    branch: &BranchId,
    name: &RoleName,
) -> Result<Role, Denied<S::Error>> {
    match state.role(branch, name)? {
        None => refuse(Refusal::RoleMissing(name.clone())),
        Some(role) if role.protected => refuse(Refusal::RoleProtected(role.name)),
        Some(role) => Ok(role),
    }
}
