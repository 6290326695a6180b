//! Two groups at once: one that is being appended, and one that is decided meanwhile.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use offshoot::model::cause::Deed;
use offshoot::model::revision::{Moment, Revision};
use offshoot::model::state::Denied;
use offshoot::store::directory::Directory;
use offshoot::store::engine::LogId;
use offshoot::store::{CommitError, Store};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::failures::{A_WHILE, SOON, sees_only};
use super::gate::Gate;
use super::support::{LOG, add, cause, chain, count, fill, project, store_over};

type Answer = Result<(usize, Moment), CommitError>;

/// Commands whose decisions a test can wait for.
struct Asked {
    decided: watch::Sender<usize>,
}

impl Asked {
    fn none() -> Self {
        Self { decided: watch::Sender::new(0) }
    }

    /// Asks for a project in the directory, whether it is there or not, and tells how many there
    /// were before.
    fn put(&self, store: &Store, number: u64) -> JoinHandle<Answer> {
        tokio::spawn(self.decide(store, number))
    }

    fn decide(&self, store: &Store, number: u64) -> impl Future<Output = Answer> + use<> {
        let (store, decided) = (store.clone(), self.decided.clone());
        let decide = move |directory: &mut Directory, _: Moment| {
            decided.send_modify(|count| *count += 1);
            let before = directory.projects()?.len();
            directory.put_project(project(number), LogId(number))?;
            Ok(before)
        };
        async move { store.commit(LOG, cause(Deed::SetUp), decide).await }
    }

    async fn wait_for(&self, count: usize) {
        let mut decided = self.decided.subscribe();
        let decided = decided.wait_for(|decided| count <= *decided);
        drop(timeout(SOON, decided).await.expect("commands that are decided"));
    }
}

/// Returns a store of two commits, the disk of which takes another one right now.
async fn appending(gate: &Arc<Gate>) -> (Store, JoinHandle<Answer>) {
    let store = fill(gate.clone(), 2).await;
    gate.shut();
    let first = Asked::none().put(&store, 2);
    gate.wait_for_appends(3);
    (store, first)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_decided_while_another_is_appended_is_neither_seen_nor_answered() {
    let gate = Gate::open();
    let (store, first) = appending(&gate).await;
    let changes = store.changes();
    let asked = Asked::none();
    let second = asked.put(&store, 3);
    asked.wait_for(1).await;
    let refused = tokio::spawn({
        let store = store.clone();
        async move { add(&store, LOG, 3).await }
    });
    tokio::time::sleep(A_WHILE).await;
    sees_only(&store, 2);
    assert!(!changes.has_changed().expect("an open channel"));
    assert!(!first.is_finished() && !second.is_finished() && !refused.is_finished());
    assert_eq!(gate.arrived(), 3, "one group is appended at a time");
    gate.reopen();
    first.await.expect("a task that ends").expect("a commit");
    let (before, moment) = second.await.expect("a task that ends").expect("a commit");
    assert_eq!((before, moment.revision), (3, Revision(4)), "it was decided on what came before");
    let error = refused.await.expect("a task that ends").expect_err("a name that is taken");
    assert!(matches!(error, CommitError::Denied(Denied::Refused(_))), "{}", chain(&error));
    assert_eq!(count(&store, LOG), 4);
}

/// Else all who ask again as soon as they are answered would wait for each other for ever after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_of_those_who_wait_are_appended_while_the_others_are_decided() {
    let gate = Gate::open();
    let store = store_over(gate.clone());
    gate.shut();
    let (go, told) = std::sync::mpsc::channel();
    let wait = move |_: &mut Directory, _: Moment| {
        told.recv().expect("a test that goes on");
        Ok(())
    };
    let asked = Asked::none();
    // The first poll sends each of them, in this order.
    let refused = store.commit(LOG, cause(Deed::SetUp), wait);
    let others = join_all((0..9).map(|number| asked.decide(&store, number)));
    let observe = async {
        go.send(()).expect("a decision that waits");
        gate.wait_for_appends(1);
        asked.wait_for(9).await;
        let groups = gate.groups();
        gate.reopen();
        groups
    };
    let (_, answers, groups) = tokio::join!(refused, others, observe);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(groups, [4], "besides the one that changed nothing");
    assert_eq!(gate.groups(), [4, 5]);
}

/// In one thread, tasks go on in the order in which they are woken.
#[tokio::test]
async fn answers_come_in_the_order_of_the_commits() {
    const COMMITS: u64 = 600;
    let store = store_over(Gate::open());
    let commits = (0..COMMITS).map(|number| Asked::none().put(&store, number));
    let mut commits: FuturesUnordered<_> = commits.collect();
    let mut last = Revision::ZERO;
    while let Some(answer) = commits.next().await {
        let (_, moment) = answer.expect("a task that ends").expect("a commit");
        assert_eq!(moment.revision, last.next());
        assert!(moment.revision <= store.heads()[&LOG], "what was answered can be seen");
        last = moment.revision;
    }
    assert_eq!(last, Revision(COMMITS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_another_process_got_in_first_both_groups_are_decided_again_in_order() {
    let gate = Gate::open();
    let here = fill(gate.clone(), 2).await;
    let there = store_over(gate.memory());
    gate.hold();
    let asked = Asked::none();
    let first = asked.put(&here, 2);
    gate.wait_for_arrivals(3);
    let seconds = [3, 4].map(|number| asked.put(&here, number));
    asked.wait_for(3).await;
    add(&there, LOG, 9).await.expect("a commit of the other process");
    gate.reopen();
    let (before, moment) = first.await.expect("a task that ends").expect("a commit");
    assert_eq!((before, moment.revision), (3, Revision(4)), "the other's is before it");
    let mut seen = Vec::new();
    for second in seconds {
        let (before, moment) = second.await.expect("a task that ends").expect("a commit");
        assert_eq!(moment.revision, Revision(before as u64 + 1), "each saw those before it");
        seen.push(moment.revision);
    }
    seen.sort_unstable();
    assert_eq!(seen, [Revision(5), Revision(6)]);
    assert_eq!(*asked.decided.borrow(), 6, "each was decided twice");
    assert_eq!(count(&store_over(gate.memory()), LOG), 6, "and all of it is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_disk_fails_the_group_that_is_decided_meanwhile_fails_with_the_one_before() {
    let gate = Gate::open();
    let (store, first) = appending(&gate).await;
    let asked = Asked::none();
    let seconds: Vec<_> = (3..6).map(|number| asked.put(&store, number)).collect();
    asked.wait_for(3).await;
    gate.fail();
    for commit in join_all([first].into_iter().chain(seconds)).await {
        let error = commit.expect("a task that ends").expect_err("a failed store");
        assert!(matches!(error, CommitError::Failed), "{error:?}");
    }
    timeout(SOON, store.failed()).await.expect("the failure is told");
    sees_only(&store, 2);
    assert_eq!(gate.arrived(), 3, "what was decided on a row that failed is not written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_rows_are_appended_fails_what_is_decided_meanwhile() {
    let gate = Gate::open();
    let (store, first) = appending(&gate).await;
    let asked = Asked::none();
    let second = asked.put(&store, 3);
    asked.wait_for(1).await;
    gate.panic();
    for commit in [first, second] {
        let error = commit.await.expect("a task that ends").expect_err("a failed store");
        assert!(matches!(error, CommitError::Failed), "{error:?}");
    }
    timeout(SOON, store.failed()).await.expect("the failure is told");
    sees_only(&store, 2);
    assert_eq!(gate.arrived(), 3, "what was decided on a row that failed is not written");
    let error = add(&store, LOG, 100).await.expect_err("a failed store");
    assert!(matches!(error, CommitError::Failed), "{error:?}");
}

/// Else a decision could lean on a state in the past, find it, and have it deleted below itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_decided_while_a_log_is_trimmed() {
    let gate = Gate::open();
    let store = fill(gate.clone(), 3).await;
    gate.hold();
    let trim = tokio::spawn({
        let store = store.clone();
        async move { store.trim(LOG, Revision(3), &CancellationToken::new()).await }
    });
    gate.wait_for_arrivals(4);
    let asked = Asked::none();
    let commit = asked.put(&store, 3);
    tokio::time::sleep(A_WHILE).await;
    let decided = *asked.decided.borrow();
    gate.reopen();
    commit.await.expect("a task that ends").expect("a commit");
    trim.await.expect("a task that ends").expect("a trim");
    assert_eq!(decided, 0);
    assert_eq!(count(&store, LOG), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_closed_finishes_both_groups() {
    let gate = Gate::open();
    let (store, first) = appending(&gate).await;
    let asked = Asked::none();
    let second = asked.put(&store, 3);
    asked.wait_for(1).await;
    let close = tokio::spawn({
        let store = store.clone();
        async move { store.close().await }
    });
    tokio::time::sleep(A_WHILE).await;
    assert!(!close.is_finished());
    gate.reopen();
    for commit in [first, second] {
        commit.await.expect("a task that ends").expect("a commit");
    }
    timeout(SOON, close).await.expect("a store that closes").expect("a task that ends");
    assert_eq!(count(&store_over(gate.memory()), LOG), 4);
}
