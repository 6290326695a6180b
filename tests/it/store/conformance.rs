//! What every engine must do, asked of each.

use std::sync::Arc;

use offshoot::model::revision::Revision;
use offshoot::store::engine::{AppendError, Engine, LogId, NewRow};
use offshoot::store::sled::SledEngine;

use super::memory::Memory;
use super::support::CACHE_BYTES;

fn row(log: u64, revision: u64, bytes: &[u8]) -> NewRow {
    NewRow { log: LogId(log), revision: Revision(revision), bytes: bytes.into() }
}

fn heads(engine: &dyn Engine) -> Vec<(u64, u64)> {
    let logs = engine.logs().expect("logs");
    logs.into_iter().map(|log| (log.0, engine.head(log).expect("a head").0)).collect()
}

fn read(engine: &dyn Engine, log: u64, revision: u64) -> Option<Vec<u8>> {
    engine.row(LogId(log), Revision(revision)).expect("a read")
}

fn an_empty_engine_has_nothing(engine: &dyn Engine) {
    assert_eq!(heads(engine), []);
    assert_eq!(engine.head(LogId(1)).expect("a head"), Revision::ZERO);
    assert_eq!(read(engine, 1, 1), None);
}

/// The logs lie where a byte carries, and at both ends.
fn each_log_has_its_own_rows_and_head(engine: &dyn Engine) {
    let logs = [0, 1, 255, 256, 65_536, u64::MAX];
    for log in logs {
        let rows: Vec<NewRow> =
            (1..=300).map(|number| row(log, number, &[log.to_be_bytes()[7], 1])).collect();
        engine.append(&rows).expect("an append");
    }
    assert_eq!(heads(engine), logs.map(|log| (log, 300)));
    for log in logs {
        let bytes = vec![log.to_be_bytes()[7], 1];
        assert!((1..=300).all(|number| read(engine, log, number) == Some(bytes.clone())));
        assert_eq!(read(engine, log, 301), None);
    }
    assert_eq!(read(engine, 2, 1), None);
}

fn a_row_of_any_size_is_read_as_it_was_written(engine: &dyn Engine) {
    for (number, size) in (1..).zip([1, 2, 3_999, 4_000, 4_001, 8_000, 8_001, 1_000_000]) {
        let bytes: Vec<u8> = (0..size).map(|at: u32| at.to_be_bytes()[3] ^ 0x5A).collect();
        engine.append(&[row(10, number, &bytes)]).expect("an append");
        assert!(read(engine, 10, number) == Some(bytes), "{size} bytes");
    }
}

fn a_row_is_appended_once_and_a_conflict_leaves_nothing(engine: &dyn Engine) {
    engine.append(&[row(20, 1, b"first")]).expect("an append");
    let error = engine.append(&[row(21, 1, b"other"), row(20, 1, b"late"), row(20, 2, b"more")]);
    let error = error.expect_err("a conflict");
    assert_eq!(error.to_string(), "row 1 of log 0000000000000014 exists already");
    assert!(matches!(error, AppendError::Conflict { log: LogId(20), revision: Revision(1) }));
    assert_eq!(read(engine, 20, 1).as_deref(), Some(&b"first"[..]));
    assert_eq!((read(engine, 21, 1), read(engine, 20, 2)), (None, None));
    assert_eq!(engine.head(LogId(21)).expect("a head"), Revision::ZERO);
}

fn nothing_to_append_is_no_error(engine: &dyn Engine) {
    engine.append(&[]).expect("an append");
}

/// Returns the rows below `before`, newest first, asked for `limit` at a time.
fn rows(engine: &dyn Engine, log: u64, mut before: u64, limit: usize) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        let page = engine.rows(LogId(log), Revision(before), limit).expect("rows");
        assert!(page.len() <= limit);
        found.extend(page.iter().map(|revision| revision.0));
        match page.last() {
            Some(last) => before = last.0,
            None => return found,
        }
    }
}

fn floor(engine: &dyn Engine, log: u64) -> u64 {
    engine.floor(LogId(log)).expect("a floor").0
}

fn trim(engine: &dyn Engine, log: u64, floor: u64, rows: &[u64]) {
    let rows: Vec<Revision> = rows.iter().copied().map(Revision).collect();
    engine.trim(LogId(log), Revision(floor), &rows).expect("a trim");
}

fn fill(engine: &dyn Engine, log: u64, count: u64) {
    // Every third row is in several pieces.
    let size = |number| if number % 3 == 0 { 9_000 } else { 1 };
    let rows: Vec<NewRow> = (1..=count)
        .map(|number| row(log, number, &vec![number.to_be_bytes()[7]; size(number)]))
        .collect();
    engine.append(&rows).expect("an append");
}

fn rows_are_listed_newest_first_in_pages_of_any_size(engine: &dyn Engine) {
    for log in [29, 30, 31] {
        fill(engine, log, 20);
    }
    let all: Vec<u64> = (1..=20).rev().collect();
    for limit in [1, 2, 7, 19, 20, 21, 1_000] {
        assert_eq!(rows(engine, 30, 21, limit), all, "{limit}");
    }
    assert_eq!(rows(engine, 30, u64::MAX, 3), all);
    assert_eq!(rows(engine, 30, 4, 2), [3, 2, 1]);
    assert_eq!((rows(engine, 30, 1, 2), rows(engine, 30, 0, 2)), (vec![], vec![]));
    assert_eq!(rows(engine, 32, 9, 2), Vec::<u64>::new());
}

fn trimming_deletes_the_rows_that_are_named_and_below_the_floor(engine: &dyn Engine) {
    for log in [39, 40, 41] {
        fill(engine, log, 20);
    }
    assert_eq!(floor(engine, 40), 1);
    trim(engine, 40, 10, &[]);
    assert_eq!((floor(engine, 40), rows(engine, 40, 21, 100).len()), (10, 20));
    trim(engine, 40, 10, &[9, 3, 1, 10, 20]);
    let left: Vec<u64> = (1..=20).rev().filter(|number| ![9, 3, 1].contains(number)).collect();
    assert_eq!(rows(engine, 40, 21, 100), left);
    assert_eq!((read(engine, 40, 3), read(engine, 40, 9)), (None, None));
    assert!(read(engine, 40, 6) == Some(vec![6; 9_000]));
    assert!(read(engine, 40, 12) == Some(vec![12; 9_000]));
    assert_eq!(engine.head(LogId(40)).expect("a head"), Revision(20));
    for log in [39, 41] {
        assert_eq!((floor(engine, log), rows(engine, log, 21, 100).len()), (1, 20));
    }
}

fn a_floor_never_sinks(engine: &dyn Engine) {
    fill(engine, 50, 10);
    trim(engine, 50, 7, &[]);
    trim(engine, 50, 4, &[6, 7]);
    assert_eq!((floor(engine, 50), read(engine, 50, 6)), (7, None));
    assert!(read(engine, 50, 7).is_some());
}

fn trimming_what_is_gone_changes_nothing_and_rows_go_on_being_appended(engine: &dyn Engine) {
    fill(engine, 60, 10);
    for _ in 0..2 {
        trim(engine, 60, 10, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(rows(engine, 60, 100, 3), [10]);
    }
    engine.append(&[row(60, 11, b"next")]).expect("an append");
    assert_eq!(rows(engine, 60, 100, 3), [11, 10]);
    assert_eq!(heads(engine), [(60, 11)]);
}

fn a_log_whose_last_row_went_is_as_one_that_never_was(engine: &dyn Engine) {
    fill(engine, 70, 5);
    fill(engine, 71, 5);
    trim(engine, 70, 6, &[5, 4]);
    assert_eq!((floor(engine, 70), heads(engine)), (6, vec![(70, 3), (71, 5)]));
    trim(engine, 70, 6, &[3, 2, 1]);
    assert_eq!((floor(engine, 70), heads(engine)), (1, vec![(71, 5)]));
    trim(engine, 70, 9, &[1]);
    assert_eq!((floor(engine, 70), engine.head(LogId(70)).expect("a head").0), (1, 0));
    engine.append(&[row(70, 1, b"another")]).expect("an append");
    assert_eq!((floor(engine, 70), heads(engine)), (1, vec![(70, 1), (71, 5)]));
}

fn conforms(open: impl Fn() -> Arc<dyn Engine>) {
    for ask in [
        an_empty_engine_has_nothing,
        each_log_has_its_own_rows_and_head,
        a_row_of_any_size_is_read_as_it_was_written,
        a_row_is_appended_once_and_a_conflict_leaves_nothing,
        nothing_to_append_is_no_error,
        rows_are_listed_newest_first_in_pages_of_any_size,
        trimming_deletes_the_rows_that_are_named_and_below_the_floor,
        a_floor_never_sinks,
        trimming_what_is_gone_changes_nothing_and_rows_go_on_being_appended,
        a_log_whose_last_row_went_is_as_one_that_never_was,
    ] {
        ask(&*open());
    }
}

#[test]
fn the_engine_in_memory_does_what_an_engine_must() {
    conforms(|| Arc::new(Memory::default()));
}

#[test]
fn sled_does_what_an_engine_must() {
    let dir = tempfile::tempdir().expect("a directory");
    let number = std::cell::Cell::new(0);
    conforms(|| {
        number.set(number.get() + 1);
        let path = dir.path().join(number.get().to_string());
        Arc::new(SledEngine::open(&path, CACHE_BYTES).expect("an engine"))
    });
}
