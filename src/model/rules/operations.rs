//! Rules about operations: their end on request, another try, and that the old ones are forgotten.

use chrono::TimeDelta;

use crate::model::id::{BranchId, OperationId};
use crate::model::operation::{Action, Event, Operation, Status};
use crate::model::progress::Progress;
use crate::model::refusal::{OperationRefusal, Refusal};
use crate::model::revision::{Moment, Timestamp};
use crate::model::rules::{Seed, refuse};
use crate::model::state::{Denied, Read, Write};

/// How long an operation is kept after it ended: half a year.
pub const KEPT: TimeDelta = TimeDelta::days(183);

/// How many operations one commit looks at.
pub const MAX_FORGOTTEN: usize = 64;

/// Whether there is an operation that may have to be forgotten at `now`.
pub fn has_old<S: Read>(state: &S, now: Timestamp) -> Result<bool, S::Error> {
    let oldest = state.oldest_operations(1)?;
    Ok(oldest.first().is_some_and(|operation| operation.updated_at < now - KEPT))
}

/// Forgets the oldest of the operations that ended long ago, and returns how many that were. The
/// past keeps them for as long as it is kept itself.
pub fn forget_old<S: Write>(state: &mut S, moment: Moment) -> Result<usize, Denied<S::Error>> {
    let horizon = moment.at - KEPT;
    let mut forgotten = 0;
    for operation in state.oldest_operations(MAX_FORGOTTEN)? {
        if operation.status.has_ended() && operation.updated_at < horizon {
            state.remove_operation(operation.id)?;
            forgotten += 1;
        }
    }
    Ok(forgotten)
}

/// Asks for an operation's end. The reconciler ends it, so that no pass is under way for it then. To
/// ask for the end of one that was cancelled changes nothing.
pub fn cancel<S: Write>(
    state: &mut S,
    moment: Moment,
    id: OperationId,
) -> Result<Operation, Denied<S::Error>> {
    let operation = get(state, id)?;
    match &operation.status {
        Status::Cancelling | Status::Cancelled => return Ok(operation),
        Status::Finished | Status::Failed { .. } | Status::Skipped => {
            let status = operation.status.as_str();
            return refuse(OperationRefusal::Ended { id, status });
        }
        Status::Scheduling | Status::Running { .. } => {}
    }
    // Nobody would ever remove the data of a branch that is gone.
    if operation.action == Action::DeleteTimeline {
        return refuse(OperationRefusal::NotCancellable(id));
    }
    let operation = after(operation, Event::CancelAsked, moment);
    state.put_operation(operation.clone())?;
    Ok(operation)
}

/// Ends the operations of a branch whose end was asked for, now that no pass works on them.
pub fn end_cancelled<S: Write>(
    state: &mut S,
    moment: Moment,
    branch: &BranchId,
) -> Result<Vec<Operation>, Denied<S::Error>> {
    let mut ended = Vec::new();
    for operation in state.unfinished(branch)? {
        if operation.status == Status::Cancelling {
            let operation = after(operation, Event::Cancelled, moment);
            state.put_operation(operation.clone())?;
            ended.push(operation);
        }
    }
    Ok(ended)
}

/// Asks for another try at once: of an operation that waits, the same; of one that failed or was
/// cancelled, a new one.
pub fn retry<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    id: OperationId,
) -> Result<Operation, Denied<S::Error>> {
    let operation = get(state, id)?;
    let retried = match &operation.status {
        Status::Scheduling | Status::Running { .. } => {
            let operation = after(operation, Event::RetryAsked, moment);
            // The pass in hand is the one that is not waited for.
            Operation { revision: moment.revision, ..operation }
        }
        Status::Failed { .. } | Status::Cancelled => {
            check_place(state, &operation)?;
            Operation {
                id: OperationId::at(moment.at, 0, seed.0),
                status: Status::Running { retry: None },
                revision: moment.revision,
                failures: 0,
                progress: Progress::default(),
                retry_of: Some(id),
                created_at: moment.at,
                updated_at: moment.at,
                ..operation
            }
        }
        Status::Cancelling | Status::Finished | Status::Skipped => {
            let status = operation.status.as_str();
            return refuse(OperationRefusal::Ended { id, status });
        }
    };
    state.put_operation(retried.clone())?;
    Ok(retried)
}

/// Refuses to try again where there is nothing any more to try it on.
fn check_place<S: Read>(state: &S, operation: &Operation) -> Result<(), Denied<S::Error>> {
    let branch = state.branch(&operation.branch)?;
    let is_there = match operation.action {
        Action::DeleteTimeline => branch.is_none(),
        Action::CreateTimeline
        | Action::CreateBranch
        | Action::StartCompute
        | Action::SuspendCompute
        | Action::ApplyConfig
        | Action::SyncDbsAndRolesFromCompute => {
            branch.is_some_and(|branch| branch.endpoint == operation.endpoint)
        }
    };
    if is_there { Ok(()) } else { refuse(OperationRefusal::WithoutPlace(operation.id)) }
}

fn get<S: Read>(state: &S, id: OperationId) -> Result<Operation, Denied<S::Error>> {
    state.operation(id)?.ok_or_else(|| Denied::Refused(Refusal::OperationMissing(id)))
}

fn after(operation: Operation, event: Event, moment: Moment) -> Operation {
    operation.after(event, moment.at).expect("an unfinished operation takes any event")
}
