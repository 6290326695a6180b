//! Interrupt: when a pass is broken off. What it did stays done, and the next pass goes on from
//! there; a transaction that was not committed is as if it had never begun.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::control::passes::Assignment;
use crate::control::{BranchRef, ControlError, ControlPlane};
use crate::model::endpoint::{Endpoint, Power};
use crate::model::operation::Status;

/// How long a pass may go on when its compute is to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Why a pass is broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// Nobody waits for it any more.
    Cancelled,
    /// The compute is to stop, which nothing about roles may keep it from.
    Stop,
}

/// Waits until the pass on `assignment` is to be broken off.
pub(super) async fn interrupted(
    control: &ControlPlane,
    at: &BranchRef,
    nudge: &Notify,
    assignment: &Assignment,
) {
    loop {
        nudge.notified().await;
        match reason(control, at, assignment) {
            Ok(Some(Reason::Cancelled)) => return,
            Ok(Some(Reason::Stop)) => return sleep(GRACE).await,
            Ok(None) => {}
            Err(error) => {
                tracing::error!(branch.id = %at.branch, %error, "a pass cannot be looked after");
            }
        }
    }
}

fn reason(
    control: &ControlPlane,
    at: &BranchRef,
    assignment: &Assignment,
) -> Result<Option<Reason>, ControlError> {
    let unfinished = control.unfinished(at)?;
    let is_cancelling = |status: &Status| *status == Status::Cancelling;
    let was_waited_for = !assignment.unfinished.is_empty();
    if was_waited_for
        && !unfinished.is_empty()
        && unfinished.iter().all(|operation| is_cancelling(&operation.status))
    {
        return Ok(Some(Reason::Cancelled));
    }
    let was_to_run = assignment.endpoint.as_ref().is_some_and(is_to_run);
    let is_to_run = control.find_endpoint(at)?.as_ref().is_some_and(is_to_run);
    Ok((was_to_run && !is_to_run).then_some(Reason::Stop))
}

fn is_to_run(endpoint: &Endpoint) -> bool {
    endpoint.desired == Power::Active
}
