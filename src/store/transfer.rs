//! Export and import: all rows of a store in one file, which is backup, compaction and migration.
//!
//! ```text
//! file   "offshoot export 1\n", then for each log
//!        'C' | log u64 | revision u64 | length u32 | row     for each row, oldest first
//!        'F' | log u64 | floor u64                           after them
//!        and at the end
//!        'E' | number of rows u64 | crc32 u32 of all before this field
//! ```
//!
//! Numbers are big-endian. The end tells a whole file from one that was cut short. A log that is
//! being removed is left out.

use std::io::{Read, Write};

use crate::model::revision::Revision;
use crate::store::engine::{
    AppendError, Engine, EngineError, LogId, MAX_ROW_BYTES, NewRow, TrimFailed,
};
use crate::store::published::Extent;
use crate::store::row::Row;

const MAGIC: &[u8] = b"offshoot export 1\n";

const ROW: u8 = b'C';
const FLOOR: u8 = b'F';
const END: u8 = b'E';

/// How many rows below a floor are looked up at once.
const PAGE: usize = 1024;

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
    /// The store could not be written.
    #[error("failed to write the store")]
    Trim(#[from] TrimFailed),
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

/// Writes all rows of a store that nobody uses to `file`, telling `progress` how many, and returns
/// how many there were.
pub fn export(
    engine: &dyn Engine,
    file: impl Write,
    progress: impl FnMut(u64),
) -> Result<u64, TransferError> {
    let extent = |log| Ok(Extent { log, floor: engine.floor(log)?, head: engine.head(log)? });
    let extents: Result<Vec<_>, EngineError> = engine.logs()?.into_iter().map(extent).collect();
    export_extents(engine, &extents?, file, progress)
}

/// Does the same with what there was at one moment. Whoever calls it sees to it that nothing of
/// that goes meanwhile.
pub(super) fn export_extents(
    engine: &dyn Engine,
    extents: &[Extent],
    file: impl Write,
    mut progress: impl FnMut(u64),
) -> Result<u64, TransferError> {
    let mut file = Summed { file, hasher: crc32fast::Hasher::new() };
    let mut count = 0;
    file.write_all(MAGIC)?;
    for Extent { log, floor, head } in extents.iter().filter(|extent| !extent.is_closed()).copied()
    {
        let holders = rows_below(engine, log, floor)?;
        for revision in holders.into_iter().chain((floor.0..=head.0).map(Revision)) {
            let Some(row) = engine.row(log, revision)? else {
                if revision < floor {
                    // It was half deleted, and nobody needs it.
                    continue;
                }
                return Err(TransferError::RowMissing { log, revision });
            };
            let length = u32::try_from(row.len()).map_err(|_| TransferError::Damaged)?;
            file.write_all(&[ROW])?;
            file.write_all(&log.0.to_be_bytes())?;
            file.write_all(&revision.0.to_be_bytes())?;
            file.write_all(&length.to_be_bytes())?;
            file.write_all(&row)?;
            count += 1;
            progress(count);
        }
        file.write_all(&[FLOOR])?;
        file.write_all(&log.0.to_be_bytes())?;
        file.write_all(&floor.0.to_be_bytes())?;
    }
    file.write_all(&[END])?;
    file.write_all(&count.to_be_bytes())?;
    let sum = file.hasher.clone().finalize();
    file.file.write_all(&sum.to_be_bytes())?;
    file.file.flush()?;
    Ok(count)
}

/// Returns the rows of a log below its floor, oldest first.
pub(super) fn rows_below(
    engine: &dyn Engine,
    log: LogId,
    floor: Revision,
) -> Result<Vec<Revision>, EngineError> {
    let mut rows = Vec::new();
    let mut before = floor;
    loop {
        let page = engine.rows(log, before, PAGE)?;
        rows.extend_from_slice(&page);
        match page.last() {
            Some(last) if page.len() == PAGE => before = *last,
            Some(_) | None => break,
        }
    }
    rows.reverse();
    Ok(rows)
}

/// Reads all rows from `file` into an empty store, telling `progress` how many, and returns how
/// many there were. After a failure the store is half full, and must be thrown away.
pub fn import(
    engine: &dyn Engine,
    file: impl Read,
    progress: impl FnMut(u64),
) -> Result<u64, TransferError> {
    if !engine.logs()?.is_empty() {
        return Err(TransferError::NotEmpty);
    }
    let mut import = Import { engine, group: Vec::with_capacity(IMPORT_GROUP), count: 0, progress };
    let count = read(file, |part| match part {
        Part::Row(row) => import.row(row),
        Part::Floor { log, floor } => {
            import.write()?;
            Ok(engine.trim(log, floor, &[])?)
        }
    })?;
    import.write()?;
    Ok(count)
}

/// Reads an export to its end and checks all that can be checked without a store: the checksums of
/// the rows and of the whole, and that no log has a hole from its floor on. Returns how many rows
/// there are.
pub fn verify(file: impl Read) -> Result<u64, TransferError> {
    let mut open = None;
    let count = read(file, |part| {
        let next = match part {
            Part::Row(NewRow { log, revision, bytes }) => {
                Row::decode(&bytes).map_err(|_| TransferError::Damaged)?;
                Run::and(open, log, revision).map(Some)
            }
            Part::Floor { log, floor } => {
                let is_whole = open.is_some_and(|run: Run| run.is_whole_from(log, floor));
                is_whole.then_some(None)
            }
        };
        open = next.ok_or(TransferError::Damaged)?;
        Ok(())
    })?;
    // A log without a floor was not written to its end.
    if open.is_none() { Ok(count) } else { Err(TransferError::Damaged) }
}

/// The rows of a log that were read, of which the last are without a hole.
#[derive(Clone, Copy)]
struct Run {
    log: LogId,
    first: Revision,
    last: Revision,
}

impl Run {
    /// Returns the run that ends with one row more; nothing where that cannot be the next.
    fn and(run: Option<Self>, log: LogId, revision: Revision) -> Option<Self> {
        match run {
            Some(run) if run.log != log || revision <= run.last => None,
            Some(run) if revision == run.last.next() => Some(Self { last: revision, ..run }),
            None | Some(_) => Some(Self { log, first: revision, last: revision }),
        }
    }

    fn is_whole_from(self, log: LogId, floor: Revision) -> bool {
        self.log == log && (self.first..=self.last).contains(&floor)
    }
}

/// What an export is made of.
enum Part {
    Row(NewRow),
    /// After all rows of the log.
    Floor {
        log: LogId,
        floor: Revision,
    },
}

/// Reads an export, hands each part to `take_part`, and returns how many rows there were. Only an
/// end without an error says that they can be trusted.
fn read(
    file: impl Read,
    mut take_part: impl FnMut(Part) -> Result<(), TransferError>,
) -> Result<u64, TransferError> {
    let mut file = Summed { file, hasher: crc32fast::Hasher::new() };
    if take::<{ MAGIC.len() }>(&mut file).ok().as_ref().map(|magic| &magic[..]) != Some(MAGIC) {
        return Err(TransferError::NoExport);
    }
    let mut count = 0;
    loop {
        match take(&mut file)? {
            [ROW] => {
                count += 1;
                take_part(Part::Row(take_row(&mut file)?))?;
            }
            [FLOOR] => {
                let log = LogId(u64::from_be_bytes(take(&mut file)?));
                let floor = Revision(u64::from_be_bytes(take(&mut file)?));
                take_part(Part::Floor { log, floor })?;
            }
            [END] => break,
            _ => return Err(TransferError::Damaged),
        }
    }
    let expected = u64::from_be_bytes(take(&mut file)?);
    let sum = file.hasher.clone().finalize();
    let is_whole = sum == u32::from_be_bytes(take(&mut file)?) && expected == count;
    if !is_whole || file.read(&mut [0])? != 0 {
        return Err(TransferError::Damaged);
    }
    Ok(count)
}

/// An import that is under way.
struct Import<'a, P> {
    engine: &'a dyn Engine,
    /// The rows that are not written yet.
    group: Vec<NewRow>,
    count: u64,
    progress: P,
}

impl<P: FnMut(u64)> Import<'_, P> {
    fn row(&mut self, row: NewRow) -> Result<(), TransferError> {
        self.group.push(row);
        self.count += 1;
        if self.group.len() == IMPORT_GROUP { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), TransferError> {
        if !self.group.is_empty() {
            self.engine.append(&self.group)?;
            self.group.clear();
            (self.progress)(self.count);
        }
        Ok(())
    }
}

fn take_row(file: &mut impl Read) -> Result<NewRow, TransferError> {
    let log = LogId(u64::from_be_bytes(take(file)?));
    let revision = Revision(u64::from_be_bytes(take(file)?));
    let length = u32::from_be_bytes(take(file)?);
    let length = usize::try_from(length).map_err(|_| TransferError::Damaged)?;
    if MAX_ROW_BYTES < length {
        return Err(TransferError::Damaged);
    }
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes).map_err(cut_short)?;
    Ok(NewRow { log, revision, bytes })
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
