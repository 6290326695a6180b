//! Clients, and what each knows: what it was told, and what it asked for and never heard of again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::server::{Answer, Remote, send};

/// How many roles a client makes at the most; then it changes those that it has.
const MAX_ROLES: usize = 120;

/// How often a client asks at the most while a server lives.
const MAX_REQUESTS: usize = 60;

/// How long a client waits at the longest before it asks for a branch.
const BRANCH_PAUSE_MS: u64 = 150;

/// How a role may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Belief {
    /// It is not there.
    Absent,
    /// It is there, with this password.
    Password(String),
    /// It is there, with a password that no answer ever showed.
    Unheard,
    /// It is there and cannot log in.
    NoLogin,
}

/// What a client knows of one of its roles.
#[derive(Clone, Debug)]
pub struct Known {
    pub branch: String,
    pub name: String,
    /// All that may be; one thing, if every request was answered.
    pub beliefs: Vec<Belief>,
    /// A password that was replaced since, or that went with the role.
    pub former: Option<String>,
}

impl Known {
    /// Returns how the role is, if that is certain.
    pub fn certain(&self) -> Option<&Belief> {
        match &self.beliefs[..] {
            [belief] => Some(belief),
            _ => None,
        }
    }

    fn path(&self, project: &str) -> String {
        format!("/projects/{project}/branches/{}/roles/{}", self.branch, self.name)
    }
}

/// A client that makes, resets and drops roles of its own.
pub struct Client {
    number: usize,
    project: String,
    branches: Vec<String>,
    rng: StdRng,
    pub roles: Vec<Known>,
}

/// The server is gone, or goes.
pub struct Gone;

impl Client {
    pub fn new(number: usize, project: &str, branches: &[String], seed: u64) -> Self {
        Self {
            number,
            project: project.to_owned(),
            branches: branches.to_vec(),
            rng: StdRng::seed_from_u64(seed),
            roles: Vec::new(),
        }
    }

    /// Asks for one thing after the other until the server is gone, and counts the `answers`.
    pub async fn work(mut self, remote: Remote, answers: Arc<AtomicUsize>) -> Self {
        for _ in 0..MAX_REQUESTS {
            let certain = (0..self.roles.len()).filter(|at| self.is_there(*at));
            let certain: Vec<_> = certain.collect();
            let dice = self.rng.random_range(0..10);
            let picked = self.pick(&certain);
            let result = match (dice, picked) {
                (0, Some(at)) => self.drop_role(&remote, at).await,
                (1 | 2, Some(at)) => self.reset(&remote, at).await,
                _ if self.roles.len() < MAX_ROLES => self.create(&remote, dice == 3).await,
                _ => Err(Gone),
            };
            if result.is_err() {
                break;
            }
            answers.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    fn is_there(&self, at: usize) -> bool {
        matches!(self.roles[at].certain(), Some(Belief::Password(_)))
    }

    fn pick(&mut self, from: &[usize]) -> Option<usize> {
        (!from.is_empty()).then(|| from[self.rng.random_range(0..from.len())])
    }

    async fn create(&mut self, remote: &Remote, no_login: bool) -> Result<(), Gone> {
        let branch = self.branches[self.rng.random_range(0..self.branches.len())].clone();
        let name = format!("c{}_{}", self.number, self.roles.len());
        let path = format!("/projects/{}/branches/{branch}/roles", self.project);
        let asked = json!({ "role": { "name": name, "no_login": no_login } });
        let unheard = if no_login { Belief::NoLogin } else { Belief::Unheard };
        let beliefs = vec![Belief::Absent, unheard];
        self.roles.push(Known { branch, name, beliefs, former: None });
        let role = self.roles.last_mut().expect("the role just pushed");
        let answer = answered(send(remote.request(Method::POST, &path).json(&asked)).await);
        role.beliefs = match answer {
            Heard::Said(answer) => vec![shown(&answer.json(201))],
            Heard::Nothing => return Err(Gone),
            Heard::Refused => vec![Belief::Absent],
        };
        Ok(())
    }

    async fn reset(&mut self, remote: &Remote, at: usize) -> Result<(), Gone> {
        let role = &mut self.roles[at];
        let path = format!("{}/reset_password", role.path(&self.project));
        let before = role.beliefs.clone();
        role.beliefs.push(Belief::Unheard);
        match answered(send(remote.request(Method::POST, &path)).await) {
            Heard::Said(answer) => {
                role.former = password(&before);
                role.beliefs = vec![shown(&answer.json(200))];
            }
            Heard::Nothing => return Err(Gone),
            Heard::Refused => role.beliefs = before,
        }
        Ok(())
    }

    async fn drop_role(&mut self, remote: &Remote, at: usize) -> Result<(), Gone> {
        let role = &mut self.roles[at];
        let path = role.path(&self.project);
        let before = role.beliefs.clone();
        role.beliefs.push(Belief::Absent);
        match answered(send(remote.request(Method::DELETE, &path)).await) {
            Heard::Said(answer) => {
                answer.json(200);
                role.former = password(&before);
                role.beliefs = vec![Belief::Absent];
            }
            Heard::Nothing => return Err(Gone),
            Heard::Refused => role.beliefs = before,
        }
        Ok(())
    }
}

/// What became of a request.
pub enum Heard {
    Said(Answer),
    /// Nothing: it was carried out or not.
    Nothing,
    /// The server says that it changed nothing.
    Refused,
}

/// Returns what became of a request from what was heard of it.
pub fn answered(result: Result<Answer, reqwest::Error>) -> Heard {
    match result {
        Ok(answer) if answer.status == 503 => Heard::Refused,
        Ok(answer) => Heard::Said(answer),
        Err(_) => Heard::Nothing,
    }
}

fn shown(answer: &Value) -> Belief {
    match answer["role"]["password"].as_str() {
        Some(password) => Belief::Password(password.to_owned()),
        None => Belief::NoLogin,
    }
}

fn password(beliefs: &[Belief]) -> Option<String> {
    beliefs.iter().find_map(|belief| match belief {
        Belief::Password(password) => Some(password.clone()),
        Belief::Absent | Belief::Unheard | Belief::NoLogin => None,
    })
}

/// A branch that somebody asked for.
pub struct Child {
    pub name: String,
    /// What was answered, if anything was.
    pub answer: Option<Value>,
}

/// The branches that were asked for between the kills.
pub struct Children {
    project: String,
    pub asked: Vec<Child>,
}

impl Children {
    pub fn new(project: &str) -> Self {
        Self { project: project.to_owned(), asked: Vec::new() }
    }

    /// Asks for a branch with an endpoint, if it `is_wanted`, at a moment that the seed decides.
    pub async fn create(mut self, is_wanted: bool, remote: Remote, seed: u64) -> Self {
        if !is_wanted {
            return self;
        }
        sleep(Duration::from_millis(seed % BRANCH_PAUSE_MS)).await;
        let name = format!("child-{}", self.asked.len());
        let asked = json!({ "branch": { "name": name }, "endpoints": [{ "type": "read_write" }] });
        let path = format!("/projects/{}/branches", self.project);
        let answer = match answered(send(remote.request(Method::POST, &path).json(&asked)).await) {
            Heard::Said(answer) => Some(answer.json(201)),
            Heard::Nothing | Heard::Refused => None,
        };
        self.asked.push(Child { name, answer });
        self
    }
}
