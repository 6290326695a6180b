//! Commits that meet: groups, refusals, conflicts.

use std::sync::Arc;

use futures_util::future::join_all;
use offshoot::model::branch::{Beginning, Branch, Lineage};
use offshoot::model::cause::Deed;
use offshoot::model::id::BranchId;
use offshoot::model::origin::Origin;
use offshoot::model::revision::{Moment, Revision};
use offshoot::model::role::{Credential, Login, Role};
use offshoot::model::secret::{Sealed, Verifier};
use offshoot::model::state::{Denied, Write};
use offshoot::store::catalog::Catalog;
use offshoot::store::directory::Directory;
use offshoot::store::engine::{LogId, MAX_ROW_BYTES};
use offshoot::store::{CommitError, Store, StoreError};
use offshoot::tree::NodeId;

use sha2::{Digest, Sha256};

use super::gate::Gate;
use super::memory::Memory;
use super::support::{LOG, add, cause, chain, count, fill, project, store_over};

/// Sends the same projects twice, each in a task of its own, and returns the answers.
async fn rush(store: &Store, log: LogId, projects: u64) -> Vec<Result<usize, CommitError>> {
    let tasks = (0..2 * projects).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            let (before, moment) = add(&store, log, task % projects).await?;
            assert_eq!(moment.revision, Revision(before as u64 + 1), "revisions are dense");
            Ok(before)
        })
    });
    let answers = join_all(tasks).await;
    answers.into_iter().map(|answer| answer.expect("a task that ends")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_of_many_commits_sees_those_before_it_and_gets_its_own_answer() {
    const PROJECTS: u64 = 100;
    let gate = Gate::open();
    let store = store_over(gate.clone());
    let logs = [1, 2, 3].map(LogId);
    let answers = join_all(logs.map(|log| rush(&store, log, PROJECTS))).await;
    for (log, answers) in logs.into_iter().zip(answers) {
        let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        let mut seen: Vec<usize> = done.into_iter().flatten().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>(), "each saw one more than the one before");
        assert_eq!(refused.len(), 100);
        for refusal in refused {
            let error = refusal.expect_err("a refusal");
            assert!(matches!(error, CommitError::Denied(Denied::Refused(_))), "{error:?}");
        }
        assert_eq!(count(&store, log), 100);
        assert_eq!(store.heads()[&log], Revision(PROJECTS));
    }
    let groups = gate.groups();
    assert_eq!(groups.iter().sum::<usize>(), 300, "a refusal writes no row");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_wait_together_share_appends_and_a_refusal_among_them_is_answered() {
    let gate = Gate::open();
    let store = store_over(gate.clone());
    gate.shut();
    let first = tokio::spawn({
        let store = store.clone();
        async move { add(&store, LOG, 0).await }
    });
    gate.wait_for_appends(1);
    let others = (0..50).map(|number| add(&store, LOG, number));
    let (answers, ()) = tokio::join!(join_all(others), async { gate.reopen() });
    first.await.expect("a task that ends").expect("a commit");
    let done: Vec<_> = answers.iter().map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(done[0], None, "the project was added by a commit that was not durable yet");
    for (number, answer) in (0..).zip(&done).skip(1) {
        assert_eq!(answer.expect("a commit").0, number);
    }
    let groups = gate.groups();
    assert_eq!(groups.iter().sum::<usize>(), 50);
    assert!(groups.len() < 8, "each takes at least half of those who wait: {groups:?}");
    let mut times: Vec<_> = done.iter().flatten().map(|(_, moment)| moment.at).collect();
    times.dedup();
    assert_eq!(times.len(), 49, "times increase though the clock stands still");
    assert!(times.is_sorted());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_too_many_wait_the_next_one_is_told_and_nobody_else_is_hurt() {
    const QUEUE: usize = 1024;
    const GROUP: usize = 256;
    let gate = Gate::open();
    let store = store_over(gate.clone());
    gate.shut();
    let first = tokio::spawn({
        let store = store.clone();
        async move { add(&store, LOG, 0).await }
    });
    gate.wait_for_appends(1);
    // The first poll sends each of them.
    let all = QUEUE + GROUP + 10;
    let answers = join_all((1..=all as u64).map(|number| add(&store, LOG, number)));
    let (answers, ()) = tokio::join!(answers, async { gate.reopen() });
    first.await.expect("a task that ends").expect("a commit");
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert!((QUEUE..=QUEUE + GROUP).contains(&done.len()), "{} were taken", done.len());
    for refusal in refused {
        let error = refusal.expect_err("a refusal");
        assert!(matches!(error, CommitError::Busy), "{error:?}");
    }
    let groups = gate.groups();
    assert!(groups.iter().all(|rows| *rows <= GROUP), "a group is bounded, too: {groups:?}");
    assert_eq!(groups.iter().sum::<usize>(), 1 + done.len());
    assert_eq!(count(&store, LOG), 1 + done.len(), "those that were turned away left nothing");
}

#[tokio::test]
async fn a_decision_that_changes_nothing_writes_nothing() {
    let gate = Gate::open();
    let store = fill(gate.clone(), 2).await;
    let look = |directory: &mut Directory, _| Ok(directory.projects()?.len());
    let (seen, moment) = store.commit(LOG, cause(Deed::SetUp), look).await.expect("a look");
    assert_eq!((seen, moment.revision), (2, Revision(2)));
    assert_eq!(gate.groups(), [1, 1]);
}

#[tokio::test]
async fn what_a_refused_decision_had_edited_is_gone() {
    let store = fill(Arc::new(Memory::default()), 1).await;
    let refuse = |directory: &mut Directory, _| -> Result<(), _> {
        directory.remove_project(&project(0))?;
        Err(Denied::Unreadable(StoreError::RecordUnknown { key: b"no".to_vec() }))
    };
    let error = store.commit(LOG, cause(Deed::SetUp), refuse).await.expect_err("a refusal");
    assert!(matches!(error, CommitError::Denied(Denied::Unreadable(_))), "{error:?}");
    assert_eq!(count(&store, LOG), 1);
    assert_eq!(store.heads()[&LOG], Revision(1));
}

#[tokio::test]
async fn the_last_record_can_go_and_the_state_is_empty_again() {
    let store = fill(Arc::new(Memory::default()), 1).await;
    let remove = |directory: &mut Directory, _| Ok(directory.remove_project(&project(0))?);
    store.commit(LOG, cause(Deed::DeleteProject), remove).await.expect("a commit");
    assert_eq!(count(&store, LOG), 0);
    let before = store.view_at::<Directory>(LOG, Revision(1)).expect("a view");
    assert_eq!(before.state.projects().expect("projects").len(), 1);
}

#[tokio::test]
async fn a_decision_that_meets_a_foreign_commit_is_made_again_on_what_that_one_left() {
    let rows = Arc::new(Memory::default());
    let (here, there) = (store_over(rows.clone()), store_over(rows.clone()));
    add(&here, LOG, 1).await.expect("a commit");
    let (before, moment) = add(&there, LOG, 2).await.expect("a commit on a newer head");
    assert_eq!((before, moment.revision), (1, Revision(2)));
    let error = add(&here, LOG, 2).await.expect_err("the other process has added it");
    assert!(matches!(error, CommitError::Denied(Denied::Refused(_))), "{}", chain(&error));
    let (before, moment) = add(&here, LOG, 3).await.expect("a commit");
    assert_eq!((before, moment.revision), (2, Revision(3)));
    assert_eq!(rows.rows().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_caller_went_away_stands() {
    let gate = Gate::open();
    let store = store_over(gate.clone());
    gate.shut();
    {
        let mut caller = Box::pin(add(&store, LOG, 1));
        assert!(futures_util::poll!(&mut caller).is_pending());
        gate.wait_for_appends(1);
    }
    gate.reopen();
    store.close().await;
    assert_eq!(count(&store, LOG), 1);
    assert!(add(&store, LOG, 2).await.is_err(), "a closed store takes no commits");
}

#[tokio::test]
async fn everybody_who_listens_is_told_of_a_commit() {
    let store = store_over(Arc::new(Memory::default()));
    let mut changes = store.changes();
    assert!(!changes.has_changed().expect("an open channel"));
    add(&store, LOG, 1).await.expect("a commit");
    assert!(changes.has_changed().expect("an open channel"));
    changes.mark_unchanged();
    add(&store, LOG, 1).await.expect_err("a refusal");
    assert!(!changes.has_changed().expect("an open channel"));
}

#[tokio::test]
async fn a_commit_with_more_nodes_than_it_can_number_is_refused_and_leaves_nothing() {
    let store = store_over(Arc::new(Memory::default()));
    // Keys that ascend leave leaves of seven entries behind.
    let fill = |directory: &mut Directory, _: Moment| {
        for number in 0..7 * NodeId::MAX_PER_REVISION {
            directory.put_project(format!("{number:06}").parse().expect("an id"), LogId(1))?;
        }
        Ok(())
    };
    let error = store.commit(LOG, cause(Deed::SetUp), fill).await.expect_err("too many nodes");
    assert!(matches!(error, CommitError::TooLarge), "{error:?}");
    assert!(store.heads().is_empty());
    add(&store, LOG, 1).await.expect("a commit");
}

#[tokio::test]
async fn a_commit_with_more_bytes_than_a_row_can_have_is_refused_and_leaves_nothing() {
    const SEALED_BYTES: usize = 16_000;
    let engine = Arc::new(Memory::default());
    let store = store_over(engine.clone());
    let put = |count: usize| {
        move |state: &mut Catalog, moment: Moment| {
            let branch = "br-a".parse().expect("an id");
            state.put_branch(empty_branch(&branch, moment))?;
            for number in 0..count {
                state.put_role(&branch, large_role(number, SEALED_BYTES, moment))?;
            }
            Ok(())
        }
    };
    let fitting = MAX_ROW_BYTES / (SEALED_BYTES + 100);
    let cause = || cause(Deed::CreateRole);
    let error = store.commit(LOG, cause(), put(fitting + 20)).await.expect_err("too many bytes");
    assert!(matches!(error, CommitError::TooLarge), "{error:?}");
    assert!(store.heads().is_empty());
    store.commit(LOG, cause(), put(fitting - 20)).await.expect("a commit");
    assert_eq!(engine.rows().len(), 1);
}

fn empty_branch(id: &BranchId, moment: Moment) -> Branch {
    let name = "main".parse().expect("a name");
    Branch::new(id.clone(), name, Lineage::Root, Beginning { moment, source: None })
}

/// Returns bytes that do not compress.
fn noise(number: usize, bytes: usize) -> Vec<u8> {
    let block = |index: usize| Sha256::digest([number.to_be_bytes(), index.to_be_bytes()].concat());
    (0..).flat_map(block).take(bytes).collect()
}

fn large_role(number: usize, bytes: usize, moment: Moment) -> Role {
    let credential = Credential {
        verifier: Verifier::from_trusted("SCRAM-SHA-256$4096:c2FsdA==$a:b"),
        sealed: Some(Sealed(noise(number, bytes).into())),
        branch: "br-main".parse().expect("an id"),
    };
    Role {
        name: format!("role-{number:04}").parse().expect("a name"),
        login: Login::Password(credential),
        stands_for: None,
        protected: false,
        born: moment.revision,
        standing: None,
        origin: Origin { branch: "br-main".parse().expect("an id"), revision: moment.revision },
        expires_at: None,
        deactivated_at: None,
        created_at: moment.at,
        updated_at: moment.at,
    }
}
