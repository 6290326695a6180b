//! What is kept: append-only logs of commits, and the state that their newest rows hold.
//!
//! A project is one log; the directory, which says which projects there are, is another. A commit
//! is one row: its revision, its time, who asked for what, and the tree nodes that it created. Rows
//! are dense from the log's floor on, ordered in number and time, and never change, so that what was
//! read once may be cached for ever. A state is a tree whose root is in a row. Of the rows below the
//! floor only those are left whose nodes later states share.
//!
//! # Invariants
//!
//! * The [`committer`] owns all writes, and makes one at a time.
//! * Nobody sees, and nobody is told, what is not durable.
//! * An error from the disk is final: nothing is acknowledged after it, and the process ends.
//! * No commit touches two logs.
//! * Nobody finds a state below a log's floor, and what a state from there on needs is never deleted.

pub mod catalog;
pub mod check;
pub mod codec;
pub mod commits;
pub mod committer;
pub mod directory;
pub mod engine;
pub mod keys;
pub mod meters;
pub mod nodes;
pub mod published;
pub mod receipts;
pub mod records;
pub mod row;
pub mod sled;
pub mod stored;
pub mod transfer;
pub mod trim;

use std::collections::HashMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::meter::{Metered, Metric};
use crate::model::cause::{Caller, Cause, Deed, Topic};
use crate::model::revision::{Moment, Revision, Timestamp};
use crate::model::state::Denied;
use crate::store::catalog::Catalog;
use crate::store::codec::RecordTooLarge;
use crate::store::commits::{Commit, Stretch};
use crate::store::committer::{Committer, Until};
use crate::store::engine::{Engine, EngineError, LogId};
use crate::store::published::{Extent, Head, Pin, Published};
use crate::store::records::{Contents, Nothing, Records};
use crate::store::row::{Row, RowError};
use crate::store::stored::DecodeError;
use crate::store::transfer::TransferError;
use crate::store::trim::{TrimError, Trimmed};
use crate::tree::NodeId;

/// How much memory is given to nodes where one state is looked at, once.
const PEEK_CACHE_BYTES: u64 = 1 << 20;

/// The store could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine failed.
    #[error("failed to read the log")]
    Engine(#[from] EngineError),
    /// A row is not there.
    #[error("row {revision} of log {log} is missing")]
    RowMissing {
        /// The log.
        log: LogId,
        /// The row's revision.
        revision: Revision,
    },
    /// The state was asked for of a revision or a time before the log's floor.
    #[error("the history of log {log} begins at revision {}, of {}", floor.revision, floor.at)]
    BelowFloor {
        /// The log.
        log: LogId,
        /// The oldest commit whose state can be asked for.
        floor: Moment,
    },
    /// The log is being removed.
    #[error("log {log} is being removed")]
    Removed {
        /// The log.
        log: LogId,
    },
    /// A row does not read.
    #[error("row {revision} of log {log} is damaged")]
    RowDamaged {
        /// The log.
        log: LogId,
        /// The row's revision.
        revision: Revision,
        /// What is wrong with it.
        #[source]
        source: RowError,
    },
    /// A row has no such node.
    #[error("node {id:?} of log {log} is missing")]
    NodeMissing {
        /// The log.
        log: LogId,
        /// The node.
        id: NodeId,
    },
    /// A record is of no kind that this Offshoot knows.
    #[error("record {key:02x?} is of an unknown kind")]
    RecordUnknown {
        /// The record's key.
        key: Vec<u8>,
    },
    /// A record is larger than one may be.
    #[error("failed to write a record")]
    RecordTooLarge(#[from] RecordTooLarge),
    /// A record leads to another that is not there.
    #[error("record {key:02x?} leads to one that is not there")]
    Dangling {
        /// The record's key.
        key: Vec<u8>,
    },
    /// A record does not read.
    #[error("record {key:02x?} is damaged")]
    RecordDamaged {
        /// The record's key.
        key: Vec<u8>,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
}

/// A command was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A rule refused it, or the state could not be read.
    #[error("the command was refused")]
    Denied(Denied<StoreError>),
    /// The commit is larger than a row can be. Nothing happened.
    #[error("the commit is too large")]
    TooLarge,
    /// Too many others are waiting. Nothing happened.
    #[error("the queue of commits is full")]
    Busy,
    /// The disk failed. Whether the commit is kept shows after a restart.
    #[error("the store has failed")]
    Failed,
}

/// The store. Cloning it makes another handle to the same one.
#[derive(Clone)]
pub struct Store {
    published: Arc<Published>,
    committer: Arc<Committer>,
}

/// A state held at one revision. Nothing that happens later changes it.
pub struct View<C> {
    /// The revision, and its time.
    pub moment: Moment,
    /// The state.
    pub state: C,
}

impl Store {
    /// Opens the store in the directory `path`, which is made where there is none.
    pub fn open(path: &Path, cache_bytes: u64, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let engine = sled::SledEngine::open(path, cache_bytes)?;
        Self::over(Arc::new(engine), cache_bytes, clock)
    }

    /// Opens the store that `engine` keeps.
    pub fn over(
        engine: Arc<dyn Engine>,
        cache_bytes: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let published = Arc::new(Published::load(engine, cache_bytes)?);
        let committer = Arc::new(Committer::start(Arc::clone(&published), clock));
        Ok(Self { published, committer })
    }

    /// Commits what `decide` makes of the log's newest state, and returns its answer when that is
    /// durable. A decision that changes nothing writes nothing.
    ///
    /// `decide` must depend on nothing but its arguments: it may be called again when another
    /// commit gets in first.
    pub async fn commit<C, T>(
        &self,
        log: LogId,
        cause: Cause,
        decide: impl FnMut(&mut C, Moment) -> Result<T, Denied<StoreError>> + Send + 'static,
    ) -> Result<(T, Moment), CommitError>
    where
        C: Contents,
        T: Send + 'static,
    {
        self.committer.commit(log, cause, decide).await
    }

    /// Waits until everything that was asked of a log before is durable and can be seen.
    pub async fn settle(&self, log: LogId) -> Result<(), CommitError> {
        let cause = Caller::offshoot().asks(Deed::SetUp, Topic::Whole);
        self.commit(log, cause, |_: &mut Nothing, _| Ok(())).await.map(drop)
    }

    /// Returns the newest state of a log; an empty one where nothing was committed yet.
    #[must_use]
    pub fn view<C: Contents>(&self, log: LogId) -> View<C> {
        view_of(&self.published, log, self.published.head(log))
    }

    /// Returns the state of a log at a revision in its past, unless that is below its floor.
    pub fn view_at<C: Contents>(
        &self,
        log: LogId,
        revision: Revision,
    ) -> Result<View<C>, StoreError> {
        let head = self.published.head_at(log, revision)?;
        Ok(view_of(&self.published, log, head))
    }

    /// Returns the oldest commit of a log whose state can be asked for; none where there is none.
    pub fn floor(&self, log: LogId) -> Result<Option<Moment>, StoreError> {
        self.published.floor(log)
    }

    /// Returns what there is of a log; nothing where it has no commit.
    #[must_use]
    pub fn extent(&self, log: LogId) -> Option<Extent> {
        self.published.extent(log)
    }

    /// Returns what there is of every log, by log.
    #[must_use]
    pub fn extents(&self) -> Vec<Extent> {
        self.published.extents()
    }

    /// Makes `floor` the oldest revision of a log that can be asked for, unless it is already, and
    /// deletes what no state from there on needs. `stop` ends that early.
    pub async fn trim(
        &self,
        log: LogId,
        floor: Revision,
        stop: &CancellationToken,
    ) -> Result<Trimmed, TrimError> {
        self.trim_until(log, Until::Revision(floor), stop).await
    }

    /// Removes a log: nobody can read or commit any more, and all rows are deleted. `stop` ends
    /// that early; a log of which there are still rows is to be removed again.
    pub async fn remove(&self, log: LogId, stop: &CancellationToken) -> Result<Trimmed, TrimError> {
        self.trim_until(log, Until::End, stop).await
    }

    async fn trim_until(
        &self,
        log: LogId,
        until: Until,
        stop: &CancellationToken,
    ) -> Result<Trimmed, TrimError> {
        let Self { published, committer } = self.clone();
        let stop = stop.clone();
        let trim = move || trim::trim(&published, &committer, log, until, &stop);
        tokio::task::spawn_blocking(trim).await.unwrap_or(Err(TrimError::Stopped))
    }

    /// Writes all that there is to `file`, as it stands now, telling `progress` how many rows, and
    /// returns how many there were. Commits go on meanwhile; nothing is trimmed. It blocks.
    pub fn export(
        &self,
        file: impl Write,
        progress: impl FnMut(u64),
    ) -> Result<u64, TransferError> {
        let pin = Pin::new(&self.published);
        transfer::export_extents(&*self.published.engine, pin.extents(), file, progress)
    }

    /// Returns the last revision of a log at or before `at`, and its time; none where the log
    /// began later.
    pub fn moment_at(&self, log: LogId, at: Timestamp) -> Result<Option<Moment>, StoreError> {
        self.published.moment_at(log, at)
    }

    /// Returns a commit of a log, without its state.
    pub fn read_commit(&self, log: LogId, revision: Revision) -> Result<Commit, StoreError> {
        commits::read(&self.published, log, revision)
    }

    /// Shows `visit` the commits of a stretch of a log, newest first and without their states,
    /// until it breaks. Returns where to go on, if there are more.
    pub fn scan_commits<E: From<StoreError>>(
        &self,
        log: LogId,
        stretch: Stretch,
        visit: impl FnMut(Commit) -> Result<ControlFlow<()>, E>,
    ) -> Result<Option<Revision>, E> {
        commits::scan(&self.published, log, stretch, visit)
    }

    /// Returns the newest revision of every log.
    #[must_use]
    pub fn heads(&self) -> HashMap<LogId, Revision> {
        self.published.revisions()
    }

    /// Returns a receiver that is told each time that commits were published.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.published.changes()
    }

    /// Waits until the store has failed for good. Then the process must end.
    pub async fn failed(&self) {
        self.committer.failed().await;
    }

    /// Finishes the commits that are waiting, and takes no more.
    pub async fn close(&self) {
        self.committer.close().await;
    }
}

impl Metered for Store {
    fn metrics(&self) -> Vec<Metric> {
        self.published.meters.read(self.committer.waiting(), self.published.nodes.cache_use())
    }
}

fn view_of<C: Contents>(published: &Arc<Published>, log: LogId, head: Head) -> View<C> {
    let nodes = nodes::LogNodes::published(Arc::clone(published), log);
    let state = C::open(Records::new(nodes, head.moment.revision, head.root));
    View { moment: head.moment, state }
}

/// The newest or an older state of a project's log.
pub type ProjectView = View<Catalog>;

/// Returns the newest state of a log of an engine that nobody writes.
pub fn peek<C: Contents>(engine: &Arc<dyn Engine>, log: LogId) -> Result<View<C>, StoreError> {
    let published = Arc::new(Published::load(Arc::clone(engine), PEEK_CACHE_BYTES)?);
    Ok(view_of(&published, log, published.head(log)))
}

/// Reads a row and checks it.
fn read_row(engine: &dyn Engine, log: LogId, revision: Revision) -> Result<Row, StoreError> {
    let bytes = engine.row(log, revision)?.ok_or(StoreError::RowMissing { log, revision })?;
    Row::decode(&bytes).map_err(|source| StoreError::RowDamaged { log, revision, source })
}
