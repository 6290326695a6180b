//! Timed exports: while the server runs, the whole store is written to a file now and then, and the
//! newest of these files are kept.
//!
//! ```text
//! offshoot-20261122T074142Z.export   an export; the time is when it was begun
//! unfinished                         one that is being made
//! ```
//!
//! # Invariants
//!
//! * A file under the name of an export is whole: it was synced, read back and checked first.
//! * Nothing is removed before a newer export is whole, and nothing but exports and what a crash
//!   left of one.
//! * An export is what was published when it began. Commits do not wait for it.

mod meters;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDateTime, SubsecRound, TimeDelta};
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::clock::Clock;
use crate::exports::meters::Meters;
use crate::meter::Metered;
use crate::model::revision::Timestamp;
use crate::room::{Room, Writer};
use crate::store::Store;
use crate::store::transfer::{TransferError, verify};

/// How export files are named: so that names sort as times do.
const NAME: &str = "offshoot-%Y%m%dT%H%M%SZ.export";

/// What an export is called until it is whole.
const UNFINISHED: &str = "unfinished";

/// How much is written or read before the next look at whether to go on, in bytes.
const STRIDE_BYTES: usize = 1 << 20;

/// How long after the start of a server the first export is made, where one is due.
const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// The pause after a first failure. It doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_secs(60);

/// The longest pause after a failure.
const PAUSE_MAX: Duration = Duration::from_secs(3600);

/// An export was not made. The older ones are as they were.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The directory could not be read or written.
    #[error("failed to use the directory {}", path.display())]
    Directory {
        /// The directory, or what is in it.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The store could not be written to the file.
    #[error("failed to write the export")]
    Write(#[source] TransferError),
    /// What was written does not read.
    #[error("failed to read the export back")]
    Verify(#[source] TransferError),
}

/// Where exports are kept.
pub struct Exports {
    directory: PathBuf,
    kept: NonZeroUsize,
    clock: Arc<dyn Clock>,
    room: Arc<Room>,
    meters: Arc<Meters>,
    stop: CancellationToken,
}

impl Exports {
    /// Opens the directory of the exports, of which `kept` are kept. It is made where there is none,
    /// and what a crash left is removed from it.
    pub fn open(
        directory: PathBuf,
        kept: NonZeroUsize,
        clock: Arc<dyn Clock>,
        room: Arc<Room>,
        stop: CancellationToken,
    ) -> Result<Self, ExportError> {
        let failed = |source| ExportError::Directory { path: directory.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
        remove_if_there(&directory.join(UNFINISHED)).map_err(failed)?;
        let exports = Self { directory, kept, clock, room, meters: Arc::default(), stop };
        if let Some(newest) = exports.list()?.last() {
            exports.meters.found(*newest);
        }
        Ok(exports)
    }

    /// Returns what is counted about exports.
    #[must_use]
    pub fn meters(&self) -> Arc<dyn Metered> {
        Arc::clone(&self.meters) as _
    }

    /// Makes exports of `store`, `every` so often, until the server stops.
    pub async fn run(self: Arc<Self>, store: Store, every: Duration) {
        let (mut pause, mut failures) = (self.first_pause(every), 0);
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => return,
            }
            let (exports, store) = (Arc::clone(&self), store.clone());
            let made = tokio::task::spawn_blocking(move || exports.make(&store)).await;
            if self.stop.is_cancelled() {
                return;
            }
            failures = match made {
                Ok(Ok(_)) => 0,
                Ok(Err(_)) | Err(_) => failures + 1,
            };
            pause = match failures {
                0 => every,
                _ => pause_after(failures).min(every),
            };
            match made {
                Ok(Ok(path)) => tracing::info!("wrote the export {}", path.display()),
                Ok(Err(error)) => tracing::error!(
                    error = %Chain(&error), failures, "no export was made; the next attempt is due in {pause:?}"
                ),
                Err(_) => tracing::error!(failures, "an export panicked, which is a bug"),
            }
        }
    }

    /// Makes an export, and removes those that are too many. It blocks.
    pub fn make(&self, store: &Store) -> Result<PathBuf, ExportError> {
        let made = self.write(store);
        match &made {
            Ok((begun, _, bytes)) => self.meters.written(*begun, *bytes),
            Err(_) if self.stop.is_cancelled() => {}
            Err(_) => self.meters.failed(),
        }
        if made.is_err()
            && let Err(error) = remove_if_there(&self.directory.join(UNFINISHED))
        {
            tracing::warn!(%error, "what there is of a failed export could not be removed");
        }
        let (_, path, _) = made?;
        if let Err(error) = self.remove_old() {
            tracing::warn!(error = %Chain(&error), "old exports could not be removed");
        }
        Ok(path)
    }

    fn write(&self, store: &Store) -> Result<(Timestamp, PathBuf, u64), ExportError> {
        let unfinished = self.directory.join(UNFINISHED);
        let failed = |source| ExportError::Directory { path: unfinished.clone(), source };
        let begun = self.next_time()?;
        remove_if_there(&unfinished).map_err(failed)?;
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(&unfinished);
        let file = file.map_err(failed)?;
        let rows = store
            .export(BufWriter::with_capacity(STRIDE_BYTES, self.watched(&file)), |_| {})
            .map_err(ExportError::Write)?;
        file.sync_all().map_err(failed)?;
        let file = File::open(&unfinished).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let found = verify(BufReader::with_capacity(STRIDE_BYTES, self.watched(&file)))
            .map_err(ExportError::Verify)?;
        if found != rows {
            return Err(ExportError::Verify(TransferError::Damaged));
        }
        let path = self.directory.join(begun.format(NAME).to_string());
        fs::rename(&unfinished, &path).map_err(failed)?;
        File::open(&self.directory).and_then(|opened| opened.sync_all()).map_err(failed)?;
        Ok((begun, path, bytes))
    }

    /// Returns the time for the name of the next export: now, or where the clock went back, a
    /// second after the newest one, so that the newest is always last.
    fn next_time(&self) -> Result<Timestamp, ExportError> {
        let now = self.clock.now().trunc_subsecs(0);
        let newest = self.list()?.last().copied();
        Ok(newest.map_or(now, |newest| now.max(newest + TimeDelta::seconds(1))))
    }

    fn remove_old(&self) -> Result<(), ExportError> {
        let found = self.list()?;
        let too_many = found.len().saturating_sub(self.kept.get());
        for begun in &found[..too_many] {
            let path = self.directory.join(begun.format(NAME).to_string());
            remove_if_there(&path).map_err(|source| ExportError::Directory { path, source })?;
        }
        Ok(())
    }

    /// Returns when the exports that there are were begun, oldest first.
    fn list(&self) -> Result<Vec<Timestamp>, ExportError> {
        let failed = |source| ExportError::Directory { path: self.directory.clone(), source };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_file = entry.file_type().map_err(failed)?.is_file();
            found.extend(entry.file_name().to_str().and_then(begun).filter(|_| is_file));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Returns how long after the start the first export is made: soon, where there is none that is
    /// younger than the interval.
    fn first_pause(&self, every: Duration) -> Duration {
        let newest = self.list().ok().and_then(|found| found.last().copied());
        // The age is negative where the clock went back; then nobody knows it.
        let age = newest.and_then(|newest| (self.clock.now() - newest).to_std().ok());
        let left = age.map_or(Duration::ZERO, |age| every.saturating_sub(age));
        left.max(FIRST_PAUSE.min(every))
    }

    fn watched<'a>(&'a self, file: &'a File) -> Watched<'a> {
        Watched { file, room: &self.room, stop: &self.stop }
    }
}

/// Returns when the export of that name was begun; nothing where the name is not an export's.
fn begun(name: &str) -> Option<Timestamp> {
    let begun = NaiveDateTime::parse_from_str(name, NAME).ok()?.and_utc();
    // A leap second reads, and is the name of none: times here have whole seconds.
    let is_ours = begun.timestamp_subsec_nanos() == 0 && begun.format(NAME).to_string() == name;
    is_ours.then_some(begun)
}

fn pause_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (PAUSE_MIN * 2_u32.pow(doublings)).min(PAUSE_MAX)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A file that is given up when the server stops, and not written when that would take the room that
/// commits need.
struct Watched<'a> {
    file: &'a File,
    room: &'a Room,
    stop: &'a CancellationToken,
}

impl Watched<'_> {
    fn go_on(&self) -> io::Result<()> {
        if self.stop.is_cancelled() {
            return Err(io::Error::other("the server is stopping"));
        }
        Ok(())
    }
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.go_on()?;
        self.room.check(Writer::Request).map_err(io::Error::other)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.go_on()?;
        self.file.read(bytes)
    }
}
