//! The checker finds what is wrong, and nothing where nothing is.

use std::sync::Arc;

use chrono::TimeDelta;
use offshoot::model::revision::Revision;
use offshoot::store::check::{Findings, MAX_FINDINGS, check};
use offshoot::store::engine::Engine;
use offshoot::tree::{Node, NodeId};

use super::memory::Memory;
use super::sample;
use super::support::{LOG, fill};

const ROWS: u64 = 30;

async fn healthy() -> Arc<Memory> {
    let engine = Arc::new(Memory::default());
    fill(engine.clone(), ROWS).await.close().await;
    engine
}

fn findings(engine: &Arc<Memory>) -> Findings {
    check(&(Arc::clone(engine) as Arc<dyn Engine>), |_| {}).expect("a check")
}

#[track_caller]
fn finds(engine: &Arc<Memory>, expected: &str) {
    let wrong = findings(engine).wrong;
    assert!(wrong.iter().any(|sentence| sentence.contains(expected)), "{wrong:#?}");
}

#[tokio::test]
async fn nothing_is_wrong_with_a_healthy_store() {
    let found = findings(&healthy().await);
    assert_eq!((found.logs, found.rows, found.wrong), (1, ROWS, vec![]));
    let sample = sample::engine().await;
    let found = findings(&sample);
    assert_eq!((found.logs, found.rows, found.wrong), (3, sample.rows().len() as u64, vec![]));
}

#[tokio::test]
async fn a_hole_in_a_log_is_found() {
    let engine = healthy().await;
    engine.rows().remove(&(LOG, Revision(7)));
    finds(&engine, "row 7 of log 0000000000000007 is missing");
}

#[tokio::test]
async fn a_bit_that_flipped_is_found_wherever_it_is() {
    let engine = healthy().await;
    let place = (LOG, Revision(3));
    let bytes = engine.rows()[&place].clone();
    for at in 0..bytes.len() {
        engine.rows().get_mut(&place).expect("a row")[at] ^= 1 << (at % 8);
        finds(&engine, "row 3 of log 0000000000000007 is damaged");
        engine.rows().insert(place, bytes.clone());
    }
    assert!(findings(&engine).wrong.is_empty());
}

#[tokio::test]
async fn a_damaged_head_does_not_keep_the_checker_from_the_other_rows() {
    let engine = healthy().await;
    for number in [4, ROWS] {
        engine.rows().get_mut(&(LOG, Revision(number))).expect("a row")[9] ^= 1;
    }
    finds(&engine, "row 30 of log 0000000000000007 is damaged");
    finds(&engine, "row 4 of log 0000000000000007 is damaged");
}

#[tokio::test]
async fn times_that_do_not_increase_are_found() {
    for back in [1, 2] {
        let engine = healthy().await;
        engine.rewrite(LOG, 9, |row| row.at -= TimeDelta::seconds(back));
        finds(&engine, "row 9 of log 0000000000000007 is not later than the one before it");
    }
}

#[tokio::test]
async fn a_node_that_is_missing_is_found() {
    let engine = healthy().await;
    engine.rewrite(LOG, 20, |row| {
        row.nodes.pop().expect("a node");
    });
    finds(&engine, "of log 0000000000000007 is missing");
}

#[tokio::test]
async fn a_root_in_a_row_that_comes_later_is_found() {
    let engine = healthy().await;
    engine.rewrite(LOG, 5, |row| row.root = Some(NodeId::new(6, 0)));
    finds(&engine, "row 5 of log 0000000000000007 reaches the later node 6.0");
}

#[tokio::test]
async fn a_record_that_is_damaged_or_of_no_known_kind_is_found() {
    let change = |engine: &Memory, key: Option<&[u8]>, value: &[u8]| {
        engine.rewrite(LOG, ROWS, |row| {
            let leaf = row.nodes.iter_mut().find_map(|node| match Arc::make_mut(node) {
                Node::Leaf(entries) => Some(entries),
                Node::Inner(_) => None,
            });
            let entry = &mut leaf.expect("a leaf")[0];
            entry.0 = key.map_or_else(|| entry.0.clone(), Into::into);
            entry.1 = value.into();
        });
    };
    let engine = healthy().await;
    change(&engine, None, &[1, 99]);
    finds(&engine, "is damaged: the record's bytes do not read");
    let engine = healthy().await;
    change(&engine, Some(b"?"), &[1]);
    finds(&engine, "record [3f] is of an unknown kind");
}

#[tokio::test]
async fn the_checker_stops_after_enough_findings() {
    let engine = Arc::new(Memory::default());
    fill(engine.clone(), 300).await.close().await;
    engine.rows().values_mut().for_each(|row| row[5] ^= 1);
    assert_eq!(findings(&engine).wrong.len(), MAX_FINDINGS);
}
