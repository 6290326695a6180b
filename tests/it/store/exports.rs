//! Timed exports of a store that was damaged.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use offshoot::exports::{ExportError, Exports};
use offshoot::model::revision::Revision;
use offshoot::room::{FileSystem, Room};
use tokio_util::sync::CancellationToken;

use super::memory::Memory;
use super::support::{LOG, clock, fill};

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("UTF-8");
    entries.map(|entry| name(entry.expect("an entry"))).collect()
}

#[tokio::test]
async fn an_export_that_does_not_read_back_does_not_take_the_place_of_a_good_one() {
    let engine = Arc::new(Memory::default());
    let store = fill(engine.clone(), 3).await;
    let directory = tempfile::tempdir().expect("a directory");
    let room = Room::new(Box::new(FileSystem(directory.path().into())), 0);
    let one = NonZeroUsize::new(1).expect("more than none");
    let path = directory.path().to_owned();
    let exports = Exports::open(path, one, clock(), Arc::new(room), CancellationToken::new());
    let exports = exports.expect("a directory of exports");
    exports.make(&store).expect("an export");
    let good = names(directory.path());
    assert_eq!(good.len(), 1);
    *engine.rows().get_mut(&(LOG, Revision(2))).expect("a row").last_mut().expect("a byte") ^= 1;
    let error = exports.make(&store).expect_err("a damaged row");
    assert!(matches!(error, ExportError::Verify(_)), "{error:?}");
    assert_eq!(names(directory.path()), good);
}
