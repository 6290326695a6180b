//! Use cases about roles.

use crate::control::once::Done;
use crate::control::{Asker, BranchRef, Caller, ControlPlane, Result, Told};
use crate::model::cause::{Deed, Topic};
use crate::model::name::RoleName;
use crate::model::operation::Operation;
use crate::model::point::Point;
use crate::model::refusal::Refusal;
use crate::model::revision::Timestamp;
use crate::model::role::{Login, Role};
use crate::model::rules;
use crate::model::rules::roles::{NewRole, OnOwned};
use crate::model::secret::Password;
use crate::model::state::Read;
use crate::store::catalog::Catalog;

/// What a request says about a new role.
#[derive(Clone, Debug)]
pub struct RoleRequest {
    /// Its name.
    pub name: RoleName,
    /// Whether it cannot log in.
    pub no_login: bool,
    /// When it is to go by itself, if it is.
    pub expires_at: Option<Timestamp>,
}

/// Whether a role may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It may, if it has a password.
    Active,
    /// It may not, and keeps its password.
    Deactivated,
}

/// What becomes of what a dropped role owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owned {
    /// It is given to the owner of the database that it is in.
    Reassign,
    /// It is dropped.
    Drop,
    /// The role is not dropped while there is any.
    Reject,
}

/// A role that was created or given another password.
#[derive(Debug)]
pub struct ShownRole {
    /// The role.
    pub role: Role,
    /// Its password, where it has one.
    pub password: Option<Password>,
    /// What is left to do.
    pub operations: Vec<Operation>,
}

impl ControlPlane {
    /// Creates a role, with a new password unless it is not to log in.
    pub async fn create_role(
        &self,
        asker: &Asker,
        at: &BranchRef,
        request: RoleRequest,
    ) -> Result<Told<ShownRole>> {
        if let Some(done) = self.done_before(asker, &at.project)? {
            return shown(&done);
        }
        let (project, _) = self.view_branch(at)?;
        let RoleRequest { name, no_login, expires_at } = request;
        let secrets = self.draw_secrets();
        let login = if no_login {
            Login::Never
        } else {
            Login::Password(self.draw_credential(&secrets, at, &name, project.store_passwords))
        };
        let (branch, seed) = (at.branch.clone(), self.seed());
        let topic = Topic::Role(branch.clone(), name.clone());
        let new = NewRole { name, login, expires_at };
        let secrets = new.login.credential().map(|_| secrets);
        let what = (asker.asks(Deed::CreateRole, topic), secrets);
        let create = move |state: &mut Catalog, moment| {
            rules::roles::create(state, moment, seed, &branch, new.clone())
        };
        shown(&self.carry_out(asker, &at.project, what, create).await?)
    }

    /// Gives a role a new password. The old one is refused as soon as the operation is done.
    pub async fn reset_role_password(
        &self,
        asker: &Asker,
        at: &BranchRef,
        name: &RoleName,
    ) -> Result<Told<ShownRole>> {
        if let Some(done) = self.done_before(asker, &at.project)? {
            return shown(&done);
        }
        let (project, _) = self.view_branch(at)?;
        let secrets = self.draw_secrets();
        let credential = self.draw_credential(&secrets, at, name, project.store_passwords);
        let (branch, name, seed) = (at.branch.clone(), name.clone(), self.seed());
        let topic = Topic::Role(branch.clone(), name.clone());
        let what = (asker.asks(Deed::ResetRolePassword, topic), Some(secrets));
        let reset = move |state: &mut Catalog, moment| {
            let credential = credential.clone();
            rules::roles::reset_password(state, moment, seed, &branch, &name, credential)
        };
        shown(&self.carry_out(asker, &at.project, what, reset).await?)
    }

    /// Returns the password that a role had at a point. Before its branch was born it had none
    /// there: the source's is not for those who look at the branch.
    pub async fn reveal_role_password(
        &self,
        at: &BranchRef,
        name: &RoleName,
        point: Point,
    ) -> Result<Password> {
        let seen = self.branch_at(at, point).await?;
        seen.record()?;
        let role = seen.role(name)?;
        match role.login {
            Login::Never => return Err(Refusal::RoleWithoutPassword(role.name).into()),
            Login::Unset => return Err(Refusal::RolePasswordUnset(role.name).into()),
            Login::Password(_) => {}
        }
        let password = self.stored_password(&seen.at.project, &role)?;
        password.ok_or_else(|| Refusal::PasswordsNotStored.into())
    }

    /// Changes when a role goes by itself.
    pub async fn set_role_expiry(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &RoleName,
        expires_at: Option<Timestamp>,
    ) -> Result<(Role, Vec<Operation>)> {
        let (branch, name, seed) = (at.branch.clone(), name.clone(), self.seed());
        let topic = Topic::Role(branch.clone(), name.clone());
        self.commit(caller.asks(Deed::UpdateRole, topic), &at.project, move |state, moment| {
            rules::roles::set_expiry(state, moment, seed, &branch, &name, expires_at)
        })
        .await
    }

    /// Takes the login from a role and keeps its password, or gives the login back.
    pub async fn set_role_activity(
        &self,
        asker: &Asker,
        at: &BranchRef,
        name: &RoleName,
        activity: Activity,
    ) -> Result<Told<(Role, Vec<Operation>)>> {
        let done = if let Some(done) = self.done_before(asker, &at.project)? {
            done
        } else {
            self.view_branch(at)?;
            let (branch, name, seed) = (at.branch.clone(), name.clone(), self.seed());
            let topic = Topic::Role(branch.clone(), name.clone());
            let deed = match activity {
                Activity::Active => Deed::ActivateRole,
                Activity::Deactivated => Deed::DeactivateRole,
            };
            let set = move |state: &mut Catalog, moment| match activity {
                Activity::Active => rules::roles::activate(state, moment, seed, &branch, &name),
                Activity::Deactivated => {
                    rules::roles::deactivate(state, moment, seed, &branch, &name)
                }
            };
            self.carry_out(asker, &at.project, (asker.asks(deed, topic), None), set).await?
        };
        let role = done.view.state.role(&at.branch, name)?.expect("a role that the commit left");
        Ok(done.told((role, done.operations()?)))
    }

    /// Drops a role.
    pub async fn delete_role(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &RoleName,
        owned: Owned,
    ) -> Result<(Role, Vec<Operation>)> {
        let on_owned = match owned {
            Owned::Reassign => OnOwned::Reassign,
            Owned::Drop => OnOwned::Drop,
            Owned::Reject => {
                self.check_owns_nothing(at, name).await?;
                OnOwned::Reassign
            }
        };
        let (branch, name, seed) = (at.branch.clone(), name.clone(), self.seed());
        let topic = Topic::Role(branch.clone(), name.clone());
        self.commit(caller.asks(Deed::DeleteRole, topic), &at.project, move |state, moment| {
            rules::roles::delete(state, moment, seed, (&branch, &name), on_owned)
        })
        .await
    }
}

/// Returns the role that a request created or gave a password.
pub(super) fn shown(done: &Done<Catalog>) -> Result<Told<ShownRole>> {
    let Topic::Role(branch, name) = &done.topic else {
        unreachable!("the request was about a role");
    };
    let role = done.view.state.role(branch, name)?.expect("a role that the commit put");
    let at = BranchRef { project: done.project()?.id, branch: branch.clone() };
    let password = role.login.credential().map(|_| done.secrets().password(&at, name));
    Ok(done.told(ShownRole { role, password, operations: done.operations()? }))
}
