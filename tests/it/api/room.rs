//! A disk that fills up: changes are refused, reading goes on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use offshoot::api;
use offshoot::model::alias::Alias;
use offshoot::model::event::EventId;
use offshoot::model::revision::Revision;
use offshoot::room::{Disk, Room, Space};
use serde_json::{Value, json};

use super::plane::{TestPlane, TestProject};
use super::probed::decisions;

const FLOOR: u64 = 1 << 20;

/// A disk that has as much space as it is told.
struct Told(Arc<AtomicU64>);

impl Disk for Told {
    fn space(&self) -> std::io::Result<Space> {
        Ok(Space { free: self.0.load(Ordering::SeqCst), size: 1 << 40 })
    }
}

/// Returns what a project shows.
async fn show(project: &TestProject) -> Vec<Value> {
    let roles = format!("{}/roles", project.main());
    let mut shown = Vec::new();
    for path in ["", "/branches", "/endpoints", "/operations", &roles] {
        let answer = project.ask("GET", path, Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {:#}", answer.body);
        shown.push(answer.body);
    }
    shown
}

/// Returns a request for every change that can be asked of a project: its operation, its method, its
/// path in the project, and its body.
fn changes(
    main: &str,
    child: &str,
    endpoint: &str,
) -> Vec<(&'static str, &'static str, String, Value)> {
    let role = json!({ "role": { "name": "bob" } });
    let database = json!({ "database": { "name": "sales", "owner_name": "sally" } });
    let new_endpoint = json!({ "endpoint": {
        "branch_id": child.rsplit('/').next(), "type": "read_write",
    } });
    vec![
        ("updateProject", "PATCH", String::new(), json!({ "project": { "name": "other" } })),
        ("deleteProject", "DELETE", String::new(), Value::Null),
        ("createProjectBranch", "POST", "/branches".into(), json!({})),
        ("updateProjectBranch", "PATCH", child.to_owned(), json!({ "branch": { "name": "x" } })),
        ("deleteProjectBranch", "DELETE", child.to_owned(), Value::Null),
        (
            "restoreProjectBranch",
            "POST",
            format!("{child}/restore"),
            json!({ "source_branch_id": main.rsplit('/').next() }),
        ),
        (
            "mergeProjectBranch",
            "POST",
            format!("{main}/merge"),
            json!({ "into": child.rsplit('/').next() }),
        ),
        ("setDefaultProjectBranch", "POST", format!("{child}/set_as_default"), Value::Null),
        ("setPrimaryProjectBranch", "POST", format!("{child}/set_as_primary"), Value::Null),
        ("createProjectBranchRole", "POST", format!("{main}/roles"), role),
        (
            "updateProjectBranchRole",
            "PATCH",
            format!("{main}/roles/sally"),
            json!({ "role": { "expires_at": "2126-11-22T07:41:42Z" } }),
        ),
        (
            "resetProjectBranchRolePassword",
            "POST",
            format!("{main}/roles/sally/reset_password"),
            Value::Null,
        ),
        ("deleteProjectBranchRole", "DELETE", format!("{main}/roles/sally"), Value::Null),
        ("createProjectBranchDatabase", "POST", format!("{main}/databases"), database),
        (
            "updateProjectBranchDatabase",
            "PATCH",
            format!("{main}/databases/neondb"),
            json!({ "database": { "name": "other" } }),
        ),
        ("deleteProjectBranchDatabase", "DELETE", format!("{main}/databases/neondb"), Value::Null),
        ("createProjectEndpoint", "POST", "/endpoints".into(), new_endpoint),
        ("startProjectEndpoint", "POST", format!("{endpoint}/start"), Value::Null),
        ("suspendProjectEndpoint", "POST", format!("{endpoint}/suspend"), Value::Null),
        ("restartProjectEndpoint", "POST", format!("{endpoint}/restart"), Value::Null),
        ("updateProjectEndpoint", "PATCH", endpoint.to_owned(), json!({ "endpoint": {} })),
        ("deleteProjectEndpoint", "DELETE", endpoint.to_owned(), Value::Null),
        (
            "grantPermissionToProject",
            "POST",
            "/permissions".into(),
            json!({ "email": "sally@example.com" }),
        ),
    ]
}

/// Returns the changes of credentials, below the project.
fn credential_changes(main: &str) -> Vec<(&'static str, &'static str, String, Value)> {
    vec![
        (
            "setDefaultProjectBranchCredential",
            "PUT",
            format!("{main}/credentials/sally/default"),
            Value::Null,
        ),
        (
            "rotateProjectBranchCredentials",
            "POST",
            format!("{main}/credentials/rotate"),
            Value::Null,
        ),
        (
            "completeProjectBranchRotation",
            "POST",
            format!("{main}/rotations/{NO_ROTATION}/complete"),
            Value::Null,
        ),
        (
            "abortProjectBranchRotation",
            "POST",
            format!("{main}/rotations/{NO_ROTATION}/abort"),
            Value::Null,
        ),
    ]
}

/// Returns the requests that can be made about an operation, and about whether a role may log in.
fn operation_changes(project: &TestProject) -> Vec<(&'static str, &'static str, String, Value)> {
    let operation = project.created["operations"][1]["id"].as_str().expect("an id");
    let of = |deed: &str| format!("/operations/{operation}/{deed}");
    let sally = format!("{}/roles/sally", project.main());
    vec![
        ("deactivateProjectBranchRole", "POST", format!("{sally}/deactivate"), Value::Null),
        ("activateProjectBranchRole", "POST", format!("{sally}/activate"), Value::Null),
        ("cancelProjectOperation", "POST", of("cancel"), Value::Null),
        ("retryProjectOperation", "POST", of("retry"), Value::Null),
    ]
}

/// Returns the changes about drift, and what is asked of a pass, below the project.
fn drift_changes(main: &str) -> Vec<(&'static str, &'static str, String, Value)> {
    let decisions = decisions(main).into_iter();
    let mut changes: Vec<_> =
        decisions.map(|(operation, path)| (operation, "POST", path, Value::Null)).collect();
    changes.extend([
        ("reconcileProjectBranch", "POST", format!("{main}/reconcile"), json!({})),
        (
            "setProjectBranchDriftPolicy",
            "PUT",
            format!("{main}/drift/policy"),
            json!({ "policy": { "login": "report" } }),
        ),
    ]);
    changes
}

/// Returns the changes of what belongs to no project, and of what is granted on one.
async fn account_changes(
    project: &TestProject,
) -> Vec<(&'static str, &'static str, String, Value)> {
    const OWN: &str = "/api_keys";
    const ORGANIZATION: &str = "/organizations/org-offshoot/api_keys";
    let new = json!({ "key_name": "ci" });
    let mut ids = Vec::new();
    for path in [OWN, ORGANIZATION] {
        ids.push(project.plane().ask("POST", path, &new.to_string()).await.body["id"].to_string());
    }
    let email = json!({ "email": "bob@example.com" });
    let granted = project.ask("POST", "/permissions", email).await;
    let permission = granted.body["id"].as_str().expect("an id").to_owned();
    let id = project.created["project"]["id"].as_str().expect("an id");
    let permission = format!("/projects/{id}/permissions/{permission}");
    vec![
        ("createApiKey", "POST", OWN.into(), new.clone()),
        ("revokeApiKey", "DELETE", format!("{OWN}/{}", ids[0]), Value::Null),
        ("createOrgApiKey", "POST", ORGANIZATION.into(), new),
        ("revokeOrgApiKey", "DELETE", format!("{ORGANIZATION}/{}", ids[1]), Value::Null),
        ("revokePermissionFromProject", "DELETE", permission, Value::Null),
    ]
}

/// Returns the changes that Render's clients ask for.
async fn render_changes(project: &TestProject) -> Vec<(&'static str, &'static str, String, Value)> {
    let credentials = format!("/postgres/{}/credentials", project.main().replace("/branches/", ""));
    let new = json!({ "name": "a hook", "url": "https://receiver.example/" });
    let created = project.plane().ask_render("POST", "/webhooks", &new).await.body;
    let webhook = format!("/webhooks/{}", created["id"].as_str().expect("an id"));
    let listed = project.plane().ask_render("GET", "/postgres", &Value::Null).await.body;
    let alias = listed[0]["postgres"]["id"].as_str().and_then(|id| id.parse::<Alias>().ok());
    let log = alias.expect("an id").log;
    let event = EventId { log, revision: Revision::FIRST, index: 0 };
    let since = json!({ "since": project.created["project"]["created_at"] });
    vec![
        ("create-postgres-user", "POST", credentials.clone(), Value::Null),
        ("delete-postgres-user", "DELETE", format!("{credentials}/sally"), Value::Null),
        ("promote-postgres-user", "PUT", format!("{credentials}/sally/default"), Value::Null),
        ("create-webhook", "POST", "/webhooks".into(), new),
        ("update-webhook", "PATCH", webhook.clone(), json!({ "name": "other" })),
        ("delete-webhook", "DELETE", webhook.clone(), Value::Null),
        ("replay-webhook", "POST", format!("{webhook}/replay"), since),
        ("resend-webhook-event", "POST", format!("{webhook}/events/{event}/resend"), Value::Null),
        ("rotate-webhook-secret", "POST", format!("{webhook}/secret/rotate"), Value::Null),
    ]
}

/// The id of a rotation that is not there: nobody looks for it while the disk is too full.
const NO_ROTATION: &str = "01990000-0000-7000-8000-000000000000";

#[tokio::test]
async fn every_change_is_refused_while_the_disk_is_too_full_and_nothing_is_changed() {
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let room = Room::new(Box::new(Told(Arc::clone(&free))), FLOOR);
    let project = TestPlane::with_room(room).await.create_project().await;
    let main = project.main();
    project.create_role(&main, "sally").await;
    let child = project.create_branch(json!({ "name": "child" })).await;
    let endpoint = project.created["endpoints"][0]["id"].as_str().expect("an id").to_owned();
    let before = show(&project).await;
    let account = account_changes(&project).await;
    let render = render_changes(&project).await;
    free.store(FLOOR - 1, Ordering::SeqCst);
    let endpoint = format!("/endpoints/{endpoint}");
    let mut asked = BTreeSet::new();
    let changes = changes(&main, &child, &endpoint).into_iter();
    let of_branch = credential_changes(&main).into_iter().chain(drift_changes(&main));
    let of_operations = operation_changes(&project);
    for (operation, method, path, body) in changes.chain(of_branch).chain(of_operations) {
        let answer = project.ask(method, &path, body).await;
        answer.is_refused(507, "INSUFFICIENT_STORAGE");
        let message = answer.body["message"].as_str().expect("a message");
        assert!(message.contains("1023.9 KiB free, and 1.0 MiB are needed"), "{message}");
        asked.insert(operation);
    }
    for (operation, method, path, body) in account {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = project.plane().ask(method, &path, &body).await;
        answer.is_refused(507, "INSUFFICIENT_STORAGE");
        asked.insert(operation);
    }
    for (operation, method, path, body) in render {
        let answer = project.plane().ask_render(method, &path, &body).await;
        assert_eq!((answer.status, &answer.body["code"]), (503, &json!("INSUFFICIENT_STORAGE")));
        asked.insert(operation);
    }
    let full = Room::new(Box::new(Told(Arc::clone(&free))), FLOOR);
    let first =
        TestPlane::with_room(full).await.ask("POST", "/projects", r#"{"project":{}}"#).await;
    first.is_refused(507, "INSUFFICIENT_STORAGE");
    asked.insert("createProject");
    // It asks with a POST, and changes nothing.
    let reveal = format!("{main}/roles/sally/reveal_password");
    assert_eq!(project.ask("POST", &reveal, Value::Null).await.status, 200);
    asked.insert("revealProjectBranchRolePassword");
    let changes = api::routes().filter(|route| route.method != "GET");
    assert_eq!(asked, changes.map(|route| route.operation).collect(), "all changes are asked for");
    assert_eq!(show(&project).await, before);
    free.store(FLOOR, Ordering::SeqCst);
    project.create_role(&main, "bob").await;
}
