//! What is forgotten: in the background, what nobody can ask for any more goes.
//!
//! A round looks at every log: it forgets operations that ended long ago and requests that were
//! carried out a day ago, raises the floor to where the project's retention allows, and deletes what
//! lies below. It takes no input and keeps nothing between runs of the server; what a round did not
//! come to, the next one does.

mod meters;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::clock::Clock;
use crate::config::Trimming;
use crate::control::retention::Due;
use crate::control::{ControlError, ControlPlane};
use crate::model::revision::{Revision, Timestamp};
use crate::store::catalog::Catalog;
use crate::store::directory::Directory;
use crate::store::engine::LogId;
use crate::store::published::Extent;
use crate::store::trim::{TrimError, Trimmed};

/// A log is trimmed when this many times what would go is at least what stays: marking reads all
/// that stays, so what it costs is within this many rows for each that goes.
const WORTH: u64 = 8;

/// How many commits a round makes at the most to forget operations of one project, or receipts of
/// one log.
const MAX_COMMITS: usize = 64;

/// What was forgotten since the server started, and what is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// How many rows were deleted.
    pub rows_trimmed: u64,
    /// How many rows below floors are kept for nodes that later states share.
    pub rows_kept: u64,
    /// How many logs of deleted projects were removed.
    pub logs_removed: u64,
    /// How many operations were forgotten.
    pub operations_forgotten: u64,
    /// How many receipts of requests were forgotten.
    pub receipts_forgotten: u64,
    /// The earliest time that can be asked for, of all projects.
    pub oldest_floor: Option<Timestamp>,
    /// When the last round ended.
    pub last_run: Option<Timestamp>,
}

/// What trims the logs.
pub struct Trimmer {
    control: ControlPlane,
    clock: Arc<dyn Clock>,
    pace: Trimming,
    stop: CancellationToken,
    abandoned: HashSet<LogId>,
    /// How many rows below its floor each log kept when it was last trimmed to the end.
    kept: HashMap<LogId, u64>,
    counters: watch::Sender<Counters>,
}

/// A log could not be looked at or trimmed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("failed to look at the log")]
    Control(#[from] ControlError),
    #[error("failed to trim the log")]
    Trim(#[from] TrimError),
}

impl Trimmer {
    /// Returns the trimmer of a server that takes no requests yet.
    pub fn new(
        control: ControlPlane,
        clock: Arc<dyn Clock>,
        pace: Trimming,
        stop: CancellationToken,
    ) -> Result<Self, ControlError> {
        let abandoned = control.abandoned_logs()?;
        let counters = watch::Sender::default();
        Ok(Self { control, clock, pace, stop, abandoned, kept: HashMap::new(), counters })
    }

    /// Returns a receiver of the counters, which shows them too.
    #[must_use]
    pub fn counters(&self) -> watch::Receiver<Counters> {
        self.counters.subscribe()
    }

    /// Trims until the server stops.
    pub async fn run(mut self) {
        while !self.stop.is_cancelled() {
            self.round().await;
            tokio::select! {
                () = tokio::time::sleep(self.pace.every) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// Looks at every log once.
    pub async fn round(&mut self) {
        let extents = self.control.store().extents();
        self.kept.retain(|log, _| extents.iter().any(|extent| extent.log == *log));
        let mut oldest: Option<Timestamp> = None;
        for extent in extents {
            if self.stop.is_cancelled() {
                return;
            }
            if let Err(error) = self.log(extent).await
                // In these cases a later round trims it.
                && !matches!(error, Failure::Trim(TrimError::Pinned | TrimError::Stopped))
            {
                // What is wrong with one log must not stop the others.
                tracing::error!(log = %extent.log, "a log is not trimmed: {}", Chain(&error));
            }
            oldest = match (oldest, self.floor(extent.log)) {
                (Some(oldest), Some(floor)) => Some(oldest.min(floor)),
                (oldest, floor) => oldest.or(floor),
            };
            tokio::task::yield_now().await;
        }
        let (rows_kept, now) = (self.kept.values().sum(), self.clock.now());
        self.counters.send_modify(|counters| {
            counters.rows_kept = rows_kept;
            counters.oldest_floor = oldest;
            counters.last_run = Some(now);
        });
    }

    fn floor(&self, log: LogId) -> Option<Timestamp> {
        let is_project = log != LogId::DIRECTORY;
        let floor = is_project.then(|| self.control.store().floor(log).ok().flatten());
        floor.flatten().map(|moment| moment.at)
    }

    async fn log(&mut self, extent: Extent) -> Result<(), Failure> {
        let Extent { log, floor, head } = extent;
        let due = if self.abandoned.contains(&log) {
            Due::Remove
        } else {
            self.control.due(extent, self.pace.grace)?
        };
        let was_trimmed = self.kept.contains_key(&log) || floor == Revision::FIRST;
        match due {
            Due::Remove => {
                self.trimmed(self.control.store().remove(log, &self.stop).await?);
                self.control.forget_places(log).await?;
                self.counters.send_modify(|counters| counters.logs_removed += 1);
                self.abandoned.remove(&log);
                return Ok(());
            }
            Due::Trim(to) if is_worth(floor, to, head) => self.trim(log, to).await?,
            // The last server may have been stopped before it came to the end.
            Due::Nothing | Due::Trim(_) if !was_trimmed => self.trim(log, floor).await?,
            Due::Nothing | Due::Trim(_) => {}
        }
        if log != LogId::DIRECTORY {
            self.forget_operations(log).await?;
        }
        self.forget_receipts(log).await
    }

    async fn trim(&mut self, log: LogId, floor: Revision) -> Result<(), Failure> {
        // One that does not come to its end is made again, even where the floor stays.
        self.kept.remove(&log);
        let trimmed = self.control.store().trim(log, floor, &self.stop).await?;
        self.kept.insert(log, trimmed.kept);
        self.trimmed(trimmed);
        if 0 < trimmed.deleted {
            let Trimmed { deleted, kept } = trimmed;
            tracing::debug!(%log, deleted, kept, "trimmed {log} below revision {floor}");
        }
        Ok(())
    }

    fn trimmed(&self, trimmed: Trimmed) {
        self.counters.send_modify(|counters| counters.rows_trimmed += trimmed.deleted);
    }

    async fn forget_operations(&self, log: LogId) -> Result<(), Failure> {
        for _ in 0..MAX_COMMITS {
            let forgotten = self.control.forget_operations(log).await?;
            if forgotten == 0 || self.stop.is_cancelled() {
                break;
            }
            let forgotten = u64::try_from(forgotten).unwrap_or(u64::MAX);
            self.counters.send_modify(|counters| counters.operations_forgotten += forgotten);
        }
        Ok(())
    }

    async fn forget_receipts(&self, log: LogId) -> Result<(), Failure> {
        for _ in 0..MAX_COMMITS {
            let forgotten = if log == LogId::DIRECTORY {
                self.control.forget_receipts::<Directory>(log).await?
            } else {
                self.control.forget_receipts::<Catalog>(log).await?
            };
            if forgotten == 0 || self.stop.is_cancelled() {
                break;
            }
            let forgotten = u64::try_from(forgotten).unwrap_or(u64::MAX);
            self.counters.send_modify(|counters| counters.receipts_forgotten += forgotten);
        }
        Ok(())
    }
}

/// Whether enough goes for what marking costs.
fn is_worth(floor: Revision, to: Revision, head: Revision) -> bool {
    head.0 - to.0 <= (to.0 - floor.0).saturating_mul(WORTH)
}
