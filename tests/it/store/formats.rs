//! Formats: what a newer Offshoot wrote is refused, and what an older one wrote is read.

use std::sync::Arc;

use offshoot::model::cause::Deed;
use offshoot::model::revision::Revision;
use offshoot::model::state::Read;
use offshoot::store::catalog::Catalog;
use offshoot::store::engine::Engine;
use offshoot::store::row::{Encoder, Row};
use offshoot::store::{Store, check, transfer};
use offshoot::tree::{Node, NodeId};

use super::memory::Memory;
use super::support::{CACHE_BYTES, LOG, cause, chain, clock, fill, store_over, time};
use super::{sample, tell};

/// A store of format 1.
const FORMAT_1: &[u8] = include_bytes!("../../../fixtures/stored/format-1.export");

fn imported(mut file: &[u8]) -> Arc<Memory> {
    let engine = Arc::new(Memory::default());
    transfer::import(&*engine, &mut file, |_| {}).expect("an import");
    engine
}

/// Returns an engine with one row, whose state is one record.
fn with_record(key: &[u8], record: &[u8]) -> Arc<Memory> {
    let engine = Arc::new(Memory::default());
    let row = Row {
        at: time(1),
        cause: cause(Deed::SetUp),
        root: Some(NodeId::new(1, 0)),
        nodes: vec![Arc::new(Node::Leaf(vec![(key.into(), record.into())]))],
    };
    engine.rows().insert((LOG, Revision(1)), Encoder::default().encode(&row));
    engine
}

/// The fixture pins every stored shape: where this fails, stores that are out there no longer mean
/// what they did. A new shape needs a new format number, and then a new fixture beside this one:
/// `cargo run --example stored_fixture > fixtures/stored/format-2.export`.
#[tokio::test]
async fn what_is_written_today_is_what_the_fixture_has() {
    let written = sample::export().await;
    let differs = written.iter().zip(FORMAT_1).position(|(a, b)| a != b);
    assert_eq!((written.len(), differs), (FORMAT_1.len(), None), "length, first difference");
}

#[tokio::test]
async fn a_store_of_format_1_reads_as_it_was_written() {
    let engine = imported(FORMAT_1);
    let findings = check::check(&(engine.clone() as Arc<dyn Engine>), |_| {}).expect("a check");
    assert_eq!((findings.logs, findings.wrong), (3, vec![]));
    for bytes in engine.rows().values() {
        let row = Row::decode(bytes).expect("a row");
        assert!(Encoder::default().encode(&row) == *bytes);
    }
    let told = tell::tell(&store_over(engine));
    insta::assert_snapshot!(told);
}

#[test]
fn a_record_of_a_newer_format_is_refused_and_the_error_says_what_to_do() {
    let store = store_over(with_record(b"Bbr-a", &[2, 0, 0]));
    let error = store.view::<Catalog>(LOG).state.branches().expect_err("a newer record");
    insta::assert_snapshot!(chain(&error), @"record [42, 62, 72, 2d, 61] is damaged: the record's bytes do not read: the record has format 2, and this Offshoot reads format 1; use a newer one");
}

#[test]
fn a_record_that_is_empty_cut_short_or_too_long_or_holds_what_no_record_has_is_refused() {
    let whole = [&[1, 4][..], b"br-a"].concat();
    let cases: [(&[u8], &str); 6] = [
        (&[], "the record is empty"),
        (&whole[..4], "the record is malformed: "),
        (&[&whole[..], b"!"].concat(), "the record has 1 bytes too many"),
        (&[1, 253, 255, 255, 255, 255, 255, 255, 255, 127], "the record is malformed: "),
        (&[1, 4, 0xFF, 0xFF, 0xFF, 0xFF], "the record is malformed: "),
        (&[&[1, 4][..], b"ep-a"].concat(), "`ep-a` is not the id of a branch"),
    ];
    for (record, expected) in cases {
        let store = store_over(with_record(b"Nmain", record));
        let name = "main".parse().expect("a name");
        let error = store.view::<Catalog>(LOG).state.branch_named(&name).expect_err("a bad record");
        let text = chain(&error);
        assert!(text.contains(expected), "{record:?}: {text}");
    }
    let store = store_over(with_record(b"Nmain", &whole));
    let found = store.view::<Catalog>(LOG).state.branch_named(&"main".parse().expect("a name"));
    assert_eq!(found.expect("a good record"), Some("br-a".parse().expect("an id")));
}

#[tokio::test]
async fn a_row_of_a_newer_format_is_refused_and_the_error_says_what_to_do() {
    let engine = Arc::new(Memory::default());
    fill(engine.clone(), 2).await.close().await;
    engine.rows().values_mut().for_each(|row| row[0] = 2);
    let error = Store::over(engine, CACHE_BYTES, clock()).map(drop).expect_err("a newer row");
    insta::assert_snapshot!(chain(&error), @"row 2 of log 0000000000000007 is damaged: the row has format 2, and this Offshoot reads format 1; use a newer one");
}
