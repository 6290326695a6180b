//! Operations of a project.

use std::time::Duration;

use axum::extract::State;
use axum::http::Method;
use axum::routing::on;

use crate::api::answer::{Answer, Found};
use crate::api::error::ApiError;
use crate::api::extract::{InOperation, InProject};
use crate::api::query::Query;
use crate::api::route::Route;
use crate::control::{Asker, Caller, ControlPlane, OperationQuery, Told};
use crate::model::id::ProjectId;
use crate::model::operation;
use crate::wire::neon::operations::{Operation, OperationAnswer, OperationsAnswer, Pagination};

pub(super) static ROUTES: &[Route] = &[
    Route::new(
        "listProjectOperations",
        Method::GET,
        "/projects/{project_id}/operations",
        |method| on(method, list_project_operations),
    ),
    Route::new(
        "getProjectOperation",
        Method::GET,
        "/projects/{project_id}/operations/{operation_id}",
        |method| on(method, get_project_operation),
    ),
    Route::new(
        "cancelProjectOperation",
        Method::POST,
        "/projects/{project_id}/operations/{operation_id}/cancel",
        |method| on(method, cancel_project_operation),
    ),
    Route::new(
        "retryProjectOperation",
        Method::POST,
        "/projects/{project_id}/operations/{operation_id}/retry",
        |method| on(method, retry_project_operation),
    ),
];

/// The most operations on a page, and how many there are when nobody says.
const PAGE_MAX_OPERATIONS: usize = 1000;

/// How long one request waits for an operation at the most: less than a request may take.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Lists the operations of a project, newest first.
pub(super) async fn list_project_operations(
    State(control): State<ControlPlane>,
    _: Caller,
    InProject(project): InProject,
    query: Query,
) -> Answer<OperationsAnswer> {
    let limit = query.limit(1..=PAGE_MAX_OPERATIONS)?.unwrap_or(PAGE_MAX_OPERATIONS);
    let asked = OperationQuery { cursor: query.cursor()?, limit };
    let (operations, has_more) = control.list_operations(&project, &asked)?;
    let last = operations.last().filter(|_| has_more);
    Ok(Found(OperationsAnswer {
        pagination: last.map(|operation| Pagination { cursor: operation.id.to_string() }),
        operations: Operation::list(&project, operations),
    }))
}

/// Shows an operation of a project, when it has ended or has been waited for.
pub(super) async fn get_project_operation(
    State(control): State<ControlPlane>,
    _: Caller,
    InOperation(project, id): InOperation,
    query: Query,
) -> Answer<OperationAnswer> {
    let patience = query.time("wait")?.unwrap_or_default().min(WAIT_MAX);
    let operation = control.wait_for_operation(&project, id, patience).await?;
    Ok(shown(&project, operation))
}

/// Asks for an operation's end.
pub(super) async fn cancel_project_operation(
    State(control): State<ControlPlane>,
    asker: Asker,
    InOperation(project, id): InOperation,
) -> Result<Told<Found<OperationAnswer>>, ApiError> {
    let told = control.cancel_operation(&asker, &project, id).await?;
    Ok(told.map(|operation| shown(&project, operation)))
}

/// Asks for another try of an operation, at once.
pub(super) async fn retry_project_operation(
    State(control): State<ControlPlane>,
    asker: Asker,
    InOperation(project, id): InOperation,
) -> Result<Told<Found<OperationAnswer>>, ApiError> {
    let told = control.retry_operation(&asker, &project, id).await?;
    Ok(told.map(|operation| shown(&project, operation)))
}

fn shown(project: &ProjectId, operation: operation::Operation) -> Found<OperationAnswer> {
    Found(OperationAnswer { operation: Operation::new(project, operation) })
}
