//! The examples of Neon's page "Manage roles", sent as they stand there, and every field of the
//! answers that stand there.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::api::{Answer, Api};
use super::support::branch::{Branch, password};
use super::support::{OWNER, Server};

/// Where the API stands.
const BASES: &[&str] = &["/api/v2", ""];

/// The body of the page's example, to the letter.
const SALLY: &str = "{\n  \"role\": {\n    \"name\": \"sally\"\n  }\n}";

/// What the page's answers say of a role, besides its password.
const ROLE: &[&str] = &["branch_id", "name", "protected", "created_at", "updated_at"];

/// What they say of an operation.
const OPERATION: &[&str] = &[
    "id",
    "project_id",
    "branch_id",
    "endpoint_id",
    "action",
    "status",
    "failures_count",
    "created_at",
    "updated_at",
];

/// What Offshoot says besides: where a role was last written.
const ROLE_ORIGIN: &str = "origin";

/// What the API's definition has besides, and the page leaves out.
const ROLE_ALSO: &str = "authentication_method";
const OPERATION_ALSO: &str = "total_duration_ms";

/// Operations, as the page shows them where the endpoint was idle.
const WOKEN: &[(&str, &str)] = &[("apply_config", "running"), ("suspend_compute", "scheduling")];

/// Operations where it was active.
const AWAKE: &[(&str, &str)] = &[("apply_config", "running")];

#[tokio::test]
async fn the_page_creates_a_role() {
    let server = Server::start();
    for base in BASES {
        let branch = server.create_project().await.main;
        branch.suspend().await;
        let created = create_sally(&branch, base).await;
        check_role(&branch, &created["role"], "sally", true);
        check_operations(&branch, &created, WOKEN);
        assert_eq!(created["role"]["created_at"], created["role"]["updated_at"]);
        branch.finish(&created).await;
    }
}

#[tokio::test]
async fn the_page_lists_the_roles() {
    let server = Server::start();
    let branch = server.create_project().await.main;
    branch.add_role("sally").await;
    for base in BASES {
        let request = branch.api.request(Method::GET, base, &branch.path("/roles"));
        let request = request.header("Accept", "application/json");
        let listed = Answer::to(request).await.expect(200);
        check_fields(&listed, &["roles"], &[]);
        let roles = listed["roles"].as_array().expect("a list");
        let names: BTreeSet<_> = roles.iter().filter_map(|role| role["name"].as_str()).collect();
        assert_eq!(names, BTreeSet::from([OWNER, "sally", "web_access"]));
        assert_eq!(roles.len(), names.len());
        for role in roles {
            let name = role["name"].as_str().expect("a name");
            check_role(&branch, role, name, false);
            assert_eq!(role["protected"], name == "web_access");
        }
    }
}

#[tokio::test]
async fn the_page_resets_a_password() {
    let server = Server::start();
    for base in BASES {
        let branch = server.create_project().await.main;
        let created = branch.add_role("sally").await;
        for expected in [AWAKE, WOKEN] {
            let path = branch.path("/roles/sally/reset_password");
            let request = branch.api.request(Method::POST, base, &path);
            let request = request.header("Accept", "application/json");
            let reset = Answer::to(request).await.expect(200);
            check_role(&branch, &reset["role"], "sally", true);
            check_operations(&branch, &reset, expected);
            assert_ne!(password(&reset), password(&created));
            assert_eq!(reset["role"]["created_at"], created["role"]["created_at"]);
            assert!(time(&created["role"]["created_at"]) < time(&reset["role"]["updated_at"]));
            branch.finish(&reset).await;
            branch.suspend().await;
        }
    }
}

#[tokio::test]
async fn the_page_deletes_a_role() {
    let server = Server::start();
    for base in BASES {
        let branch = server.create_project().await.main;
        for expected in [AWAKE, WOKEN] {
            branch.add_role("sally").await;
            let path = branch.path("/roles/sally");
            let request = branch.api.request(Method::DELETE, base, &path);
            let request = request.header("Accept", "application/json");
            let deleted = Answer::to(request).await.expect(200);
            check_role(&branch, &deleted["role"], "sally", false);
            check_operations(&branch, &deleted, expected);
            branch.finish(&deleted).await;
            branch.suspend().await;
        }
        assert!(!branch.role_names().await.contains(&"sally".to_owned()));
    }
}

#[tokio::test]
async fn the_page_needs_a_key() {
    let server = Server::start();
    let branch = server.begin_project(json!({})).await.main;
    let stranger = Api::new(server.api.origin(), "napi_stranger");
    let message = stranger.get(&branch.path("/roles")).await.refused(401, "UNAUTHORIZED");
    assert!(!message.contains("napi_stranger"), "{message}");
    let message = stranger.delete(&branch.path("/roles/sally")).await.refused(401, "UNAUTHORIZED");
    assert!(!message.is_empty());
}

async fn create_sally(branch: &Branch, base: &str) -> Value {
    let request = branch.api.request(Method::POST, base, &branch.path("/roles"));
    let request = request
        .header("Accept", "application/json")
        .header("Content-Type", "application/json")
        .body(SALLY);
    Answer::to(request).await.expect(201)
}

/// Checks a role's fields, their types and forms; and that it has no others.
#[track_caller]
fn check_role(branch: &Branch, role: &Value, name: &str, has_password: bool) {
    let others = ["password", ROLE_ALSO, ROLE_ORIGIN];
    check_fields(role, ROLE, if has_password { &others } else { &others[1..] });
    assert_eq!(role["branch_id"], branch.id);
    assert_eq!(role["name"], name);
    assert!(role["protected"].is_boolean(), "{role}");
    assert!(time(&role["created_at"]) <= time(&role["updated_at"]), "{role}");
    if has_password {
        assert_eq!(role["protected"], false);
        let password = role["password"].as_str().expect("a password");
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(16 <= password.len() && password.chars().all(is_plain), "{password}");
    }
}

/// Checks the operations of an answer, field by field.
#[track_caller]
fn check_operations(branch: &Branch, answer: &Value, expected: &[(&str, &str)]) {
    check_fields(answer, &["role", "operations"], &[]);
    let operations = answer["operations"].as_array().expect("a list");
    let found: Vec<_> = operations
        .iter()
        .map(|operation| {
            let word = |field: &str| operation[field].as_str().expect("a word");
            (word("action"), word("status"))
        })
        .collect();
    assert_eq!(found, expected);
    let ids: BTreeSet<_> = operations.iter().map(|operation| operation["id"].as_str()).collect();
    assert_eq!(ids.len(), operations.len(), "every operation has an id of its own");
    for operation in operations {
        check_fields(operation, OPERATION, &[OPERATION_ALSO]);
        let id = operation["id"].as_str().expect("an id");
        assert!(uuid::Uuid::try_parse(id).is_ok() && id.len() == 36, "{id}");
        assert_eq!(operation["project_id"], branch.project);
        assert_eq!(operation["branch_id"], branch.id);
        assert_eq!(operation["endpoint_id"].as_str(), branch.endpoint.as_deref());
        assert_eq!(operation["failures_count"], 0);
        assert!(operation[OPERATION_ALSO].is_u64(), "{operation}");
        assert!(time(&operation["created_at"]) <= time(&operation["updated_at"]));
    }
}

/// Checks that an object has these fields and no others, and that none is null.
#[track_caller]
fn check_fields(object: &Value, of_the_page: &[&str], others: &[&str]) {
    let found: BTreeSet<_> =
        object.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected: BTreeSet<_> = of_the_page.iter().chain(others).copied().collect();
    assert_eq!(found, expected, "{object}");
    assert!(!object.as_object().expect("an object").values().any(Value::is_null), "{object}");
}

/// Reads a time, which is in UTC.
#[track_caller]
fn time(value: &Value) -> DateTime<Utc> {
    let text = value.as_str().expect("a time");
    assert!(text.ends_with('Z'), "{text}");
    DateTime::parse_from_rfc3339(text).expect("RFC 3339").with_timezone(&Utc)
}
