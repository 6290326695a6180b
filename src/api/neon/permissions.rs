//! Permissions on projects.

use axum::extract::State;

use crate::api::answer::{Answer, Found};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InPermission, InProject};
use crate::control::{Asker, Caller, ControlPlane, Told};
use crate::wire::neon::permissions::{Permission, PermissionRequest, PermissionsAnswer};

/// Lists the permissions on a project.
pub(super) async fn list_project_permissions(
    State(control): State<ControlPlane>,
    _: Caller,
    InProject(project): InProject,
) -> Answer<PermissionsAnswer> {
    let permissions = control.list_permissions(&project)?;
    let project_permissions = permissions.into_iter().map(Permission::from).collect();
    Ok(Found(PermissionsAnswer { project_permissions }))
}

/// Grants a permission on a project.
pub(super) async fn grant_permission_to_project(
    State(control): State<ControlPlane>,
    asker: Asker,
    InProject(project): InProject,
    Body(PermissionRequest { email }): Body<PermissionRequest>,
) -> Result<Told<Found<Permission>>, ApiError> {
    let granted = control.grant_permission(&asker, &project, email.parse()?).await?;
    Ok(granted.map(|permission| Found(permission.into())))
}

/// Revokes a permission on a project.
pub(super) async fn revoke_permission_from_project(
    State(control): State<ControlPlane>,
    caller: Caller,
    InPermission(project, id): InPermission,
) -> Answer<Permission> {
    Ok(Found(control.revoke_permission(&caller, &project, id).await?.into()))
}
