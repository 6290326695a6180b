//! Requests that are sent again under a key: they are carried out once, and told the same each time.

mod refused;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use offshoot::api;
use offshoot::clock::ManualClock;
use offshoot::model::alias::Alias;
use offshoot::model::event::EventId;
use offshoot::model::revision::{Revision, Timestamp};
use serde_json::{Value, json};

use super::plane::{Answer, TestPlane, TestProject};
use super::probed::decisions;

/// A day, for which a request is remembered.
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

/// How many attempts are made at the same moment.
const AT_ONCE: usize = 16;

fn is_again(answer: &Answer) -> bool {
    answer.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
}

/// Returns all that a server shows of what is kept, the history among it.
async fn everything(project: &TestProject) -> Vec<Value> {
    let mut shown = Vec::new();
    for path in ["", "/branches", "/endpoints", "/operations", "/permissions", "/audit"] {
        shown.push(project.ask("GET", path, Value::Null).await.body);
    }
    for path in ["/projects?limit=400", "/api_keys", "/organizations/org-offshoot/api_keys"] {
        shown.push(project.ask_plane("GET", path).await.body);
    }
    let webhooks = project.plane().ask_render("GET", "/webhooks", &Value::Null);
    shown.push(webhooks.await.body);
    shown
}

/// Returns a clock that does not run.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH))
}

fn new_webhook() -> Value {
    json!({ "name": "a hook", "url": "https://receiver.example/", "enabled": true })
}

/// Returns the path of a new webhook, and the id of an event.
async fn webhook(project: &TestProject) -> (String, String) {
    let plane = project.plane();
    let created = plane.ask_render("POST", "/webhooks", &new_webhook()).await.body;
    let listed = plane.ask_render("GET", "/postgres", &Value::Null).await.body;
    let alias: Alias =
        listed[0]["postgres"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let event = EventId { log: alias.log, revision: Revision::FIRST, index: 0 };
    let webhook = format!("/v1/webhooks/{}", created["id"].as_str().expect("an id"));
    (webhook, event.to_string())
}

/// A request for each operation that is asked for with a POST and changes something.
struct Samples {
    main: String,
    child: String,
    /// A branch with a role that its parent does not have.
    ahead: String,
    endpoint: String,
    /// A rotation that began, and one whose new credential is the default, below the project.
    begun: String,
    promoted: String,
    /// Operations that have not ended, below the project.
    unwanted: String,
    waiting: String,
    /// A webhook, and an event.
    webhook: String,
    event: String,
}

impl Samples {
    async fn new(project: &TestProject) -> Self {
        project.create_role(&project.main(), "sally").await;
        let child = project.create_branch(json!({ "name": "child" })).await;
        let ahead = project.create_branch(json!({ "name": "ahead" })).await;
        project.create_role(&ahead, "zoe").await;
        let endpoint = project.created["endpoints"][0]["id"].as_str().expect("an id");
        let endpoint = format!("/endpoints/{endpoint}");
        let begun = project.begin_rotation("begun").await;
        let promoted = project.begin_rotation("promoted").await;
        project.promote_rotation(&promoted).await;
        let unwanted = running(project, "dave").await;
        let waiting = running(project, "erin").await;
        let (webhook, event) = webhook(project).await;
        let main = project.main();
        Self { main, child, ahead, endpoint, begun, promoted, unwanted, waiting, webhook, event }
    }

    /// Returns the path and the body for an operation.
    fn of(&self, operation: &str, project: &TestProject) -> (String, Value) {
        let Self { main, child, ahead, endpoint, begun, promoted, .. } = self;
        let Self { unwanted, waiting, .. } = self;
        let id = |path: &str| path.rsplit('/').next().expect("an id").to_owned();
        let below = |path: &str| format!("/api/v2{}", project.path(path));
        let key = json!({ "key_name": "ci" });
        match operation {
            "createProject" => {
                ("/api/v2/projects".into(), json!({ "project": { "name": "other" } }))
            }
            "createProjectBranch" => {
                let body = json!({ "branch": {}, "endpoints": [{ "type": "read_write" }] });
                (below("/branches"), body)
            }
            "restoreProjectBranch" => {
                (below(&format!("{child}/restore")), json!({ "source_branch_id": id(main) }))
            }
            "mergeProjectBranch" => (below(&format!("{ahead}/merge")), json!({ "into": id(main) })),
            "setDefaultProjectBranch" => (below(&format!("{child}/set_as_default")), Value::Null),
            "setPrimaryProjectBranch" => (below(&format!("{main}/set_as_primary")), Value::Null),
            "createProjectBranchRole" => {
                (below(&format!("{main}/roles")), json!({ "role": { "name": "bob" } }))
            }
            "resetProjectBranchRolePassword" => {
                (below(&format!("{main}/roles/sally/reset_password")), Value::Null)
            }
            "createProjectBranchDatabase" => {
                let database = json!({ "name": "sales", "owner_name": "sally" });
                (below(&format!("{main}/databases")), json!({ "database": database }))
            }
            "createProjectEndpoint" => {
                let endpoint = json!({ "branch_id": id(child), "type": "read_write" });
                (below("/endpoints"), json!({ "endpoint": endpoint }))
            }
            "startProjectEndpoint" => (below(&format!("{endpoint}/start")), Value::Null),
            "suspendProjectEndpoint" => (below(&format!("{endpoint}/suspend")), Value::Null),
            "restartProjectEndpoint" => (below(&format!("{endpoint}/restart")), Value::Null),
            "createApiKey" => ("/api/v2/api_keys".into(), key),
            "createOrgApiKey" => ("/api/v2/organizations/org-offshoot/api_keys".into(), key),
            "grantPermissionToProject" => {
                (below("/permissions"), json!({ "email": "casey@example.com" }))
            }
            "rotateProjectBranchCredentials" => {
                (below(&format!("{main}/credentials/rotate")), json!({ "grace_seconds": 60 }))
            }
            "completeProjectBranchRotation" => {
                (below(&format!("{promoted}/complete")), Value::Null)
            }
            "reconcileProjectBranch" => (below(&format!("{main}/reconcile")), json!({})),
            "deactivateProjectBranchRole" => {
                (below(&format!("{main}/roles/sally/deactivate")), Value::Null)
            }
            "activateProjectBranchRole" => {
                (below(&format!("{main}/roles/sally/activate")), Value::Null)
            }
            "cancelProjectOperation" => (below(&format!("{unwanted}/cancel")), Value::Null),
            "retryProjectOperation" => (below(&format!("{waiting}/retry")), Value::Null),
            "abortProjectBranchRotation" => (below(&format!("{begun}/abort")), Value::Null),
            "create-postgres-user" => {
                (format!("/v1/postgres/{}/credentials", id(main)), Value::Null)
            }
            other => self.of_webhooks_or_drift(other, project),
        }
    }

    fn of_webhooks_or_drift(&self, operation: &str, project: &TestProject) -> (String, Value) {
        let Self { main, webhook, event, .. } = self;
        match operation {
            "create-webhook" => ("/v1/webhooks".into(), new_webhook()),
            "resend-webhook-event" => (format!("{webhook}/events/{event}/resend"), Value::Null),
            "replay-webhook" => (
                format!("{webhook}/replay"),
                json!({ "since": project.created["project"]["created_at"] }),
            ),
            "rotate-webhook-secret" => (format!("{webhook}/secret/rotate"), Value::Null),
            other => {
                let decisions = decisions(main);
                let decision = decisions.iter().find(|(operation, _)| *operation == other);
                let (_, path) = decision.unwrap_or_else(|| panic!("there is no sample of {other}"));
                (format!("/api/v2{}", project.path(path)), Value::Null)
            }
        }
    }
}

/// Creates a role, and returns the operation that waits for it.
async fn running(project: &TestProject, role: &str) -> String {
    project.create_role(&project.main(), role).await;
    let listed = project.ask("GET", "/operations?limit=1", Value::Null).await.body;
    assert_eq!(listed["operations"][0]["status"], "running");
    let id = listed["operations"][0]["id"].as_str().expect("an id");
    format!("/operations/{id}")
}

/// Returns the operations that are asked for with a POST and change something.
fn operations() -> impl Iterator<Item = &'static str> {
    let is_read = |operation: &&str| *operation == "revealProjectBranchRolePassword";
    let posts = api::routes().filter(|route| route.method == "POST");
    let posts = posts.map(|route| route.operation);
    posts.filter(move |operation| !is_read(operation))
}

#[tokio::test]
async fn every_post_is_carried_out_once_and_told_alike_before_and_after_a_restart() {
    let mut project = TestPlane::with_clock(clock()).await.create_project().await;
    let samples = Samples::new(&project).await;
    let mut answers = Vec::new();
    for operation in operations() {
        let (path, body) = samples.of(operation, &project);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let first = project.plane().attempt_at(operation, "POST", &path, &body).await;
        assert!((200..300).contains(&first.status), "{operation}: {:#}", first.body);
        assert!(!is_again(&first), "{operation}");
        let before = everything(&project).await;
        let second = project.plane().attempt_at(operation, "POST", &path, &body).await;
        assert_eq!((second.status, &second.body), (first.status, &first.body), "{operation}");
        assert!(is_again(&second), "{operation}");
        assert_eq!(everything(&project).await, before, "{operation} had an effect again");
        answers.push((operation, path, body, first));
    }
    let before = everything(&project).await;
    project = project.restarted().await;
    // Much has happened since, and none of it shows.
    for (operation, path, body, first) in answers {
        let third = project.plane().attempt_at(operation, "POST", &path, &body).await;
        assert_eq!((third.status, &third.body), (first.status, &first.body), "{operation}");
        assert!(is_again(&third), "{operation}");
    }
    assert_eq!(everything(&project).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_attempts_at_the_same_moment_one_is_carried_out_and_all_are_told_alike() {
    let project = TestProject::new().await;
    let samples = Samples::new(&project).await;
    for operation in operations() {
        let (path, body) = samples.of(operation, &project);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let attempt = || project.plane().attempt_at(operation, "POST", &path, &body);
        let answers = join_all((0..AT_ONCE).map(|_| attempt())).await;
        let told: BTreeSet<_> =
            answers.iter().map(|answer| (answer.status, answer.body.to_string())).collect();
        assert_eq!(told.len(), 1, "{operation}: {told:#?}");
        let again = answers.iter().filter(|answer| is_again(answer)).count();
        assert_eq!(again, AT_ONCE - 1, "{operation}");
    }
    let projects = project.ask_plane("GET", "/projects?limit=400").await.body;
    assert_eq!(projects["projects"].as_array().map(Vec::len), Some(2));
    let branches = project.ask("GET", "/branches", Value::Null).await.body;
    assert_eq!(branches["branches"].as_array().map(Vec::len), Some(6));
}

#[tokio::test]
async fn a_password_that_is_not_stored_is_told_again_all_the_same() {
    let plane = TestPlane::new().await;
    let body = json!({ "project": { "store_passwords": false } }).to_string();
    let created = plane.attempt("p", "POST", "/projects", &body).await;
    let again = plane.attempt("p", "POST", "/projects", &body).await;
    assert_eq!(again.body, created.body);
    let password = &again.body["connection_uris"][0]["connection_parameters"]["password"];
    assert!(password.as_str().is_some_and(|text| text.starts_with("npg_")), "{password}");
    let project = TestProject::of(plane, created.body);
    let body = json!({ "branch": { "password_policy": "fresh" } });
    let first = project.attempt("b", "/branches", &body).await;
    assert!(first.body["roles"][0]["password"].is_string(), "{:#}", first.body);
    assert_eq!(project.attempt("b", "/branches", &body).await.body, first.body);
}

#[tokio::test]
async fn a_key_stands_for_its_request_for_a_day() {
    let clock = clock();
    let project = TestPlane::with_clock(clock.clone()).await.create_project().await;
    let roles = format!("{}/roles", project.main());
    let body = json!({ "role": { "name": "sally" } });
    let first = project.attempt("k", &roles, &body).await;
    clock.advance_micros(DAY_MICROS - 1_000_000);
    assert_eq!(project.attempt("k", &roles, &body).await.body, first.body);
    clock.advance_micros(2_000_000);
    project.attempt("k", &roles, &body).await.is_refused(409, "ROLE_ALREADY_EXISTS");
    // From now on it stands for another.
    let other = json!({ "role": { "name": "bob" } });
    assert!(!is_again(&project.attempt("k", &roles, &other).await));
    assert!(is_again(&project.attempt("k", &roles, &other).await));
}

#[tokio::test]
async fn requests_without_a_key_or_with_other_methods_happen_each_time() {
    let project = TestProject::new().await;
    let sally = format!("{}/roles/sally", project.main());
    let first = project.create_role(&project.main(), "sally").await;
    let reset = format!("{sally}/reset_password");
    let passwords = [
        first["password"].clone(),
        project.ask("POST", &reset, Value::Null).await.body["role"]["password"].clone(),
        project.ask("POST", &reset, Value::Null).await.body["role"]["password"].clone(),
        project.attempt("a", &reset, &Value::Null).await.body["role"]["password"].clone(),
        project.attempt("b", &reset, &Value::Null).await.body["role"]["password"].clone(),
    ];
    let different: BTreeSet<_> = passwords.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), passwords.len());
    // A read is made each time, and a deletion needs no key to be safe.
    let reveal = format!("{sally}/reveal_password");
    let revealed = project.attempt("a", &reveal, &Value::Null).await;
    assert_eq!((revealed.status, is_again(&revealed)), (200, false));
    let path = project.path(&sally);
    let deleted = project.plane().attempt("a", "DELETE", &path, "").await;
    assert_eq!((deleted.status, is_again(&deleted)), (200, false));
    project.plane().attempt("a", "DELETE", &path, "").await.is_empty();
}
