//! Passes that somebody asks for, and what they would do.

use axum::extract::State;

use crate::api::answer::Found;
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::InBranch;
use crate::control::{Asker, ControlPlane, Told};
use crate::wire::neon::operations::Operation;
use crate::wire::neon::plans::{Plan, ReconcileAnswer, ReconcileRequest};

/// Asks for a pass, or says what one would do.
pub(super) async fn reconcile_project_branch(
    State(control): State<ControlPlane>,
    asker: Asker,
    InBranch(at): InBranch,
    Body(request): Body<ReconcileRequest>,
) -> Result<Told<Found<ReconcileAnswer>>, ApiError> {
    if request.dry_run.unwrap_or(false) {
        let plan = Some(Plan::from(control.foretell_pass(&at).await?));
        let answer = Found(ReconcileAnswer { dry_run: true, plan, operations: Vec::new() });
        return Ok(Told { answer, is_again: false });
    }
    let told = control.ask_for_pass(&asker, &at).await?;
    Ok(told.map(|operations| {
        let operations = Operation::list(&at.project, operations);
        Found(ReconcileAnswer { dry_run: false, plan: None, operations })
    }))
}
