//! A client that restores a branch again and again, and what it knows of the outcome.
//!
//! It makes roles on one branch, the source, and has another one follow it: to its newest state, or
//! to how it was when a role was made. A restore that nobody heard of again was carried out whole or
//! not at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use crate::crash::client::{Gone, Heard, answered};
use crate::crash::text;
use crate::server::{Remote, send};

/// How many roles it makes on its source at the most.
const MAX_ROLES: usize = 60;

/// How many of its own the restored branch gets at the most, all of which later restores take away.
const MAX_OWN: usize = 200;

/// How often it asks at the most while a server lives.
const MAX_REQUESTS: usize = 40;

/// How many points it goes back at the most: those before soon belong to history that is trimmed.
const REACH: usize = 4;

/// The roles of a branch with their passwords; without one where no answer told it.
pub type Roles = BTreeMap<String, Option<String>>;

/// How the source was from a moment on.
struct Known {
    since: String,
    roles: Roles,
}

/// A client that restores.
pub struct Restorer {
    project: String,
    /// The branch on which it makes roles.
    pub source: String,
    /// The branch that it restores.
    pub target: String,
    rng: StdRng,
    /// How the source was, oldest first.
    points: Vec<Known>,
    /// The role of the source that was asked for last, if nothing was heard of it.
    unheard: Option<String>,
    /// All that the target may be; one thing, if every request was answered.
    pub beliefs: Vec<Roles>,
    /// How many roles were asked for on the source and on the target.
    asked: [usize; 2],
    /// How many restores were acknowledged, and how many of them went back in time.
    pub restores: [usize; 2],
}

impl Restorer {
    /// Begins with two branches whose roles are the same.
    pub async fn new(remote: &Remote, project: &str, branches: [&Value; 2], seed: u64) -> Self {
        let [source, target] = branches.map(|branch| text(&branch["id"]));
        let roles = read_roles(remote, project, &source).await;
        Self {
            project: project.to_owned(),
            source,
            target,
            rng: StdRng::seed_from_u64(seed),
            points: vec![Known { since: text(&branches[0]["created_at"]), roles: roles.clone() }],
            unheard: None,
            beliefs: vec![roles],
            asked: [0; 2],
            restores: [0; 2],
        }
    }

    /// Asks for one thing after the other until the server is gone, and counts the `answers`.
    pub async fn work(mut self, remote: Remote, answers: Arc<AtomicUsize>) -> Self {
        for _ in 0..MAX_REQUESTS {
            if self.ask(&remote).await.is_err() {
                break;
            }
            answers.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    /// Asks for more of a server that lives, where others were killed before they had answered enough.
    pub async fn go_on(&mut self, remote: &Remote) {
        for _ in 0..MAX_REQUESTS {
            if self.has_restored() {
                return;
            }
            assert!(self.ask(remote).await.is_ok(), "a server that lives");
        }
    }

    /// Asks for one thing.
    async fn ask(&mut self, remote: &Remote) -> Result<(), Gone> {
        match self.rng.random_range(0..4) {
            _ if self.unheard.is_some() => self.look(remote).await,
            0 if self.asked[0] < MAX_ROLES => self.grow(remote).await,
            1 if self.asked[1] < MAX_OWN => self.own(remote).await,
            _ => self.restore(remote).await,
        }
    }

    fn has_restored(&self) -> bool {
        let [restores, back] = self.restores;
        5 < restores && 0 < back
    }

    /// Makes a role on the source.
    async fn grow(&mut self, remote: &Remote) -> Result<(), Gone> {
        let name = format!("s_{}", self.asked[0]);
        self.asked[0] += 1;
        self.unheard = Some(name.clone());
        let created = self.create(remote, &self.source, &name).await?;
        self.unheard = None;
        if let Some(created) = created {
            self.know(name, &created["role"], &created["role"]["password"]);
        }
        Ok(())
    }

    /// Looks whether the role was made of which nothing was heard, so that what the source holds is
    /// always known.
    async fn look(&mut self, remote: &Remote) -> Result<(), Gone> {
        let Some(name) = self.unheard.clone() else { return Ok(()) };
        let path = format!("/projects/{}/branches/{}/roles/{name}", self.project, self.source);
        let revealed = format!("{path}/reveal_password");
        let found = heard(remote, &path).await?;
        let password = heard(remote, &revealed).await?;
        self.unheard = None;
        if let Some((found, password)) = found.zip(password) {
            self.know(name, &found["role"], &password["password"]);
        }
        Ok(())
    }

    fn know(&mut self, name: String, role: &Value, password: &Value) {
        let mut roles = self.points.last().expect("at least one point").roles.clone();
        roles.insert(name, password.as_str().map(str::to_owned));
        self.points.push(Known { since: text(&role["created_at"]), roles });
    }

    /// Makes a role on the target, where the next restore takes it away.
    async fn own(&mut self, remote: &Remote) -> Result<(), Gone> {
        let name = format!("t_{}", self.asked[1]);
        self.asked[1] += 1;
        let before = self.beliefs.clone();
        let with = |password: Option<&str>| {
            let with = before.iter().map(|roles| {
                let mut roles = roles.clone();
                roles.insert(name.clone(), password.map(str::to_owned));
                roles
            });
            with.collect::<Vec<_>>()
        };
        self.beliefs.extend(with(None));
        match self.create(remote, &self.target, &name).await? {
            Some(created) => self.beliefs = with(created["role"]["password"].as_str()),
            None => self.beliefs.clone_from(&before),
        }
        Ok(())
    }

    async fn create(
        &self,
        remote: &Remote,
        branch: &str,
        name: &str,
    ) -> Result<Option<Value>, Gone> {
        let path = format!("/projects/{}/branches/{branch}/roles", self.project);
        let asked = json!({ "role": { "name": name } });
        match answered(send(remote.request(Method::POST, &path).json(&asked)).await) {
            Heard::Said(answer) => Ok(Some(answer.json(201))),
            Heard::Nothing => Err(Gone),
            Heard::Refused => Ok(None),
        }
    }

    /// Makes the target's roles those of the source at a point that it knows.
    async fn restore(&mut self, remote: &Remote) -> Result<(), Gone> {
        let last = self.points.len() - 1;
        let at = last - self.rng.random_range(0..REACH).min(last);
        let known = &self.points[at];
        let at_head = json!({ "source_branch_id": self.source });
        let at_time = json!({ "source_branch_id": self.source, "source_timestamp": known.since });
        let asked = if at == last { at_head } else { at_time };
        let path = format!("/projects/{}/branches/{}/restore", self.project, self.target);
        let wanted = known.roles.clone();
        self.beliefs.push(wanted.clone());
        match answered(send(remote.request(Method::POST, &path).json(&asked)).await) {
            Heard::Nothing => return Err(Gone),
            Heard::Refused => drop(self.beliefs.pop()),
            Heard::Said(answer) if answer.status == 200 => {
                self.beliefs = vec![wanted];
                self.restores[0] += 1;
                self.restores[1] += usize::from(at < last);
            }
            Heard::Said(answer) => {
                assert!(answer.text.contains("history"), "{}", answer.text);
                self.beliefs.pop();
                // Nor can anything before it be had again.
                self.points.drain(..at);
            }
        }
        Ok(())
    }

    /// The target is as one of the restores made it, and whole.
    pub async fn verify(&self, remote: &Remote) {
        assert!(self.has_restored(), "restores, and those to the past: {:?}", self.restores);
        let found = read_roles(remote, &self.project, &self.target).await;
        let is_so = |belief: &Roles| {
            belief.keys().eq(found.keys())
                && belief.iter().all(|(name, password)| {
                    password.is_none() || found[name].as_ref() == password.as_ref()
                })
        };
        assert!(self.beliefs.iter().any(is_so), "{found:?} is none of {:?}", self.beliefs);
    }
}

/// Returns what is found under a path; nothing if it is not there.
async fn heard(remote: &Remote, path: &str) -> Result<Option<Value>, Gone> {
    match answered(send(remote.request(Method::GET, path)).await) {
        Heard::Said(answer) if answer.status == 404 => Ok(None),
        Heard::Said(answer) => Ok(Some(answer.json(200))),
        Heard::Nothing | Heard::Refused => Err(Gone),
    }
}

async fn read_roles(remote: &Remote, project: &str, branch: &str) -> Roles {
    let path = format!("/projects/{project}/branches/{branch}/roles");
    let listed = remote.get(&path).await.json(200);
    let mut roles = Roles::new();
    for role in listed["roles"].as_array().expect("a list") {
        let name = text(&role["name"]);
        let revealed = remote.get(&format!("{path}/{name}/reveal_password")).await.json(200);
        roles.insert(name, revealed["password"].as_str().map(str::to_owned));
    }
    roles
}
