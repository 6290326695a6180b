//! An engine in memory, whose rows a test can damage.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use offshoot::model::revision::Revision;
use offshoot::store::engine::{AppendError, Engine, EngineError, LogId, NewRow};
use offshoot::store::row::Row;

pub type Rows = BTreeMap<(LogId, Revision), Vec<u8>>;

#[derive(Default)]
pub struct Memory(Mutex<Rows>);

impl Memory {
    pub fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().expect("a lock that no panic poisons")
    }

    /// Writes a row anew, with its checksum, as no Offshoot would.
    pub fn rewrite(&self, log: LogId, number: u64, change: impl FnOnce(&mut Row)) {
        let mut rows = self.rows();
        let bytes = rows.get_mut(&(log, Revision(number))).expect("a row");
        let mut row = Row::decode(bytes).expect("a whole row");
        change(&mut row);
        *bytes = row.encode();
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

    fn row(&self, log: LogId, revision: Revision) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.rows().get(&(log, revision)).cloned())
    }

    fn append(&self, new: &[NewRow]) -> Result<(), AppendError> {
        let mut rows = self.rows();
        if let Some(taken) = new.iter().find(|row| rows.contains_key(&(row.log, row.revision))) {
            return Err(AppendError::Conflict { log: taken.log, revision: taken.revision });
        }
        rows.extend(new.iter().map(|row| ((row.log, row.revision), row.bytes.clone())));
        Ok(())
    }
}
