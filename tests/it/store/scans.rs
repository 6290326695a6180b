//! Commits that are looked through without their states.

use std::ops::ControlFlow;
use std::sync::Arc;

use offshoot::model::cause::Deed;
use offshoot::model::revision::Revision;
use offshoot::store::StoreError;
use offshoot::store::commits::Stretch;

use super::gate::Gate;
use super::memory::Memory;
use super::support::{LOG, OTHER_LOG, add, fill, store_over, time};
use crate::store::support::{START_MICROS, cause};

fn stretch(newest: u64, oldest: u64, max_rows: usize) -> Stretch {
    Stretch { newest: Revision(newest), oldest: Revision(oldest), max_rows }
}

#[tokio::test]
async fn commits_are_read_newest_first_until_there_are_no_more_or_enough() {
    let store = fill(Arc::new(Memory::default()), 9).await;
    add(&store, OTHER_LOG, 1).await.expect("a commit");
    let scan = |stretch, stop: u64| {
        let mut seen = Vec::new();
        let rest = store.scan_commits::<StoreError>(LOG, stretch, |commit| {
            assert_eq!(commit.cause, cause(Deed::SetUp));
            let seconds = i64::try_from(commit.moment.revision.0).expect("a small number");
            assert_eq!(commit.moment.at, time(START_MICROS + 1_000_000 * seconds));
            seen.push(commit.moment.revision.0);
            let flow = commit.moment.revision.0 == stop;
            Ok(if flow { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        (seen, rest.expect("rows that read").map(|revision| revision.0))
    };
    assert_eq!(scan(stretch(9, 1, 100), 0), ((1..=9).rev().collect(), None));
    assert_eq!(scan(stretch(9, 1, 9), 0), ((1..=9).rev().collect(), None));
    assert_eq!(scan(stretch(9, 1, 4), 0), (vec![9, 8, 7, 6], Some(5)));
    assert_eq!(scan(stretch(7, 3, 100), 0), (vec![7, 6, 5, 4, 3], None));
    assert_eq!(scan(stretch(7, 3, 100), 5), (vec![7, 6, 5], Some(4)));
    assert_eq!(scan(stretch(7, 3, 100), 3), (vec![7, 6, 5, 4, 3], None));
    assert_eq!(scan(stretch(3, 4, 100), 0), (vec![], None));
    assert_eq!(scan(stretch(3, 3, 0), 0), (vec![], Some(3)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_not_durable_yet_is_not_read() {
    let gate = Gate::open();
    let store = store_over(gate.clone());
    add(&store, LOG, 1).await.expect("a commit");
    gate.shut();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { add(&store, LOG, 2).await }
    });
    gate.wait_for_appends(2);
    let read = |number| store.read_commit(LOG, Revision(number));
    assert!(read(1).is_ok());
    assert!(matches!(read(2), Err(StoreError::RowMissing { .. })), "{:?}", read(2));
    gate.reopen();
    waiting.await.expect("a task that ends").expect("a commit");
    assert!(read(2).is_ok());
}
