//! Drift: what somebody changed in a branch's Postgres, and what becomes of it.

use axum::extract::State;
use axum::http::Method;
use axum::routing::on;

use crate::api::answer::{Answer, Found};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InBranch, InDrift};
use crate::api::neon::plans::reconcile_project_branch;
use crate::api::route::Route;
use crate::control::drift::{Line, Seen};
use crate::control::{Asker, BranchRef, Caller, ControlPlane, Told};
use crate::model::drift::{DriftId, Side, Verdict};
use crate::wire::neon::drift::{
    Drift, DriftAnswer, DriftHistoryAnswer, DriftOperations, DriftPolicyBody,
};
use crate::wire::neon::operations::Operation;

/// The routes about passes and drift.
pub(super) static ROUTES: &[Route] = &[
    Route::new(
        "reconcileProjectBranch",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/reconcile",
        |method| on(method, reconcile_project_branch),
    ),
    Route::new(
        "getProjectBranchDrift",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/drift",
        |method| on(method, get_project_branch_drift),
    ),
    Route::new(
        "listProjectBranchDriftHistory",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/drift/history",
        |method| on(method, list_project_branch_drift_history),
    ),
    Route::new(
        "getProjectBranchDriftPolicy",
        Method::GET,
        "/projects/{project_id}/branches/{branch_id}/drift/policy",
        |method| on(method, get_project_branch_drift_policy),
    ),
    Route::new(
        "setProjectBranchDriftPolicy",
        Method::PUT,
        "/projects/{project_id}/branches/{branch_id}/drift/policy",
        |method| on(method, set_project_branch_drift_policy),
    ),
    Route::new(
        "adoptProjectBranchDrift",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/drift/{drift_id}/adopt",
        |method| on(method, adopt_project_branch_drift),
    ),
    Route::new(
        "revertProjectBranchDrift",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/drift/{drift_id}/revert",
        |method| on(method, revert_project_branch_drift),
    ),
    Route::new(
        "ignoreProjectBranchDrift",
        Method::POST,
        "/projects/{project_id}/branches/{branch_id}/drift/{drift_id}/ignore",
        |method| on(method, ignore_project_branch_drift),
    ),
];

/// Shows what differs in a branch's Postgres from its catalog.
pub(super) async fn get_project_branch_drift(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(at): InBranch,
) -> Answer<DriftAnswer> {
    let differences = control.differences(&at).await?;
    let seen = match differences.seen {
        Seen::Now => "now",
        Seen::Asleep => "asleep",
        Seen::Nowhere => "no_endpoint",
    };
    let drift = differences.lines.into_iter().map(shown).collect();
    Ok(Found(DriftAnswer { seen: seen.to_owned(), drift }))
}

fn shown(Line { drift, side, is_adoptable, is_revertible }: Line) -> Drift {
    Drift { adoptable: is_adoptable, revertible: is_revertible, ..Drift::new(drift, side) }
}

/// Lists the drifts of a branch that have ended.
pub(super) async fn list_project_branch_drift_history(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(at): InBranch,
) -> Answer<DriftHistoryAnswer> {
    let ended = control.ended_drifts(&at)?.into_iter();
    let drift = ended.map(|drift| Drift::new(drift, Side::Postgres)).collect();
    Ok(Found(DriftHistoryAnswer { drift }))
}

/// Takes over into the catalog what Postgres has.
pub(super) async fn adopt_project_branch_drift(
    State(control): State<ControlPlane>,
    asker: Asker,
    InDrift(at, id): InDrift,
) -> Result<Told<Found<DriftOperations>>, ApiError> {
    decide(&control, &asker, (&at, id), Verdict::Adopt).await
}

/// Brings Postgres back to what the catalog has.
pub(super) async fn revert_project_branch_drift(
    State(control): State<ControlPlane>,
    asker: Asker,
    InDrift(at, id): InDrift,
) -> Result<Told<Found<DriftOperations>>, ApiError> {
    decide(&control, &asker, (&at, id), Verdict::Revert).await
}

/// Leaves what differs as it is, until it changes.
pub(super) async fn ignore_project_branch_drift(
    State(control): State<ControlPlane>,
    asker: Asker,
    InDrift(at, id): InDrift,
) -> Result<Told<Found<DriftOperations>>, ApiError> {
    decide(&control, &asker, (&at, id), Verdict::Ignore).await
}

async fn decide(
    control: &ControlPlane,
    asker: &Asker,
    (at, id): (&BranchRef, DriftId),
    verdict: Verdict,
) -> Result<Told<Found<DriftOperations>>, ApiError> {
    let decided = control.decide_drift(asker, at, id, verdict).await?;
    Ok(decided.map(|(drift, operations)| {
        Found(DriftOperations {
            drift: Drift::new(drift, Side::Postgres),
            operations: Operation::list(&at.project, operations),
        })
    }))
}

/// Shows what a branch does about drift.
pub(super) async fn get_project_branch_drift_policy(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(at): InBranch,
) -> Answer<DriftPolicyBody> {
    Ok(Found(DriftPolicyBody::from(&control.drift_policy(&at)?)))
}

/// Sets what a branch does about drift; what is absent is done as usual.
pub(super) async fn set_project_branch_drift_policy(
    State(control): State<ControlPlane>,
    caller: Caller,
    InBranch(at): InBranch,
    Body(body): Body<DriftPolicyBody>,
) -> Answer<DriftPolicyBody> {
    let policy = body.read().map_err(|word| {
        ApiError::invalid(format_args!("invalid request: policy: `{word}` is not known"))
    })?;
    Ok(Found(DriftPolicyBody::from(&control.set_drift_policy(&caller, &at, policy).await?)))
}
