//! An engine in memory that counts what is read.

use std::sync::atomic::{AtomicUsize, Ordering};

use offshoot::model::revision::Revision;
use offshoot::store::engine::{AppendError, Engine, EngineError, LogId, NewRow, TrimFailed};

use super::memory::Memory;

/// So little that no node stays in the cache, and every one that is loaded is a row that is read.
pub const NO_CACHE_BYTES: u64 = 1;

/// Counts the rows that are read.
#[derive(Default)]
pub struct Counting {
    rows: Memory,
    reads: AtomicUsize,
}

impl Counting {
    /// Returns how many were read.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

impl Engine for Counting {
    fn logs(&self) -> Result<Vec<LogId>, EngineError> {
        self.rows.logs()
    }

    fn head(&self, log: LogId) -> Result<Revision, EngineError> {
        self.rows.head(log)
    }

    fn row(&self, log: LogId, revision: Revision) -> Result<Option<Vec<u8>>, EngineError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.rows.row(log, revision)
    }

    fn floor(&self, log: LogId) -> Result<Revision, EngineError> {
        self.rows.floor(log)
    }

    fn rows(
        &self,
        log: LogId,
        before: Revision,
        limit: usize,
    ) -> Result<Vec<Revision>, EngineError> {
        Engine::rows(&self.rows, log, before, limit)
    }

    fn append(&self, rows: &[NewRow]) -> Result<(), AppendError> {
        self.rows.append(rows)
    }

    fn trim(&self, log: LogId, floor: Revision, rows: &[Revision]) -> Result<(), TrimFailed> {
        self.rows.trim(log, floor, rows)
    }
}
