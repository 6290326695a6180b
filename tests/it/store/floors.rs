//! Floors in exports, imports and the checker, and exports of a store that goes on.

use std::io;
use std::sync::Arc;

use offshoot::model::revision::Revision;
use offshoot::store::check::check;
use offshoot::store::directory::Directory;
use offshoot::store::engine::{Engine, LogId};
use offshoot::store::sled::SledEngine;
use offshoot::store::transfer::{TransferError, export, import, verify};
use offshoot::store::trim::TrimError;
use offshoot::store::{Store, StoreError};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::memory::Memory;
use super::reach::{kept, needed};
use super::support::{CACHE_BYTES, LOG, OTHER_LOG, add, count, fill, store_over};

const ROWS: u64 = 60;

const FLOOR: Revision = Revision(40);

/// Returns a store whose log has rows below its floor, with holes between them.
async fn trimmed() -> (Arc<Memory>, Store) {
    let engine = Arc::new(Memory::default());
    let store = fill(engine.clone(), ROWS).await;
    let trimmed = store.trim(LOG, FLOOR, &CancellationToken::new()).await.expect("a trim");
    assert!(0 < trimmed.deleted && 0 < trimmed.kept, "{trimmed:?}");
    (engine, store)
}

fn wrong(engine: &Arc<impl Engine + 'static>) -> Vec<String> {
    check(&(Arc::clone(engine) as Arc<dyn Engine>), |_| {}).expect("a check").wrong
}

#[tokio::test]
async fn the_checker_takes_holes_below_a_floor_for_what_they_are() {
    let (engine, _) = trimmed().await;
    let findings = check(&(engine.clone() as Arc<dyn Engine>), |_| {}).expect("a check");
    assert_eq!(findings.wrong, [""; 0]);
    assert_eq!(findings.rows, engine.rows().len() as u64);
    // What a crash brought back is nothing wrong either.
    engine.floors().insert(LOG, Revision(FLOOR.0 + 1));
    assert_eq!(wrong(&engine), [""; 0]);
}

#[tokio::test]
async fn a_row_that_is_missing_from_the_floor_on_or_is_needed_below_it_is_found() {
    let (engine, _) = trimmed().await;
    for row in needed(&*engine, LOG).into_iter().chain([FLOOR, Revision(50)]) {
        let bytes = engine.rows().remove(&(LOG, row)).expect("a row");
        let found = wrong(&engine);
        let expected = format!("row {row} of log {LOG} is missing");
        assert!(found.iter().any(|sentence| sentence.contains(&expected)), "{found:#?}");
        engine.rows().insert((LOG, row), bytes);
    }
}

#[tokio::test]
async fn an_import_has_the_floor_and_the_rows_below_it() {
    let (engine, store) = trimmed().await;
    let mut file = Vec::new();
    let rows = export(&*engine, &mut file, |_| {}).expect("an export");
    assert_eq!(rows, engine.rows().len() as u64);
    assert_eq!(verify(&file[..]).expect("a sound file"), rows);
    let dir = tempfile::tempdir().expect("a directory");
    let other = SledEngine::open(dir.path(), CACHE_BYTES).expect("an engine");
    assert_eq!(import(&other, &mut &file[..], |_| {}).expect("an import"), rows);
    let other = Arc::new(other);
    assert_eq!(other.floor(LOG).expect("a floor"), FLOOR);
    assert_eq!(kept(&*other, LOG), kept(&*engine, LOG));
    assert_eq!(wrong(&other), [""; 0]);
    let other = store_over(other);
    for revision in (FLOOR.0..=ROWS).map(Revision) {
        let [here, there] = [&other, &store].map(|store| {
            let view = store.view_at::<Directory>(LOG, revision).expect("a view");
            (view.moment, view.state.projects().expect("projects"))
        });
        assert_eq!(here, there);
    }
    let below = other.view_at::<Directory>(LOG, Revision(FLOOR.0 - 1)).map(drop);
    assert!(matches!(below, Err(StoreError::BelowFloor { .. })), "{below:?}");
    add(&other, LOG, ROWS).await.expect("a commit");
}

#[tokio::test]
async fn a_hole_from_the_floor_on_is_not_exported() {
    let (engine, _) = trimmed().await;
    engine.rows().remove(&(LOG, FLOOR));
    let error = export(&*engine, &mut Vec::new(), |_| {}).expect_err("a hole");
    assert!(matches!(error, TransferError::RowMissing { log: LOG, revision: FLOOR }));
}

/// What an export begins with.
const MAGIC: &[u8] = b"offshoot export 1\n";

/// How many bytes the end of an export takes, and the head of each row and the whole of each floor.
const END_BYTES: usize = 13;
const ROW_HEAD_BYTES: usize = 21;
const FLOOR_BYTES: usize = 17;

/// Returns the rows and floors of an export, each as it stands there.
fn parts(file: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &file[MAGIC.len()..file.len() - END_BYTES];
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let length = match rest[0] {
            b'C' => {
                let length = rest[17..ROW_HEAD_BYTES].try_into().expect("four bytes");
                ROW_HEAD_BYTES + usize::try_from(u32::from_be_bytes(length)).expect("a length")
            }
            _ => FLOOR_BYTES,
        };
        let (part, others) = rest.split_at(length);
        parts.push(part.to_vec());
        rest = others;
    }
    parts
}

/// Returns an export of these parts, whose sums are right.
fn file_of(parts: &[Vec<u8>]) -> Vec<u8> {
    let rows = parts.iter().filter(|part| part[0] == b'C').count() as u64;
    let mut file = [MAGIC, &parts.concat(), b"E", &rows.to_be_bytes()].concat();
    file.extend(crc32fast::hash(&file).to_be_bytes());
    file
}

#[tokio::test]
async fn a_file_that_lacks_a_row_from_the_floor_on_or_the_floor_is_no_good_export() {
    let (engine, store) = trimmed().await;
    add(&store, OTHER_LOG, 1).await.expect("a commit");
    let mut file = Vec::new();
    export(&*engine, &mut file, |_| {}).expect("an export");
    let parts = parts(&file);
    assert!(file_of(&parts) == file);
    let holders = kept(&*engine, LOG).len();
    let floor = parts.iter().position(|part| part[0] == b'F').expect("a floor");
    // Which rows below the floor are needed shows only in a store.
    for missing in holders..=floor {
        let mut less = parts.clone();
        less.remove(missing);
        let found = verify(&file_of(&less)[..]);
        // Without its newest row, a log is one that was exported before that.
        assert_eq!(found.is_ok(), missing == floor - 1, "{missing}: {found:?}");
    }
    let mut last = parts.clone();
    last.pop();
    verify(&file_of(&last)[..]).expect_err("a log without a floor");
    let mut swapped = parts;
    swapped.swap(floor - 2, floor - 1);
    verify(&file_of(&swapped)[..]).expect_err("a newer row before an older one");
}

/// A file, and what happens to the store while it is written.
struct Meddler {
    file: Vec<u8>,
    store: Store,
    runtime: Handle,
    has_meddled: bool,
}

impl io::Write for Meddler {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.has_meddled {
            self.has_meddled = true;
            self.runtime.block_on(meddle(&self.store));
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn meddle(store: &Store) {
    let stop = CancellationToken::new();
    for number in ROWS..ROWS + 30 {
        add(store, LOG, number).await.expect("a commit");
    }
    add(store, LogId(99), 1).await.expect("a commit");
    let trim = store.trim(LOG, Revision(ROWS + 20), &stop).await;
    assert!(matches!(trim, Err(TrimError::Pinned)), "{trim:?}");
    let removal = store.remove(OTHER_LOG, &stop).await;
    assert!(matches!(removal, Err(TrimError::Pinned)), "{removal:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_is_of_one_moment_while_commits_go_on_and_trimming_waits() {
    let (engine, store) = trimmed().await;
    add(&store, OTHER_LOG, 1).await.expect("a commit");
    let before = engine.rows().clone();
    let mut file = Meddler {
        file: Vec::new(),
        store: store.clone(),
        runtime: Handle::current(),
        has_meddled: false,
    };
    let exported = tokio::task::spawn_blocking({
        let store = store.clone();
        move || store.export(&mut file, |_| {}).map(|rows| (rows, file.file))
    });
    let (rows, file) = exported.await.expect("a task that ends").expect("an export");
    let other = Arc::new(Memory::default());
    assert_eq!(import(&*other, &mut &file[..], |_| {}).expect("an import"), rows);
    assert!(*other.rows() == before);
    assert_eq!(wrong(&other), [""; 0]);
    assert_eq!(count(&store, LOG) as u64, ROWS + 30);
    let trim = store.trim(LOG, Revision(ROWS + 20), &CancellationToken::new()).await;
    assert!(0 < trim.expect("a trim, now that the export is done").deleted);
}

#[tokio::test]
async fn an_export_that_fails_holds_up_trimming_no_longer() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (_, store) = trimmed().await;
    store.export(Full, |_| {}).expect_err("a full disk");
    let trim = store.trim(LOG, Revision(ROWS), &CancellationToken::new()).await;
    assert!(0 < trim.expect("a trim").deleted);
}
