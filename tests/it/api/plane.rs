//! A whole server without a network, and what people do with it.

use std::net::SocketAddr;
use std::sync::Arc;

use super::probed;
use crate::contract::exchange::{self, Exchange};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::request::Builder;
use axum::http::{HeaderMap, Request};
use offshoot::api::{self, Api, ApiKeys, Metrics};
use offshoot::clock::{Clock, SystemClock};
use offshoot::control::{BranchRef, ControlPlane, Machine, Settings};
use offshoot::entropy::SeededEntropy;
use offshoot::model::endpoint::EndpointState;
use offshoot::model::progress::Trace;
use offshoot::model::project::PgVersion;
use offshoot::model::revision::Timestamp;
use offshoot::model::rules::passes::{Outcome, Report};
use offshoot::model::rules::rotations::Seen;
use offshoot::ports::Ports;
use offshoot::room::{FileSystem, Room};
use offshoot::store::Store;
use offshoot::vault::{KEY_BYTES, Vault};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub const KEY: &str = "key-for-tests";

/// From where people ask.
const ADDRESS: ([u8; 4], u16) = ([192, 0, 2, 7], 50_000);

/// The ports that endpoints may be given; nothing is ever started on them.
const PORTS: std::ops::RangeInclusive<u16> = 42_000..=42_999;

/// A server with a store of its own.
pub struct TestPlane {
    directory: TempDir,
    clock: Arc<dyn Clock>,
    control: ControlPlane,
    router: Router,
}

/// A project of it, as it was created.
pub struct TestProject {
    plane: TestPlane,
    pub created: Value,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl TestPlane {
    pub async fn new() -> Self {
        Self::over(new_directory(), temporary(), Settings::default(), Arc::new(SystemClock)).await
    }

    /// Returns a server with this clock.
    pub async fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::over(new_directory(), temporary(), Settings::default(), clock).await
    }

    /// Returns a server that has this much room.
    pub async fn with_room(room: Room) -> Self {
        Self::over(new_directory(), room, Settings::default(), Arc::new(SystemClock)).await
    }

    /// Returns a server about which its operator decided this.
    pub async fn with_settings(settings: Settings) -> Self {
        Self::over(new_directory(), temporary(), settings, Arc::new(SystemClock)).await
    }

    /// Returns the server that is started when this one has stopped.
    pub async fn restarted(self) -> Self {
        let Self { directory, clock, control, router } = self;
        drop(router);
        control.store().close().await;
        drop(control);
        Self::over(directory, temporary(), Settings::default(), clock).await
    }

    async fn over(
        directory: TempDir,
        room: Room,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let store = Store::open(directory.path(), 1 << 20, Arc::clone(&clock)).expect("a store");
        let machine = Machine {
            clock: Arc::clone(&clock),
            entropy: Arc::new(SeededEntropy::new(1)),
            vault: Vault::new(&[7; KEY_BYTES]),
            room: Arc::new(room),
            ports: Ports::new(PORTS),
        };
        let settings = Settings { installed: vec![PgVersion::DEFAULT], ..settings };
        let control = ControlPlane::open(store, machine, settings).await.expect("a store");
        control.set_probes(probed::probes());
        let router = api::router(Api {
            control: control.clone(),
            keys: ApiKeys::of_admin(KEY),
            readiness: Arc::new(|| Ok(())),
            entropy: Arc::new(SeededEntropy::new(2)),
            metrics: Metrics::new(Vec::new()),
        });
        Self { directory, clock, control, router }
    }

    pub async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_with(KEY, method, path, body).await
    }

    /// Asks with another key.
    pub async fn ask_with(&self, key: &str, method: &str, path: &str, body: &str) -> Answer {
        self.ask_at(key, method, &format!("/api/v2{path}"), body).await
    }

    /// Asks as Render's clients do.
    pub async fn ask_render(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask_at(KEY, method, &format!("/v1{path}"), &body).await
    }

    /// Asks for a whole path with a key.
    pub async fn ask_at(&self, key: &str, method: &str, path: &str, body: &str) -> Answer {
        self.send(Request::builder(), key, (method, path, body)).await
    }

    /// Asks under a key for retries.
    pub async fn attempt(&self, again: &str, method: &str, path: &str, body: &str) -> Answer {
        self.attempt_at(again, method, &format!("/api/v2{path}"), body).await
    }

    /// Asks for a whole path under a key for retries.
    pub async fn attempt_at(&self, again: &str, method: &str, path: &str, body: &str) -> Answer {
        let request = Request::builder().header("idempotency-key", again);
        self.send(request, KEY, (method, path, body)).await
    }

    /// Asks for a whole path with what a request has besides.
    pub async fn send(
        &self,
        request: Builder,
        key: &str,
        (method, path, body): (&str, &str, &str),
    ) -> Answer {
        let request = request
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .extension(ConnectInfo(SocketAddr::from(ADDRESS)))
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        exchange::check(&Exchange {
            method: method.to_owned(),
            path: path.to_owned(),
            status: parts.status.as_u16(),
            content_type: parts
                .headers
                .get("content-type")
                .map(|value| value.to_str().expect("a text").to_owned()),
            answered: String::from_utf8_lossy(&bytes).into_owned(),
        });
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).expect("JSON")
        };
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub async fn create_project(self) -> TestProject {
        let created = self.ask("POST", "/projects", r#"{"project":{"name":"shop"}}"#).await;
        assert_eq!(created.status, 201, "{:#}", created.body);
        TestProject { plane: self, created: created.body }
    }
}

impl TestProject {
    pub async fn new() -> Self {
        TestPlane::new().await.create_project().await
    }

    /// Returns the project that a server answered with.
    pub fn of(plane: TestPlane, created: Value) -> Self {
        Self { plane, created }
    }

    /// Asks below the project.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.plane.ask(method, &self.path(path), &body).await
    }

    /// Asks below the project, under a key for retries.
    pub async fn attempt(&self, again: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.plane.attempt(again, "POST", &self.path(path), &body).await
    }

    /// Returns a path below the project as a path of the server.
    pub fn path(&self, path: &str) -> String {
        format!("/projects/{}{path}", self.created["project"]["id"].as_str().expect("an id"))
    }

    /// Restarts the server.
    pub async fn restarted(self) -> Self {
        Self { plane: self.plane.restarted().await, created: self.created }
    }

    /// Returns the server.
    pub fn plane(&self) -> &TestPlane {
        &self.plane
    }

    /// Asks anywhere.
    pub async fn ask_plane(&self, method: &str, path: &str) -> Answer {
        self.plane.ask(method, path, "").await
    }

    /// Returns the path of the default branch, below the project.
    pub fn main(&self) -> String {
        format!("/branches/{}", self.created["branch"]["id"].as_str().expect("an id"))
    }

    /// Creates a role on a branch and returns the role as it was shown.
    pub async fn create_role(&self, branch: &str, name: &str) -> Value {
        let body = json!({ "role": { "name": name } });
        let created = self.ask("POST", &format!("{branch}/roles"), body).await;
        assert_eq!(created.status, 201, "{:#}", created.body);
        created.body["role"].clone()
    }

    /// Creates a branch and returns its path.
    pub async fn create_branch(&self, branch: Value) -> String {
        let created = self.ask("POST", "/branches", json!({ "branch": branch })).await;
        assert_eq!(created.status, 201, "{:#}", created.body);
        format!("/branches/{}", created.body["branch"]["id"].as_str().expect("an id"))
    }

    /// Begins a rotation on a new branch that has an endpoint, and returns the rotation's path.
    pub async fn begin_rotation(&self, branch: &str) -> String {
        let body = json!({ "branch": { "name": branch }, "endpoints": [{ "type": "read_write" }] });
        let created = self.ask("POST", "/branches", body).await;
        assert_eq!(created.status, 201, "{:#}", created.body);
        let branch = created.body["branch"]["id"].as_str().expect("an id");
        let path = format!("/branches/{branch}/credentials/rotate");
        let begun = self.ask("POST", &path, Value::Null).await;
        assert_eq!(begun.status, 201, "{:#}", begun.body);
        let rotation = begun.body["rotation"]["id"].as_str().expect("an id");
        format!("/branches/{branch}/rotations/{rotation}")
    }

    /// Moves a rotation on until its new credential is the default, as a server would.
    pub async fn promote_rotation(&self, path: &str) {
        let [_, _, branch, _, rotation] = path.split('/').collect::<Vec<_>>()[..] else {
            panic!("{path} is no rotation's");
        };
        let id = self.created["project"]["id"].as_str().expect("an id");
        let at = BranchRef {
            project: id.parse().expect("an id"),
            branch: branch.parse().expect("an id"),
        };
        let control = &self.plane.control;
        let assignment = control.assignment(&at).expect("a look").expect("a branch");
        let report = Report {
            branch: at.branch.clone(),
            endpoint: assignment.endpoint.map(|endpoint| endpoint.id),
            revision: assignment.revision,
            outcome: Outcome::Done {
                left: Some(EndpointState::Active),
                mark: None,
                problems: vec![],
                delayed: vec![],
                next: Timestamp::UNIX_EPOCH,
            },
            trace: Trace::default(),
        };
        control.record_pass(&at, report).await.expect("a record");
        let rotation = rotation.parse().expect("an id");
        for _ in ["created", "promoted"] {
            let moved = control.advance_rotation(&at, rotation, Seen::Somebody).await;
            moved.expect("a look").expect("a rotation that moves");
        }
    }

    /// Returns the names of a branch's roles that people made.
    pub async fn role_names(&self, branch: &str) -> Vec<String> {
        let listed = self.ask("GET", &format!("{branch}/roles"), Value::Null).await;
        let roles = listed.body["roles"].as_array().expect("roles").iter();
        roles
            .filter(|role| role["protected"] == false)
            .map(|role| role["name"].as_str().expect("a name").to_owned())
            .collect()
    }
}

fn new_directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

/// Returns the room of the tests' machine, without a floor.
fn temporary() -> Room {
    Room::new(Box::new(FileSystem(std::env::temp_dir())), 0)
}

impl Answer {
    /// Checks that the answer is an error of that status and code.
    #[track_caller]
    pub fn is_refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, &self.body["code"]), (status, &json!(code)), "{:#}", self.body);
        assert!(self.body["request_id"].is_string() && self.body["message"].is_string());
    }

    /// Checks that there was nothing to delete: no body, and nothing that says there is one.
    #[track_caller]
    pub fn is_empty(&self) {
        assert_eq!((self.status, &self.body), (204, &Value::Null));
        assert!(!self.headers.contains_key("content-type"));
    }
}
