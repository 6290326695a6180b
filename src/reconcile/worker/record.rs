//! Recording: what became of a pass, for those who ask, for the log, and for the next pass.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use crate::chain::Chain;
use crate::compute::error::ComputeError;
use crate::control::ControlError;
use crate::control::passes::Assignment;
use crate::model::endpoint::{EndpointState, Site};
use crate::model::operation::{Operation, Status};
use crate::model::progress::Trace;
use crate::model::revision::Timestamp;
use crate::model::rules::passes::{Outcome, Report};
use crate::reconcile::pace::{PAUSE_MAX, pause};
use crate::reconcile::worker::watch::Watched;
use crate::reconcile::worker::{Turn, Worker};
use crate::reconcile::{Passed, outcome, site, waiting};

impl Worker {
    /// Notes what became of a pass, and returns when the next one is due.
    pub(super) async fn conclude(
        &mut self,
        assignment: &Assignment,
        passed: Passed,
        trace: Trace,
    ) -> Result<Instant, ControlError> {
        let pause = match &passed.failure {
            None => self.succeeded(assignment, &passed),
            Some(error) => self.failed(assignment, error),
        };
        self.watched = self.to_watch(assignment, &passed);
        self.put_off_look();
        if let Some(outcome) = outcome(assignment, &passed, self.after(pause)) {
            self.record(assignment, outcome, trace).await?;
        }
        Ok(Instant::now() + pause)
    }

    /// Notes that a compute out of reach was not reached again.
    pub(super) async fn failed_to_reach(
        &mut self,
        assignment: &Assignment,
        error: ComputeError,
    ) -> Result<Turn, ControlError> {
        let passed = Passed { failure: Some(error), ..Passed::default() };
        let next = self.conclude(assignment, passed, Trace::default()).await?;
        Ok(Turn::Passed { next })
    }

    fn to_watch(&self, assignment: &Assignment, passed: &Passed) -> Watched {
        let compute = || self.shared.computes.get(&self.at.branch, site(assignment));
        let is_local = |it: &Site| matches!(it, Site::Local { .. });
        let is_local = assignment.endpoint.as_ref().is_some_and(|it| is_local(&it.site));
        if self.shared.circuits.is_open(&self.at) {
            Watched::Away(compute())
        } else if is_local && passed.left == Some(EndpointState::Active) {
            Watched::Local(compute())
        } else {
            Watched::Nothing
        }
    }

    /// Returns how long to wait until the next pass.
    fn succeeded(&mut self, assignment: &Assignment, passed: &Passed) -> Duration {
        let branch = &self.at.branch;
        self.shared.circuits.close(&self.at);
        for problem in passed.problems.iter().chain(&passed.delayed) {
            tracing::warn!(branch.id = %branch, "{}", problem.message);
        }
        if 0 < passed.steps {
            let steps = passed.steps;
            tracing::info!(branch.id = %branch, steps, revision = assignment.revision.0, "applied {steps} steps to the Postgres of {branch}");
        }
        if passed.delayed.is_empty() {
            self.failures = 0;
            self.shared.pace.rest(&*self.shared.entropy)
        } else {
            self.failures = self.failures.saturating_add(1);
            pause(&*self.shared.entropy, self.failures)
        }
    }

    fn failed(&mut self, assignment: &Assignment, error: &ComputeError) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let branch = &self.at.branch;
        if !error.is_out_of_reach() {
            self.shared.circuits.close(&self.at);
        } else if self.shared.circuits.failed(&self.at, error.to_string(), self.shared.clock.now())
        {
            self.shared.meters.circuit_opened();
            tracing::warn!(branch.id = %branch, "the Postgres of {branch} is out of reach; it is probed until it is back");
        }
        let pause = if error.is_retryable() {
            pause(&*self.shared.entropy, self.failures)
        } else {
            PAUSE_MAX
        };
        let (failures, actions) = (self.failures, waiting(assignment));
        tracing::warn!(branch.id = %branch, failures, ?actions, error = %Chain(error), "a pass on {branch} failed; the next is due in {pause:?}");
        pause
    }

    async fn record(
        &mut self,
        assignment: &Assignment,
        outcome: Outcome,
        trace: Trace,
    ) -> Result<(), ControlError> {
        let report = Report {
            branch: self.at.branch.clone(),
            endpoint: assignment.endpoint.as_ref().map(|endpoint| endpoint.id.clone()),
            revision: assignment.revision,
            outcome,
            trace,
        };
        let changed = self.shared.control.record_pass(&self.at, report).await?;
        self.tell(&changed);
        self.unfinished.set(self.shared.control.unfinished(&self.at)?.len());
        Ok(())
    }

    /// Tells the log of operations that ended.
    pub(super) fn tell(&self, changed: &[Operation]) {
        for operation in changed {
            self.shared.meters.changed(&operation.status);
            let (id, action) = (operation.id, operation.action.as_str());
            let branch = &operation.branch;
            match &operation.status {
                Status::Finished | Status::Skipped | Status::Cancelled => {
                    let status = operation.status.as_str();
                    tracing::info!(operation.id = %id, branch.id = %branch, "{status} {action}");
                }
                Status::Failed { error } => {
                    tracing::warn!(operation.id = %id, branch.id = %branch, "gave up {action}: {error}");
                }
                Status::Scheduling | Status::Running { .. } | Status::Cancelling => {}
            }
        }
    }

    fn after(&self, pause: Duration) -> Timestamp {
        self.shared.clock.now() + TimeDelta::from_std(pause).unwrap_or(TimeDelta::zero())
    }
}
