//! Clients that ask again, under the same key, when the server is killed before it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use rand::RngExt;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::crash::{rng, rounds, text};
use crate::server::{Answer, Home, Remote, send};

/// How often the server is killed.
const ROUNDS: u32 = 16;

/// How many requests are new in each round, of each kind.
const NEW: usize = 6;

/// How many projects are created: each has a Postgres.
const PROJECTS: usize = 2;

/// How long the server lives at the longest once it is asked.
const LIFE_MS: u64 = 30;

/// A request that is sent until it is answered.
#[derive(Clone)]
struct Asked {
    key: String,
    path: String,
    body: Value,
}

/// What there is to ask, and what was answered.
struct Book {
    project: String,
    main: String,
    open: Vec<Asked>,
    answered: BTreeMap<String, Value>,
    /// How many answers were those of attempts before them.
    replayed: usize,
}

impl Book {
    fn add(&mut self, path: String, body: Value) {
        let key = format!("key-{}", self.answered.len() + self.open.len());
        self.open.push(Asked { key, path, body });
    }

    /// Writes down what a round asks for the first time.
    fn fill(&mut self, round: u32) {
        let branches = format!("/projects/{}/branches", self.project);
        let roles = format!("{branches}/{}/roles", self.main);
        for number in 0..NEW {
            let name = format!("r{round}_{number}");
            self.add(roles.clone(), json!({ "role": { "name": name } }));
            self.add(format!("{roles}/rotated/reset_password"), Value::Null);
            // Without a name, nothing else keeps it from being created twice.
            self.add(branches.clone(), json!({}));
            self.add("/api_keys".into(), json!({ "key_name": "ci" }));
        }
    }

    /// Sends all that is not answered yet, at the same moment.
    async fn ask(&mut self, remote: &Remote) {
        let asked = std::mem::take(&mut self.open);
        let attempts = asked.iter().map(|asked| {
            let request = remote.request(Method::POST, &asked.path);
            send(request.header("Idempotency-Key", &asked.key).json(&asked.body))
        });
        let answers = join_all(attempts).await;
        for (asked, answer) in asked.into_iter().zip(answers) {
            match answer {
                Ok(answer) if answer.status != 503 => self.note(asked, &answer),
                _ => self.open.push(asked),
            }
        }
    }

    fn note(&mut self, Asked { key, path, .. }: Asked, answer: &Answer) {
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text);
        self.replayed += usize::from(answer.headers.contains_key("idempotency-replayed"));
        let said = serde_json::from_str(&answer.text).expect("JSON");
        self.answered.insert(key, said);
    }

    /// Returns what answers say in one place, where they say it: no two the same.
    fn said(&self, pointer: &str) -> BTreeSet<String> {
        let said: Vec<_> = self.answered.values().filter_map(|it| it.pointer(pointer)).collect();
        let different: BTreeSet<_> = said.iter().map(ToString::to_string).collect();
        assert_eq!(different.len(), said.len(), "{pointer}");
        different
    }
}

/// Returns what the items of a list say under a name.
async fn listed(remote: &Remote, path: &str, list: &str, field: &str) -> BTreeSet<String> {
    let listed = remote.get(path).await.json(200);
    let items = if list.is_empty() { &listed } else { &listed[list] };
    items.as_array().expect("a list").iter().map(|item| item[field].to_string()).collect()
}

/// Returns how many commits of the project did something.
async fn count(remote: &Remote, project: &str, action: &str) -> usize {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let path = format!("/projects/{project}/audit?action={action}&limit=100{cursor}");
        let page = remote.get(&path).await.json(200);
        count += page["entries"].as_array().expect("a list").len();
        match page["pagination"]["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return count,
        }
    }
}

async fn kill_and_ask_again(home: &Home, book: &mut Book, rng: &mut StdRng) {
    for round in 0..rounds(ROUNDS) {
        book.fill(round);
        let mut server = home.serve();
        let life = Duration::from_millis(rng.random_range(0..LIFE_MS));
        let kill = async {
            sleep(life).await;
            server.process.kill();
        };
        tokio::join!(book.ask(&server.remote), kill);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_again_after_a_kill_happens_once() {
    let mut rng = rng();
    let home = Home::new();
    let mut book = {
        let server = home.serve();
        let asked = json!({ "project": { "history_retention_seconds": 86400 } });
        let created = server.remote.post("/projects", &asked).await.json(201);
        let (project, main) = (text(&created["project"]["id"]), text(&created["branch"]["id"]));
        let roles = format!("/projects/{project}/branches/{main}/roles");
        let rotated = json!({ "role": { "name": "rotated" } });
        server.remote.post(&roles, &rotated).await.json(201);
        Book { project, main, open: vec![], answered: BTreeMap::new(), replayed: 0 }
    };
    for _ in 0..PROJECTS {
        book.add("/projects".into(), json!({ "project": { "name": "again" } }));
    }
    kill_and_ask_again(&home, &mut book, &mut rng).await;
    let mut server = home.serve();
    let remote = server.remote.clone();
    book.ask(&remote).await;
    assert_eq!(book.open.len(), 0, "all is answered in the end");
    assert!(0 < book.replayed, "no request had been carried out and not answered");

    let each = NEW * usize::try_from(rounds(ROUNDS)).expect("a few");
    let project = book.project.clone();
    let branches = format!("/projects/{project}/branches");
    let ids = listed(&remote, &branches, "branches", "id").await;
    let born = book.said("/branch/id");
    // The answer to a project's creation has a branch, too: of another project.
    assert_eq!((ids.len(), born.len()), (each + 1, each + PROJECTS));
    assert_eq!(born.intersection(&ids).count(), each, "each branch was told of");
    let projects = listed(&remote, "/projects?limit=400", "projects", "id").await;
    assert_eq!(projects.len(), PROJECTS + 1);
    assert_eq!(listed(&remote, "/api_keys", "", "id").await, book.said("/id"));
    assert_eq!(book.said("/key").len(), each);
    // Each answer has a password of its own: of the new roles, and of every reset.
    assert_eq!(book.said("/role/password").len(), 2 * each);
    assert_eq!(count(&remote, &project, "create_role").await, each + 1);
    assert_eq!(count(&remote, &project, "reset_role_password").await, each);
    server.process.kill();
    let check = home.command("check").output().expect("a check");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}
