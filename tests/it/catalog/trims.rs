//! Trimming, step by step: a crash at any of them, commits and exports that come in between.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use offshoot::model::revision::{Moment, Revision};
use offshoot::model::role::Login;
use offshoot::model::rules::Seed;
use offshoot::model::rules::branches::{Cutoff, NewBranch};
use offshoot::model::state::Read;
use offshoot::store::catalog::Catalog;
use offshoot::store::engine::{AppendError, Engine, EngineError, LogId, NewRow, TrimFailed};
use offshoot::store::trim::{TrimError, Trimmed};
use offshoot::store::{CommitError, ProjectView, Store, StoreError, check};
use tokio_util::sync::CancellationToken;

use super::command::{Command, credential, id, report};
use super::world::bulk;
use crate::store::memory::{Memory, Rows};
use crate::store::reach::{kept, needed};
use crate::store::support::{LOG, cause, store_over, time};

/// An engine whose machine stops after so many writes: an append, a floor, or one deleted row each.
struct Mortal {
    rows: Arc<Memory>,
    writes_left: AtomicUsize,
}

impl Mortal {
    fn write(&self) -> Result<(), &'static str> {
        let left = |left: usize| left.checked_sub(1);
        match self.writes_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) {
            Ok(_) => Ok(()),
            Err(_) => Err("the machine has stopped"),
        }
    }
}

impl Engine for Mortal {
    fn logs(&self) -> Result<Vec<LogId>, EngineError> {
        self.rows.logs()
    }

    fn head(&self, log: LogId) -> Result<Revision, EngineError> {
        self.rows.head(log)
    }

    fn floor(&self, log: LogId) -> Result<Revision, EngineError> {
        self.rows.floor(log)
    }

    fn row(&self, log: LogId, revision: Revision) -> Result<Option<Vec<u8>>, EngineError> {
        self.rows.row(log, revision)
    }

    fn rows(
        &self,
        log: LogId,
        before: Revision,
        limit: usize,
    ) -> Result<Vec<Revision>, EngineError> {
        Engine::rows(&*self.rows, log, before, limit)
    }

    fn append(&self, rows: &[NewRow]) -> Result<(), AppendError> {
        self.write().map_err(|error| AppendError::Fatal(error.into()))?;
        self.rows.append(rows)
    }

    fn trim(&self, log: LogId, floor: Revision, rows: &[Revision]) -> Result<(), TrimFailed> {
        if self.rows.floor(log).expect("a floor") < floor {
            self.write().map_err(|error| TrimFailed(error.into()))?;
            self.rows.trim(log, floor, &[])?;
        }
        for row in rows {
            self.write().map_err(|error| TrimFailed(error.into()))?;
            self.rows.trim(log, floor, &[*row])?;
        }
        Ok(())
    }
}

async fn run(store: &Store, command: Command) -> Result<Moment, CommitError> {
    let deed = command.deed();
    let decide = move |state: &mut Catalog, moment: Moment| command.run(state, moment, Seed(9));
    store.commit(LOG, cause(deed), decide).await.map(|(_, moment)| moment)
}

fn branch(parent: usize, child: usize, cutoff: Option<u64>) -> Command {
    let cutoff = cutoff.map_or(Cutoff::Head, |revision| Cutoff::Past {
        revision: Revision(revision),
        at: time(0),
        lsn: None,
    });
    let (id, parent) = (id(child), id(parent));
    let name = id.as_str().parse().expect("a name");
    Command::Branch { new: NewBranch::new(id, name, parent, cutoff), asked: None }
}

/// Returns the rows of a project that has branches of several ages, some of them deleted, and trees
/// of several levels.
async fn history() -> Rows {
    let engine = Arc::new(Memory::default());
    let store = store_over(engine.clone());
    let names = |from: usize, to: usize| (from..to).map(bulk).collect::<Vec<_>>();
    let reset = |branch, number: usize| Command::ResetPassword {
        branch: id(branch),
        name: bulk(number),
        credential: credential(number as u64),
    };
    let create = |branch, from, to| Command::CreateRoles {
        branch: id(branch),
        names: names(from, to),
        credential: credential(1),
    };
    let mut commands = vec![Command::CreateProject, create(0, 0, 40), branch(0, 1, None)];
    commands.extend((0..12).map(|number| reset(number % 2, 3 * number)));
    commands.extend([
        branch(0, 2, Some(4)),
        create(2, 90, 95),
        Command::DeleteBranch { branch: id(1) },
    ]);
    commands.extend((0..12).map(|number| reset(2 * (number % 2), 3 * number)));
    commands.extend([
        branch(2, 3, Some(20)),
        Command::DropRoles { branch: id(3), names: names(3, 30) },
    ]);
    commands.push(Command::Record(report(id(0), Revision(30), 0, 500)));
    for command in commands {
        run(&store, command).await.expect("a commit");
    }
    store.close().await;
    engine.rows().clone()
}

fn over(rows: &Rows) -> Arc<Memory> {
    let engine = Arc::new(Memory::default());
    engine.rows().clone_from(rows);
    engine
}

/// Says all that a state holds.
fn dump(view: &ProjectView) -> Result<String, StoreError> {
    let state = &view.state;
    let mut text = format!("{:?} {:?}\n", view.moment, state.project()?);
    for branch in state.branches()? {
        let (roles, databases) = (state.roles(&branch.id)?, state.databases(&branch.id)?);
        writeln!(text, "{branch:?}\n{roles:?}\n{databases:?}").expect("a text");
    }
    let (operations, endpoints) = (state.operations(None, 1000)?, state.endpoints()?);
    writeln!(text, "{operations:?}\n{endpoints:?}").expect("a text");
    Ok(text)
}

/// Says what all states hold from `floor` on.
fn dumps(store: &Store, floor: u64) -> Vec<String> {
    let head = store.extent(LOG).expect("a log").head;
    let dump = |number| dump(&store.view_at(LOG, Revision(number))?);
    (floor..=head.0).map(|number| dump(number).expect("a state that reads")).collect()
}

fn assert_whole(engine: &Arc<Memory>) {
    let findings = check::check(&(engine.clone() as Arc<dyn Engine>), |_| {}).expect("a check");
    assert_eq!(findings.wrong, [""; 0]);
}

async fn trim(store: &Store, floor: u64) -> Result<Trimmed, TrimError> {
    store.trim(LOG, Revision(floor), &CancellationToken::new()).await
}

#[tokio::test]
async fn trimming_leaves_what_later_states_need_and_nothing_else() {
    let rows = history().await;
    let head = rows.len() as u64;
    for floor in (1..=head).step_by(2) {
        let engine = over(&rows);
        let store = store_over(engine.clone());
        let before = dumps(&store, floor);
        let trimmed = trim(&store, floor).await.expect("a trim");
        assert!(dumps(&store, floor) == before, "floor {floor}");
        assert_eq!(kept(&*engine, LOG), needed(&*engine, LOG), "floor {floor}");
        assert_eq!(trimmed.kept, kept(&*engine, LOG).len() as u64);
        assert_eq!(trimmed.deleted + engine.rows().len() as u64, head);
        assert!(engine.rows().iter().all(|(place, bytes)| rows[place] == *bytes));
        assert_whole(&engine);
        let again = trim(&store, floor).await.expect("a trim");
        assert_eq!(again, Trimmed { deleted: 0, ..trimmed });
    }
}

#[tokio::test]
async fn a_crash_at_any_step_of_trimming_is_harmless_and_the_next_run_ends_it() {
    let rows = history().await;
    let floor = 25;
    let whole = over(&rows);
    let store = store_over(whole.clone());
    let expected = dumps(&store, floor);
    let steps = 1 + trim(&store, floor).await.expect("a trim").deleted;
    assert!(10 < steps, "{steps}");
    for step in 0..steps {
        let engine = over(&rows);
        let writes_left = AtomicUsize::new(usize::try_from(step).expect("a few"));
        let store = store_over(Arc::new(Mortal { rows: engine.clone(), writes_left }));
        let error = trim(&store, floor).await.expect_err("a machine that stopped");
        assert!(matches!(error, TrimError::Failed), "{error:?}");
        store.failed().await;
        assert_whole(&engine);
        let store = store_over(engine.clone());
        assert!(dumps(&store, floor) == expected, "after step {step}");
        trim(&store, floor).await.expect("a trim");
        assert!(*engine.rows() == *whole.rows(), "after step {step}");
        assert!(dumps(&store, floor) == expected, "after step {step}");
    }
}

#[tokio::test]
async fn a_crash_at_any_step_of_removing_a_log_leaves_nothing_that_can_be_read() {
    let rows = history().await;
    let stop = CancellationToken::new();
    for step in 0..=rows.len() {
        let engine = over(&rows);
        let writes_left = AtomicUsize::new(step);
        let store = store_over(Arc::new(Mortal { rows: engine.clone(), writes_left }));
        store.remove(LOG, &stop).await.expect_err("a machine that stopped");
        assert_whole(&engine);
        let store = store_over(engine.clone());
        let is_closed = store.view_at::<Catalog>(LOG, Revision(1)).is_err();
        assert_eq!(is_closed, 0 < step);
        assert_eq!(run(&store, branch(0, 9, None)).await.is_err(), 0 < step);
        store.remove(LOG, &stop).await.expect("a removal");
        assert!(engine.rows().is_empty() && engine.floors().is_empty());
        assert_eq!(store.extent(LOG), None);
        run(&store, Command::CreateProject).await.expect("the log is as one that never was");
    }
}

#[tokio::test]
async fn what_lies_below_the_floor_is_refused_with_the_floor_named() {
    let engine = over(&history().await);
    let store = store_over(engine);
    let moments: Vec<Moment> = (1..=25)
        .map(|number| store.view_at::<Catalog>(LOG, Revision(number)).expect("a view").moment)
        .collect();
    assert_eq!(store.floor(LOG).expect("a floor"), Some(moments[0]));
    trim(&store, 25).await.expect("a trim");
    let expected = moments[24];
    assert_eq!(store.floor(LOG).expect("a floor"), Some(expected));
    for moment in &moments[..24] {
        let error = store.view_at::<Catalog>(LOG, moment.revision).map(drop);
        let names_it =
            |error| matches!(error, Err(StoreError::BelowFloor { floor, .. }) if floor == expected);
        assert!(names_it(error), "{moment:?}");
        assert!(names_it(store.moment_at(LOG, moment.at).map(drop)), "{moment:?}");
        let child = run(&store, branch(0, 9, Some(moment.revision.0))).await;
        assert!(child.is_err_and(|error| format!("{error:?}").contains("BelowFloor")));
    }
    assert_eq!(store.moment_at(LOG, expected.at).expect("a moment"), Some(expected));
    run(&store, branch(0, 9, Some(25))).await.expect("a branch at the floor");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_go_on_while_a_log_is_trimmed() {
    let engine = over(&history().await);
    let store = store_over(engine.clone());
    let commits = async {
        for number in 0..120 {
            let login = Login::Password(credential(1));
            let command = match number % 3 {
                0 => Command::CreateRole { branch: id(0), name: bulk(100 + number), login },
                1 => Command::DropRole { branch: id(0), name: bulk(99 + number) },
                _ => branch(0, 50 + number, Some(30)),
            };
            run(&store, command).await.expect("a commit");
        }
    };
    let trims = async {
        for floor in (2..=30).step_by(4) {
            trim(&store, floor).await.expect("a trim");
        }
    };
    tokio::join!(commits, trims);
    assert_whole(&engine);
    dumps(&store, 30);
    trim(&store, 30).await.expect("a trim");
    assert_eq!(kept(&*engine, LOG), needed(&*engine, LOG));
}

#[tokio::test]
async fn trimming_stops_when_it_is_told_to() {
    let rows = history().await;
    let engine = over(&rows);
    let store = store_over(engine.clone());
    let stop = CancellationToken::new();
    stop.cancel();
    let error = store.trim(LOG, Revision(25), &stop).await.expect_err("no time");
    assert!(matches!(error, TrimError::Stopped), "{error:?}");
    assert!(*engine.rows() == rows);
    assert_whole(&engine);
}
