//! Watching: what a worker looks after between two passes, as cheaply as can be.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use crate::compute::error::ComputeError;
use crate::compute::{AnyCompute, Compute, ComputeStatus};
use crate::reconcile::pace::second_half;
use crate::reconcile::worker::Worker;

/// How often it is looked whether a local compute still runs.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long a Postgres may take to answer a probe.
const REACH_TIME: Duration = Duration::from_secs(2);

/// What is looked after.
#[derive(Debug)]
pub(super) enum Watched {
    /// There is nothing to look after. Nobody knocks at a Postgres of others that is well: each
    /// connection costs it a process, and may be a line in its log.
    Nothing,
    /// A compute of this machine, which may end.
    Local(AnyCompute),
    /// A compute that is out of reach, and may come back.
    Away(AnyCompute),
}

impl Worker {
    /// Waits until there is a reason to make a pass.
    pub(super) async fn watch(&mut self) {
        loop {
            match &self.watched {
                Watched::Nothing => std::future::pending().await,
                Watched::Local(_) | Watched::Away(_) => sleep_until(self.next_look).await,
            }
            self.put_off_look();
            let has_reason = match &self.watched {
                Watched::Nothing => false,
                Watched::Local(compute) => self.has_ended(compute).await,
                Watched::Away(compute) => self.probe(compute).await.is_ok(),
            };
            if has_reason {
                return;
            }
        }
    }

    /// Draws when to look next.
    pub(super) fn put_off_look(&mut self) {
        let every = match &self.watched {
            Watched::Nothing | Watched::Local(_) => LOOK_EVERY,
            Watched::Away(_) => self.shared.circuits.pace(),
        };
        self.next_look = Instant::now() + second_half(&*self.shared.entropy, every);
    }

    async fn has_ended(&self, compute: &AnyCompute) -> bool {
        let branch = &self.at.branch;
        let has_ended = matches!(compute.status().await, Ok(ComputeStatus::Stopped));
        if has_ended {
            tracing::warn!(branch.id = %branch, "the Postgres of {branch} does not run any more");
        }
        has_ended
    }

    /// Reaches for a Postgres that is out of reach.
    pub(super) async fn probe(&self, compute: &AnyCompute) -> Result<(), ComputeError> {
        let shared = &self.shared;
        let _permit = shared.reaches.acquire().await.expect("a semaphore that is never closed");
        shared.circuits.probing(&self.at);
        shared.meters.probed();
        let late = |_| {
            let source = format!("no answer within {REACH_TIME:?}").into();
            Err(ComputeError::Unreachable { address: "its address".into(), source })
        };
        let reached = timeout(REACH_TIME, compute.reach()).await.unwrap_or_else(late);
        if let Err(error) = &reached {
            shared.circuits.failed(&self.at, error.to_string(), shared.clock.now());
        }
        reached
    }
}
