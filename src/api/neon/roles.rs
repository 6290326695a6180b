//! Roles of a branch.

use axum::extract::State;
use axum::http::Method;
use axum::routing::on;

use crate::api::answer::{Answer, Created, Deleted, Found, Seen};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InBranch, InRole};
use crate::api::neon::history::{self, Kinds};
use crate::api::neon::{fields, point};
use crate::api::query::Query;
use crate::api::route::Route;
use crate::control::{
    Activity, Asker, BranchRef, Caller, ControlPlane, Deletion, Owned, RoleRequest, ShownRole, Told,
};
use crate::model::change::Change;
use crate::model::name::RoleName;
use crate::wire::neon::error::ErrorCode;
use crate::wire::neon::operations::Operation;
use crate::wire::neon::roles::{
    self as wire, DeletionAnswer, PasswordAnswer, Role, RoleAnswer, RoleCreateRequest, RoleHolding,
    RoleOperations, RoleUpdate, RoleUpdateRequest, RolesAnswer,
};
use crate::wire::secret::Secret;

pub(super) static ROUTES: &[Route] = &[
    Route::new(
        "listProjectBranchRoles",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/roles",
        |method| on(method, list_project_branch_roles),
    ),
    Route::new(
        "createProjectBranchRole",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/roles",
        |method| on(method, create_project_branch_role),
    ),
    Route::new(
        "getProjectBranchRole",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}",
        |method| on(method, get_project_branch_role),
    ),
    Route::new(
        "updateProjectBranchRole",
        Method::PATCH,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}",
        |method| on(method, update_project_branch_role),
    ),
    Route::new(
        "deleteProjectBranchRole",
        Method::DELETE,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}",
        |method| on(method, delete_project_branch_role),
    ),
    Route::new(
        "resetProjectBranchRolePassword",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/reset_password",
        |method| on(method, reset_project_branch_role_password),
    ),
    Route::new(
        "getProjectBranchRolePassword",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/reveal_password",
        |method| on(method, get_project_branch_role_password),
    ),
    // Neon's Python client asks with a POST.
    Route::new(
        "revealProjectBranchRolePassword",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/reveal_password",
        |method| on(method, get_project_branch_role_password),
    ),
    Route::new(
        "getProjectBranchRoleDeletion",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/deletion",
        |method| on(method, get_project_branch_role_deletion),
    ),
    Route::new(
        "deactivateProjectBranchRole",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/deactivate",
        |method| on(method, deactivate_project_branch_role),
    ),
    Route::new(
        "activateProjectBranchRole",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/activate",
        |method| on(method, activate_project_branch_role),
    ),
];

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
    query: Query,
) -> Result<Deleted<RoleOperations>, ApiError> {
    let owned = owned(&query)?;
    let delete = async {
        let InRole(at, name) = role?;
        let (role, operations) = control.delete_role(&caller, &at, &name, owned).await?;
        Ok(RoleOperations {
            role: Role::new(&at.branch, role),
            operations: Operation::list(&at.project, operations),
        })
    };
    Deleted::unless(ErrorCode::RoleNotFound, delete.await)
}

/// Shows what deleting a role would meet now.
pub(super) async fn get_project_branch_role_deletion(
    State(control): State<ControlPlane>,
    _: Caller,
    InRole(at, name): InRole,
) -> Answer<DeletionAnswer> {
    let Deletion { role, databases, holdings, open_sessions } =
        control.preview_deletion(&at, &name).await?;
    let deletion = wire::Deletion {
        role_name: role.name.to_string(),
        blocked: role.protected || !databases.is_empty(),
        databases: databases.iter().map(ToString::to_string).collect(),
        holdings: holdings.map(|held| held.into_iter().map(RoleHolding::from).collect()),
        open_sessions,
    };
    Ok(Found(DeletionAnswer { deletion }))
}

/// Takes the login from a role and keeps its password.
pub(super) async fn deactivate_project_branch_role(
    State(control): State<ControlPlane>,
    asker: Asker,
    InRole(at, name): InRole,
) -> Result<Told<Found<RoleOperations>>, ApiError> {
    set_activity(&control, &asker, (&at, &name), Activity::Deactivated).await
}

/// Gives a role that was deactivated its login back.
pub(super) async fn activate_project_branch_role(
    State(control): State<ControlPlane>,
    asker: Asker,
    InRole(at, name): InRole,
) -> Result<Told<Found<RoleOperations>>, ApiError> {
    set_activity(&control, &asker, (&at, &name), Activity::Active).await
}

async fn set_activity(
    control: &ControlPlane,
    asker: &Asker,
    (at, name): (&BranchRef, &RoleName),
    activity: Activity,
) -> Result<Told<Found<RoleOperations>>, ApiError> {
    let told = control.set_role_activity(asker, at, name, activity).await?;
    Ok(told.map(|(role, operations)| {
        Found(RoleOperations {
            role: Role::new(&at.branch, role),
            operations: Operation::list(&at.project, operations),
        })
    }))
}

/// Returns what the request says about what a deleted role owns. Neon's clients say nothing, and it
/// is reassigned as Neon does it.
fn owned(query: &Query) -> Result<Owned, ApiError> {
    match query.text("on_owned") {
        None | Some("reassign") => Ok(Owned::Reassign),
        Some("drop_owned") => Ok(Owned::Drop),
        Some("reject") => Ok(Owned::Reject),
        Some(_) => Err(ApiError::invalid(
            "the query parameter `on_owned` must be `reassign`, `drop_owned` or `reject`",
        )),
    }
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
