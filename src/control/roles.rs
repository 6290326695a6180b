//! Use cases about roles.

use crate::control::{BranchRef, Caller, ControlPlane, Result};
use crate::model::cause::Deed;
use crate::model::name::RoleName;
use crate::model::operation::Operation;
use crate::model::refusal::Refusal;
use crate::model::role::{Login, Role};
use crate::model::rules;
use crate::model::secret::Password;
use crate::model::state::Read;

impl ControlPlane {
    /// Lists the roles of a branch, by name.
    pub fn list_roles(&self, at: &BranchRef) -> Result<Vec<Role>> {
        let (_, view) = self.view_branch(at)?;
        Ok(view.state.roles(&at.branch)?)
    }

    /// Returns a role.
    pub fn get_role(&self, at: &BranchRef, name: &RoleName) -> Result<Role> {
        let (_, view) = self.view_branch(at)?;
        let role = view.state.role(&at.branch, name)?;
        role.ok_or_else(|| Refusal::RoleMissing(name.clone()).into())
    }

    /// Creates a role, with a new password unless it is not to log in.
    pub async fn create_role(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: RoleName,
        no_login: bool,
    ) -> Result<(Role, Option<Password>, Vec<Operation>)> {
        let (project, _) = self.view_branch(at)?;
        let (login, password) = if no_login {
            (Login::Never, None)
        } else {
            let drawn = self.draw_credential(&project.id, &name, project.store_passwords);
            (Login::Password(drawn.credential), Some(drawn.password))
        };
        let (branch, seed) = (at.branch.clone(), self.seed());
        let (role, operations) = self
            .commit(caller, Deed::CreateRole, &at.project, move |state, moment| {
                rules::roles::create(state, moment, seed, &branch, name.clone(), login.clone())
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
        let drawn = self.draw_credential(&project.id, name, project.store_passwords);
        let (branch, name, seed) = (at.branch.clone(), name.clone(), self.seed());
        let credential = drawn.credential;
        let (role, operations) = self
            .commit(caller, Deed::ResetRolePassword, &at.project, move |state, moment| {
                let credential = credential.clone();
                rules::roles::reset_password(state, moment, seed, &branch, &name, credential)
            })
            .await?;
        Ok((role, drawn.password, operations))
    }

    /// Returns a role's password.
    pub fn reveal_role_password(&self, at: &BranchRef, name: &RoleName) -> Result<Password> {
        let (project, _) = self.view_branch(at)?;
        let role = self.get_role(at, name)?;
        if role.login == Login::Never {
            return Err(Refusal::RoleWithoutPassword(role.name).into());
        }
        let password = self.stored_password(&project, &role)?;
        password.ok_or_else(|| Refusal::PasswordsNotStored.into())
    }

    /// Drops a role.
    pub async fn delete_role(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &RoleName,
    ) -> Result<(Role, Vec<Operation>)> {
        let (branch, name, seed) = (at.branch.clone(), name.clone(), self.seed());
        self.commit(caller, Deed::DeleteRole, &at.project, move |state, moment| {
            rules::roles::delete(state, moment, seed, &branch, &name)
        })
        .await
    }
}
