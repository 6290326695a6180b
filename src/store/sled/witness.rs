//! The witness: a file beside sled's that says which row was appended last.
//!
//! sled takes the first damaged place in its log for the end of it, as after a crash, and forgets
//! whatever came after. Rows lost in that way leave no gap, so somebody else must remember that
//! there were more.
//!
//! ```text
//! log u64 | revision u64 | CRC-32 of both      big-endian
//! ```
//!
//! It is written after the row is durable and not synced: after a power cut it may name an older row
//! than the last, but never one that was not there. Before a whole log goes, it is synced.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::model::revision::Revision;
use crate::store::engine::LogId;

/// What the file is called, in the directory of the store.
const NAME: &str = "last";

const BYTES: usize = 20;

/// What remembers the row that was appended last.
#[derive(Debug)]
pub(super) struct Witness {
    file: File,
}

impl Witness {
    /// Opens the witness of the store in `directory`, which is made where there is none.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        Ok(Self { file: options.open(directory.join(NAME))? })
    }

    /// Returns the row that was appended last; nothing where that is not known.
    pub(super) fn last(&self) -> io::Result<Option<(LogId, Revision)>> {
        let mut bytes = [0; BYTES];
        match self.file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(parse(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Remembers a row that is durable.
    pub(super) fn remember(&self, log: LogId, revision: Revision) -> io::Result<()> {
        self.file.write_all_at(&format(log, revision), 0)
    }

    /// Sees to it that no power cut brings back the name of a row of `log`, which is being removed.
    pub(super) fn forget(&self, log: LogId) -> io::Result<()> {
        if self.last()?.is_some_and(|(last, _)| last == log) {
            self.file.write_all_at(&[0; BYTES], 0)?;
        }
        self.file.sync_data()
    }
}

fn format(log: LogId, revision: Revision) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[..8].copy_from_slice(&log.0.to_be_bytes());
    bytes[8..16].copy_from_slice(&revision.0.to_be_bytes());
    let sum = crc32fast::hash(&bytes[..16]);
    bytes[16..].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn parse(bytes: &[u8; BYTES]) -> Option<(LogId, Revision)> {
    let number = |at: usize| {
        u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes of a longer text"))
    };
    let (log, revision) = (LogId(number(0)), Revision(number(8)));
    (format(log, revision) == *bytes).then_some((log, revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_that_was_remembered_last_is_known_to_the_next_witness() {
        let directory = tempfile::tempdir().expect("a directory");
        let witness = Witness::open(directory.path()).expect("a witness");
        assert_eq!(witness.last().expect("a file"), None);
        for revision in [300, 2] {
            witness.remember(LogId(7), Revision(revision)).expect("a file");
        }
        let next = Witness::open(directory.path()).expect("a witness");
        assert_eq!(next.last().expect("a file"), Some((LogId(7), Revision(2))));
    }

    #[test]
    fn a_log_that_was_removed_is_named_no_more_and_others_are() {
        let directory = tempfile::tempdir().expect("a directory");
        let witness = Witness::open(directory.path()).expect("a witness");
        witness.remember(LogId(7), Revision(2)).expect("a file");
        witness.forget(LogId(8)).expect("a file");
        assert_eq!(witness.last().expect("a file"), Some((LogId(7), Revision(2))));
        witness.forget(LogId(7)).expect("a file");
        assert_eq!(witness.last().expect("a file"), None);
    }

    #[test]
    fn a_damaged_witness_says_nothing() {
        let bytes = format(LogId(7), Revision(2));
        for at in 0..BYTES {
            let mut damaged = bytes;
            damaged[at] ^= 1;
            assert_eq!(parse(&damaged), None, "{at}");
        }
        assert_eq!(parse(&[0; BYTES]), None);
    }
}
