//! A server that is killed at any moment, again and again, while its clients go on.
//!
//! A seed decides when, and what the clients ask for; it is printed. `OFFSHOOT_TEST_SEED` gives
//! another run the same one. What every client was told is kept in its [`client::Client`], and at
//! the end all of it must be true.

mod again;
mod client;
mod restorer;
mod verify;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::crash::client::{Children, Client};
use crate::crash::restorer::Restorer;
use crate::crash::verify::{Asked, assert_clean, verify};
use crate::server::{Home, Remote};

/// How often the server is killed.
const ROUNDS: u32 = 36;

/// Every so many rounds, the server is killed before it listens, or just then.
const START_UP_EVERY: u32 = 4;

/// How many branches are created meanwhile at the most: each has a Postgres.
const CHILDREN: u32 = 4;

/// Every so many rounds, the server is asked to stop in good order.
const GOOD_ORDER_EVERY: u32 = ROUNDS / 2;

/// Every so many rounds, the server lives for as long as an export takes to come due.
const LONG_LIFE_EVERY: u32 = 9;

/// How long it then lives: somewhere about the moment at which the export is made.
const LONG_LIFE_MS: Range<u64> = 1000..1300;

/// What the server does besides: how often it trims, what it keeps at the least, both in
/// milliseconds, and how often it exports everything.
const CHORES: &[&str] =
    &["--trim-every-ms", "50", "--trim-grace-ms", "2000", "--export-every", "1s"];

/// How many ask at once.
const CLIENTS: usize = 8;

/// How long the server lives at the longest, once it listens, where time decides.
const LIFE_MS: u64 = 400;

/// How many answers it gives at the most, where they decide.
const LIFE_ANSWERS: usize = 80;

/// How long those are waited for.
const LIFE_MAX: Duration = Duration::from_secs(3);

/// How long it lives at the longest where it is killed in start-up.
const START_UP_MS: u64 = 40;

/// How long a server may take to stop in good order.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// The project of a test, and its branches with their endpoints.
struct Project {
    id: String,
    /// The branches on which the clients work.
    branches: Vec<String>,
    /// All of its branches, with those on which there are restores.
    all: Vec<Value>,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_every_kill() {
    let mut rng = rng();
    let home = Home::new().serving(CHORES);
    let (project, mut restorer, postmasters) = {
        let server = home.serve();
        let project = create_project(&server.remote, rng.random_range(0..=2)).await;
        let [.., source, target] = &project.all[..] else { panic!("at least two branches") };
        let restorer =
            Restorer::new(&server.remote, &project.id, [source, target], rng.random()).await;
        (project, restorer, home.postmasters())
    };
    assert_eq!(postmasters.len(), project.all.len(), "each branch has its Postgres");
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|n| Client::new(n, &project.id, &project.branches, rng.random()))
        .collect();
    let mut children = Children::new(&project.id);
    for round in 0..rounds(ROUNDS) {
        if round % START_UP_EVERY == START_UP_EVERY - 1 {
            let mut process = home.launch();
            sleep(Duration::from_millis(rng.random_range(0..START_UP_MS))).await;
            process.kill();
            assert_clean(&home);
            continue;
        }
        let mut server = home.serve();
        let remote = server.remote.clone();
        let answers = Arc::new(AtomicUsize::new(0));
        let work = |client: Client| client.work(remote.clone(), Arc::clone(&answers));
        let restoring = tokio::spawn(restorer.work(remote.clone(), Arc::clone(&answers)));
        let works: Vec<_> = clients.into_iter().map(|client| tokio::spawn(work(client))).collect();
        let wants_child = round % (rounds(ROUNDS) / CHILDREN).max(1) == 1;
        let child = tokio::spawn(children.create(wants_child, remote.clone(), rng.random()));
        if round % LONG_LIFE_EVERY == LONG_LIFE_EVERY / 2 {
            sleep(Duration::from_millis(rng.random_range(LONG_LIFE_MS))).await;
        } else if round % 2 == 0 {
            sleep(Duration::from_millis(rng.random_range(0..LIFE_MS))).await;
        } else {
            wait_for(&answers, rng.random_range(0..LIFE_ANSWERS)).await;
        }
        if round % GOOD_ORDER_EVERY == GOOD_ORDER_EVERY / 2 {
            server.process.terminate();
            let status = server.process.wait(STOP_DEADLINE);
            assert!(status.success(), "{status}: {}", server.process.last_words());
        } else {
            server.process.kill();
        }
        clients = join_all(works).await.into_iter().map(|work| work.expect("a client")).collect();
        children = child.await.expect("a client");
        restorer = restoring.await.expect("a client");
        assert_adopted(&home, &postmasters);
        assert_clean(&home);
    }
    verify(&home, &project, Asked { clients, children, restorer }).await;
    assert_adopted(&home, &postmasters);
}

/// Killed while its first project comes to be, with Postgres's own tools at work: what they leave
/// behind must not be in the way of the next start, nor be taken for a whole Postgres.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_while_the_first_postgres_is_made_leaves_nothing_in_its_way() {
    let mut rng = rng();
    let home = Home::new();
    let mut server = home.serve();
    let asked = json!({ "project": { "name": "first" } });
    let created = server.remote.post("/projects", &asked).await.json(201);
    for life_ms in [5, 50, 150, 300, 450, 600, 750, 900] {
        sleep(Duration::from_millis(life_ms + rng.random_range(0..50))).await;
        server.process.kill();
        server = home.serve();
    }
    let project = created["project"]["id"].as_str().expect("an id");
    for operation in server.remote.ended_operations(project).await {
        assert_eq!(operation["status"], "finished", "{operation}");
    }
    let uri = created["connection_uris"][0]["connection_uri"].as_str().expect("a URI");
    verify::log_in(uri).await.expect("a login");
    assert!(home.postmasters().values().all(|pids| pids.len() == 1), "{:?}", home.postmasters());
}

async fn wait_for(answers: &AtomicUsize, count: usize) {
    let until = Instant::now() + LIFE_MAX;
    while answers.load(Ordering::Relaxed) < count && Instant::now() < until {
        sleep(Duration::from_millis(1)).await;
    }
}

/// No Postgres is ever started a second time, or by a second server.
fn assert_adopted(home: &Home, first: &BTreeMap<PathBuf, Vec<u32>>) {
    let now = home.postmasters();
    for (data, pids) in first {
        assert_eq!(now.get(data), Some(pids), "the Postgres in {}", data.display());
    }
    for (data, pids) in now {
        assert_eq!(pids.len(), 1, "in {}: {pids:?}", data.display());
    }
}

async fn create_project(remote: &Remote, retention_seconds: u32) -> Project {
    let project = json!({ "name": "crash", "history_retention_seconds": retention_seconds });
    let asked = json!({ "project": project });
    let created = remote.post("/projects", &asked).await.json(201);
    let id = text(&created["project"]["id"]);
    let mut all = vec![created["branch"].clone()];
    for name in ["second", "source", "target"] {
        let asked = json!({ "branch": { "name": name }, "endpoints": [{ "type": "read_write" }] });
        let child = remote.post(&format!("/projects/{id}/branches"), &asked).await.json(201);
        all.push(child["branch"].clone());
    }
    for operation in remote.ended_operations(&id).await {
        assert_eq!(operation["status"], "finished", "{operation}");
    }
    let branches = all.iter().take(2).map(|branch| text(&branch["id"])).collect();
    Project { id, branches, all }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Returns how many rounds a test makes: `usual` of them, unless `OFFSHOOT_CRASH_ROUNDS` says.
#[expect(clippy::disallowed_methods, reason = "whoever wants many rounds")]
pub fn rounds(usual: u32) -> u32 {
    let given = std::env::var("OFFSHOOT_CRASH_ROUNDS").ok();
    given.map_or(usual, |rounds| rounds.parse().expect("a number of rounds"))
}

#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "whoever repeats a run")]
pub fn rng() -> StdRng {
    let given = std::env::var("OFFSHOOT_TEST_SEED").ok();
    let seed = given.map_or_else(rand::random, |seed| seed.parse().expect("a number"));
    eprintln!("OFFSHOOT_TEST_SEED={seed}");
    StdRng::seed_from_u64(seed)
}
