//! Neon's API, version 2: its routes and their handlers, each named after its operation's id.

mod account;
mod branches;
mod connection;
mod count;
mod databases;
mod diff;
mod drift;
mod empty;
mod endpoints;
mod fields;
mod history;
mod keys;
mod merge;
mod operations;
mod permissions;
mod plans;
mod point;
mod projects;
mod roles;
mod rotations;
mod schema;
mod settings;
mod tuning;
mod unserved;

use axum::http::Method;
use axum::routing::on;

use crate::api::route::Route;

/// Returns every route of Neon's API that is served, relative to either base, and those of ours.
pub(super) fn routes() -> impl Iterator<Item = &'static Route> {
    let others = [operations::ROUTES, roles::ROUTES, drift::ROUTES];
    ROUTES.iter().chain(others.into_iter().flatten())
}

static ROUTES: &[Route] = &[
    Route::new("listProjects", Method::GET, "/projects", |method| {
        on(method, projects::list_projects)
    }),
    Route::new("createProject", Method::POST, "/projects", |method| {
        on(method, projects::create_project)
    }),
    Route::new("listSharedProjects", Method::GET, "/projects/shared", |method| {
        on(method, projects::list_shared_projects)
    }),
    Route::new("getProject", Method::GET, "/projects/{project_id}", |method| {
        on(method, projects::get_project)
    }),
    Route::new("updateProject", Method::PATCH, "/projects/{project_id}", |method| {
        on(method, projects::update_project)
    }),
    Route::new("deleteProject", Method::DELETE, "/projects/{project_id}", |method| {
        on(method, projects::delete_project)
    }),
    Route::new(
        "getConnectionURI",
        Method::GET,
        "/projects/{project_id}/connection_uri",
        |method| on(method, connection::get_connection_uri),
    ),
    Route::new("listProjectAudit", Method::GET, "/projects/{project_id}/audit", |method| {
        on(method, history::list_project_audit)
    }),
    Route::new("listProjectBranches", Method::GET, "/projects/{project_id}/branches", |method| {
        on(method, branches::list_project_branches)
    }),
    Route::new("createProjectBranch", Method::POST, "/projects/{project_id}/branches", |method| {
        on(method, branches::create_project_branch)
    }),
    Route::new(
        "getProjectBranch",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}",
        |method| on(method, branches::get_project_branch),
    ),
    Route::new(
        "updateProjectBranch",
        Method::PATCH,
        "/projects/{project_id}/branches/{branch_id}",
        |method| on(method, branches::update_project_branch),
    ),
    Route::new(
        "deleteProjectBranch",
        Method::DELETE,
        "/projects/{project_id}/branches/{branch_id}",
        |method| on(method, branches::delete_project_branch),
    ),
    Route::new(
        "getProjectBranchHistory",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/history",
        |method| on(method, history::get_project_branch_history),
    ),
    Route::new(
        "getProjectBranchSchema",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/schema",
        |method| on(method, schema::get_project_branch_schema),
    ),
    Route::new(
        "getProjectBranchSchemaComparison",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/compare_schema",
        |method| on(method, schema::get_project_branch_schema_comparison),
    ),
    Route::new(
        "restoreProjectBranch",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/restore",
        |method| on(method, branches::restore_project_branch),
    ),
    Route::new(
        "mergeProjectBranch",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/merge",
        |method| on(method, merge::merge_project_branch),
    ),
    Route::new(
        "setDefaultProjectBranch",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/set_as_default",
        |method| on(method, branches::set_default_project_branch),
    ),
    // Neon's Python client knows it by its older name.
    Route::new(
        "setPrimaryProjectBranch",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/set_as_primary",
        |method| on(method, branches::set_default_project_branch),
    ),
    Route::new(
        "listProjectBranchEndpoints",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/endpoints",
        |method| on(method, branches::list_project_branch_endpoints),
    ),
    Route::new(
        "diffProjectBranchRoles",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/roles/diff",
        |method| on(method, diff::diff_project_branch_roles),
    ),
    Route::new(
        "getProjectBranchRoleHistory",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/history",
        |method| on(method, history::get_project_branch_role_history),
    ),
    Route::new(
        "listProjectBranchDatabases",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/databases",
        |method| on(method, databases::list_project_branch_databases),
    ),
    Route::new(
        "createProjectBranchDatabase",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/databases",
        |method| on(method, databases::create_project_branch_database),
    ),
    Route::new(
        "diffProjectBranchDatabases",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/databases/diff",
        |method| on(method, diff::diff_project_branch_databases),
    ),
    Route::new(
        "getProjectBranchDatabase",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/databases/{database_name}",
        |method| on(method, databases::get_project_branch_database),
    ),
    Route::new(
        "updateProjectBranchDatabase",
        Method::PATCH,
        "/projects/{project_id}/branches/{branch_id}/databases/{database_name}",
        |method| on(method, databases::update_project_branch_database),
    ),
    Route::new(
        "deleteProjectBranchDatabase",
        Method::DELETE,
        "/projects/{project_id}/branches/{branch_id}/databases/{database_name}",
        |method| on(method, databases::delete_project_branch_database),
    ),
    Route::new("listProjectEndpoints", Method::GET, "/projects/{project_id}/endpoints", |method| {
        on(method, endpoints::list_project_endpoints)
    }),
    Route::new(
        "createProjectEndpoint",
        Method::POST,
        "/projects/{project_id}/endpoints",
        |method| on(method, endpoints::create_project_endpoint),
    ),
    Route::new(
        "getProjectEndpoint",
        Method::GET,
        "/projects/{project_id}/endpoints/{endpoint_id}",
        |method| on(method, endpoints::get_project_endpoint),
    ),
    Route::new(
        "deleteProjectEndpoint",
        Method::DELETE,
        "/projects/{project_id}/endpoints/{endpoint_id}",
        |method| on(method, endpoints::delete_project_endpoint),
    ),
    Route::new(
        "startProjectEndpoint",
        Method::POST,
        "/projects/{project_id}/endpoints/{endpoint_id}/start",
        |method| on(method, endpoints::start_project_endpoint),
    ),
    Route::new(
        "suspendProjectEndpoint",
        Method::POST,
        "/projects/{project_id}/endpoints/{endpoint_id}/suspend",
        |method| on(method, endpoints::suspend_project_endpoint),
    ),
    Route::new("getCurrentUserInfo", Method::GET, "/users/me", |method| {
        on(method, account::get_current_user_info)
    }),
    Route::new("getCurrentUserOrganizations", Method::GET, "/users/me/organizations", |method| {
        on(method, account::get_current_user_organizations)
    }),
    Route::new("getOrganization", Method::GET, "/organizations/{org_id}", |method| {
        on(method, account::get_organization)
    }),
    Route::new("getAuthDetails", Method::GET, "/auth", |method| {
        on(method, account::get_auth_details)
    }),
    Route::new("getActiveRegions", Method::GET, "/regions", |method| {
        on(method, account::get_active_regions)
    }),
    Route::new("listApiKeys", Method::GET, "/api_keys", |method| on(method, keys::list_api_keys)),
    Route::new("createApiKey", Method::POST, "/api_keys", |method| {
        on(method, keys::create_api_key)
    }),
    Route::new("revokeApiKey", Method::DELETE, "/api_keys/{key_id}", |method| {
        on(method, keys::revoke_api_key)
    }),
    Route::new("listOrgApiKeys", Method::GET, "/organizations/{org_id}/api_keys", |method| {
        on(method, keys::list_org_api_keys)
    }),
    Route::new("createOrgApiKey", Method::POST, "/organizations/{org_id}/api_keys", |method| {
        on(method, keys::create_org_api_key)
    }),
    Route::new(
        "revokeOrgApiKey",
        Method::DELETE,
        "/organizations/{org_id}/api_keys/{key_id}",
        |method| on(method, keys::revoke_org_api_key),
    ),
    Route::new(
        "listProjectPermissions",
        Method::GET,
        "/projects/{project_id}/permissions",
        |method| on(method, permissions::list_project_permissions),
    ),
    Route::new(
        "grantPermissionToProject",
        Method::POST,
        "/projects/{project_id}/permissions",
        |method| on(method, permissions::grant_permission_to_project),
    ),
    Route::new(
        "revokePermissionFromProject",
        Method::DELETE,
        "/projects/{project_id}/permissions/{permission_id}",
        |method| on(method, permissions::revoke_permission_from_project),
    ),
    Route::new(
        "countProjectBranches",
        Method::GET,
        "/projects/{project_id}/branches/count",
        |method| on(method, count::count_project_branches),
    ),
    Route::new(
        "listProjectBranchBuckets",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/buckets",
        |method| on(method, empty::list_project_branch_buckets),
    ),
    Route::new(
        "listProjectBranchFunctions",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/functions",
        |method| on(method, empty::list_project_branch_functions),
    ),
    Route::new(
        "setDefaultProjectBranchCredential",
        Method::PUT,
        "/projects/{project_id}/branches/{branch_id}/credentials/{username}/default",
        |method| on(method, rotations::set_default_project_branch_credential),
    ),
    Route::new(
        "rotateProjectBranchCredentials",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/credentials/rotate",
        |method| on(method, rotations::rotate_project_branch_credentials),
    ),
    Route::new(
        "listProjectBranchRotations",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/rotations",
        |method| on(method, rotations::list_project_branch_rotations),
    ),
    Route::new(
        "getProjectBranchRotation",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/rotations/{rotation_id}",
        |method| on(method, rotations::get_project_branch_rotation),
    ),
    Route::new(
        "completeProjectBranchRotation",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/rotations/{rotation_id}/complete",
        |method| on(method, rotations::complete_project_branch_rotation),
    ),
    Route::new(
        "abortProjectBranchRotation",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/rotations/{rotation_id}/abort",
        |method| on(method, rotations::abort_project_branch_rotation),
    ),
    Route::new(
        "updateProjectEndpoint",
        Method::PATCH,
        "/projects/{project_id}/endpoints/{endpoint_id}",
        |method| on(method, endpoints::update_project_endpoint),
    ),
    Route::new(
        "restartProjectEndpoint",
        Method::POST,
        "/projects/{project_id}/endpoints/{endpoint_id}/restart",
        |method| on(method, endpoints::restart_project_endpoint),
    ),
];
