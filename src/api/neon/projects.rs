//! Projects.

use axum::extract::State;
use serde_json::Map;

use crate::api::answer::{Answer, Created, Found};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InProject, check_organization};
use crate::api::keys::{Member, Opened};
use crate::api::neon::connection;
use crate::api::neon::fields::{annotation, changed_policy, policy};
use crate::api::neon::settings;
use crate::api::neon::tuning::Limits;
use crate::api::neon::unserved;
use crate::api::query::Query;
use crate::control::{self, Asker, Caller, ControlPlane, ProjectQuery, ProjectRequest, Told};
use crate::model::key::Scope;
use crate::model::project;
use crate::model::role;
use crate::model::rules::projects::ProjectChange;
use crate::wire::neon::branches::Branch;
use crate::wire::neon::databases::Database;
use crate::wire::neon::endpoints::Endpoint;
use crate::wire::neon::operations::{Operation, Pagination};
use crate::wire::neon::projects::{
    CreatedProject, EndpointSettings, NewProject, Project, ProjectAnswer, ProjectCreateRequest,
    ProjectListItem, ProjectOperations, ProjectUpdate, ProjectUpdateRequest, ProjectsAnswer,
};
use crate::wire::neon::roles::Role;

/// The most projects on a page.
const PAGE_MAX_PROJECTS: usize = 400;

/// How many projects a page has when nobody says.
const PAGE_PROJECTS: usize = 10;

/// Lists the projects, by id.
pub(super) async fn list_projects(
    State(control): State<ControlPlane>,
    _: Caller,
    Opened(scope): Opened,
    query: Query,
) -> Answer<ProjectsAnswer> {
    query.text("org_id").map(check_organization).transpose()?;
    let only = match scope {
        Scope::Account | Scope::Organization => None,
        Scope::Project(own) => Some(own),
    };
    let asked = ProjectQuery {
        only,
        search: query.text("search").map(str::to_owned),
        cursor: query.cursor()?,
        limit: query.limit(1..=PAGE_MAX_PROJECTS)?.unwrap_or(PAGE_PROJECTS),
    };
    // What is deleted cannot be recovered, and what is there must not be taken for it.
    if query.flag("recoverable")? {
        return Ok(Found(page(Vec::new())));
    }
    Ok(Found(page(control.list_projects(&asked)?.projects)))
}

/// Lists the projects that others share with the caller: none, for there are no others.
pub(super) async fn list_shared_projects(_: Caller) -> Found<ProjectsAnswer> {
    Found(page(Vec::new()))
}

/// Creates a project with a branch, an endpoint, a role and a database.
pub(super) async fn create_project(
    State(control): State<ControlPlane>,
    _: Member,
    asker: Asker,
    Body(ProjectCreateRequest { project }): Body<ProjectCreateRequest>,
) -> Result<Told<Created<CreatedProject>>, ApiError> {
    project.org_id.as_deref().map(check_organization).transpose()?;
    let request = request(project)?;
    let created = control.create_project(&asker, request).await?;
    Ok(created.map(|created| Created(shown(created))))
}

/// Shows a project.
pub(super) async fn get_project(
    State(control): State<ControlPlane>,
    _: Caller,
    InProject(id): InProject,
) -> Answer<ProjectAnswer> {
    let project = control.get_project(&id)?;
    Ok(Found(ProjectAnswer { project: project.into() }))
}

/// Changes a project's settings.
pub(super) async fn update_project(
    State(control): State<ControlPlane>,
    caller: Caller,
    InProject(id): InProject,
    Body(ProjectUpdateRequest { project }): Body<ProjectUpdateRequest>,
) -> Answer<ProjectOperations> {
    let change = change(project)?;
    let project = control.update_project(&caller, &id, change).await?;
    Ok(Found(ProjectOperations { project: project.into(), operations: Vec::new() }))
}

/// Deletes a project with all that is in it.
pub(super) async fn delete_project(
    State(control): State<ControlPlane>,
    caller: Caller,
    InProject(id): InProject,
) -> Answer<ProjectAnswer> {
    let project = control.delete_project(&caller, &id).await?;
    Ok(Found(ProjectAnswer { project: project.into() }))
}

fn request(new: NewProject) -> Result<ProjectRequest, ApiError> {
    let defaults = new.default_endpoint_settings.unwrap_or_default();
    check_defaults(&defaults)?;
    let tuning = Limits {
        min_cu: defaults.autoscaling_limit_min_cu.or(new.autoscaling_limit_min_cu),
        max_cu: defaults.autoscaling_limit_max_cu.or(new.autoscaling_limit_max_cu),
        suspend_timeout_seconds: defaults.suspend_timeout_seconds,
    };
    let branch = new.branch.unwrap_or_default();
    Ok(ProjectRequest {
        name: new.name.as_deref().map(str::parse).transpose()?,
        pg_version: new.pg_version.map(TryInto::try_into).transpose()?,
        store_passwords: new.store_passwords,
        history_retention_seconds: new.history_retention_seconds.map(retention).transpose()?,
        password_policy: new.password_policy.as_deref().map(policy).transpose()?,
        branch_name: branch.name.as_deref().map(str::parse).transpose()?,
        database_name: branch.database_name.as_deref().map(str::parse).transpose()?,
        role_name: branch.role_name.as_deref().map(str::parse).transpose()?,
        annotation: annotation("project.branch.annotations", branch.annotations.as_ref())?,
        settings: settings::new(new.settings)?,
        tuning: Some(tuning.parse()?),
    })
}

fn change(update: ProjectUpdate) -> Result<ProjectChange, ApiError> {
    let ProjectUpdate {
        name,
        history_retention_seconds,
        password_policy,
        settings,
        default_endpoint_settings,
    } = update;
    let defaults = default_endpoint_settings.unwrap_or_default();
    check_defaults(&defaults)?;
    let limits = Limits {
        min_cu: defaults.autoscaling_limit_min_cu,
        max_cu: defaults.autoscaling_limit_max_cu,
        suspend_timeout_seconds: defaults.suspend_timeout_seconds,
    };
    Ok(ProjectChange {
        name: name.as_deref().map(str::parse).transpose()?,
        history_retention_seconds: history_retention_seconds.map(retention).transpose()?,
        password_policy: changed_policy(&password_policy)?,
        endpoint_defaults: limits.change()?,
        ..settings::change(settings)?
    })
}

fn check_defaults(defaults: &EndpointSettings) -> Result<(), ApiError> {
    let EndpointSettings { pg_settings, pgbouncer_settings, .. } = defaults;
    let field = "project.default_endpoint_settings";
    unserved::refuse_set(&format!("{field}.pg_settings"), pg_settings.as_ref())?;
    unserved::refuse_set(&format!("{field}.pgbouncer_settings"), pgbouncer_settings.as_ref())
}

fn retention(seconds: i64) -> Result<u32, ApiError> {
    let max = project::Project::MAX_RETENTION_SECONDS;
    u32::try_from(seconds).ok().filter(|seconds| *seconds <= max).ok_or_else(|| {
        ApiError::invalid(format_args!("history_retention_seconds must be from 0 to {max}"))
    })
}

fn page(projects: Vec<project::Project>) -> ProjectsAnswer {
    // Neon's clients go on from the last project until a page is empty.
    let last = projects.last().map(|project| Pagination { cursor: project.id.to_string() });
    ProjectsAnswer {
        projects: projects.into_iter().map(ProjectListItem::from).collect(),
        pagination: last,
        applications: Map::new(),
        integrations: Map::new(),
    }
}

fn shown(created: control::CreatedProject) -> CreatedProject {
    let control::CreatedProject {
        project,
        branch,
        endpoint,
        roles,
        owner_password,
        databases,
        operations,
        connection,
    } = created;
    let role = |role: role::Role| {
        let password = (role.name == connection.role).then_some(&owner_password);
        Role::new(&branch.id, role).with_password(password)
    };
    CreatedProject {
        connection_uris: vec![connection::details(&connection)],
        roles: roles.into_iter().map(role).collect(),
        databases: Database::list(&branch.id, databases),
        operations: Operation::list(&project.id, operations),
        endpoints: vec![Endpoint::new(&project.id, endpoint)],
        branch: Branch::new(&project, branch),
        project: Project::from(project),
    }
}
