//! Neon's API, version 2: its routes and their handlers, each named after its operation's id.

mod branches;
mod connection;
mod databases;
mod endpoints;
mod history;
mod operations;
mod point;
mod projects;
mod roles;
mod settings;
mod tuning;
mod unserved;

use axum::http::Method;
use axum::routing::on;

use crate::api::route::Route;

/// Every route of Neon's API that is served, relative to either base.
pub static ROUTES: &[Route] = &[
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
    Route::new(
        "listProjectOperations",
        Method::GET,
        "/projects/{project_id}/operations",
        |method| on(method, operations::list_project_operations),
    ),
    Route::new(
        "getProjectOperation",
        Method::GET,
        "/projects/{project_id}/operations/{operation_id}",
        |method| on(method, operations::get_project_operation),
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
        "restoreProjectBranch",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/restore",
        |method| on(method, branches::restore_project_branch),
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
        "listProjectBranchRoles",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/roles",
        |method| on(method, roles::list_project_branch_roles),
    ),
    Route::new(
        "createProjectBranchRole",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/roles",
        |method| on(method, roles::create_project_branch_role),
    ),
    Route::new(
        "getProjectBranchRole",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}",
        |method| on(method, roles::get_project_branch_role),
    ),
    Route::new(
        "updateProjectBranchRole",
        Method::PATCH,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}",
        |method| on(method, roles::update_project_branch_role),
    ),
    Route::new(
        "deleteProjectBranchRole",
        Method::DELETE,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}",
        |method| on(method, roles::delete_project_branch_role),
    ),
    Route::new(
        "getProjectBranchRoleHistory",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/history",
        |method| on(method, history::get_project_branch_role_history),
    ),
    Route::new(
        "resetProjectBranchRolePassword",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/reset_password",
        |method| on(method, roles::reset_project_branch_role_password),
    ),
    Route::new(
        "getProjectBranchRolePassword",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/reveal_password",
        |method| on(method, roles::get_project_branch_role_password),
    ),
    // Neon's Python client asks with a POST.
    Route::new(
        "revealProjectBranchRolePassword",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/reveal_password",
        |method| on(method, roles::get_project_branch_role_password),
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
];
