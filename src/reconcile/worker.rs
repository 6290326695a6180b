//! When passes are made: a worker for each branch that has an endpoint or work to do. A branch has
//! at most one endpoint, so that is a worker for each endpoint, and never two passes on one at once.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::clock::Clock;
use crate::compute::error::ComputeError;
use crate::compute::{Compute, ComputeSite, Computes};
use crate::control::passes::Assignment;
use crate::control::{BranchRef, ControlError, ControlPlane};
use crate::entropy::{self, Entropy};
use crate::meter::Share;
use crate::model::endpoint::Site;
use crate::model::operation::{Retry, Status};
use crate::model::revision::{Revision, Timestamp};
use crate::model::rules::passes::{Outcome, Report};
use crate::reconcile::meters::{Ended, Meters};
use crate::reconcile::telling::pass_and_tell;
use crate::reconcile::turns::Turns;
use crate::reconcile::{Passed, outcome, site, waiting};

/// How long after a good pass the next one looks for drift.
const PERIOD: Duration = Duration::from_secs(60);

/// The pause after a first failure. It doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(500);

/// The longest pause after a failure.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How long a pass may take before it counts as failed.
const PASS_TIME: Duration = Duration::from_secs(300);

/// What all workers share.
pub struct Shared {
    /// What there is to do, and what was done.
    pub control: ControlPlane,
    /// Where the branches' computes are.
    pub computes: Computes,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for pauses.
    pub entropy: Arc<dyn Entropy>,
    /// How many passes may be under way at once.
    pub passes: Semaphore,
    /// How many computes may be asked something at once.
    pub probes: Semaphore,
    /// How many computes may be read at once.
    pub reads: Semaphore,
    /// Whose turn it is on each branch.
    pub turns: Turns,
    /// What is counted.
    pub meters: Arc<Meters>,
    /// Is cancelled when the server stops.
    pub stop: CancellationToken,
}

/// Makes passes on one branch for as long as it has an endpoint or work to do.
pub async fn work(shared: Arc<Shared>, at: BranchRef, nudge: Arc<Notify>) {
    let unfinished = shared.meters.share();
    let mut worker = Worker { shared, at, failures: 0, last: Revision::ZERO, unfinished };
    let mut due = Instant::now();
    while !worker.shared.stop.is_cancelled() {
        match worker.turn(due).await {
            Ok(Some(next)) => due = next,
            Ok(None) => return,
            Err(error) => {
                // The store failed or a secret does not open. The server sees to the first.
                tracing::error!(branch.id = %worker.at.branch, error = %Chain(&error), "a pass could not be made");
                due = Instant::now() + PAUSE_MAX;
            }
        }
        tokio::select! {
            () = nudge.notified() => {}
            () = tokio::time::sleep_until(due) => {}
            () = worker.shared.stop.cancelled() => return,
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    at: BranchRef,
    /// How many passes have failed since one succeeded.
    failures: u32,
    /// The revision that the last pass read.
    last: Revision,
    /// The branch's share of the operations that have not ended.
    unfinished: Share,
}

impl Worker {
    /// Makes a pass if there is news or if one is due, and returns when the next one is due;
    /// nothing where there will be none.
    async fn turn(&mut self, due: Instant) -> Result<Option<Instant>, ControlError> {
        let unfinished = self.shared.control.unfinished(&self.at)?;
        self.unfinished.set(unfinished.len());
        let has_news = unfinished.iter().any(|operation| self.last < operation.revision);
        if !has_news && Instant::now() < due {
            return Ok(Some(due));
        }
        let turn = self.shared.turns.take(&self.at).await;
        // Read once it is our turn: what is wanted may change while others are at work.
        let permit = self.shared.passes.acquire().await.expect("a semaphore that is never closed");
        let Some(mut assignment) = self.shared.control.assignment(&self.at)? else {
            return Ok(None);
        };
        // Where a pass failed, something may still run or lie around, whatever the operation says.
        let is_settled = assignment.unfinished.is_empty() && self.failures == 0;
        if assignment.endpoint.is_none() && is_settled {
            return Ok(None);
        }
        let compute = self.shared.computes.get(&self.at.branch, site(&assignment));
        let attempt = async {
            if let Err(error) = self.leave_local(&assignment).await {
                return Ok(Err(error));
            }
            pass_and_tell(&self.shared.control, &self.at, &compute, &mut assignment).await
        };
        let result = timeout(PASS_TIME, attempt).await;
        drop((permit, turn));
        self.last = assignment.revision;
        match result.map_or_else(|elapsed| Ok(Err(elapsed)), |done| done.map(Ok))? {
            Ok(Ok(passed)) => self.succeeded(&assignment, &passed).await,
            Ok(Err(error)) => self.failed(&assignment, &error).await,
            Err(_) => {
                self.failed(&assignment, &ComputeError::TookTooLong { time: PASS_TIME }).await
            }
        }
        .map(Some)
    }

    /// Stops the local compute of a branch whose endpoint is attached: it may have had a local one
    /// before.
    async fn leave_local(&self, assignment: &Assignment) -> Result<(), ComputeError> {
        match assignment.endpoint.as_ref().map(|endpoint| &endpoint.site) {
            Some(Site::Attached(_)) => {
                let local = ComputeSite::Local {
                    port: 0,
                    pg_version: assignment.pg_version.number().into(),
                };
                self.shared.computes.get(&self.at.branch, local).suspend().await
            }
            Some(Site::Local { .. }) | None => Ok(()),
        }
    }

    async fn succeeded(
        &mut self,
        assignment: &Assignment,
        passed: &Passed,
    ) -> Result<Instant, ControlError> {
        if passed.delayed.is_empty() {
            self.failures = 0;
            self.shared.meters.passed(Ended::Done);
        } else {
            self.failures = self.failures.saturating_add(1);
            self.shared.meters.passed(Ended::Delayed);
        }
        let branch = &self.at.branch;
        for problem in passed.problems.iter().chain(&passed.delayed) {
            tracing::warn!(branch.id = %branch, "{}", problem.message);
        }
        if 0 < passed.steps {
            let steps = passed.steps;
            tracing::info!(branch.id = %branch, steps, revision = assignment.revision.0, "applied {steps} steps to the Postgres of {branch}");
        }
        let pause = match self.failures {
            0 => PERIOD / 2 + self.jitter(PERIOD / 2),
            _ => self.pause(),
        };
        if let Some(outcome) = outcome(assignment, passed, self.after(pause)) {
            self.record(assignment, outcome).await?;
        }
        Ok(Instant::now() + pause)
    }

    async fn failed(
        &mut self,
        assignment: &Assignment,
        error: &ComputeError,
    ) -> Result<Instant, ControlError> {
        self.failures = self.failures.saturating_add(1);
        self.shared.meters.passed(Ended::Failed);
        let pause = if error.is_retryable() { self.pause() } else { PAUSE_MAX };
        let branch = &self.at.branch;
        let actions = waiting(assignment);
        tracing::warn!(branch.id = %branch, failures = self.failures, ?actions, error = %Chain(error), "a pass on {branch} failed; the next is due in {pause:?}");
        if !assignment.unfinished.is_empty() {
            let outcome = if error.is_retryable() {
                Outcome::Delayed(Retry { error: error.to_string(), at: self.after(pause) })
            } else {
                Outcome::Hopeless { error: error.to_string() }
            };
            self.record(assignment, outcome).await?;
        }
        Ok(Instant::now() + pause)
    }

    async fn record(
        &mut self,
        assignment: &Assignment,
        outcome: Outcome,
    ) -> Result<(), ControlError> {
        let report = Report {
            branch: self.at.branch.clone(),
            endpoint: assignment.endpoint.as_ref().map(|endpoint| endpoint.id.clone()),
            revision: assignment.revision,
            outcome,
        };
        for operation in self.shared.control.record_pass(&self.at, report).await? {
            self.shared.meters.changed(&operation.status);
            let (id, action) = (operation.id, operation.action.as_str());
            let branch = &operation.branch;
            match &operation.status {
                Status::Finished => {
                    tracing::info!(operation.id = %id, branch.id = %branch, "finished {action}");
                }
                Status::Skipped => {
                    tracing::info!(operation.id = %id, branch.id = %branch, "skipped {action}");
                }
                Status::Failed { error } => {
                    tracing::warn!(operation.id = %id, branch.id = %branch, "gave up {action}: {error}");
                }
                Status::Scheduling | Status::Running { .. } => {}
            }
        }
        self.unfinished.set(self.shared.control.unfinished(&self.at)?.len());
        Ok(())
    }

    fn after(&self, pause: Duration) -> Timestamp {
        self.shared.clock.now() + TimeDelta::from_std(pause).unwrap_or(TimeDelta::zero())
    }

    fn pause(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        let most = (PAUSE_MIN * 2_u32.pow(doublings)).min(PAUSE_MAX);
        most / 2 + self.jitter(most / 2)
    }

    /// Draws a time up to `most`, so that workers whose computes went away together do not come
    /// back together.
    fn jitter(&self, most: Duration) -> Duration {
        let parts = u32::from(u16::from_be_bytes(entropy::array(&*self.shared.entropy)));
        most * parts / u32::from(u16::MAX)
    }
}
