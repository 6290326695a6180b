//! Roles of a branch.

use axum::extract::State;

use crate::api::answer::{Answer, Created, Deleted, Found};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InBranch, InRole};
use crate::control::{Caller, ControlPlane};
use crate::wire::neon::error::ErrorCode;
use crate::wire::neon::operations::Operation;
use crate::wire::neon::roles::{
    PasswordAnswer, Role, RoleAnswer, RoleCreateRequest, RoleOperations, RolesAnswer,
};
use crate::wire::secret::Secret;

/// Lists the roles of a branch.
pub(super) async fn list_project_branch_roles(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(at): InBranch,
) -> Answer<RolesAnswer> {
    let roles = control.list_roles(&at)?;
    Ok(Found(RolesAnswer { roles: Role::list(&at.branch, roles) }))
}

/// Creates a role on a branch, and shows its password.
pub(super) async fn create_project_branch_role(
    State(control): State<ControlPlane>,
    caller: Caller,
    InBranch(at): InBranch,
    Body(RoleCreateRequest { role }): Body<RoleCreateRequest>,
) -> Result<Created<RoleOperations>, ApiError> {
    let name = role.name.parse()?;
    let no_login = role.no_login.unwrap_or(false);
    let (role, password, operations) = control.create_role(&caller, &at, name, no_login).await?;
    Ok(Created(RoleOperations {
        role: Role::new(&at.branch, role).with_password(password.as_ref()),
        operations: Operation::list(&at.project, operations),
    }))
}

/// Shows a role of a branch.
pub(super) async fn get_project_branch_role(
    State(control): State<ControlPlane>,
    _: Caller,
    InRole(at, name): InRole,
) -> Answer<RoleAnswer> {
    let role = control.get_role(&at, &name)?;
    Ok(Found(RoleAnswer { role: Role::new(&at.branch, role) }))
}

/// Deletes a role from a branch.
pub(super) async fn delete_project_branch_role(
    State(control): State<ControlPlane>,
    caller: Caller,
    role: Result<InRole, ApiError>,
) -> Result<Deleted<RoleOperations>, ApiError> {
    let delete = async {
        let InRole(at, name) = role?;
        let (role, operations) = control.delete_role(&caller, &at, &name).await?;
        Ok(RoleOperations {
            role: Role::new(&at.branch, role),
            operations: Operation::list(&at.project, operations),
        })
    };
    Deleted::unless(ErrorCode::RoleNotFound, delete.await)
}

/// Gives a role another password, and shows it.
pub(super) async fn reset_project_branch_role_password(
    State(control): State<ControlPlane>,
    caller: Caller,
    InRole(at, name): InRole,
) -> Answer<RoleOperations> {
    let (role, password, operations) = control.reset_role_password(&caller, &at, &name).await?;
    Ok(Found(RoleOperations {
        role: Role::new(&at.branch, role).with_password(Some(&password)),
        operations: Operation::list(&at.project, operations),
    }))
}

/// Shows a role's password.
pub(super) async fn get_project_branch_role_password(
    State(control): State<ControlPlane>,
    _: Caller,
    InRole(at, name): InRole,
) -> Answer<PasswordAnswer> {
    let password = control.reveal_role_password(&at, &name)?;
    Ok(Found(PasswordAnswer { password: Secret::from(&password) }))
}
