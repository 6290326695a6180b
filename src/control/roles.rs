//! Use cases about roles.

use crate::control::{BranchRef, Caller, ControlPlane, Result};
use crate::model::cause::{Deed, Topic};
use crate::model::name::RoleName;
use crate::model::operation::Operation;
use crate::model::point::Point;
use crate::model::refusal::Refusal;
use crate::model::revision::Timestamp;
use crate::model::role::{Login, Role};
use crate::model::rules;
use crate::model::rules::roles::NewRole;
use crate::model::secret::Password;

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

impl ControlPlane {
    /// Creates a role, with a new password unless it is not to log in.
    pub async fn create_role(
        &self,
        caller: &Caller,
        at: &BranchRef,
        request: RoleRequest,
    ) -> Result<(Role, Option<Password>, Vec<Operation>)> {
        let (project, _) = self.view_branch(at)?;
        let RoleRequest { name, no_login, expires_at } = request;
        let (login, password) = if no_login {
            (Login::Never, None)
        } else {
            let drawn = self.draw_credential(at, &name, project.store_passwords);
            (Login::Password(drawn.credential), Some(drawn.password))
        };
        let (branch, seed) = (at.branch.clone(), self.seed());
        let topic = Topic::Role(branch.clone(), name.clone());
        let new = NewRole { name, login, expires_at };
        let (role, operations) = self
            .commit(caller.asks(Deed::CreateRole, topic), &at.project, move |state, moment| {
                rules::roles::create(state, moment, seed, &branch, new.clone())
            })
            .await?;
        Ok((role, password, operations))
    }

    /// Gives a role a new password. The old one is refused as soon as the operation is done.
    pub async fn reset_role_password(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &RoleName,
    ) -> Result<(Role, Password, Vec<Operation>)> {
        let (project, _) = self.view_branch(at)?;
        let drawn = self.draw_credential(at, name, project.store_passwords);
        let (branch, name, seed) = (at.branch.clone(), name.clone(), self.seed());
        let credential = drawn.credential;
        let topic = Topic::Role(branch.clone(), name.clone());
        let (role, operations) = self
            .commit(
                caller.asks(Deed::ResetRolePassword, topic),
                &at.project,
                move |state, moment| {
                    let credential = credential.clone();
                    rules::roles::reset_password(state, moment, seed, &branch, &name, credential)
                },
            )
            .await?;
        Ok((role, drawn.password, operations))
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

    /// Drops a role.
    pub async fn delete_role(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &RoleName,
    ) -> Result<(Role, Vec<Operation>)> {
        let (branch, name, seed) = (at.branch.clone(), name.clone(), self.seed());
        let topic = Topic::Role(branch.clone(), name.clone());
        self.commit(caller.asks(Deed::DeleteRole, topic), &at.project, move |state, moment| {
            rules::roles::delete(state, moment, seed, &branch, &name)
        })
        .await
    }
}
