//! Rules about roles.

use crate::model::branch::Branch;
use crate::model::id::BranchId;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::operation::{Operation, Subject};
use crate::model::origin::Origin;
use crate::model::refusal::{Refusal, and_others};
use crate::model::revision::{Moment, Timestamp};
use crate::model::role::{Credential, Login, Role};
use crate::model::rules::{Seed, changed, credentials, expiry, get_branch, refuse};
use crate::model::state::{Denied, Read, Write};

/// A role and what is left to do about it.
pub type Changed = (Role, Vec<Operation>);

/// A role that is to be created.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// Its name.
    pub name: RoleName,
    /// How it logs in.
    pub login: Login,
    /// When it is to go by itself, if it is.
    pub expires_at: Option<Timestamp>,
}

impl NewRole {
    /// Returns a role that does not go by itself.
    #[must_use]
    pub fn new(name: RoleName, login: Login) -> Self {
        Self { name, login, expires_at: None }
    }
}

/// Creates a role on a branch.
pub fn create<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    new: NewRole,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    let NewRole { name, login, expires_at } = new;
    if state.role(&branch.id, &name)?.is_some() {
        return refuse(Refusal::RoleExists(name));
    }
    if let Some(at) = expires_at {
        expiry::check_role(at, moment).map_err(Denied::Refused)?;
    }
    let role = born(moment, origin(&branch, moment), name, login);
    put(state, moment, seed, branch, Role { expires_at, ..role })
}

/// Changes when a role is to go by itself.
pub fn set_expiry<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: &RoleName,
    expires_at: Option<Timestamp>,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    let role = get_changeable(state, &branch.id, name)?;
    if let Some(at) = expires_at {
        expiry::check_role(at, moment).map_err(Denied::Refused)?;
        credentials::check_spared(state, &branch.id, &role)?;
        if let Some(database) = owned_by(state, &branch.id, name)?.into_iter().next() {
            return refuse(Refusal::RoleCannotExpire { role: role.name, database });
        }
    }
    let (origin, updated_at) = (origin(&branch, moment), moment.at);
    put(state, moment, seed, branch, Role { origin, expires_at, updated_at, ..role })
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
    let login = Login::Password(credential);
    let (origin, updated_at) = (origin(&branch, moment), moment.at);
    let role = Role { login, stands_for: None, origin, updated_at, ..role };
    put(state, moment, seed, branch, role)
}

/// Takes the login from a role and keeps its password: a way back is open.
pub fn deactivate<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: &RoleName,
) -> Result<Changed, Denied<S::Error>> {
    set_deactivated(state, moment, seed, (branch, name), Some(moment.at))
}

/// Gives a role that was deactivated its login back.
pub fn activate<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    name: &RoleName,
) -> Result<Changed, Denied<S::Error>> {
    set_deactivated(state, moment, seed, (branch, name), None)
}

/// A role that is so already is left as it is.
fn set_deactivated<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    (branch, name): (&BranchId, &RoleName),
    deactivated_at: Option<Timestamp>,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    let role = get_changeable(state, &branch.id, name)?;
    if role.deactivated_at.is_some() == deactivated_at.is_some() {
        return Ok((role, Vec::new()));
    }
    let (origin, updated_at) = (origin(&branch, moment), moment.at);
    put(state, moment, seed, branch, Role { origin, deactivated_at, updated_at, ..role })
}

/// What becomes of what a dropped role owns in databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOwned {
    /// It is given to the owner of the database that it is in.
    Reassign,
    /// It is dropped.
    Drop,
}

/// Drops a role from a branch. One that owns a database is refused.
pub fn delete<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    (branch, name): (&BranchId, &RoleName),
    on_owned: OnOwned,
) -> Result<Changed, Denied<S::Error>> {
    let branch = get_branch(state, branch)?;
    let role = get_changeable(state, &branch.id, name)?;
    credentials::check_spared(state, &branch.id, &role)?;
    let owned = owned_by(state, &branch.id, name)?;
    if let Some(database) = owned.first() {
        return refuse(Refusal::RoleOwnsDatabase {
            role: role.name,
            database: database.clone(),
            more: and_others(&owned),
        });
    }
    state.drop_role(&branch.id, name)?;
    let subject = Subject::Role(name.clone());
    let mut operations = changed(state, moment, seed, branch, subject.clone())?;
    for operation in operations.iter_mut().filter(|operation| operation.subject == subject) {
        operation.drops = (on_owned == OnOwned::Drop).then_some(role.born);
        state.put_operation(operation.clone())?;
    }
    Ok((role, operations))
}

fn owned_by<S: Read>(
    state: &S,
    branch: &BranchId,
    name: &RoleName,
) -> Result<Vec<DatabaseName>, S::Error> {
    let databases = state.databases(branch)?.into_iter();
    let owned = databases.filter(|database| database.owner == *name);
    Ok(owned.map(|database| database.name).collect())
}

/// Returns the origin of what the commit at `moment` writes on a branch.
pub(super) fn origin(branch: &Branch, moment: Moment) -> Origin {
    Origin { branch: branch.id.clone(), revision: moment.revision }
}

/// Returns a new role.
pub(super) fn born(moment: Moment, origin: Origin, name: RoleName, login: Login) -> Role {
    Role {
        name,
        login,
        stands_for: None,
        protected: false,
        born: moment.revision,
        standing: None,
        origin,
        expires_at: None,
        deactivated_at: None,
        created_at: moment.at,
        updated_at: moment.at,
    }
}

pub(super) fn put<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: Branch,
    role: Role,
) -> Result<Changed, Denied<S::Error>> {
    state.put_role(&branch.id, role.clone())?;
    let operations = changed(state, moment, seed, branch, Subject::Role(role.name.clone()))?;
    Ok((role, operations))
}

pub(super) fn get_changeable<S: Read>(
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
