//! When passes are made: a worker for each branch that has an endpoint or work to do. A branch has
//! at most one endpoint, so that is a worker for each endpoint, and never two passes on one at once.

mod record;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::clock::Clock;
use crate::compute::error::ComputeError;
use crate::compute::{Compute, ComputeSite, Computes};
use crate::control::passes::Assignment;
use crate::control::{BranchRef, ControlError, ControlPlane};
use crate::entropy::Entropy;
use crate::meter::Share;
use crate::model::endpoint::{Endpoint, Power, Site};
use crate::model::operation::{Operation, Status};
use crate::model::progress::Trace;
use crate::model::revision::Revision;
use crate::reconcile::circuits::Circuits;
use crate::reconcile::interrupt::{Wanted, interrupted};
use crate::reconcile::meters::{Ended, Meters};
use crate::reconcile::pace::{PAUSE_MAX, Pace};
use crate::reconcile::telling::pass_and_tell;
use crate::reconcile::turns::Turns;
use crate::reconcile::worker::watch::Watched;
use crate::reconcile::{Passed, site};

/// How long a pass may take before it counts as failed.
const PASS_TIME: Duration = Duration::from_secs(300);

/// For how long no request may have come before those that came during a pass are seen to by the
/// next: requests that come in a row are seen to by one.
const GATHERED: Duration = Duration::from_millis(20);

/// How often it is looked whether more have come. After that they are seen to in any case.
const MAX_GATHERINGS: usize = 25;

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
    /// How often passes are made, and how many at once.
    pub pace: Pace,
    /// The places of the passes that are under way.
    pub passes: Semaphore,
    /// How many computes may be asked something at once.
    pub probes: Semaphore,
    /// How many computes may be reached for at once.
    pub reaches: Semaphore,
    /// How many computes may be read at once.
    pub reads: Semaphore,
    /// Whose turn it is on each branch.
    pub turns: Turns,
    /// Which computes are out of reach.
    pub circuits: Arc<Circuits>,
    /// What is counted.
    pub meters: Arc<Meters>,
    /// Is cancelled when the server stops.
    pub stop: CancellationToken,
}

/// Makes passes on one branch for as long as it has an endpoint or work to do.
pub async fn work(shared: Arc<Shared>, at: BranchRef, nudge: Arc<Notify>) {
    let unfinished = shared.meters.share();
    let mut worker = Worker {
        shared,
        at,
        nudge: Arc::clone(&nudge),
        failures: 0,
        last: Revision::ZERO,
        watched: Watched::Nothing,
        next_look: Instant::now(),
        has_just_passed: false,
        unfinished,
    };
    let mut due = Instant::now();
    let stop = worker.shared.stop.clone();
    while !stop.is_cancelled() {
        match worker.turn(due).await {
            // What came during the pass may have nudged nobody.
            Ok(Turn::Passed { next }) => {
                due = next;
                continue;
            }
            Ok(Turn::Waits) => {}
            Ok(Turn::Over) => break,
            Err(error) => {
                // The store failed or a secret does not open. The server sees to the first.
                tracing::error!(branch.id = %worker.at.branch, error = %Chain(&error), "a pass could not be made");
                due = Instant::now() + PAUSE_MAX;
            }
        }
        tokio::select! {
            () = nudge.notified() => {}
            () = tokio::time::sleep_until(due) => {}
            () = worker.watch() => due = Instant::now(),
            () = stop.cancelled() => break,
        }
    }
    worker.shared.circuits.close(&worker.at);
}

/// What became of a worker's turn.
enum Turn {
    /// It made a pass, and makes another at the latest by then.
    Passed { next: Instant },
    /// There is no pass to be made yet.
    Waits,
    /// There is nothing to be done on the branch any more.
    Over,
}

struct Worker {
    shared: Arc<Shared>,
    at: BranchRef,
    nudge: Arc<Notify>,
    /// How many passes have failed since one succeeded.
    failures: u32,
    /// The revision that the last pass read.
    last: Revision,
    /// What the last pass left to be looked after.
    watched: Watched,
    /// When it is looked after next. Whatever wakes the worker in between does not put that off.
    next_look: Instant,
    /// Whether the turn before this one made a pass.
    has_just_passed: bool,
    /// The branch's share of the operations that have not ended.
    unfinished: Share,
}

impl Worker {
    /// Makes a pass if there is news or if one is due.
    async fn turn(&mut self, due: Instant) -> Result<Turn, ControlError> {
        let has_just_passed = std::mem::take(&mut self.has_just_passed);
        let mut news = self.news().await?;
        if news.is_empty() && Instant::now() < due {
            return Ok(Turn::Waits);
        }
        if has_just_passed && !news.is_empty() {
            news = self.gather(news).await?;
        }
        if news.iter().any(Operation::is_retried) {
            self.shared.circuits.close(&self.at);
            self.failures = 0;
        }
        let shared = Arc::clone(&self.shared);
        let turn = shared.turns.take(&self.at).await;
        if let Some((assignment, error)) = self.cut_off().await? {
            self.last = assignment.revision;
            return self.failed_to_reach(&assignment, error).await;
        }
        // Read once it is our turn: what is wanted may change while others are at work.
        let permit = shared.passes.acquire().await.expect("a semaphore that is never closed");
        let Some(mut assignment) = shared.control.assignment(&self.at)? else {
            return Ok(Turn::Over);
        };
        // Where a pass failed, something may still run or lie around, whatever the operation says.
        let is_settled = assignment.unfinished.is_empty() && self.failures == 0;
        if assignment.endpoint.is_none() && is_settled {
            return Ok(Turn::Over);
        }
        self.last = assignment.revision;
        let mut in_flight = shared.meters.in_flight();
        in_flight.set(1);
        let (passed, trace) = self.attempt(&mut assignment).await?;
        self.last = assignment.revision;
        drop((in_flight, permit, turn));
        self.has_just_passed = true;
        self.shared.meters.passed(Ended::of(&passed));
        let next = self.conclude(&assignment, passed, trace).await?;
        Ok(Turn::Passed { next })
    }

    /// Returns the operations that the last pass did not see, having ended those that are to end.
    async fn news(&mut self) -> Result<Vec<Operation>, ControlError> {
        let mut unfinished = self.shared.control.unfinished(&self.at)?;
        if unfinished.iter().any(|operation| operation.status == Status::Cancelling) {
            let ended = self.shared.control.end_cancelled(&self.at).await?;
            self.tell(&ended);
            unfinished = self.shared.control.unfinished(&self.at)?;
        }
        self.unfinished.set(unfinished.len());
        unfinished.retain(|operation| self.last < operation.revision);
        Ok(unfinished)
    }

    /// Waits until no more requests come in a row, and returns the operations of all.
    async fn gather(&mut self, mut news: Vec<Operation>) -> Result<Vec<Operation>, ControlError> {
        for _ in 0..MAX_GATHERINGS {
            let count = news.len();
            sleep(GATHERED).await;
            news = self.news().await?;
            if news.len() == count {
                break;
            }
        }
        Ok(news)
    }

    /// Makes passes until all that they find is told, in time and for as long as anybody wants it. The
    /// assignment is then the one of the last.
    async fn attempt(&self, assignment: &mut Assignment) -> Result<(Passed, Trace), ControlError> {
        let compute = self.shared.computes.get(&self.at.branch, site(assignment));
        let (mut trace, wanted) = (Trace::default(), Wanted::of(assignment));
        let failed = |error| Passed { failure: Some(error), ..Passed::default() };
        let attempt = async {
            match self.leave_local(assignment).await {
                Ok(()) => {
                    let control = &self.shared.control;
                    pass_and_tell(control, &self.at, &compute, assignment, &mut trace).await
                }
                Err(error) => Ok(failed(error)),
            }
        };
        let passed = tokio::select! {
            biased;
            result = timeout(PASS_TIME, attempt) => {
                let late = |_| Ok(failed(ComputeError::TookTooLong { time: PASS_TIME }));
                result.unwrap_or_else(late)?
            }
            () = interrupted(&self.shared.control, &self.at, &self.nudge, wanted) => {
                failed(ComputeError::Interrupted)
            }
        };
        Ok((passed, trace))
    }

    /// Reaches for a compute whose circuit is open, instead of making a pass. Returns why it is not
    /// reached, if it is not. One that is to stop is not reached for, but stopped.
    async fn cut_off(&mut self) -> Result<Option<(Assignment, ComputeError)>, ControlError> {
        if !self.shared.circuits.is_open(&self.at) {
            return Ok(None);
        }
        let Some(assignment) = self.shared.control.assignment(&self.at)? else { return Ok(None) };
        let is_to_run = |it: &Endpoint| it.desired == Power::Active;
        if !assignment.endpoint.as_ref().is_some_and(is_to_run) {
            return Ok(None);
        }
        let compute = self.shared.computes.get(&self.at.branch, site(&assignment));
        Ok(self.probe(&compute).await.err().map(|error| (assignment, error)))
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
}
