//! What a key for retries does not do.

use axum::http::Request;
use serde_json::{Value, json};

use super::{everything, is_again};
use crate::api::plane::{KEY, TestPlane, TestProject};

/// What the refusal of a key that stands for another request is called.
const REUSED: (u16, &str) = (422, "IDEMPOTENCY_KEY_REUSED");

#[tokio::test]
async fn a_key_stands_for_one_body_path_query_and_caller() {
    let project = TestProject::new().await;
    let child = project.create_branch(json!({ "name": "child" })).await;
    let key = project.plane().ask("POST", "/api_keys", r#"{"key_name":"other"}"#).await.body;
    let roles = format!("{}/roles", project.main());
    let body = json!({ "role": { "name": "sally" } });
    assert_eq!(project.attempt("k", &roles, &body).await.status, 201);
    let before = everything(&project).await;
    let (status, code) = REUSED;
    let other = json!({ "role": { "name": "bob" } });
    project.attempt("k", &roles, &other).await.is_refused(status, code);
    project.attempt("k", &format!("{child}/roles"), &body).await.is_refused(status, code);
    project.attempt("k", &format!("{roles}?a=b"), &body).await.is_refused(status, code);
    let reset = format!("{roles}/sally/reset_password");
    project.attempt("k", &reset, &Value::Null).await.is_refused(status, code);
    let request = Request::builder().header("idempotency-key", "k");
    let (path, text) = (format!("/api/v2{}", project.path(&roles)), body.to_string());
    let key = key["key"].as_str().expect("a key");
    let answer = project.plane().send(request, key, ("POST", &path, &text)).await;
    answer.is_refused(status, code);
    assert!(!answer.body.to_string().contains("sally"), "{:#}", answer.body);
    assert_eq!(everything(&project).await[1..6], before[1..6], "a refusal changed something");
    assert!(is_again(&project.attempt("k", &roles, &body).await));
}

#[tokio::test]
async fn a_key_that_created_a_project_stands_for_nothing_else_in_it() {
    let plane = TestPlane::new().await;
    let body = json!({ "project": {} }).to_string();
    let created = plane.attempt("k", "POST", "/projects", &body).await;
    let project = TestProject::of(plane, created.body);
    let (status, code) = REUSED;
    project.attempt("k", "/branches", &json!({})).await.is_refused(status, code);
    let key = r#"{"key_name":"ci"}"#;
    project.plane().attempt("k", "POST", "/api_keys", key).await.is_refused(status, code);
    // Another project knows nothing of it.
    let other = project.plane().ask("POST", "/projects", &body).await.body;
    let path = format!("/projects/{}/branches", other["project"]["id"].as_str().expect("an id"));
    assert_eq!(project.plane().attempt("k", "POST", &path, "").await.status, 201);
}

#[tokio::test]
async fn what_was_refused_may_be_tried_again_under_the_same_key() {
    let project = TestProject::new().await;
    let databases = format!("{}/databases", project.main());
    let body = json!({ "database": { "name": "sales", "owner_name": "sally" } });
    let refused = project.attempt("k", &databases, &body).await;
    refused.is_refused(422, "OWNER_NOT_FOUND");
    project.create_role(&project.main(), "sally").await;
    let created = project.attempt("k", &databases, &body).await;
    assert_eq!((created.status, is_again(&created)), (201, false));
}

#[tokio::test]
async fn a_project_that_was_deleted_since_is_not_created_again() {
    let plane = TestPlane::new().await;
    let body = json!({ "project": { "name": "shop" } }).to_string();
    let created = plane.attempt("k", "POST", "/projects", &body).await;
    let project = TestProject::of(plane, created.body);
    let role = json!({ "role": { "name": "sally" } });
    let roles = format!("{}/roles", project.main());
    assert_eq!(project.attempt("r", &roles, &role).await.status, 201);
    assert_eq!(project.ask("DELETE", "", Value::Null).await.status, 200);
    project.attempt("r", &roles, &role).await.is_refused(404, "PROJECT_NOT_FOUND");
    let again = project.plane().attempt("k", "POST", "/projects", &body).await;
    again.is_refused(404, "PROJECT_NOT_FOUND");
}

#[tokio::test]
async fn a_branch_that_was_deleted_since_is_told_of_as_it_was() {
    let project = TestProject::new().await;
    let created = project.attempt("k", "/branches", &json!({})).await;
    let path = format!("/branches/{}", created.body["branch"]["id"].as_str().expect("an id"));
    assert_eq!(project.ask("DELETE", &path, Value::Null).await.status, 200);
    let again = project.attempt("k", "/branches", &json!({})).await;
    assert_eq!((again.status, &again.body), (201, &created.body));
    project.ask("GET", &path, Value::Null).await.is_refused(404, "BRANCH_NOT_FOUND");
}

#[tokio::test]
async fn what_is_no_key_is_refused_in_words_that_help() {
    let project = TestProject::new().await;
    let path = project.path(&format!("{}/roles", project.main()));
    let body = json!({ "role": { "name": "sally" } }).to_string();
    let too_long = "k".repeat(256);
    for given in [&[""][..], &["a b"], &[&too_long], &["a", "b"]] {
        let add = |request: axum::http::request::Builder, key: &&str| {
            request.header("idempotency-key", *key)
        };
        let request = given.iter().fold(Request::builder(), add);
        let answer = project.plane().send(request, KEY, ("POST", &path, &body)).await;
        answer.is_refused(400, "INVALID_REQUEST");
        let message = answer.body["message"].as_str().expect("a message");
        assert!(message.starts_with("Idempotency-Key must have 1 to 255"), "{message}");
    }
    assert_eq!(project.role_names(&project.main()).await, ["neondb_owner"]);
}
