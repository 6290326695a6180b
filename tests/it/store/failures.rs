//! A disk that fails, and a disk that is slow.

use std::sync::Arc;
use std::time::Duration;

use offshoot::model::cause::Deed;
use offshoot::model::revision::{Moment, Revision};
use offshoot::store::directory::Directory;
use offshoot::store::{CommitError, Store, StoreError};
use tokio::time::timeout;

use super::gate::Gate;
use super::memory::Memory;
use super::support::{LOG, add, cause, count, fill, store_over, time};

/// Within which a thing that should happen must have happened.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// For how long a thing that should not happen is waited for.
pub(super) const A_WHILE: Duration = Duration::from_millis(50);

pub(super) fn sees_only(store: &Store, commits: u64) {
    let view = store.view::<Directory>(LOG);
    assert_eq!(view.moment.revision, Revision(commits));
    assert_eq!(count(store, LOG) as u64, commits);
    assert_eq!(store.heads()[&LOG], Revision(commits));
    let next = store.view_at::<Directory>(LOG, Revision(commits + 1)).map(|view| view.moment);
    assert!(matches!(next, Err(StoreError::RowMissing { .. })), "{next:?}");
    let end_of_time = store.moment_at(LOG, time(i64::MAX / 1000)).expect("a moment");
    assert_eq!(end_of_time.map(|moment| moment.revision), Some(Revision(commits)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_a_commit_before_it_is_durable() {
    let gate = Gate::open();
    let store = fill(gate.clone(), 2).await;
    let changes = store.changes();
    gate.shut();
    let commit = tokio::spawn({
        let store = store.clone();
        async move { add(&store, LOG, 2).await }
    });
    gate.wait_for_appends(3);
    sees_only(&store, 2);
    assert!(!changes.has_changed().expect("an open channel"));
    assert!(!commit.is_finished(), "nobody is told either");
    gate.reopen();
    commit.await.expect("a task that ends").expect("a commit");
    assert_eq!(count(&store, LOG), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_disk_fails_all_who_wait_are_told_so_and_nothing_is_published() {
    let gate = Gate::open();
    let store = fill(gate.clone(), 2).await;
    assert!(timeout(A_WHILE, store.failed()).await.is_err(), "nothing has failed yet");
    gate.shut();
    let commits: Vec<_> = (0..20)
        .map(|number| {
            let store = store.clone();
            // Some of them are refusals, which stand on rows that were never kept.
            tokio::spawn(async move { add(&store, LOG, 2 + number % 15).await })
        })
        .collect();
    gate.wait_for_appends(3);
    gate.fail();
    for commit in commits {
        let error = commit.await.expect("a task that ends").expect_err("a failed store");
        assert!(matches!(error, CommitError::Failed), "{error:?}");
    }
    timeout(SOON, store.failed()).await.expect("the failure is told");
    sees_only(&store, 2);
    gate.reopen();
    let error = add(&store, LOG, 100).await.expect_err("an error from the disk is final");
    assert!(matches!(error, CommitError::Failed), "{error:?}");
    timeout(SOON, store.close()).await.expect("a store that failed can be closed");
}

#[tokio::test]
async fn a_panic_in_the_committer_is_a_failure_of_the_store() {
    let store = store_over(Arc::new(Memory::default()));
    let panic = |_: &mut Directory, _: Moment| -> Result<(), _> { panic!("a bug in a rule") };
    let error = store.commit(LOG, cause(Deed::SetUp), panic).await.expect_err("a dead committer");
    assert!(matches!(error, CommitError::Failed), "{error:?}");
    timeout(SOON, store.failed()).await.expect("the failure is told");
    let error = add(&store, LOG, 1).await.expect_err("a dead committer");
    assert!(matches!(error, CommitError::Failed), "{error:?}");
}

#[tokio::test]
async fn a_store_that_was_closed_has_not_failed() {
    let store = fill(Arc::new(Memory::default()), 1).await;
    store.close().await;
    assert!(timeout(A_WHILE, store.failed()).await.is_err());
}
