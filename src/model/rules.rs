//! The rules: what each command makes of a project's state, or why it is refused.
//!
//! A rule depends on nothing but its arguments, and may be run again: on a newer state, or in a
//! test against another kind of state. Time comes in as a [`Moment`], and everything drawn (ids,
//! passwords, seeds) in the command.

pub mod branches;
pub mod credentials;
pub mod databases;
pub mod drift;
pub mod endpoints;
pub mod expiry;
pub mod merge;
pub mod operations;
pub mod passes;
pub mod passwords;
pub mod projects;
pub mod restore;
pub mod roles;
pub mod rotations;
pub mod webhooks;

use crate::model::branch::Branch;
use crate::model::endpoint::Power;
use crate::model::id::{BranchId, OperationId};
use crate::model::operation::{Action, Event, Operation, Status, Subject};
use crate::model::progress::Progress;
use crate::model::refusal::Refusal;
use crate::model::revision::Moment;
use crate::model::state::{Denied, Read, Write};

/// Sixty-four drawn bits from which the ids of a commit's operations are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

fn refuse<T, E>(refusal: impl Into<Refusal>) -> Result<T, Denied<E>> {
    Err(Denied::Refused(refusal.into()))
}

fn get_branch<S: Read>(state: &S, id: &BranchId) -> Result<Branch, Denied<S::Error>> {
    state.branch(id)?.ok_or_else(|| Denied::Refused(Refusal::BranchMissing(id.clone())))
}

/// Writes the operations of one request, in the order in which they are to happen: the first is
/// running, for nothing comes before it.
fn schedule<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &Branch,
    work: &[(Action, Subject)],
) -> Result<Vec<Operation>, Denied<S::Error>> {
    let mut operations = Vec::with_capacity(work.len());
    for (index, (action, subject)) in (0..).zip(work) {
        let (endpoint, status) = match action {
            // Done by the commit that writes it: the branch is there, and its catalog with it.
            Action::CreateTimeline | Action::CreateBranch => (None, Status::Finished),
            Action::DeleteTimeline => (None, first_runs(index)),
            Action::StartCompute
            | Action::SuspendCompute
            | Action::ApplyConfig
            | Action::SyncDbsAndRolesFromCompute => (branch.endpoint.clone(), first_runs(index)),
        };
        let operation = Operation {
            id: OperationId::at(moment.at, index, seed.0),
            branch: branch.id.clone(),
            endpoint,
            action: *action,
            subject: subject.clone(),
            status,
            revision: moment.revision,
            failures: 0,
            progress: Progress::default(),
            drops: None,
            retry_of: None,
            created_at: moment.at,
            updated_at: moment.at,
        };
        state.put_operation(operation.clone())?;
        operations.push(operation);
    }
    Ok(operations)
}

fn first_runs(index: u8) -> Status {
    if index == 0 { Status::Running { retry: None } } else { Status::Scheduling }
}

/// Notes a change of the branch's roles or databases, and writes the operations that bring its
/// endpoint there. An idle endpoint is started for it and suspended again; a branch without an
/// endpoint has nothing to do.
fn changed<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: Branch,
    subject: Subject,
) -> Result<Vec<Operation>, Denied<S::Error>> {
    let work = application(state, &branch, subject)?;
    changed_by(state, moment, seed, branch, &work)
}

/// Notes a change of the branch's roles or databases, and writes the operations of which it is the
/// reason.
fn changed_by<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: Branch,
    work: &[(Action, Subject)],
) -> Result<Vec<Operation>, Denied<S::Error>> {
    let branch = Branch { updated_at: moment.at, ..branch };
    state.put_branch(branch.clone())?;
    schedule(state, moment, seed, &branch, work)
}

/// Returns what brings a branch's endpoint, where it has one, to what its catalog has.
fn application<S: Read>(
    state: &S,
    branch: &Branch,
    subject: Subject,
) -> Result<Vec<(Action, Subject)>, Denied<S::Error>> {
    let Some(id) = &branch.endpoint else { return Ok(Vec::new()) };
    let is_idle = state.endpoint(id)?.is_some_and(|endpoint| endpoint.desired == Power::Idle);
    let apply = (Action::ApplyConfig, subject);
    let suspend = is_idle.then_some((Action::SuspendCompute, Subject::Whole));
    Ok([Some(apply), suspend].into_iter().flatten().collect())
}

/// Ends the unfinished operations of a branch whose work has become pointless.
fn supersede<S: Write>(
    state: &mut S,
    moment: Moment,
    branch: &BranchId,
) -> Result<(), Denied<S::Error>> {
    for operation in state.unfinished(branch)? {
        let ended = operation.after(Event::Superseded, moment.at);
        state.put_operation(ended.expect("an unfinished operation can be superseded"))?;
    }
    Ok(())
}
