//! What a client is told that asks for what cannot be: a status, a code and a message for each
//! mistake, and never an error of the server's own. One server hears all of it, and is as good as
//! new afterwards.

mod bodies;
mod fields;
mod keys;
mod merges;
mod names;
mod paths;
mod queries;
mod raw;
mod restore;

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::server::{Answer, Home, Remote, send};

/// What every body is.
const JSON: &str = "application/json; charset=utf-8";

/// The fields of every error, in the order of their names.
const ERROR_FIELDS: [&str; 3] = ["code", "message", "request_id"];

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_in_words_that_help_and_changes_nothing() {
    let home = Home::new();
    let mut server = home.serve();
    let plane = Plane::new(server.remote.clone()).await;
    let before = plane.everything().await;
    keys::are_asked_for(&plane).await;
    bodies::that_cannot_be_read(&plane).await;
    bodies::of_another_shape(&plane).await;
    bodies::of_other_things(&plane).await;
    bodies::that_are_too_long(&plane).await;
    fields::out_of_range(&plane).await;
    fields::that_are_not_served(&plane).await;
    fields::of_branches_and_endpoints(&plane).await;
    names::that_no_role_can_have(&plane).await;
    names::that_no_database_can_have(&plane).await;
    names::that_no_branch_can_have(&plane).await;
    paths::of_what_is_not_there(&plane).await;
    paths::that_are_no_ids(&plane).await;
    paths::that_nobody_serves(&plane).await;
    paths::of_what_was_never_there_to_delete(&plane).await;
    queries::that_make_no_sense(&plane).await;
    merges::that_make_no_sense(&plane).await;
    raw::what_is_no_http(&plane).await;
    raw::bodies_without_an_end(&plane).await;
    assert_eq!(plane.everything().await, before, "a refusal changed something");
    restore::what_cannot_go_back_or_end(&plane.remote).await;

    names::that_a_role_can_have(&plane).await;
    names::that_a_database_can_have(&plane).await;
    bodies::that_are_absent(&plane).await;
    bodies::with_more_than_is_known(&plane).await;
    paths::with_slashes_of_clients(&plane).await;
    for operation in plane.remote.ended_operations(&plane.project).await {
        assert_eq!(operation["status"], "finished", "{operation}");
    }
    server.process.kill();
    let check = home.command("check").output().expect("a check");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

/// A server with a project to make mistakes on.
pub struct Plane {
    pub remote: Remote,
    pub project: String,
    pub branch: String,
    pub endpoint: String,
    /// Other ids, and the words that stand for them.
    pub others: Vec<(String, &'static str)>,
}

impl Plane {
    async fn new(remote: Remote) -> Self {
        let created = remote.post("/projects", &json!({ "project": { "name": "shop" } })).await;
        let created = created.json(201);
        let id = |value: &Value| value.as_str().expect("an id").to_owned();
        let project = id(&created["project"]["id"]);
        remote.ended_operations(&project).await;
        let (branch, endpoint) = (id(&created["branch"]["id"]), id(&created["endpoints"][0]["id"]));
        Self { remote, project, branch, endpoint, others: Vec::new() }
    }

    /// Returns a path within the project.
    pub fn in_project(&self, rest: &str) -> String {
        format!("/projects/{}{rest}", self.project)
    }

    /// Returns a path within the branch.
    pub fn in_branch(&self, rest: &str) -> String {
        format!("/projects/{}/branches/{}{rest}", self.project, self.branch)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.remote.request(method, path)
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    /// Returns a request to create a role, with this body.
    pub fn post_role(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, &self.in_branch("/roles")).body(body)
    }

    /// Returns an empty table of requests.
    pub fn table(&self) -> Table<'_> {
        Table { plane: self, lines: Vec::new() }
    }

    /// Returns all that the API shows of what is kept.
    async fn everything(&self) -> Vec<String> {
        let mut shown = Vec::new();
        for path in [
            "/projects?limit=400".to_owned(),
            self.in_project("/branches"),
            self.in_project("/endpoints"),
            self.in_project("/operations"),
            self.in_branch("/roles"),
            self.in_branch("/databases"),
        ] {
            shown.push(self.remote.get(&path).await.text);
        }
        shown
    }

    /// Replaces what is another in every run.
    fn masked(&self, text: &str) -> String {
        let named = [(&self.project, "PROJECT"), (&self.branch, "BRANCH"), (&self.endpoint, "EP")];
        let others = self.others.iter().map(|(id, word)| (id, *word));
        let masked = named
            .into_iter()
            .chain(others)
            .fold(text.to_owned(), |text, (id, word)| text.replace(id, word));
        let visible =
            |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
        let masked: String = masked.chars().map(visible).collect();
        let times = ["history is from ", "must lie between "];
        match times.iter().find_map(|words| Some((masked.split_once(words)?.0, words))) {
            Some((before, words)) => format!("{before}{words}.."),
            None => masked,
        }
    }
}

/// Requests, and what they were answered: a line for each.
pub struct Table<'a> {
    plane: &'a Plane,
    lines: Vec<String>,
}

impl Table<'_> {
    /// Sends a request, holds its answer to what is true of all answers, and writes it down.
    pub async fn ask(&mut self, what: &str, request: RequestBuilder) -> Answer {
        let answer = send(request).await.expect("an answer");
        let line = match answer.status {
            200..300 => {
                assert_success(what, &answer);
                format!("{what}: {}", answer.status)
            }
            status => {
                let (code, message) = assert_error(what, &answer);
                format!("{what}: {status} {code} {}", self.plane.masked(&message))
            }
        };
        self.lines.push(line);
        answer
    }

    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}

fn assert_success(what: &str, answer: &Answer) {
    if answer.status == 204 {
        assert_eq!((answer.content_type(), &*answer.text), (None, ""), "{what}");
    } else {
        assert_eq!(answer.content_type(), Some(JSON), "{what}");
    }
}

/// Returns the code and the message of an answer that has the shape of every error.
fn assert_error(what: &str, answer: &Answer) -> (String, String) {
    assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text);
    assert_eq!(answer.content_type(), Some(JSON), "{what}");
    let body: Value = serde_json::from_str(&answer.text).expect("a body of JSON");
    let fields = body.as_object().expect("an object");
    let names: BTreeSet<_> = fields.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(ERROR_FIELDS), "{what}");
    let text = |field: &str| body[field].as_str().expect("a text").to_owned();
    let id = answer.headers.get("x-request-id").and_then(|id| id.to_str().ok());
    assert_eq!(id, Some(&*text("request_id")), "{what}");
    assert!(!text("message").is_empty(), "{what}");
    (text("code"), text("message"))
}
