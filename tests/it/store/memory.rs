//! An engine in memory, whose rows a test can damage, and which counts those that are read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use offshoot::model::revision::Revision;
use offshoot::store::engine::{AppendError, Engine, EngineError, LogId, NewRow, TrimFailed};
use offshoot::store::row::{Encoder, Row};

pub type Rows = BTreeMap<(LogId, Revision), Vec<u8>>;

pub type Floors = BTreeMap<LogId, Revision>;

/// So little that no node stays in the cache, and every one that is loaded is a row that is read.
pub const NO_CACHE_BYTES: u64 = 1;

#[derive(Default)]
pub struct Memory {
    rows: Mutex<Rows>,
    floors: Mutex<Floors>,
    reads: AtomicUsize,
}

impl Memory {
    /// Returns how many rows were read.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    pub fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().expect("a lock that no panic poisons")
    }

    pub fn floors(&self) -> MutexGuard<'_, Floors> {
        self.floors.lock().expect("a lock that no panic poisons")
    }

    /// Writes a row anew, with its checksum, as no Offshoot would.
    pub fn rewrite(&self, log: LogId, number: u64, change: impl FnOnce(&mut Row)) {
        let mut rows = self.rows();
        let bytes = rows.get_mut(&(log, Revision(number))).expect("a row");
        let mut row = Row::decode(bytes).expect("a whole row");
        change(&mut row);
        *bytes = Encoder::default().encode(&row);
    }
}

impl Engine for Memory {
    fn logs(&self) -> Result<Vec<LogId>, EngineError> {
        let mut logs: Vec<LogId> = self.rows().keys().map(|(log, _)| *log).collect();
        logs.dedup();
        Ok(logs)
    }

    fn head(&self, log: LogId) -> Result<Revision, EngineError> {
        let rows = self.rows();
        let newest = rows.range((log, Revision::ZERO)..=(log, Revision(u64::MAX))).next_back();
        Ok(newest.map_or(Revision::ZERO, |((_, revision), _)| *revision))
    }

    fn floor(&self, log: LogId) -> Result<Revision, EngineError> {
        Ok(self.floors().get(&log).copied().unwrap_or(Revision::FIRST))
    }

    fn row(&self, log: LogId, revision: Revision) -> Result<Option<Vec<u8>>, EngineError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.rows().get(&(log, revision)).cloned())
    }

    fn rows(
        &self,
        log: LogId,
        before: Revision,
        limit: usize,
    ) -> Result<Vec<Revision>, EngineError> {
        let rows = self.rows();
        let below = rows.range((log, Revision::ZERO)..(log, before)).rev();
        Ok(below.map(|((_, revision), _)| *revision).take(limit).collect())
    }

    fn append(&self, new: &[NewRow]) -> Result<(), AppendError> {
        let mut rows = self.rows();
        if let Some(taken) = new.iter().find(|row| rows.contains_key(&(row.log, row.revision))) {
            return Err(AppendError::Conflict { log: taken.log, revision: taken.revision });
        }
        rows.extend(new.iter().map(|row| ((row.log, row.revision), row.bytes.clone())));
        Ok(())
    }

    fn trim(&self, log: LogId, floor: Revision, rows: &[Revision]) -> Result<(), TrimFailed> {
        let (mut all, mut floors) = (self.rows(), self.floors());
        let known = floors.entry(log).or_insert(Revision::FIRST);
        *known = floor.max(*known);
        for revision in rows.iter().filter(|revision| **revision < *known) {
            all.remove(&(log, *revision));
        }
        if all.range((log, Revision::ZERO)..=(log, Revision(u64::MAX))).next().is_none() {
            floors.remove(&log);
        }
        Ok(())
    }
}
