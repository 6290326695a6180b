//! sled, and what it was given.

use std::path::Path;
use std::sync::Mutex;

use offshoot::model::revision::Revision;
use offshoot::store::engine::{AppendError, Engine, EngineError, LogId, NewRow, TrimFailed};
use offshoot::store::sled::SledEngine;

use crate::plane::CACHE_BYTES;

/// sled, and the groups of rows that it was given.
pub struct Recorder {
    engine: SledEngine,
    groups: Mutex<Vec<Vec<NewRow>>>,
}

impl Recorder {
    pub fn open(path: &Path) -> Self {
        let engine = SledEngine::open(path, CACHE_BYTES).expect("an engine");
        Self { engine, groups: Mutex::default() }
    }

    pub fn take(&self) -> Vec<Vec<NewRow>> {
        std::mem::take(&mut *self.groups.lock().expect("a lock that no panic poisons"))
    }
}

impl Engine for Recorder {
    fn logs(&self) -> Result<Vec<LogId>, EngineError> {
        self.engine.logs()
    }

    fn head(&self, log: LogId) -> Result<Revision, EngineError> {
        self.engine.head(log)
    }

    fn floor(&self, log: LogId) -> Result<Revision, EngineError> {
        self.engine.floor(log)
    }

    fn row(&self, log: LogId, revision: Revision) -> Result<Option<Vec<u8>>, EngineError> {
        self.engine.row(log, revision)
    }

    fn rows(
        &self,
        log: LogId,
        before: Revision,
        limit: usize,
    ) -> Result<Vec<Revision>, EngineError> {
        self.engine.rows(log, before, limit)
    }

    fn trim(&self, log: LogId, floor: Revision, rows: &[Revision]) -> Result<(), TrimFailed> {
        self.engine.trim(log, floor, rows)
    }

    fn append(&self, rows: &[NewRow]) -> Result<(), AppendError> {
        self.groups.lock().expect("a lock that no panic poisons").push(rows.to_vec());
        self.engine.append(rows)
    }
}
