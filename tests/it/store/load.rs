//! A store under load, in a process that tests may kill: it commits, trims, exports, and removes logs,
//! and says which commits are durable. What a state holds follows from its revision alone, so that
//! whoever comes later can tell whether it is right.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use offshoot::clock::SystemClock;
use offshoot::model::branch::{Beginning, Branch, BranchPoint, Lineage, Source};
use offshoot::model::cause::Deed;
use offshoot::model::id::BranchId;
use offshoot::model::origin::Origin;
use offshoot::model::revision::{Moment, Revision};
use offshoot::model::role::{Login, Role};
use offshoot::model::rules::{Seed, projects};
use offshoot::model::state::{Denied, Read, Write};
use offshoot::store::catalog::Catalog;
use offshoot::store::check::check;
use offshoot::store::engine::{Engine, LogId};
use offshoot::store::sled::SledEngine;
use offshoot::store::trim::TrimError;
use offshoot::store::{CommitError, ProjectView, Store, StoreError, transfer};
use tokio_util::sync::CancellationToken;

use super::memory::Memory;
use super::support::{CACHE_BYTES, cause};
use crate::catalog::command::new_project;

/// The variable that names the directory in which the load works.
pub const DIRECTORY: &str = "OFFSHOOT_TEST_LOAD";

/// What a line begins with that names a durable commit: its log and its revision follow.
pub const ACK: &str = "durable ";

/// The last export that came to its end, beside the store.
const EXPORT: &str = "export";

const LOGS: [LogId; 4] = [LogId(1), LogId(2), LogId(3), LogId(4)];

/// A log that is removed again and again.
const PASSING: LogId = LogId(9);

/// How many commit at once to each log.
const WRITERS: usize = 2;

/// How many threads it has.
const THREADS: usize = 4;

/// How many of the newest revisions can be asked for.
const WINDOW: u64 = 60;

/// How many roles there are on the main branch, each put anew after so many commits.
const SLOTS: u64 = 50;

/// How long the load works if nobody ends it.
const LIFE: Duration = Duration::from_secs(60);

fn main_branch() -> BranchId {
    "br-a".parse().expect("an id")
}

fn child(revision: u64) -> BranchId {
    format!("br-c{revision}").parse().expect("an id")
}

fn is_birth(revision: u64) -> bool {
    revision % 10 == 3 && 10 < revision
}

/// Returns the child that a revision removes.
fn death(revision: u64) -> Option<u64> {
    (revision % 10 == 8 && 30 < revision).then(|| revision - 25)
}

/// The rule of the load.
fn decide(state: &mut Catalog, moment: Moment) -> Result<(), Denied<StoreError>> {
    let revision = moment.revision.0;
    if moment.revision == Revision::FIRST {
        projects::create(state, moment, Seed(0), new_project())?;
    } else if is_birth(revision) {
        let cutoff = Revision(revision - 5);
        let (id, parent) = (child(revision), main_branch());
        let point = BranchPoint { parent: parent.clone(), cutoff, at: moment.at, lsn: None };
        let name = id.as_str().parse().expect("a name");
        let source = Some(Source { branch: parent.clone(), cutoff });
        let began = Beginning { moment, source };
        state.put_branch(Branch::new(id.clone(), name, Lineage::Child(point), began))?;
        assert!(state.copy_catalog(&id, &parent, cutoff)?);
    } else if let Some(born) = death(revision) {
        state.remove_branch(&child(born))?;
    } else {
        let name = format!("slot-{}", revision % SLOTS).parse().expect("a name");
        let (born, at) = (moment.revision, moment.at);
        let role = Role {
            name,
            login: Login::Never,
            stands_for: None,
            protected: false,
            born,
            standing: None,
            origin: Origin { branch: main_branch(), revision: born },
            expires_at: None,
            deactivated_at: None,
            created_at: at,
            updated_at: at,
        };
        state.put_role(&main_branch(), role)?;
    }
    Ok(())
}

/// Returns the roles of the main branch at a revision: when each was put last, by slot.
fn roles_at(revision: u64) -> BTreeMap<String, u64> {
    let puts = |at: &u64| !is_birth(*at) && death(*at).is_none();
    let early = 2..=revision.min(SLOTS);
    let all = early.chain(revision.saturating_sub(SLOTS).max(2)..=revision);
    all.filter(puts).map(|at| (format!("slot-{}", at % SLOTS), at)).collect()
}

fn children_at(revision: u64) -> impl Iterator<Item = u64> {
    (revision.saturating_sub(24)..=revision).filter(|at| is_birth(*at))
}

/// Checks all states of all logs that can be asked for, and that no commit that was `durable` is
/// missing.
pub fn verify(engine: Arc<dyn Engine>, durable: &BTreeMap<LogId, u64>) {
    assert_eq!(check(&engine, |_| ()).expect("a check").wrong, [""; 0]);
    let store = Store::over(engine, CACHE_BYTES, Arc::new(SystemClock)).expect("a store");
    for log in LOGS {
        let head = store.extent(log).map_or(0, |extent| extent.head.0);
        let told = durable.get(&log).copied().unwrap_or_default();
        assert!(told <= head, "commit {told} of log {log} was durable, and the last is {head}");
        let Some(extent) = store.extent(log) else { continue };
        for number in extent.floor.0..=extent.head.0 {
            let view = store.view_at(log, Revision(number)).expect("a view");
            assert_state(&view, number).expect("a state that reads");
        }
    }
}

fn assert_state(view: &ProjectView, revision: u64) -> Result<(), StoreError> {
    let slots = |branch: &BranchId| -> Result<BTreeMap<String, u64>, StoreError> {
        let roles = view.state.roles(branch)?.into_iter();
        let slots = roles.map(|role| (role.name.to_string(), role.born.0));
        Ok(slots.filter(|(name, _)| name.starts_with("slot-")).collect())
    };
    assert_eq!(slots(&main_branch())?, roles_at(revision), "{revision}");
    let branches: BTreeSet<_> = view.state.branches()?.into_iter().map(|b| b.id).collect();
    let expected = children_at(revision).map(child).chain([main_branch()]).collect();
    assert_eq!(branches, expected, "{revision}");
    for born in children_at(revision) {
        assert_eq!(slots(&child(born))?, roles_at(born - 5), "child {born} at {revision}");
    }
    Ok(())
}

/// Checks the last export that came to its end, if there is any, and returns whether there is.
pub fn verify_export(directory: &Path) -> bool {
    let Ok(file) = std::fs::read(directory.join(EXPORT)) else { return false };
    let engine = Arc::new(Memory::default());
    transfer::import(&*engine, &mut &file[..], |_| {}).expect("an import");
    verify(engine, &BTreeMap::new());
    true
}

/// Opens the store of a process that has just ended. Its lock may outlive it for a moment.
pub fn open(directory: &Path) -> Arc<SledEngine> {
    let until = Instant::now() + LIFE;
    loop {
        match SledEngine::open(&directory.join("store"), CACHE_BYTES) {
            Ok(engine) => return Arc::new(engine),
            Err(error) if until < Instant::now() => panic!("{error:?}"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Works in a directory until it is killed, or for as long as it lives.
pub fn work(directory: &Path) -> ! {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(THREADS).enable_all().build();
    runtime.expect("a runtime").block_on(work_until_the_end(directory.to_path_buf()));
    std::process::exit(0);
}

async fn work_until_the_end(directory: PathBuf) {
    let store = Store::over(open(&directory), CACHE_BYTES, Arc::new(SystemClock));
    let store = store.expect("a store");
    let mut tasks = tokio::task::JoinSet::new();
    for log in LOGS {
        for _ in 0..WRITERS {
            tasks.spawn(commit(store.clone(), log));
        }
    }
    tasks.spawn(trim(store.clone()));
    tasks.spawn(come_and_go(store.clone()));
    let exporter = store.clone();
    tasks.spawn_blocking(move || export(&exporter, &directory));
    let _ended = tokio::time::timeout(LIFE, tasks.join_next()).await;
}

#[expect(clippy::print_stdout, reason = "whoever kills it reads what was durable")]
async fn commit(store: Store, log: LogId) {
    loop {
        match store.commit(log, cause(Deed::SetUp), decide).await {
            Ok(((), moment)) => println!("{ACK}{} {}", log.0, moment.revision),
            Err(CommitError::Failed) => return,
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn trim(store: Store) {
    let stop = CancellationToken::new();
    loop {
        for log in LOGS {
            let head = store.extent(log).map_or(0, |extent| extent.head.0);
            let floor = Revision(head.saturating_sub(WINDOW).max(1));
            match store.trim(log, floor, &stop).await {
                Ok(_) | Err(TrimError::Pinned) => {}
                // The disk has lost its power.
                Err(TrimError::Failed | TrimError::Unreadable(StoreError::Engine(_))) => return,
                Err(error) => panic!("{error:?}"),
            }
        }
        tokio::task::yield_now().await;
    }
}

async fn come_and_go(store: Store) {
    let stop = CancellationToken::new();
    loop {
        for _ in 0..20 {
            match store.commit(PASSING, cause(Deed::SetUp), decide).await {
                Ok(_) => {}
                // What the process before left half removed.
                Err(CommitError::Denied(Denied::Unreadable(StoreError::Removed { .. }))) => break,
                Err(CommitError::Failed) => return,
                Err(error) => panic!("{error:?}"),
            }
        }
        match store.remove(PASSING, &stop).await {
            Ok(_) => assert_eq!(store.extent(PASSING), None),
            Err(TrimError::Pinned) => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(TrimError::Failed | TrimError::Unreadable(StoreError::Engine(_))) => return,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Exports again and again. A file is there under its name when it is whole.
fn export(store: &Store, directory: &Path) {
    let unfinished = directory.join("unfinished");
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let Ok(file) = std::fs::File::create(&unfinished) else { return };
        let Ok(_) = store.export(std::io::BufWriter::new(&file), |_| {}) else { return };
        if file
            .sync_all()
            .and_then(|()| std::fs::rename(&unfinished, directory.join(EXPORT)))
            .is_err()
        {
            return;
        }
    }
}
