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

/// What was wanted of a pass when it began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    is_waited_for: bool,
    is_to_run: bool,
}

impl Wanted {
    /// Returns what an assignment says of it.
    pub(super) fn of(assignment: &Assignment) -> Self {
        Self {
            is_waited_for: !assignment.unfinished.is_empty(),
            is_to_run: assignment.endpoint.as_ref().is_some_and(is_to_run),
        }
    }
}

/// Waits until a pass of which this was wanted is to be broken off.
pub(super) async fn interrupted(
    control: &ControlPlane,
    at: &BranchRef,
    nudge: &Notify,
    wanted: Wanted,
) {
    loop {
        nudge.notified().await;
        match reason(control, at, wanted) {
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
    wanted: Wanted,
) -> Result<Option<Reason>, ControlError> {
    let unfinished = control.unfinished(at)?;
    let is_cancelling = |status: &Status| *status == Status::Cancelling;
    if wanted.is_waited_for
        && !unfinished.is_empty()
        && unfinished.iter().all(|operation| is_cancelling(&operation.status))
    {
        return Ok(Some(Reason::Cancelled));
    }
    let is_to_run = control.find_endpoint(at)?.as_ref().is_some_and(is_to_run);
    Ok((wanted.is_to_run && !is_to_run).then_some(Reason::Stop))
}

fn is_to_run(endpoint: &Endpoint) -> bool {
    endpoint.desired == Power::Active
}
