//! What sled's directory looks like after a crash, and what becomes of it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use offshoot::model::revision::Revision;
use offshoot::store::Store;
use offshoot::store::engine::{Engine, LogId, NewRow};
use offshoot::store::sled::SledEngine;

use super::support::{CACHE_BYTES, LOG, add, chain, clock, count};

/// How many bytes of a row lie under one key.
const PIECE_BYTES: usize = 4000;

/// Opens what may just have been closed. A thread of sled's may hold the lock a little longer.
fn patiently<T, E: std::fmt::Debug>(open: impl Fn() -> Result<T, E>) -> T {
    const ATTEMPTS: u32 = 100;
    for _ in 0..ATTEMPTS {
        if let Ok(opened) = open() {
            return opened;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    open().expect("a store that nobody else holds")
}

fn open(path: &Path) -> SledEngine {
    patiently(|| SledEngine::open(path, CACHE_BYTES))
}

/// Opens the database as sled sees it.
fn raw(path: &Path) -> sled::Db {
    patiently(|| sled::Config::default().path(path).open())
}

fn new_row(log: LogId, revision: u64, bytes: &[u8]) -> NewRow {
    NewRow { log, revision: Revision(revision), bytes: bytes.into() }
}

/// The key of a piece, as the engine's layout says.
fn key(log: LogId, revision: u64, piece: u16) -> Vec<u8> {
    let (log, revision) = (log.0.to_be_bytes(), (!revision).to_be_bytes());
    [b"C", &log[..], &revision, &piece.to_be_bytes()].concat()
}

/// Writes pieces of a row that a crash kept from getting its first one.
fn tear(path: &Path, log: LogId, revision: u64, pieces: std::ops::RangeInclusive<u16>) {
    let db = raw(path);
    for piece in pieces.rev() {
        db.insert(key(log, revision, piece), vec![0xEE; PIECE_BYTES]).expect("an insert");
    }
    db.flush().expect("a flush");
}

#[test]
fn a_row_lies_in_pieces_under_the_keys_that_the_layout_promises() {
    let dir = tempfile::tempdir().expect("a directory");
    let bytes = [[1; PIECE_BYTES], [2; PIECE_BYTES]].concat();
    open(dir.path()).append(&[new_row(LOG, 258, &bytes), new_row(LOG, 1, b"x")]).expect("rows");
    let db = raw(dir.path());
    let found: Vec<_> = db.iter().map(|entry| entry.expect("an entry")).collect();
    let expected = [
        (key(LOG, 258, 0), [&[0, 2], &[1; PIECE_BYTES][..]].concat()),
        (key(LOG, 258, 1), vec![2; PIECE_BYTES]),
        (key(LOG, 1, 0), b"\x00\x01x".to_vec()),
    ];
    assert!(found.len() == 3 && found.iter().zip(&expected).all(|(f, e)| f.0 == e.0 && f.1 == e.1));
}

#[test]
fn a_row_without_its_first_piece_is_not_there_and_its_place_is_free() {
    // The row that takes the place: with fewer pieces than the torn one had, as many, and more.
    for pieces in [1, 3, 5] {
        let dir = tempfile::tempdir().expect("a directory");
        open(dir.path()).append(&[new_row(LOG, 1, b"whole")]).expect("an append");
        tear(dir.path(), LOG, 2, 1..=2);
        tear(dir.path(), LogId(8), 1, 2..=9);
        let row = vec![7; PIECE_BYTES * pieces];
        {
            let engine = open(dir.path());
            assert_eq!(engine.logs().expect("logs"), [LOG]);
            assert_eq!(engine.head(LOG).expect("a head"), Revision(1));
            assert_eq!(engine.head(LogId(8)).expect("a head"), Revision::ZERO);
            assert_eq!(engine.row(LOG, Revision(2)).expect("a read"), None);
            engine.append(&[new_row(LOG, 2, &row)]).expect("an append");
        }
        let engine = open(dir.path());
        assert_eq!(engine.head(LOG).expect("a head"), Revision(2));
        assert!(engine.row(LOG, Revision(2)).expect("a read") == Some(row));
        assert_eq!(engine.row(LOG, Revision(1)).expect("a read").as_deref(), Some(&b"whole"[..]));
    }
}

#[test]
fn a_row_that_lost_a_later_piece_is_reported() {
    let dir = tempfile::tempdir().expect("a directory");
    open(dir.path()).append(&[new_row(LOG, 1, &[7; 3 * PIECE_BYTES])]).expect("an append");
    {
        let db = raw(dir.path());
        db.remove(key(LOG, 1, 1)).expect("a removal");
        db.flush().expect("a flush");
    }
    let error = open(dir.path()).row(LOG, Revision(1)).expect_err("a row with a gap");
    assert_eq!(error.to_string(), "row 1 of log 0000000000000007 is in pieces that do not fit");
}

#[test]
fn wherever_a_crash_cut_the_log_in_a_trim_nothing_is_half_there_and_the_next_trim_ends_it() {
    const CUTS: usize = 60;
    const FLOOR: Revision = Revision(8);
    let row = |n: u8| new_row(LOG, n.into(), &vec![n; usize::from(n % 3) * PIECE_BYTES + 1]);
    let rows: Vec<NewRow> = (1..=12).map(row).collect();
    let gone = [1, 2, 4, 5, 6, 7].map(Revision);
    let dir = tempfile::tempdir().expect("a directory");
    let whole = dir.path().join("whole");
    let begin = {
        let engine = open(&whole);
        engine.append(&rows).expect("an append");
        let begin = end(&whole);
        engine.trim(LOG, FLOOR, &gone).expect("a trim");
        begin
    };
    let (mut floors, mut counts) = (Vec::new(), Vec::new());
    for number in 0..=CUTS {
        let path = dir.path().join(number.to_string());
        cut(&whole, &path, begin + (end(&whole) - begin) * number / CUTS);
        let engine = open(&path);
        let floor = engine.floor(LOG).expect("a floor");
        let read = |row: &NewRow| engine.row(LOG, row.revision).expect("a read");
        for row in &rows {
            let found = read(row);
            let may_be_gone = floor == FLOOR && gone.contains(&row.revision);
            assert!(found.is_none() && may_be_gone || found.as_ref() == Some(&row.bytes));
        }
        floors.push(floor);
        counts.push(rows.iter().filter_map(read).count());
        engine.trim(LOG, FLOOR, &gone).expect("a trim");
        let left = engine.rows(LOG, Revision(100), 100).expect("rows");
        assert_eq!(left, [12, 11, 10, 9, 8, 3].map(Revision), "after cut {number}");
    }
    assert!(floors.is_sorted() && floors[0] == Revision(1), "{floors:?}");
    assert!(counts.is_sorted_by(|a, b| a >= b) && counts[0] == 12, "{counts:?}");
}

#[test]
fn a_row_that_is_half_deleted_is_not_read_and_listed_to_be_trimmed() {
    let dir = tempfile::tempdir().expect("a directory");
    let bytes = vec![7; 3 * PIECE_BYTES];
    open(dir.path()).append(&[1, 2].map(|n| new_row(LOG, n, &bytes))).expect("an append");
    {
        let db = raw(dir.path());
        db.remove(key(LOG, 1, 0)).expect("a removal");
        db.flush().expect("a flush");
    }
    let engine = open(dir.path());
    assert_eq!(engine.row(LOG, Revision(1)).expect("a read"), None);
    assert_eq!(engine.rows(LOG, Revision(2), 9).expect("rows"), [Revision(1)]);
    engine.trim(LOG, Revision(2), &[Revision(1)]).expect("a trim");
    assert_eq!(engine.rows(LOG, Revision(2), 9).expect("rows"), []);
}

#[test]
fn a_log_whose_newest_row_was_the_last_of_all_can_be_removed() {
    for (steps, head) in [(&[2, 1][..], 0), (&[2], 1), (&[], 2)] {
        let dir = tempfile::tempdir().expect("a directory");
        {
            let engine = open(dir.path());
            engine.append(&[new_row(LogId(8), 1, b"other")]).expect("an append");
            engine.append(&[1, 2].map(|n| new_row(LOG, n, b"row"))).expect("an append");
            engine.trim(LOG, Revision(3), &[]).expect("a floor");
            for row in steps {
                engine.trim(LOG, Revision(3), &[Revision(*row)]).expect("a trim");
            }
        }
        let engine = open(dir.path());
        assert_eq!(engine.head(LOG).expect("a head"), Revision(head));
        assert_eq!(engine.head(LogId(8)).expect("a head"), Revision(1));
    }
}

#[tokio::test]
async fn a_store_opens_over_the_snapshot_that_a_crash_left_unfinished() {
    let dir = tempfile::tempdir().expect("a directory");
    {
        let store = Store::open(dir.path(), CACHE_BYTES, clock()).expect("a store");
        add(&store, LOG, 1).await.expect("a commit");
        store.close().await;
    }
    let unfinished = dir.path().join("snap.00000000000000FF.generating");
    fs::write(&unfinished, b"half a snap").expect("a file");
    let store = Store::open(dir.path(), CACHE_BYTES, clock()).expect("a store");
    assert!(!unfinished.exists());
    assert_eq!(count(&store, LOG), 1);
}

#[tokio::test]
async fn a_store_that_was_closed_can_be_opened_again_at_once() {
    let dir = tempfile::tempdir().expect("a directory");
    for number in 0..10 {
        let store = Store::open(dir.path(), CACHE_BYTES, clock()).expect("a store");
        assert_eq!(count(&store, LOG) as u64, number);
        add(&store, LOG, number).await.expect("a commit");
        store.close().await;
    }
}

#[test]
fn a_directory_in_use_is_refused_and_the_message_says_what_to_look_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("data");
    let first = open(&path);
    let error = SledEngine::open(&path, CACHE_BYTES).map(drop).expect_err("a directory in use");
    let text = chain(&error);
    let expected =
        format!("failed to open the store in {}; is another offshoot using it?: ", path.display());
    assert!(text.starts_with(&expected), "{text}");
    first.append(&[new_row(LOG, 1, b"x")]).expect("the first is not disturbed");
    drop(first);
    assert_eq!(open(&path).head(LOG).expect("a head"), Revision(1));
}

#[test]
fn a_path_that_is_no_directory_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    fs::write(&path, b"").expect("a file");
    assert!(SledEngine::open(&path, CACHE_BYTES).is_err());
}

/// Returns where the log in a directory ends.
fn end(path: &Path) -> usize {
    let log = fs::read(path.join("db")).expect("a log");
    log.iter().rposition(|byte| *byte != 0).expect("a log with something in it") + 1
}

/// Copies the directory `from` as a crash might have left it: the log ends at `end`, and what sled
/// only caches is not there.
fn cut(from: &Path, to: &Path, end: usize) {
    fs::create_dir(to).expect("a directory");
    fs::copy(from.join("conf"), to.join("conf")).expect("a copy");
    let mut log = fs::read(from.join("db")).expect("a log");
    log[end..].fill(0);
    fs::write(to.join("db"), log).expect("a copy");
}

#[test]
fn wherever_a_crash_cut_the_log_every_row_up_to_the_head_is_whole() {
    const CUTS: usize = 40;
    let rows: Vec<NewRow> =
        (1..=6).map(|n| new_row(LOG, n.into(), &vec![n; 3 * PIECE_BYTES + 1])).collect();
    let dir = tempfile::tempdir().expect("a directory");
    let whole = dir.path().join("whole");
    open(&whole).append(&rows).expect("an append");
    let end = end(&whole);
    let mut heads = Vec::new();
    for number in 0..=CUTS {
        let path = dir.path().join(number.to_string());
        cut(&whole, &path, end * number / CUTS);
        let engine = open(&path);
        let head = engine.head(LOG).expect("a head");
        for row in rows.iter().take_while(|row| row.revision <= head) {
            let found = engine.row(LOG, row.revision).expect("a read");
            assert!(found.as_ref() == Some(&row.bytes), "row {} after cut {number}", row.revision);
        }
        heads.push(head.0);
    }
    assert!(heads.is_sorted() && heads[0] == 0 && heads[CUTS] == 6, "{heads:?}");
}
