//! How it converges: one pass makes one attempt to bring a branch's compute to its catalog.
//!
//! A pass takes no input. It reads what the catalog wants now and what the compute has now, and
//! closes the gap; whether it was made for a request, after a crash or because time went by makes
//! no difference to it. Nobody else talks to a compute.

pub mod circuits;
pub mod expiry;
pub mod fleet;
pub mod meters;
pub mod pace;
mod preview;
mod probes;
pub mod rotation;
pub mod turns;
pub mod worker;

mod interrupt;
mod schemas;
mod telling;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;

use crate::compute::error::ComputeError;
use crate::compute::{Address, Compute, ComputeSite, timed};
use crate::control::passes::Assignment;
use crate::model::drift::Deviation;
use crate::model::endpoint::{Attachment, Endpoint, EndpointState, Power, Site};
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::name::RoleName;
use crate::model::operation::{Action, Operation, Subject};
use crate::model::progress::Trace;
use crate::model::revision::{Revision, Timestamp};
use crate::model::rules::passes::{Outcome, Problem};
use crate::model::state::Mark;
use crate::plan::desired::Desired;

/// How long roles are seen to before a compute stops that is told to.
const STOP_TIME: Duration = Duration::from_secs(5);

/// What a pass did.
#[derive(Debug, Default)]
pub struct Passed {
    /// Whether the compute runs; absent where the branch has no endpoint, or nobody knows.
    pub left: Option<EndpointState>,
    /// Where the log of its Postgres was when it had what was desired.
    pub lsn: Option<Lsn>,
    /// What could not be done, and no retry would mend.
    pub problems: Vec<Problem>,
    /// What could not be done yet, while everything else was.
    pub delayed: Vec<Problem>,
    /// What somebody changed by hand, and is still so; nothing where nobody looked.
    pub deviations: Option<Vec<Deviation>>,
    /// How many steps were applied.
    pub steps: usize,
    /// Why it broke off, if it did. What was done before stays done: the next pass looks again and
    /// goes on from there.
    pub failure: Option<ComputeError>,
}

/// Makes one attempt to bring `compute` to what the catalog wants of the branch, and notes in
/// `trace` what that takes.
pub async fn pass(
    compute: &impl Compute,
    branch: &BranchId,
    assignment: &Assignment,
    trace: &mut Trace,
) -> Passed {
    let mut passed = Passed::default();
    let attempt = attempt(compute, branch, assignment, trace, &mut passed).await;
    passed.failure = attempt.err();
    passed
}

async fn attempt(
    compute: &impl Compute,
    branch: &BranchId,
    assignment: &Assignment,
    trace: &mut Trace,
    passed: &mut Passed,
) -> Result<(), ComputeError> {
    let Some(endpoint) = &assignment.endpoint else {
        return match assignment.branch {
            None => timed(trace, "remove", compute.destroy()).await,
            Some(_) => timed(trace, "suspend", compute.suspend()).await,
        };
    };
    if wants_restart(assignment) {
        timed(trace, "suspend", compute.suspend()).await?;
    }
    let mut applied = Ok(());
    if endpoint.desired == Power::Active || wants_change(assignment) {
        let apply = apply(compute, branch, assignment, trace, passed);
        applied = if wants_stop(assignment) {
            let late = |_| Err(ComputeError::TookTooLong { time: STOP_TIME });
            timeout(STOP_TIME, apply).await.unwrap_or_else(late)
        } else {
            apply.await
        };
    }
    // Nothing that is wrong with roles keeps a compute from being stopped.
    if endpoint.desired == Power::Idle {
        passed.left = None;
        timed(trace, "suspend", compute.suspend()).await?;
        passed.left = Some(EndpointState::Idle);
    }
    applied
}

async fn apply(
    compute: &impl Compute,
    branch: &BranchId,
    assignment: &Assignment,
    trace: &mut Trace,
    passed: &mut Passed,
) -> Result<(), ComputeError> {
    timed(trace, "start", compute.start()).await?;
    passed.left = Some(EndpointState::Active);
    let desired = desired(branch, assignment);
    let converged = compute.converge(&desired, trace).await?;
    passed.lsn = Some(converged.lsn);
    passed.problems = converged.problems;
    passed.delayed = converged.delayed;
    passed.deviations = Some(converged.deviations);
    passed.steps = converged.steps;
    Ok(())
}

/// Returns what the catalog wants of a branch's Postgres.
fn desired(branch: &BranchId, assignment: &Assignment) -> Desired {
    let Assignment { revision, roles, databases, orders, .. } = assignment;
    let desired = Desired::new(branch.clone(), *revision, roles, databases).under(orders.clone());
    Desired { estates: estates(assignment), ..desired }
}

/// Returns the dropped roles whose objects somebody wants to go with them.
fn estates(assignment: &Assignment) -> BTreeSet<(RoleName, Revision)> {
    let estate = |operation: &Operation| match &operation.subject {
        Subject::Role(name) => Some((name.clone(), operation.drops?)),
        Subject::Whole | Subject::Database(_) => None,
    };
    assignment.unfinished.iter().filter_map(estate).collect()
}

/// Whether somebody asked for the compute to stop, and for nothing else in the same request.
fn wants_stop(assignment: &Assignment) -> bool {
    let waiting = &assignment.unfinished;
    let stops = waiting.iter().filter(|operation| operation.action == Action::SuspendCompute);
    let mut alone = stops.filter(|stop| {
        let others = waiting.iter().filter(|other| other.revision == stop.revision);
        others.count() == 1
    });
    alone.next().is_some()
}

/// Whether somebody asked for the compute to stop and run again: both in one request, so that a stop
/// and a start which were asked for one after the other are not taken for it. A pass that dies
/// between the restart and its record leaves the next one to do it again.
fn wants_restart(assignment: &Assignment) -> bool {
    let with = |action| {
        let waiting = assignment.unfinished.iter();
        waiting.filter(move |operation| operation.action == action)
    };
    with(Action::SuspendCompute)
        .any(|stop| with(Action::StartCompute).any(|start| start.revision == stop.revision))
}

/// Whether an operation waits for a change that needs a running compute.
fn wants_change(assignment: &Assignment) -> bool {
    assignment.unfinished.iter().any(|operation| match operation.action {
        Action::ApplyConfig | Action::StartCompute | Action::SyncDbsAndRolesFromCompute => true,
        Action::CreateTimeline
        | Action::CreateBranch
        | Action::DeleteTimeline
        | Action::SuspendCompute => false,
    })
}

/// Returns where the branch's compute is found. One that has no endpoint any more may still have a
/// local compute to stop or to remove.
#[must_use]
pub fn site(assignment: &Assignment) -> ComputeSite {
    let pg_version = assignment.pg_version.number().into();
    match &assignment.endpoint {
        None => ComputeSite::Local { port: 0, pg_version },
        Some(Endpoint { site: Site::Local { port }, .. }) => {
            ComputeSite::Local { port: *port, pg_version }
        }
        Some(Endpoint { site: Site::Attached(attachment), .. }) => {
            let Attachment { host, port, database, user, password: _, tls } = attachment.clone();
            let password = assignment.login.clone();
            let password = password.expect("an attached endpoint has a login");
            ComputeSite::Attached(Address { host, port, database, user, password, tls })
        }
    }
}

/// Returns what is to be recorded of a pass; nothing where it left all as it was.
#[must_use]
pub fn outcome(assignment: &Assignment, passed: &Passed, next: Timestamp) -> Option<Outcome> {
    let was = assignment.endpoint.as_ref().map(|endpoint| endpoint.state);
    let left = passed.left;
    let is_known = passed.failure.is_none() || left.is_some();
    if assignment.unfinished.is_empty() && (was == left || !is_known) {
        return None;
    }
    if let Some(failure) = &passed.failure {
        let (error, fault) = (failure.to_string(), failure.fault());
        return Some(Outcome::Failed { error, fault, next, left });
    }
    let mark = passed.lsn.map(|lsn| Mark { lsn, revision: assignment.revision });
    let (problems, delayed) = (passed.problems.clone(), passed.delayed.clone());
    Some(Outcome::Done { left, mark, problems, delayed, next })
}

/// Returns the names of the actions that wait, for the log.
fn waiting(assignment: &Assignment) -> BTreeSet<&'static str> {
    assignment.unfinished.iter().map(|operation| operation.action.as_str()).collect()
}
