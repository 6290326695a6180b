//! Files: directories that are made whole elsewhere and renamed into place.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::compute::error::ComputeError;
use crate::compute::local::machine::Users;

/// Postgres refuses a data directory that others can read.
pub(super) const PRIVATE: u32 = 0o700;

/// A directory that others can pass through, if they know where to.
pub(super) const PASSABLE: u32 = 0o711;

/// A file that nobody else can read.
const UNREADABLE: u32 = 0o600;

/// The file by which a root directory of local computes is known.
const MARKER: &str = "offshoot-computes";

const MARKER_TEXT: &str = "This directory belongs to Offshoot, which keeps its computes in it.\n";

/// Every file system may have this in its topmost directory.
const LOST_AND_FOUND: &str = "lost+found";

/// How deep the directories of a data directory go, with room to spare.
const MAX_DEPTH: usize = 8;

/// How large the log of a compute may be when it is started. A larger one is put aside, and the one
/// put aside before goes.
const MAX_LOG_BYTES: u64 = 8 << 20;

/// How much of a log an error repeats, in bytes.
const MAX_TAIL_BYTES: u64 = 2000;

/// How often the removal of a directory is tried in which somebody is still at work.
const MAX_REMOVALS: usize = 20;

/// How long to wait between two such trials.
const REMOVAL_PAUSE: Duration = Duration::from_millis(10);

/// Returns what turns a failure to do `what` with `path` into an error.
pub(super) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ComputeError {
    let path: PathBuf = path.into();
    move |source| ComputeError::Files { what, path, source }
}

/// Makes a directory, where there is none.
pub(super) fn make_directory(path: &Path, mode: u32) -> Result<(), ComputeError> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(failed("create", path))?;
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed("set up", path))
}

/// Makes the root directory of local computes, where there is none, and takes an empty one. What is
/// anybody else's is not touched, nor is the mode of a directory that was there.
pub(super) fn take_root(path: &Path, mode: u32) -> Result<(), ComputeError> {
    if !path.exists() {
        make_directory(path, mode)?;
    }
    let marker = path.join(MARKER);
    if marker.exists() {
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(failed("read", path))?;
    if entries.filter_map(Result::ok).any(|entry| entry.file_name() != LOST_AND_FOUND) {
        return Err(ComputeError::Machine {
            reason: format!(
                "the directory `{}` is not empty and not one that Offshoot made; name an empty \
                 directory, or one that does not exist",
                path.display()
            ),
        });
    }
    fs::write(&marker, MARKER_TEXT).map_err(failed("write", &marker))
}

/// Removes a directory with all that is in it, where there is one.
pub(super) fn remove_directory(path: &Path) -> Result<(), ComputeError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a directory that an Offshoot left behind which was killed, as far as that can be done: one
/// of Postgres's tools may still be at work in it. Such a tool fails as soon as it misses a file. If
/// it is slow to, what it makes until then is left for the next start.
pub(super) fn remove_left(path: &Path) -> Result<(), ComputeError> {
    for _ in 0..MAX_REMOVALS {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                std::thread::sleep(REMOVAL_PAUSE);
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", path)(error));
            }
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// Renames a complete directory into place, and makes sure that it is there after a power cut.
pub(super) fn publish(from: &Path, to: &Path) -> Result<(), ComputeError> {
    sync(from).map_err(failed("sync", from))?;
    fs::rename(from, to).map_err(failed("create", to))?;
    let parent = to.parent().expect("a path within the root directory");
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed("sync", parent))
}

/// One call for a thousand files.
#[cfg(target_os = "linux")]
fn sync(tree: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(tree)?)?)
}

#[cfg(not(target_os = "linux"))]
fn sync(_tree: &Path) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

/// Copies a directory with all that is in it, for the user who runs Postgres. Where the file system
/// can share the blocks of files, the copies do.
pub(super) fn copy(from: &Path, to: &Path, users: &Users) -> io::Result<()> {
    copy_level(from, to, users, MAX_DEPTH)
}

fn copy_level(from: &Path, to: &Path, users: &Users, levels_left: usize) -> io::Result<()> {
    if levels_left == 0 {
        return Err(io::Error::other("too many directories within directories"));
    }
    DirBuilder::new().mode(PRIVATE).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_level(&entry.path(), &to, users, levels_left - 1)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &to)?;
            users.give(&to)?;
        } else {
            return Err(io::Error::other("neither a file nor a directory"));
        }
    }
    users.give(to)
}

/// Opens a compute's log to be written to, and returns it with its length. There may be anything in
/// it that users sent, so nobody else can read it; Postgres itself is handed the open file.
pub(super) fn open_log(path: &Path) -> Result<(File, u64), ComputeError> {
    let bytes = fs::metadata(path).map_or(0, |found| found.len());
    if path.exists() {
        let mode = Permissions::from_mode(UNREADABLE);
        fs::set_permissions(path, mode).map_err(failed("set up", path))?;
    }
    let is_full = MAX_LOG_BYTES < bytes;
    if is_full {
        fs::rename(path, path.with_extension("log.old")).map_err(failed("put aside", path))?;
    }
    let opened = OpenOptions::new().create(true).append(true).mode(UNREADABLE).open(path);
    let log = opened.map_err(failed("open", path))?;
    Ok((log, if is_full { 0 } else { bytes }))
}

/// Returns the last lines of what was written to a log since it had `start` bytes. What came before
/// is of no concern, and might be what users wrote.
pub(super) fn tail(path: &Path, start: u64) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(end.saturating_sub(MAX_TAIL_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(MAX_TAIL_BYTES).read_to_end(&mut bytes)?;
        io::Result::Ok(String::from_utf8_lossy(&bytes).trim().replace('\n', "; "))
    };
    read().ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "its log is empty".into())
}
