//! Export and import: all rows of a store in one file, which is backup, compaction and migration.
//!
//! ```text
//! file   "offshoot export 1\n", then for each row
//!        log u64 | revision u64 (never 0) | length u32 | row
//!        and at the end
//!        0 u64 | 0 u64 | number of rows u64 | crc32 u32 of all before this field
//! ```
//!
//! Numbers are big-endian. The end tells a whole file from one that was cut short.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use crate::model::revision::Revision;
use crate::store::engine::{AppendError, Engine, EngineError, LogId, MAX_ROW_BYTES, NewRow};
use crate::store::row::Row;

const MAGIC: &[u8] = b"offshoot export 1\n";

/// How many rows an import makes durable at once.
const IMPORT_GROUP: usize = 256;

/// An export or an import failed.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The file could not be read or written.
    #[error("failed to read or write the file")]
    File(#[from] std::io::Error),
    /// The store could not be read.
    #[error("failed to read the store")]
    Engine(#[from] EngineError),
    /// The store could not be written.
    #[error("failed to write the store")]
    Append(#[from] AppendError),
    /// A row is not there.
    #[error("row {revision} of log {log} is missing; check the store first")]
    RowMissing {
        /// The log.
        log: LogId,
        /// The row's number.
        revision: Revision,
    },
    /// The file is no export.
    #[error("the file is not an export of Offshoot, or one of a newer version")]
    NoExport,
    /// The file ends too early or was changed.
    #[error("the file is damaged or cut short; nothing of it can be trusted")]
    Damaged,
    /// The store has rows already.
    #[error("the store is not empty; import into a fresh data directory")]
    NotEmpty,
}

/// Returns the newest row of every log of an engine that nobody writes.
pub fn heads(engine: &dyn Engine) -> Result<BTreeMap<LogId, Revision>, EngineError> {
    engine.logs()?.into_iter().map(|log| Ok((log, engine.head(log)?))).collect()
}

/// Writes all rows up to `heads` to `file`, telling `progress` how many, and returns how many there
/// were.
pub fn export(
    engine: &dyn Engine,
    heads: &BTreeMap<LogId, Revision>,
    file: impl Write,
    mut progress: impl FnMut(u64),
) -> Result<u64, TransferError> {
    let mut file = Summed { file, hasher: crc32fast::Hasher::new() };
    let mut count = 0;
    file.write_all(MAGIC)?;
    for (&log, head) in heads {
        for number in 1..=head.0 {
            let revision = Revision(number);
            let row =
                engine.row(log, revision)?.ok_or(TransferError::RowMissing { log, revision })?;
            let length = u32::try_from(row.len()).map_err(|_| TransferError::Damaged)?;
            file.write_all(&log.0.to_be_bytes())?;
            file.write_all(&number.to_be_bytes())?;
            file.write_all(&length.to_be_bytes())?;
            file.write_all(&row)?;
            count += 1;
            progress(count);
        }
    }
    file.write_all(&[0; 16])?;
    file.write_all(&count.to_be_bytes())?;
    let sum = file.hasher.clone().finalize();
    file.file.write_all(&sum.to_be_bytes())?;
    file.file.flush()?;
    Ok(count)
}

/// Reads all rows from `file` into an empty store, telling `progress` how many, and returns how
/// many there were. After a failure the store is half full, and must be thrown away.
pub fn import(
    engine: &dyn Engine,
    file: impl Read,
    mut progress: impl FnMut(u64),
) -> Result<u64, TransferError> {
    if !engine.logs()?.is_empty() {
        return Err(TransferError::NotEmpty);
    }
    let mut group = Vec::with_capacity(IMPORT_GROUP);
    let count = read(file, |row, count| {
        group.push(row);
        if group.len() == IMPORT_GROUP {
            engine.append(&group)?;
            group.clear();
            progress(count);
        }
        Ok(())
    })?;
    engine.append(&group)?;
    progress(count);
    Ok(count)
}

/// Reads an export to its end and checks all that can be checked without a store: the checksums of
/// the rows and of the whole. Returns how many rows there are.
pub fn verify(file: impl Read) -> Result<u64, TransferError> {
    read(file, |row, _| Row::decode(&row.bytes).map(drop).map_err(|_| TransferError::Damaged))
}

/// Reads an export, hands each row and its number to `take_row`, and returns how many there were.
/// Only an end without an error says that the rows can be trusted.
fn read(
    file: impl Read,
    mut take_row: impl FnMut(NewRow, u64) -> Result<(), TransferError>,
) -> Result<u64, TransferError> {
    let mut file = Summed { file, hasher: crc32fast::Hasher::new() };
    if take::<{ MAGIC.len() }>(&mut file).ok().as_ref().map(|magic| &magic[..]) != Some(MAGIC) {
        return Err(TransferError::NoExport);
    }
    let mut count = 0;
    loop {
        let log = LogId(u64::from_be_bytes(take(&mut file)?));
        let revision = Revision(u64::from_be_bytes(take(&mut file)?));
        if revision == Revision::ZERO {
            break;
        }
        let length = u32::from_be_bytes(take(&mut file)?);
        let length = usize::try_from(length).map_err(|_| TransferError::Damaged)?;
        if MAX_ROW_BYTES < length {
            return Err(TransferError::Damaged);
        }
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes).map_err(cut_short)?;
        count += 1;
        take_row(NewRow { log, revision, bytes }, count)?;
    }
    let expected = u64::from_be_bytes(take(&mut file)?);
    let sum = file.hasher.clone().finalize();
    let is_whole = sum == u32::from_be_bytes(take(&mut file)?) && expected == count;
    if !is_whole || file.read(&mut [0])? != 0 {
        return Err(TransferError::Damaged);
    }
    Ok(count)
}

fn take<const N: usize>(file: &mut impl Read) -> Result<[u8; N], TransferError> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).map_err(cut_short)?;
    Ok(bytes)
}

fn cut_short(error: std::io::Error) -> TransferError {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        TransferError::Damaged
    } else {
        TransferError::File(error)
    }
}

/// A file, and the checksum of what went through it.
struct Summed<F> {
    file: F,
    hasher: crc32fast::Hasher,
}

impl<F: Write> Write for Summed<F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl<F: Read> Read for Summed<F> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(bytes)?;
        self.hasher.update(&bytes[..read]);
        Ok(read)
    }
}
