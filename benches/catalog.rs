//! What the catalog costs: `cargo bench --bench catalog`.
//!
//! Machines differ and are shared, so every number that is worth keeping is a ratio of two things
//! measured in turns, in one run: a commit against the disk that it waits for, a large parent
//! against a small one, a deep branch against a shallow one. Each is the median of several rounds.

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]
#![expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use offshoot::clock::SystemClock;
use offshoot::model::cause::{Caller, Deed, Topic};
use offshoot::model::endpoint::{Site, Tuning};
use offshoot::model::id::BranchId;
use offshoot::model::name::RoleName;
use offshoot::model::origin::Origin;
use offshoot::model::project::{PgVersion, ProjectSettings};
use offshoot::model::revision::{Moment, Revision, Timestamp};
use offshoot::model::role::{Credential, Login, Role};
use offshoot::model::rules::branches::{Cutoff, NewBranch};
use offshoot::model::rules::endpoints::NewEndpoint;
use offshoot::model::rules::projects::NewProject;
use offshoot::model::rules::roles::NewRole;
use offshoot::model::rules::{Seed, branches, projects, roles};
use offshoot::model::scram;
use offshoot::model::secret::{Password, Sealed};
use offshoot::model::state::{Denied, Read, Write};
use offshoot::store::catalog::Catalog;
use offshoot::store::engine::{AppendError, Engine, EngineError, LogId, NewRow, TrimFailed};
use offshoot::store::sled::SledEngine;
use offshoot::store::{ProjectView, Store, StoreError};

#[path = "../tests/it/store/memory.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod memory;

use memory::Memory;

const LOG: LogId = LogId(1);
const CACHE_BYTES: u64 = 256 << 20;

/// How often the two sides of a ratio take turns.
const ROUNDS: usize = 7;

/// How many roles each caller creates in a round, by the number of callers.
const CREATIONS: [(usize, usize); 2] = [(1, 300), (64, 30)];

const FEW_ROLES: usize = 10;
const MANY_ROLES: usize = 100_000;

/// How many roles a commit puts when many are loaded.
const ROLES_PER_COMMIT: usize = 2_000;

const BRANCHES_PER_ROUND: usize = 15;

const SHALLOW: usize = 1;
const DEEP: usize = 1_000;
const READS_PER_ROUND: u32 = 20_000;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(async {
        println!("durable role creations, and the disk that they wait for");
        for (callers, each) in CREATIONS {
            creations(callers, each).await;
        }
        println!("\nbranch creation, by the roles of the parent (rows in memory)");
        branching().await;
        println!("\nreading one role, by the depth of the branch (rows in memory)");
        reading().await;
    });
}

/// Compares creations with what their rows cost without them: in the same engine with the same
/// groups, and in a plain file with a sync for each group.
async fn creations(callers: usize, each: usize) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let engine = Arc::new(Recorder::open(&dir.path().join("store")));
    let raw = SledEngine::open(&dir.path().join("raw"), CACHE_BYTES).expect("an engine");
    let mut file = File::create(dir.path().join("file")).expect("a file");
    let plane = Plane::over(engine.clone()).await;
    raw.append(&engine.take().concat()).expect("an append");
    let (mut ours, mut engines, mut files) = (Vec::new(), Vec::new(), Vec::new());
    let mut group = Vec::new();
    for round in 0..ROUNDS {
        let took = plane.create_roles(round, callers, each).await;
        ours.push(rate(callers * each, took));
        let groups = engine.take();
        let rows: usize = groups.iter().map(Vec::len).sum();
        group.push(rows as f64 / groups.len() as f64);
        let begun = Instant::now();
        for rows in &groups {
            raw.append(rows).expect("an append");
        }
        engines.push(rate(rows, begun.elapsed()));
        let begun = Instant::now();
        for rows in &groups {
            for row in rows {
                file.write_all(&row.bytes).expect("a write");
            }
            file.sync_data().expect("a sync");
        }
        files.push(rate(rows, begun.elapsed()));
    }
    let group = median(&group);
    println!("  {callers:>2} callers, {group:.1} commits a sync");
    println!("    through Store::commit      {:>8.0} /s", median(&ours));
    for (what, other) in [("the engine alone", engines), ("write and fdatasync", files)] {
        let ratio = median(&ratios(&ours, &other));
        println!("    {what:<26} {:>8.0} /s   ratio {ratio:.2}", median(&other));
    }
}

/// Compares branching a parent that has few roles with branching one that has many.
async fn branching() {
    let rows = Arc::new(Memory::default());
    let plane = Plane::over(rows.clone()).await;
    let [few, many] = ["br-few", "br-many"].map(id);
    plane.branch(&id("br-main"), &few).await;
    plane.load(&few, FEW_ROLES).await;
    plane.branch(&id("br-main"), &many).await;
    plane.load(&many, MANY_ROLES).await;
    for way in [Way::Commit, Way::Answer] {
        let mut times = [Vec::new(), Vec::new()];
        let mut bytes = [0, 0];
        for round in 0..ROUNDS {
            for (side, parent) in [&few, &many].into_iter().enumerate() {
                for number in 0..BRANCHES_PER_ROUND {
                    let child = id(&format!("br-{side}-{round}-{number}-{}", way.as_str()));
                    let begun = Instant::now();
                    let moment = match way {
                        Way::Commit => plane.branch(parent, &child).await,
                        Way::Answer => plane.branch_and_list(parent, &child).await,
                    };
                    times[side].push(begun.elapsed().as_secs_f64() * 1e6);
                    bytes[side] = row_bytes(&*rows, moment.revision);
                }
            }
        }
        println!("  {}", way.title());
        for (side, roles) in [FEW_ROLES, MANY_ROLES].into_iter().enumerate() {
            let (micros, bytes) = (median(&times[side]), bytes[side]);
            println!("    {roles:>7} roles   {micros:>8.1} us   1 row of {bytes} bytes");
        }
        println!("    ratio {:.2}", median(&times[1]) / median(&times[0]));
    }
}

/// What is measured of a branch's creation.
#[derive(Clone, Copy)]
enum Way {
    /// The commit that makes the child.
    Commit,
    /// The same, and the answer, which lists all roles that the child has.
    Answer,
}

impl Way {
    fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Answer => "answer",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Commit => "the commit",
            Self::Answer => "the commit, and the answer that lists the child's roles",
        }
    }
}

/// Compares reading a role on a child of the root with reading it on the last of a long lineage.
async fn reading() {
    let plane = Plane::over(Arc::new(Memory::default())).await;
    plane.load(&id("br-main"), 1_000).await;
    let mut parent = id("br-main");
    for depth in SHALLOW..=DEEP {
        let child = id(&format!("br-depth-{depth}"));
        plane.branch(&parent, &child).await;
        parent = child;
    }
    let sides = [SHALLOW, DEEP].map(|depth| id(&format!("br-depth-{depth}")));
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (side, branch) in sides.iter().enumerate() {
            let begun = Instant::now();
            for number in 0..READS_PER_ROUND {
                let state = plane.store.view::<Catalog>(LOG).state;
                let role = state.role(branch, &loaded(number as usize % 1_000));
                assert!(role.expect("a state that reads").is_some());
            }
            times[side].push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(READS_PER_ROUND));
        }
    }
    for (side, depth) in [SHALLOW, DEEP].into_iter().enumerate() {
        println!("  depth {depth:>5}   {:>8.2} us", median(&times[side]));
    }
    println!("  ratio {:.2}", median(&ratios(&times[1], &times[0])));
}

/// A store with one project.
struct Plane {
    store: Store,
    credential: Credential,
}

impl Plane {
    async fn over(engine: Arc<dyn Engine>) -> Self {
        let store = Store::over(engine, CACHE_BYTES, Arc::new(SystemClock)).expect("a store");
        let credential = Credential {
            verifier: scram::verifier(&Password::new("npg_secret"), [7; scram::SALT_BYTES]),
            sealed: Some(Sealed(Box::new([7; 56]))),
            branch: "br-main".parse().expect("an id"),
        };
        let plane = Self { store, credential };
        let new = plane.new_project();
        plane
            .commit(Deed::CreateProject, move |s, m| projects::create(s, m, Seed(0), new.clone()))
            .await;
        plane
    }

    fn new_project(&self) -> NewProject {
        NewProject {
            id: "bench".parse().expect("an id"),
            name: "bench".parse().expect("a name"),
            pg_version: PgVersion::DEFAULT,
            store_passwords: true,
            history_retention_seconds: 0,
            password_policy: None,
            settings: ProjectSettings::default(),
            endpoint_defaults: Tuning::default(),
            branch: id("br-main"),
            branch_name: "main".parse().expect("a name"),
            database: "neondb".parse().expect("a name"),
            owner: "neondb_owner".parse().expect("a name"),
            credential: self.credential.clone(),
            has_system_role: false,
            endpoint: NewEndpoint {
                id: "ep-main".parse().expect("an id"),
                site: Site::Local { port: 5432 },
                tuning: Tuning::default(),
            },
        }
    }

    async fn commit<T: Send + 'static>(
        &self,
        deed: Deed,
        decide: impl FnMut(&mut Catalog, Moment) -> Result<T, Denied<StoreError>> + Send + 'static,
    ) -> Moment {
        let cause = Caller::offshoot().asks(deed, Topic::Whole);
        self.store.commit(LOG, cause, decide).await.expect("a commit").1
    }

    /// Creates roles as requests do, and returns how long that took.
    async fn create_roles(&self, round: usize, callers: usize, each: usize) -> Duration {
        let begun = Instant::now();
        let callers = (0..callers).map(|caller| async move {
            for number in 0..each {
                let name = name(&format!("role-{round}-{caller}-{number}"));
                let login = Login::Password(self.credential.clone());
                let create = move |state: &mut Catalog, moment| {
                    let (name, login) = (name.clone(), login.clone());
                    let new = NewRole::new(name, login);
                    roles::create(state, moment, Seed(7), &id("br-main"), new)
                };
                self.commit(Deed::CreateRole, create).await;
            }
        });
        join_all(callers).await;
        begun.elapsed()
    }

    /// Puts `count` roles on a branch, many in a commit.
    async fn load(&self, branch: &BranchId, count: usize) {
        for from in (0..count).step_by(ROLES_PER_COMMIT) {
            let (branch, login) = (branch.clone(), Login::Password(self.credential.clone()));
            let until = count.min(from + ROLES_PER_COMMIT);
            let put = move |state: &mut Catalog, moment: Moment| {
                for number in from..until {
                    state.put_role(&branch, role(number, login.clone(), moment.at))?;
                }
                Ok(())
            };
            self.commit(Deed::CreateRole, put).await;
        }
    }

    /// Makes a child of `parent`.
    async fn branch(&self, parent: &BranchId, child: &BranchId) -> Moment {
        let name = child.as_str().parse().expect("a name");
        let new = NewBranch::new(child.clone(), name, parent.clone(), Cutoff::Head);
        let create = move |s: &mut Catalog, m| branches::create(s, m, Seed(7), new.clone());
        self.commit(Deed::CreateBranch, create).await
    }

    /// Makes a child of `parent` and lists its roles, as the answer to a request does.
    async fn branch_and_list(&self, parent: &BranchId, child: &BranchId) -> Moment {
        let moment = self.branch(parent, child).await;
        let view: ProjectView = self.store.view_at(LOG, moment.revision).expect("a state");
        assert!(!view.state.roles(child).expect("a state that reads").is_empty());
        moment
    }
}

/// sled, and the groups of rows that it was given.
struct Recorder {
    engine: SledEngine,
    groups: Mutex<Vec<Vec<NewRow>>>,
}

impl Recorder {
    fn open(path: &Path) -> Self {
        let engine = SledEngine::open(path, CACHE_BYTES).expect("an engine");
        Self { engine, groups: Mutex::default() }
    }

    fn take(&self) -> Vec<Vec<NewRow>> {
        std::mem::take(&mut *self.groups.lock().expect("a lock that no panic poisons"))
    }
}

impl Engine for Recorder {
    fn logs(&self) -> Result<Vec<LogId>, EngineError> {
        self.engine.logs()
    }

    fn head(&self, log: LogId) -> Result<Revision, EngineError> {
        self.engine.head(log)
    }

    fn floor(&self, log: LogId) -> Result<Revision, EngineError> {
        self.engine.floor(log)
    }

    fn row(&self, log: LogId, revision: Revision) -> Result<Option<Vec<u8>>, EngineError> {
        self.engine.row(log, revision)
    }

    fn rows(
        &self,
        log: LogId,
        before: Revision,
        limit: usize,
    ) -> Result<Vec<Revision>, EngineError> {
        self.engine.rows(log, before, limit)
    }

    fn trim(&self, log: LogId, floor: Revision, rows: &[Revision]) -> Result<(), TrimFailed> {
        self.engine.trim(log, floor, rows)
    }

    fn append(&self, rows: &[NewRow]) -> Result<(), AppendError> {
        self.groups.lock().expect("a lock that no panic poisons").push(rows.to_vec());
        self.engine.append(rows)
    }
}

fn id(text: &str) -> BranchId {
    text.parse().expect("an id")
}

fn name(text: &str) -> RoleName {
    text.parse().expect("a name")
}

fn loaded(number: usize) -> RoleName {
    name(&format!("loaded-{number:06}"))
}

fn role(number: usize, login: Login, at: Timestamp) -> Role {
    Role {
        name: loaded(number),
        login,
        stands_for: None,
        protected: false,
        born: Revision(1),
        origin: Origin { branch: id("br-main"), revision: Revision(1) },
        expires_at: None,
        created_at: at,
        updated_at: at,
    }
}

fn row_bytes(engine: &dyn Engine, revision: Revision) -> usize {
    engine.row(LOG, revision).expect("a read").expect("a row").len()
}

fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn ratios(ones: &[f64], others: &[f64]) -> Vec<f64> {
    ones.iter().zip(others).map(|(one, other)| one / other).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
