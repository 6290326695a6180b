//! The embedded engine: rows in sled 0.34.7. The only code that names sled.
//!
//! ```text
//! key    'C' | log u64 | !revision u64 | piece u16      big-endian, so that the newest row is first
//! value  piece 0: number of pieces u16, then the first bytes of the row; else the next ones
//! ```
//!
//! sled is frozen, and used as it was measured to be safe:
//!
//! * One thread writes, with plain inserts. Transactions and batches take a lock that is global to
//!   the process; `flush_async` can deadlock for good.
//! * On Linux `flush` does not reach the disk. A second handle to sled's file is synced after it.
//! * A crash in start-up can leave an unfinished snapshot, after which sled refuses to open. The
//!   snapshot is only a cache, so the unfinished one is removed first.
//! * Values stay within 4 KiB: sled moves larger pages to files that it never syncs.
//! * After a crash sled keeps the first of what was written, in order. Piece 0 is written last, so
//!   a row is there with its piece 0, and then it is whole.
//! * It takes damage for the end of its log. The `witness` knows which row must be there.

mod witness;

use std::fs::{self, File};
use std::path::Path;

use sled::Db;

use crate::model::revision::Revision;
use crate::store::engine::{AppendError, Engine, EngineError, LogId, NewRow};
use crate::store::sled::witness::Witness;

/// What a row's key begins with.
const ROW: u8 = b'C';

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
        match last {
            Some((log, revision)) if engine.head(log)? < revision => {
                Err(EngineError::Lost { log, revision })
            }
            Some(_) | None => Ok(engine),
        }
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
}
