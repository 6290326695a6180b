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

fn conforms(open: impl Fn() -> Arc<dyn Engine>) {
    for ask in [
        an_empty_engine_has_nothing,
        each_log_has_its_own_rows_and_head,
        a_row_of_any_size_is_read_as_it_was_written,
        a_row_is_appended_once_and_a_conflict_leaves_nothing,
        nothing_to_append_is_no_error,
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
