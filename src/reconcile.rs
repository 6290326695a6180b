//! How it converges: one pass makes one attempt to bring a branch's compute to its catalog.
//!
//! A pass takes no input. It reads what the catalog wants now and what the compute has now, and
//! closes the gap; whether it was made for a request, after a crash or because time went by makes
//! no difference to it. Nobody else talks to a compute.

pub mod expiry;
pub mod fleet;
pub mod meters;
mod preview;
mod probes;
pub mod rotation;
pub mod turns;
pub mod worker;

mod schemas;
mod telling;

use std::collections::BTreeSet;

use crate::compute::error::ComputeError;
use crate::compute::{Address, Compute, ComputeSite};
use crate::control::passes::Assignment;
use crate::model::drift::Deviation;
use crate::model::endpoint::{Attachment, Endpoint, EndpointState, Power, Site};
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::operation::Action;
use crate::model::revision::Timestamp;
use crate::model::rules::passes::{Outcome, Problem};
use crate::model::state::Mark;
use crate::plan::desired::Desired;

/// What a pass did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Whether the compute runs; absent where the branch has no endpoint.
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
}

/// Makes one attempt to bring `compute` to what the catalog wants of the branch.
///
/// # Errors
///
/// What was done before the failure stays done. The next pass looks again and goes on from there.
pub async fn pass(
    compute: &impl Compute,
    branch: &BranchId,
    assignment: &Assignment,
) -> Result<Passed, ComputeError> {
    let Some(endpoint) = &assignment.endpoint else {
        match assignment.branch {
            None => compute.destroy().await?,
            Some(_) => compute.suspend().await?,
        }
        return Ok(Passed::default());
    };
    let mut passed = Passed { left: Some(EndpointState::Idle), ..Passed::default() };
    if wants_restart(assignment) {
        compute.suspend().await?;
    }
    if endpoint.desired == Power::Active || wants_change(assignment) {
        compute.start().await?;
        let desired = Desired::new(
            branch.clone(),
            assignment.revision,
            &assignment.roles,
            &assignment.databases,
        )
        .under(assignment.orders.clone());
        let converged = compute.converge(&desired).await?;
        passed = Passed {
            left: Some(EndpointState::Active),
            lsn: Some(converged.lsn),
            problems: converged.problems,
            delayed: converged.delayed,
            deviations: Some(converged.deviations),
            steps: converged.steps,
        };
    }
    if endpoint.desired == Power::Idle {
        compute.suspend().await?;
        passed.left = Some(EndpointState::Idle);
    }
    Ok(passed)
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
    if assignment.unfinished.is_empty() && was == passed.left {
        return None;
    }
    let mark = passed.lsn.map(|lsn| Mark { lsn, revision: assignment.revision });
    let (problems, delayed) = (passed.problems.clone(), passed.delayed.clone());
    Some(Outcome::Done { left: passed.left, mark, problems, delayed, next })
}

/// Returns the names of the actions that wait, for the log.
fn waiting(assignment: &Assignment) -> BTreeSet<&'static str> {
    assignment.unfinished.iter().map(|operation| operation.action.as_str()).collect()
}
