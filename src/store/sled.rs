//! The embedded engine: rows in sled 0.34.7. The only code that names sled.
//!
//! ```text
//! key    'C' | log u64 | !revision u64 | piece u16      big-endian, so that the newest row is first
//! value  piece 0: number of pieces u16, then the first bytes of the row; else the next ones
//! key    'F' | log u64
//! value  the log's floor u64; none where that is 1
//! ```
//!
//! sled is frozen, and used as it was measured to be safe:
//!
//! * One thread at a time writes, with plain inserts. Transactions and batches take a lock that is global to
//!   the process; `flush_async` can deadlock for good.
//! * On Linux `flush` does not reach the disk. A second handle to sled's file is synced after it.
//! * A crash in start-up can leave an unfinished snapshot, after which sled refuses to open. The
//!   snapshot is only a cache, so the unfinished one is removed first.
//! * Values stay within 4 KiB: sled moves larger pages to files that it never syncs.
//! * After a crash sled keeps the first of what was written, in order. Piece 0 is written last, so
//!   a row is there with its piece 0, and then it is whole. It is deleted first for the same reason.
//! * It takes damage for the end of its log. The `witness` knows which row must be there.

mod witness;

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;

use sled::Db;

use crate::model::revision::Revision;
use crate::store::engine::{AppendError, Engine, EngineError, LogId, NewRow, TrimFailed};
use crate::store::sled::witness::Witness;

/// What a row's key begins with.
const ROW: u8 = b'C';

/// What the key of a floor begins with.
const FLOOR: u8 = b'F';

/// The most bytes of a row in one piece.
const PIECE_BYTES: usize = 4000;

/// How often sled writes what nobody waits for, and collects its garbage.
const FLUSH_EVERY_MS: u64 = 500;

/// The embedded engine.
pub struct SledEngine {
    db: Db,
    /// sled's own file, opened once more to be synced.
    file: File,
    witness: Witness,
}

impl SledEngine {
    /// Opens the store in the directory `path`, which is made where there is none.
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, EngineError> {
        let failed = |source| EngineError::Open { path: path.display().to_string(), source };
        fs::create_dir_all(path).map_err(|e| failed(e.into()))?;
        remove_unfinished_snapshots(path).map_err(|e| failed(e.into()))?;
        let db = sled::Config::default()
            .path(path)
            .cache_capacity(cache_bytes)
            .flush_every_ms(Some(FLUSH_EVERY_MS))
            .open()
            .map_err(|error| {
                if matches!(error, sled::Error::Corruption { .. }) {
                    EngineError::Damaged { path: path.display().to_string() }
                } else {
                    failed(error.into())
                }
            })?;
        let file = File::open(path.join("db")).map_err(|e| failed(e.into()))?;
        for synced in [Some(path), path.parent()].into_iter().flatten() {
            let directory = if synced.as_os_str().is_empty() { Path::new(".") } else { synced };
            File::open(directory).and_then(|d| d.sync_all()).map_err(|e| failed(e.into()))?;
        }
        file.sync_all().map_err(|e| failed(e.into()))?;
        let witness = Witness::open(path).map_err(|e| failed(e.into()))?;
        let last = witness.last().map_err(|e| failed(e.into()))?;
        let engine = Self { db, file, witness };
        if let Some((log, revision)) = last
            && engine.head(log)? < revision
            && engine.floor(log)? <= revision
        {
            return Err(EngineError::Lost { log, revision });
        }
        engine.forget_removed().map_err(failed)?;
        Ok(engine)
    }

    fn sync(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.db.flush()?;
        Ok(self.file.sync_data()?)
    }

    /// Forgets the logs whose last row went, and nothing else before a crash.
    fn forget_removed(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        for key in self.db.range([FLOOR]..[FLOOR + 1]).keys() {
            let key = key?;
            let log = key.get(1..).and_then(|log| log.try_into().ok()).map(u64::from_be_bytes);
            if let Some(log) = log {
                self.forget_if_removed(LogId(log))?;
            }
        }
        Ok(())
    }

    /// Forgets that there was a log, if it has no rows.
    fn forget_if_removed(&self, log: LogId) -> Result<(), Box<dyn Error + Send + Sync>> {
        let floor = floor_key(log);
        if self.head(log)? == Revision::ZERO && self.db.contains_key(floor)? {
            // Else its rows might come back without their floor, or be missed.
            self.sync()?;
            self.witness.forget(log)?;
            // Pieces of a row whose first one is gone.
            let all = key(log, Revision(u64::MAX), 0)..=key(log, Revision::ZERO, u16::MAX);
            for torn in self.db.range(all).keys() {
                self.db.remove(torn?)?;
            }
            self.db.remove(floor)?;
        }
        Ok(())
    }

    fn raise_floor(
        &self,
        log: LogId,
        floor: Revision,
    ) -> Result<Revision, Box<dyn Error + Send + Sync>> {
        let known = self.floor(log)?;
        if known < floor {
            self.db.insert(floor_key(log), &floor.0.to_be_bytes())?;
            self.sync()?;
        }
        Ok(known.max(floor))
    }

    fn delete(&self, log: LogId, revision: Revision) -> Result<(), sled::Error> {
        let pieces = self.db.range(key(log, revision, 0)..=key(log, revision, u16::MAX)).keys();
        for piece in pieces.collect::<Result<Vec<_>, _>>()? {
            self.db.remove(piece)?;
        }
        Ok(())
    }
}

fn remove_unfinished_snapshots(path: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn key(log: LogId, revision: Revision, piece: u16) -> [u8; 19] {
    let mut key = [0; 19];
    key[0] = ROW;
    key[1..9].copy_from_slice(&log.0.to_be_bytes());
    key[9..17].copy_from_slice(&(!revision.0).to_be_bytes());
    key[17..].copy_from_slice(&piece.to_be_bytes());
    key
}

fn floor_key(log: LogId) -> [u8; 9] {
    let mut key = [FLOOR; 9];
    key[1..].copy_from_slice(&log.0.to_be_bytes());
    key
}

/// Takes a key apart: log, revision, piece.
fn parts(key: &[u8]) -> Option<(LogId, Revision, u16)> {
    let key: &[u8; 19] = key.try_into().ok()?;
    let number = |at: usize| {
        u64::from_be_bytes(key[at..at + 8].try_into().expect("eight bytes of a longer key"))
    };
    let piece = u16::from_be_bytes([key[17], key[18]]);
    (key[0] == ROW).then(|| (LogId(number(1)), Revision(!number(9)), piece))
}

fn unread(error: sled::Error) -> EngineError {
    EngineError::Read(Box::new(error))
}

impl Engine for SledEngine {
    fn logs(&self) -> Result<Vec<LogId>, EngineError> {
        let mut logs = Vec::new();
        let mut from = Some(LogId(0));
        while let Some(log) = from {
            let next = self.db.range(key(log, Revision(u64::MAX), 0)..).next();
            let Some((found, _)) = next.transpose().map_err(unread)? else { break };
            let Some((log, _, _)) = parts(&found) else { break };
            if self.head(log)? != Revision::ZERO {
                logs.push(log);
            }
            from = log.0.checked_add(1).map(LogId);
        }
        Ok(logs)
    }

    fn head(&self, log: LogId) -> Result<Revision, EngineError> {
        let newest = key(log, Revision(u64::MAX), 0);
        for found in self.db.range(newest..).keys() {
            match parts(&found.map_err(unread)?) {
                Some((of, revision, 0)) if of == log => return Ok(revision),
                // The pieces of a row whose last write a crash prevented.
                Some((of, _, _)) if of == log => {}
                Some(_) | None => break,
            }
        }
        Ok(Revision::ZERO)
    }

    fn floor(&self, log: LogId) -> Result<Revision, EngineError> {
        let Some(found) = self.db.get(floor_key(log)).map_err(unread)? else {
            return Ok(Revision::FIRST);
        };
        let floor = (*found).try_into().map_err(|_| EngineError::Floor { log })?;
        Ok(Revision(u64::from_be_bytes(floor)))
    }

    fn row(&self, log: LogId, revision: Revision) -> Result<Option<Vec<u8>>, EngineError> {
        let Some(first) = self.db.get(key(log, revision, 0)).map_err(unread)? else {
            return Ok(None);
        };
        let damaged = || EngineError::Pieces { log, revision };
        let (count, bytes) = first.split_first_chunk().ok_or_else(damaged)?;
        let mut row = bytes.to_vec();
        for piece in 1..u16::from_be_bytes(*count) {
            let piece = self.db.get(key(log, revision, piece)).map_err(unread)?;
            row.extend_from_slice(&piece.ok_or_else(damaged)?);
        }
        Ok(Some(row))
    }

    fn rows(
        &self,
        log: LogId,
        before: Revision,
        limit: usize,
    ) -> Result<Vec<Revision>, EngineError> {
        let mut rows: Vec<Revision> = Vec::new();
        let Some(newest) = before.0.checked_sub(1).map(Revision) else { return Ok(rows) };
        for found in self.db.range(key(log, newest, 0)..=key(log, Revision::ZERO, u16::MAX)).keys()
        {
            let Some((_, revision, _)) = parts(&found.map_err(unread)?) else { continue };
            if rows.last() == Some(&revision) {
                continue;
            }
            if rows.len() == limit {
                break;
            }
            rows.push(revision);
        }
        Ok(rows)
    }

    fn append(&self, rows: &[NewRow]) -> Result<(), AppendError> {
        let fatal = |error: sled::Error| AppendError::Fatal(Box::new(error));
        for NewRow { log, revision, bytes: _ } in rows {
            if self.db.contains_key(key(*log, *revision, 0)).map_err(fatal)? {
                return Err(AppendError::Conflict { log: *log, revision: *revision });
            }
        }
        for NewRow { log, revision, bytes } in rows {
            let pieces: Vec<&[u8]> = bytes.chunks(PIECE_BYTES).collect();
            let count = u16::try_from(pieces.len()).expect("a row within the limit");
            for (number, piece) in (0..count).zip(&pieces).rev() {
                let value = if number == 0 {
                    [&count.to_be_bytes(), *piece].concat()
                } else {
                    piece.to_vec()
                };
                self.db.insert(key(*log, *revision, number), value).map_err(fatal)?;
            }
        }
        self.db.flush().map_err(fatal)?;
        let failed = |error: std::io::Error| AppendError::Fatal(error.into());
        self.file.sync_data().map_err(failed)?;
        let Some(NewRow { log, revision, bytes: _ }) = rows.last() else { return Ok(()) };
        self.witness.remember(*log, *revision).map_err(failed)
    }

    fn trim(&self, log: LogId, floor: Revision, rows: &[Revision]) -> Result<(), TrimFailed> {
        let trim = || {
            if self.head(log)? == Revision::ZERO {
                return Ok(());
            }
            let floor = self.raise_floor(log, floor)?;
            for revision in rows.iter().filter(|revision| **revision < floor) {
                self.delete(log, *revision)?;
            }
            self.forget_if_removed(log)
        };
        trim().map_err(TrimFailed)
    }
}
