//! Export and import: all of a store in one file, or an error.

use std::sync::Arc;

use offshoot::model::revision::Revision;
use offshoot::store::Store;
use offshoot::store::directory::Directory;
use offshoot::store::engine::{Engine, LogId};
use offshoot::store::sled::SledEngine;
use offshoot::store::transfer::{TransferError, export, import, verify};

use super::gate::Gate;
use super::memory::Memory;
use super::support::{CACHE_BYTES, LOG, add, chain, clock, fill};
use super::{sample, tell};

/// How long the line is with which every export begins.
const MAGIC_BYTES: usize = 18;

fn exported(engine: &dyn Engine) -> Vec<u8> {
    let mut file = Vec::new();
    export(engine, &mut file, |_| {}).expect("an export");
    file
}

fn import_into(engine: &dyn Engine, mut file: &[u8]) -> Result<u64, TransferError> {
    import(engine, &mut file, |_| {})
}

/// Returns the export of a store that has a few rows.
async fn small() -> Vec<u8> {
    let engine = Arc::new(Memory::default());
    fill(engine.clone(), 3).await.close().await;
    exported(&*engine)
}

#[tokio::test]
async fn an_import_has_the_rows_and_states_that_were_exported() {
    let sample = sample::engine().await;
    let dir = tempfile::tempdir().expect("a directory");
    let file = exported(&*sample);
    {
        let engine = SledEngine::open(dir.path(), CACHE_BYTES).expect("an engine");
        assert_eq!(import_into(&engine, &file).expect("an import"), sample.rows().len() as u64);
        for ((log, revision), row) in &*sample.rows() {
            assert_eq!(engine.row(*log, *revision).expect("a read").as_ref(), Some(row));
        }
        assert!(exported(&engine) == file);
    }
    let there = Store::over(sample, CACHE_BYTES, clock()).expect("a store");
    let here = Store::open(dir.path(), CACHE_BYTES, clock()).expect("a store");
    assert_eq!(tell::tell(&here), tell::tell(&there));
}

#[tokio::test]
async fn more_rows_than_one_group_of_an_import_arrive_and_progress_is_told() {
    const ROWS: u64 = 600;
    let engine = Arc::new(Memory::default());
    fill(engine.clone(), ROWS).await.close().await;
    let mut told = Vec::new();
    let mut file = Vec::new();
    export(&*engine, &mut file, |count| told.push(count)).expect("an export");
    assert_eq!(told, (1..=ROWS).collect::<Vec<_>>());
    let other = Memory::default();
    told.clear();
    let count = import(&other, &mut &file[..], |count| told.push(count)).expect("an import");
    assert_eq!((count, told.last()), (ROWS, Some(&ROWS)));
    assert!(*other.rows() == *engine.rows());
}

#[test]
fn an_empty_store_can_be_exported_and_imported() {
    let file = exported(&Memory::default());
    assert_eq!(import_into(&Memory::default(), &file).expect("an import"), 0);
}

#[tokio::test]
async fn a_file_that_was_cut_short_anywhere_is_refused() {
    let file = small().await;
    for length in 0..file.len() {
        let error = import_into(&Memory::default(), &file[..length]).expect_err("a cut file");
        verify(&file[..length]).expect_err("a cut file");
        let is_begun = MAGIC_BYTES <= length;
        assert_eq!(is_begun, matches!(error, TransferError::Damaged), "{length}: {error:?}");
        assert_eq!(!is_begun, matches!(error, TransferError::NoExport), "{length}: {error:?}");
    }
}

#[tokio::test]
async fn a_file_that_was_altered_anywhere_is_refused() {
    let file = small().await;
    for at in 0..file.len() {
        let mut altered = file.clone();
        altered[at] ^= 1 << (at % 8);
        import_into(&Memory::default(), &altered).expect_err("an altered file");
        verify(&altered[..]).expect_err("an altered file");
    }
    assert_eq!(verify(&file[..]).expect("a sound file"), 3);
    let longer = [&file[..], b"\n"].concat();
    let error = import_into(&Memory::default(), &longer).expect_err("a longer file");
    assert!(matches!(error, TransferError::Damaged), "{error:?}");
}

#[tokio::test]
async fn a_row_that_was_damaged_before_it_was_exported_is_found_out() {
    let engine = Arc::new(Memory::default());
    fill(engine.clone(), 3).await.close().await;
    *engine.rows().get_mut(&(LOG, Revision(2))).expect("a row").last_mut().expect("a byte") ^= 1;
    let error = verify(&exported(&*engine)[..]).expect_err("a damaged row");
    assert!(matches!(error, TransferError::Damaged), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_beside_commits_holds_what_is_published_and_nothing_else() {
    let gate = Gate::open();
    let store = fill(gate.clone(), 2).await;
    gate.shut();
    let commit = tokio::spawn({
        let store = store.clone();
        async move { add(&store, LOG, 2).await }
    });
    gate.wait_for_appends(3);
    let mut file = Vec::new();
    assert_eq!(store.export(&mut file, |_| {}).expect("an export"), 2);
    assert_eq!(verify(&file[..]).expect("a sound file"), 2);
    gate.reopen();
    commit.await.expect("a task that ends").expect("a commit");
    assert_eq!(store.export(&mut Vec::new(), |_| {}).expect("an export"), 3);
}

#[tokio::test]
async fn an_import_into_a_store_that_has_rows_is_refused_and_changes_nothing() {
    let engine = Arc::new(Memory::default());
    let store = fill(engine.clone(), 1).await;
    let error = import_into(&*engine, &small().await).expect_err("a store in use");
    assert_eq!(chain(&error), "the store is not empty; import into a fresh data directory");
    assert_eq!(engine.rows().len(), 1);
    assert_eq!(store.view::<Directory>(LOG).moment.revision, Revision(1));
}

#[tokio::test]
async fn a_store_with_a_hole_is_not_exported() {
    let engine = Arc::new(Memory::default());
    fill(engine.clone(), 3).await.close().await;
    engine.rows().remove(&(LOG, Revision(2)));
    let error = export(&*engine, &mut Vec::new(), |_| {}).expect_err("a hole");
    assert!(matches!(error, TransferError::RowMissing { log: LogId(7), revision: Revision(2) }));
}
