//! Branches of a project.

use axum::extract::State;

use crate::api::answer::{Answer, Created, Deleted, Found, Seen};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InBranch, InProject, branch_id};
use crate::api::neon::endpoints::reached;
use crate::api::neon::history::{self, Kinds};
use crate::api::neon::point::Named;
use crate::api::neon::{connection, endpoints, fields, point, unserved};
use crate::api::page::{self, BranchQuery};
use crate::api::query::Query;
use crate::control::{
    self, Asker, BranchRequest, Caller, ChangedBranch, ControlPlane, RestoreRequest, Told,
};
use crate::model::endpoint::TuningChange;
use crate::model::id::{BranchId, ProjectId};
use crate::model::role;
use crate::model::rules::branches::BranchChange;
use crate::wire::neon::branches::{
    Annotation, Branch, BranchAnswer, BranchCreateRequest, BranchOperations, BranchRestoreRequest,
    BranchUpdate, BranchUpdateRequest, BranchesAnswer, BranchesPagination, CreatedBranch,
    NewBranch,
};
use crate::wire::neon::databases::Database;
use crate::wire::neon::endpoints::{Endpoint, EndpointsAnswer, NewEndpoint};
use crate::wire::neon::error::ErrorCode;
use crate::wire::neon::operations::Operation;
use crate::wire::neon::roles::Role;

/// Lists the branches of a project.
pub(super) async fn list_project_branches(
    State(control): State<ControlPlane>,
    _: Caller,
    InProject(project): InProject,
    query: Query,
) -> Result<Seen<BranchesAnswer>, ApiError> {
    let seen = control.project_at(&project, point::at(&query)?).await?;
    let query = BranchQuery::parse(&query)?;
    let (branches, next) = page::cut(seen.branches()?, &query);
    let annotated = branches.iter().filter(|branch| !branch.annotation.is_empty());
    let annotations = annotated.map(|branch| (branch.id.to_string(), Annotation::of(branch)));
    let annotations = annotations.collect();
    let shown = |branch| Branch::new(&seen.project, branch);
    let answer = BranchesAnswer {
        branches: branches.into_iter().map(shown).collect(),
        annotations,
        pagination: BranchesPagination {
            next,
            sort_by: query.sort.by.as_str().to_owned(),
            sort_order: query.sort.order.as_str().to_owned(),
        },
    };
    Ok(Seen(answer, seen.moment().revision))
}

/// Creates a branch, with an endpoint if one is asked for.
pub(super) async fn create_project_branch(
    State(control): State<ControlPlane>,
    asker: Asker,
    InProject(project): InProject,
    Body(body): Body<BranchCreateRequest>,
) -> Result<Told<Created<CreatedBranch>>, ApiError> {
    let request = request(&control, &project, &body)?;
    let created = control.create_branch(&asker, &project, request).await?;
    Ok(created.map(|created| Created(shown(created))))
}

/// Shows a branch of a project.
pub(super) async fn get_project_branch(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(at): InBranch,
    query: Query,
) -> Result<Seen<BranchAnswer>, ApiError> {
    let seen = control.branch_at(&at, point::at(&query)?).await?;
    let branch = seen.record()?;
    let annotation = Annotation::of(&branch);
    let answer = BranchAnswer { branch: Branch::new(&seen.at.project, branch), annotation };
    Ok(Seen(answer, seen.moment().revision))
}

/// Changes the settings of a branch.
pub(super) async fn update_project_branch(
    State(control): State<ControlPlane>,
    caller: Caller,
    InBranch(at): InBranch,
    Body(BranchUpdateRequest { branch }): Body<BranchUpdateRequest>,
) -> Answer<BranchOperations> {
    let (project, branch) = control.update_branch(&caller, &at, change(&branch)?).await?;
    Ok(Found(BranchOperations { branch: Branch::new(&project, branch), operations: Vec::new() }))
}

/// Makes a branch the default one.
pub(super) async fn set_default_project_branch(
    State(control): State<ControlPlane>,
    asker: Asker,
    InBranch(at): InBranch,
) -> Result<Told<Found<BranchOperations>>, ApiError> {
    Ok(control.set_default_branch(&asker, &at).await?.map(|branch| Found(changed(branch))))
}

/// Restores a branch to another's state or to its own past.
pub(super) async fn restore_project_branch(
    State(control): State<ControlPlane>,
    asker: Asker,
    InBranch(at): InBranch,
    Body(body): Body<BranchRestoreRequest>,
) -> Result<Told<Found<BranchOperations>>, ApiError> {
    let source = branch_id(&body.source_branch_id)?;
    let named = Named {
        lsn: body.source_lsn.as_deref(),
        timestamp: body.source_timestamp.as_deref(),
        revision: body.source_revision,
    };
    let point = match point::parse_source(named) {
        Ok(point) => point,
        Err(error) => return Err(error.told(&control.history(&at.project, Some(&source))?)),
    };
    let preserve_under_name = body.preserve_under_name.as_deref().map(str::parse).transpose()?;
    let request = RestoreRequest { source, point, preserve_under_name };
    let restored = control.restore_branch(&asker, &at, request).await?;
    Ok(restored.map(|branch| Found(changed(branch))))
}

/// Deletes a branch of a project.
pub(super) async fn delete_project_branch(
    State(control): State<ControlPlane>,
    caller: Caller,
    branch: Result<InBranch, ApiError>,
) -> Result<Deleted<BranchOperations>, ApiError> {
    let delete = async {
        let InBranch(at) = branch?;
        let (project, branch, operations) = control.delete_branch(&caller, &at).await?;
        Ok(BranchOperations {
            branch: Branch::new(&project, branch),
            operations: Operation::list(&at.project, operations),
        })
    };
    Deleted::unless(ErrorCode::BranchNotFound, delete.await)
}

/// Lists the endpoints of a branch.
pub(super) async fn list_project_branch_endpoints(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(at): InBranch,
) -> Answer<EndpointsAnswer> {
    let endpoints = control.list_branch_endpoints(&at)?.into_iter();
    let endpoints = endpoints.map(|endpoint| reached(&control, &at.project, endpoint)).collect();
    Ok(Found(EndpointsAnswer { endpoints }))
}

fn request(
    control: &ControlPlane,
    project: &ProjectId,
    BranchCreateRequest { branch, endpoints, annotation_value }: &BranchCreateRequest,
) -> Result<BranchRequest, ApiError> {
    let nothing = NewBranch::default();
    let new = branch.as_ref().unwrap_or(&nothing);
    check_served(new)?;
    let parent = parent(new)?;
    let named = Named {
        lsn: new.parent_lsn.as_deref(),
        timestamp: new.parent_timestamp.as_deref(),
        revision: new.parent_revision,
    };
    let point = match point::parse_parent(named) {
        Ok(point) => point,
        Err(error) => return Err(error.told(&control.history(project, parent.as_ref())?)),
    };
    Ok(BranchRequest {
        name: new.name.as_deref().map(str::parse).transpose()?,
        parent,
        point,
        protected: new.protected.unwrap_or(false),
        expires_at: fields::expires_at(new.expires_at.as_deref())?,
        password_policy: new.password_policy.as_deref().map(fields::policy).transpose()?,
        annotation: fields::annotation("annotation_value", annotation_value.as_ref())?,
        endpoint: endpoint(endpoints.as_deref().unwrap_or_default())?,
    })
}

fn check_served(new: &NewBranch) -> Result<(), ApiError> {
    unserved::refuse_on("branch.archived", new.archived)?;
    unserved::refuse_other("branch.init_source", new.init_source.as_deref(), "parent-data")
}

/// Returns the parent that is named. Neon takes an empty name for none.
fn parent(new: &NewBranch) -> Result<Option<BranchId>, ApiError> {
    new.parent_id.as_deref().filter(|text| !text.is_empty()).map(branch_id).transpose()
}

fn endpoint(endpoints: &[NewEndpoint]) -> Result<Option<TuningChange>, ApiError> {
    match endpoints {
        [] => Ok(None),
        [NewEndpoint { attached: Some(_), .. }] => Err(ApiError::told(
            ErrorCode::NotSupported,
            "endpoints[0].attached: create the branch first, and then its attached endpoint",
        )),
        [new] => endpoints::tuning(new).map(Some),
        [_, ..] => Err(ApiError::told(
            ErrorCode::NotSupported,
            "endpoints: a branch has one endpoint here, of the type `read_write`",
        )),
    }
}

fn change(update: &BranchUpdate) -> Result<BranchChange, ApiError> {
    let BranchUpdate { name, protected, expires_at, password_policy } = update;
    let change = BranchChange {
        name: name.as_deref().map(str::parse).transpose()?,
        protected: *protected,
        expires_at: fields::changed_expiry(expires_at)?,
        password_policy: fields::changed_policy(password_policy)?,
    };
    if change == BranchChange::default() {
        return Err(ApiError::invalid(
            "there is nothing to change; give branch.name, branch.protected, branch.expires_at or \
             branch.password_policy",
        ));
    }
    Ok(change)
}

fn changed(ChangedBranch { project, branch, operations }: ChangedBranch) -> BranchOperations {
    BranchOperations {
        operations: Operation::list(&project.id, operations),
        branch: Branch::new(&project, branch),
    }
}

fn shown(created: control::CreatedBranch) -> CreatedBranch {
    let control::CreatedBranch {
        project,
        branch,
        endpoint,
        roles,
        passwords,
        databases,
        operations,
        connection,
        left_out,
    } = created;
    let role = |role: role::Role| {
        let password = passwords.get(&role.name);
        Role::new(&branch.id, role).with_password(password)
    };
    CreatedBranch {
        endpoints: Endpoint::list(&project.id, endpoint.into_iter().collect()),
        operations: Operation::list(&project.id, operations),
        roles: roles.into_iter().map(role).collect(),
        databases: Database::list(&branch.id, databases),
        connection_uris: connection.map(|connection| vec![connection::details(&connection)]),
        left_out: left_out.map(|left_out| history::left_out(left_out, Kinds::Both)),
        branch: Branch::new(&project, branch),
    }
}
