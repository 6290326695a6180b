//! Commits that share a group leave what they leave one by one.

use std::sync::Arc;

use futures_util::future::join_all;
use offshoot::model::endpoint::EndpointState;
use offshoot::model::progress::Trace;
use offshoot::model::revision::{Moment, Revision, Timestamp};
use offshoot::model::role::Login;
use offshoot::model::rules::Seed;
use offshoot::model::rules::branches::{Cutoff, NewBranch};
use offshoot::model::rules::databases::DatabaseChange;
use offshoot::model::rules::passes::{Outcome, Report};
use offshoot::store::catalog::Catalog;
use offshoot::store::engine::Engine;
use offshoot::store::{CommitError, Store};

use super::command::{Command, credential, database, endpoint, id, name, role};
use super::world::bulk;
use crate::store::gate::Gate;
use crate::store::memory::Memory;
use crate::store::support::{LOG, OTHER_LOG, add, cause, store_over, time};

async fn run(store: &Store, command: &Command) -> Result<(String, Moment), CommitError> {
    let (command, deed) = (command.clone(), command.deed());
    let decide = move |state: &mut Catalog, moment: Moment| command.run(state, moment, Seed(9));
    store.commit(LOG, cause(deed), decide).await
}

fn branch(parent: usize, child: usize, cutoff: Cutoff) -> Command {
    let endpoint = Some(endpoint(child as u64));
    let (id, name, parent) = (id(child), name(child), id(parent));
    Command::Branch {
        new: NewBranch { endpoint, ..NewBranch::new(id, name, parent, cutoff) },
        asked: None,
    }
}

fn create(branch: usize, index: usize) -> Command {
    let login = Login::Password(credential(index as u64));
    Command::CreateRole { branch: id(branch), name: role(index), login }
}

/// Commands that build on each other, and some that are refused for what came before them.
fn commands() -> Vec<Command> {
    let past = Cutoff::Past { revision: Revision(1), at: time(0), lsn: None };
    let done = Outcome::Done {
        left: Some(EndpointState::Active),
        mark: None,
        problems: vec![],
        delayed: vec![],
        next: Timestamp::UNIX_EPOCH,
    };
    let change = DatabaseChange { name: Some(database(2)), owner: Some(role(0)) };
    let names = (0..50).map(bulk).collect();
    vec![
        create(0, 0),
        create(0, 0),
        branch(0, 1, Cutoff::Head),
        create(1, 1),
        branch(1, 2, Cutoff::Head),
        branch(1, 3, past),
        branch(0, 3, past),
        Command::CreateRoles { branch: id(2), names, credential: credential(7) },
        Command::UpdateDatabase { branch: id(1), name: database(0), change },
        Command::DropRole { branch: id(1), name: role(0) },
        Command::ResetPassword { branch: id(0), name: role(0), credential: credential(8) },
        Command::Record(Report {
            branch: id(1),
            endpoint: None,
            revision: Revision(4),
            outcome: done,
            trace: Trace::default(),
        }),
        Command::DropRole { branch: id(0), name: role(0) },
        Command::DeleteBranch { branch: id(1) },
        Command::DeleteBranch { branch: id(2) },
        Command::DeleteBranch { branch: id(1) },
        Command::RenameBranch { branch: id(3), name: name(1) },
    ]
}

fn rows(engine: &dyn Engine) -> Vec<Vec<u8>> {
    let head = engine.head(LOG).expect("a head");
    let row = |number| engine.row(LOG, Revision(number)).expect("a read").expect("a row");
    (1..=head.0).map(row).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_share_a_group_leave_the_rows_that_they_leave_one_by_one() {
    let alone = Arc::new(Memory::default());
    let store = store_over(alone.clone());
    run(&store, &Command::CreateProject).await.expect("a commit");
    let mut expected = Vec::new();
    for command in commands() {
        expected.push(format!("{:?}", run(&store, &command).await));
    }
    let gate = Gate::open();
    let store = store_over(gate.clone());
    run(&store, &Command::CreateProject).await.expect("a commit");
    gate.shut();
    // Another log's commit keeps the committer busy while the others gather.
    let busy = tokio::spawn({
        let store = store.clone();
        async move { add(&store, OTHER_LOG, 1).await }
    });
    gate.wait_for_appends(2);
    let commands = commands();
    let together = join_all(commands.iter().map(|command| run(&store, command)));
    let (answers, ()) = tokio::join!(together, async { gate.reopen() });
    busy.await.expect("a task that ends").expect("a commit");
    let answers: Vec<String> = answers.iter().map(|answer| format!("{answer:?}")).collect();
    assert_eq!(answers, expected);
    let refused = expected.iter().filter(|answer| answer.contains("Refused")).count();
    let groups = gate.groups();
    assert_eq!(groups.iter().sum::<usize>(), 2 + commands.len() - refused);
    assert!(groups.len() < commands.len() - refused, "they shared groups: {groups:?}");
    assert!((3..8).contains(&refused), "{expected:#?}");
    assert!(rows(&*gate) == rows(&*alone));
}
