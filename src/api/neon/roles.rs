//! Roles of a branch.

use axum::extract::State;

use crate::api::answer::{Answer, Created, Deleted, Found, Seen};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InBranch, InRole};
use crate::api::neon::history::{self, Kinds};
use crate::api::neon::{fields, point};
use crate::api::query::Query;
use crate::control::{Asker, BranchRef, Caller, ControlPlane, RoleRequest, ShownRole, Told};
use crate::model::change::Change;
use crate::wire::neon::error::ErrorCode;
use crate::wire::neon::operations::Operation;
use crate::wire::neon::roles::{
    PasswordAnswer, Role, RoleAnswer, RoleCreateRequest, RoleOperations, RoleUpdate,
    RoleUpdateRequest, RolesAnswer,
};
use crate::wire::secret::Secret;

/// Lists the roles of a branch.
pub(super) async fn list_project_branch_roles(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(at): InBranch,
    query: Query,
) -> Result<Seen<RolesAnswer>, ApiError> {
    let seen = control.branch_at(&at, point::at(&query)?).await?;
    let roles = Role::list(&seen.branch, seen.roles()?);
    let left_out = if query.flag("explain")? { seen.left_out()? } else { None };
    let left_out = left_out.map(|left_out| history::left_out(left_out, Kinds::Roles));
    Ok(Seen(RolesAnswer { roles, left_out }, seen.moment().revision))
}

/// Creates a role on a branch, and shows its password.
pub(super) async fn create_project_branch_role(
    State(control): State<ControlPlane>,
    asker: Asker,
    InBranch(at): InBranch,
    Body(RoleCreateRequest { role }): Body<RoleCreateRequest>,
) -> Result<Told<Created<RoleOperations>>, ApiError> {
    let request = RoleRequest {
        name: role.name.parse()?,
        no_login: role.no_login.unwrap_or(false),
        expires_at: fields::expires_at(role.expires_at.as_deref())?,
    };
    let created = control.create_role(&asker, &at, request).await?;
    Ok(created.map(|role| Created(shown(&at, role))))
}

/// Shows a role of a branch.
pub(super) async fn get_project_branch_role(
    State(control): State<ControlPlane>,
    _: Caller,
    InRole(at, name): InRole,
    query: Query,
) -> Result<Seen<RoleAnswer>, ApiError> {
    let seen = control.branch_at(&at, point::at(&query)?).await?;
    let role = Role::new(&seen.branch, seen.role(&name)?);
    Ok(Seen(RoleAnswer { role }, seen.moment().revision))
}

/// Changes when a role expires.
pub(super) async fn update_project_branch_role(
    State(control): State<ControlPlane>,
    caller: Caller,
    InRole(at, name): InRole,
    Body(RoleUpdateRequest { role }): Body<RoleUpdateRequest>,
) -> Answer<RoleOperations> {
    let RoleUpdate { expires_at } = role;
    let expires_at = match fields::changed_expiry(&expires_at)? {
        Change::Keep => {
            let message = "there is nothing to change; give role.expires_at, a time or null";
            return Err(ApiError::invalid(message));
        }
        Change::Clear => None,
        Change::Set(at) => Some(at),
    };
    let (role, operations) = control.set_role_expiry(&caller, &at, &name, expires_at).await?;
    Ok(Found(RoleOperations {
        role: Role::new(&at.branch, role),
        operations: Operation::list(&at.project, operations),
    }))
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
    asker: Asker,
    InRole(at, name): InRole,
) -> Result<Told<Found<RoleOperations>>, ApiError> {
    let reset = control.reset_role_password(&asker, &at, &name).await?;
    Ok(reset.map(|role| Found(shown(&at, role))))
}

/// Shows a role's password.
pub(super) async fn get_project_branch_role_password(
    State(control): State<ControlPlane>,
    _: Caller,
    InRole(at, name): InRole,
    query: Query,
) -> Answer<PasswordAnswer> {
    let point = point::at(&query)?;
    let password = control.reveal_role_password(&at, &name, point).await?;
    Ok(Found(PasswordAnswer { password: Secret::from(&password) }))
}

fn shown(at: &BranchRef, ShownRole { role, password, operations }: ShownRole) -> RoleOperations {
    RoleOperations {
        role: Role::new(&at.branch, role).with_password(password.as_ref()),
        operations: Operation::list(&at.project, operations),
    }
}
