//! The engine: where rows are kept. The waist is narrow on purpose, so that there can be another
//! engine that spans machines.

use std::fmt;

use crate::model::revision::Revision;

/// A log: a project's, or the directory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub u64);

impl LogId {
    /// The log of what belongs to no project.
    pub const DIRECTORY: Self = Self(0);
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The largest row, in bytes.
pub const MAX_ROW_BYTES: usize = 16 << 20;

/// A row that is to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// The log.
    pub log: LogId,
    /// The row's number: one more than that of the row before it.
    pub revision: Revision,
    /// The row: at most [`MAX_ROW_BYTES`].
    pub bytes: Vec<u8>,
}

/// The engine could not read.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The directory cannot be used.
    #[error("failed to open the store in {path}; is another offshoot using it?")]
    Open {
        /// The directory.
        path: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is kept does not read.
    #[error(
        "the store in {path} is damaged; import the last good export into a fresh data directory"
    )]
    Damaged {
        /// The directory.
        path: String,
    },
    /// The disk failed.
    #[error("failed to read the store")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store is damaged, and what came after the damage is gone.
    #[error(
        "the store has lost row {revision} of log {log} and perhaps others; import the last good \
         export into a fresh data directory"
    )]
    Lost {
        /// The log.
        log: LogId,
        /// The number of the row that was appended last.
        revision: Revision,
    },
    /// What is kept cannot be a row.
    #[error("row {revision} of log {log} is in pieces that do not fit")]
    Pieces {
        /// The log.
        log: LogId,
        /// The row's number.
        revision: Revision,
    },
    /// What is kept cannot be a floor.
    #[error("the floor of log {log} is damaged")]
    Floor {
        /// The log.
        log: LogId,
    },
}

/// Rows were not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// One of the rows exists already. Nothing happened.
    #[error("row {revision} of log {log} exists already")]
    Conflict {
        /// The log.
        log: LogId,
        /// The row's number.
        revision: Revision,
    },
    /// The disk failed. What is kept shows after the store is opened again.
    #[error("failed to write to the store")]
    Fatal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Rows were not trimmed: the disk failed. What is kept shows after the store is opened again.
#[derive(Debug, thiserror::Error)]
#[error("failed to write to the store")]
pub struct TrimFailed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where rows are kept. Its calls block.
pub trait Engine: Send + Sync {
    /// Returns every log that has rows.
    fn logs(&self) -> Result<Vec<LogId>, EngineError>;
    /// Returns the number of a log's last row, or [`Revision::ZERO`].
    fn head(&self, log: LogId) -> Result<Revision, EngineError>;
    /// Returns the number of the oldest row whose state can be asked for; 1 where nothing was ever
    /// trimmed. Rows from there to the head are dense. Those below it are kept for their nodes. A
    /// log whose floor is above its head is being removed.
    fn floor(&self, log: LogId) -> Result<Revision, EngineError>;
    /// Returns a row.
    fn row(&self, log: LogId, revision: Revision) -> Result<Option<Vec<u8>>, EngineError>;
    /// Returns the numbers of up to `limit` rows before `before`, newest first. A row that is half
    /// deleted may be among them, though [`Engine::row`] does not find it: it is to be trimmed again.
    fn rows(
        &self,
        log: LogId,
        before: Revision,
        limit: usize,
    ) -> Result<Vec<Revision>, EngineError>;
    /// Appends rows, each only if it is absent. They are durable when this returns. A crash in the
    /// middle may leave the first of them, each whole.
    fn append(&self, rows: &[NewRow]) -> Result<(), AppendError>;
    /// Makes `floor` the floor of a log that has rows, unless that is higher already, and when that
    /// is durable, deletes those of `rows` that are below it. Others stay, whatever is asked. What a
    /// crash brings back of them is trimmed again. A log whose last row went is as one that never
    /// was.
    fn trim(&self, log: LogId, floor: Revision, rows: &[Revision]) -> Result<(), TrimFailed>;
}
