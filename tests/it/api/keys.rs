//! API keys: what each opens, and what it does not.

use offshoot::api;
use serde_json::{Value, json};

use super::plane::{KEY, TestPlane};

/// Creates a key and returns its id and its clear text.
async fn create(plane: &TestPlane, path: &str, body: Value) -> (String, String) {
    let created = plane.ask("POST", path, &body.to_string()).await;
    assert_eq!(created.status, 200, "{:#}", created.body);
    let key = created.body["key"].as_str().expect("a key").to_owned();
    (created.body["id"].to_string(), key)
}

async fn create_project(plane: &TestPlane) -> String {
    let created = plane.ask("POST", "/projects", r#"{"project":{}}"#).await;
    created.body["project"]["id"].as_str().expect("an id").to_owned()
}

const ORGANIZATION: &str = "/organizations/org-offshoot/api_keys";

#[tokio::test]
async fn a_key_opens_the_api_until_it_is_revoked_and_is_shown_once() {
    let plane = TestPlane::new().await;
    let (id, key) = create(&plane, "/api_keys", json!({ "key_name": "laptop" })).await;
    assert!(key.starts_with("napi_"), "{key}");
    let listed = plane.ask("GET", "/api_keys", "").await;
    assert_eq!(listed.body[0]["last_used_at"], Value::Null);
    assert_eq!(plane.ask_with(&key, "GET", "/projects", "").await.status, 200);
    let listed = plane.ask("GET", "/api_keys", "").await;
    assert_eq!(listed.body[0]["name"], "laptop");
    assert!(listed.body[0]["last_used_at"].is_string(), "{:#}", listed.body);
    assert!(!listed.body.to_string().contains(&key));
    let revoked = plane.ask("DELETE", &format!("/api_keys/{id}"), "").await;
    assert_eq!(revoked.body["revoked"], true, "{:#}", revoked.body);
    plane.ask_with(&key, "GET", "/projects", "").await.is_refused(401, "UNAUTHORIZED");
    plane.ask("DELETE", &format!("/api_keys/{id}"), "").await.is_refused(404, "KEY_NOT_FOUND");
    assert_eq!(plane.ask("GET", "/api_keys", "").await.body, json!([]));
}

#[tokio::test]
async fn the_keys_of_the_person_and_of_the_organization_are_apart() {
    let plane = TestPlane::new().await;
    let (own, _) = create(&plane, "/api_keys", json!({ "key_name": "own" })).await;
    let (id, key) = create(&plane, ORGANIZATION, json!({ "key_name": "ci" })).await;
    for (path, other) in [("/api_keys", &id), (ORGANIZATION, &own)] {
        assert_eq!(plane.ask("GET", path, "").await.body.as_array().expect("a list").len(), 1);
        let path = format!("{path}/{other}");
        plane.ask("DELETE", &path, "").await.is_refused(404, "KEY_NOT_FOUND");
    }
    for path in ["/users/me", "/users/me/organizations", "/api_keys"] {
        let refused = plane.ask_with(&key, "GET", path, "").await;
        refused.is_refused(404, "OUTSIDE_SCOPE");
        let words = refused.body["message"].as_str().expect("a message");
        assert!(words.contains("not allowed for organization API keys"), "{words}");
    }
    let who = plane.ask_with(&key, "GET", "/auth", "").await.body;
    assert_eq!(who["auth_method"], "api_key_org");
    assert_eq!(plane.ask("GET", "/auth", "").await.body["auth_method"], "api_key_user");
    assert_eq!(plane.ask_with(&key, "GET", ORGANIZATION, "").await.status, 200);
    assert_eq!(plane.ask_with(&key, "GET", "/projects", "").await.status, 200);
}

#[tokio::test]
async fn a_key_for_one_project_opens_nothing_of_another_on_any_path() {
    let plane = TestPlane::new().await;
    let (own, other) = (create_project(&plane).await, create_project(&plane).await);
    let body = json!({ "key_name": "ci", "project_id": own });
    let (_, key) = create(&plane, ORGANIZATION, body).await;
    let listed = plane.ask_with(&key, "GET", "/projects", "").await;
    assert_eq!(listed.body["projects"].as_array().expect("a list").len(), 1);
    assert_eq!(listed.body["projects"][0]["id"], own);
    let path = format!("/projects/{own}");
    assert_eq!(plane.ask_with(&key, "GET", &path, "").await.status, 200);
    let mut tried = 0;
    for route in api::routes().filter(|route| route.path.contains("{project_id}")) {
        let path = route.path.replace("{project_id}", &other).replace(['{', '}'], "");
        let refused = plane.ask_with(&key, route.method.as_str(), &path, "{}").await;
        refused.is_refused(404, "OUTSIDE_SCOPE");
        let words = refused.body["message"].as_str().expect("a message");
        assert!(words.contains("outside the project this key is scoped to"), "{words}");
        tried += 1;
    }
    assert!(30 < tried, "{tried} paths");
    for (method, path) in [("POST", "/projects"), ("GET", ORGANIZATION), ("POST", ORGANIZATION)] {
        plane.ask_with(&key, method, path, "{}").await.is_refused(404, "OUTSIDE_SCOPE");
    }
}

#[tokio::test]
async fn a_key_is_created_for_a_project_that_is_there_and_with_a_name() {
    let plane = TestPlane::new().await;
    for (path, body, status, code) in [
        (ORGANIZATION, json!({ "key_name": "x", "project_id": "a-b-1" }), 404, "PROJECT_NOT_FOUND"),
        (ORGANIZATION, json!({ "key_name": "x", "project_id": "?" }), 404, "PROJECT_NOT_FOUND"),
        ("/api_keys", json!({ "key_name": "" }), 400, "INVALID_REQUEST"),
        ("/api_keys", json!({ "key_name": "x".repeat(65) }), 400, "INVALID_REQUEST"),
        ("/api_keys", json!({}), 400, "INVALID_REQUEST"),
        (
            "/organizations/org-of-somebody/api_keys",
            json!({ "key_name": "x" }),
            404,
            "ORGANIZATION_NOT_FOUND",
        ),
    ] {
        plane.ask("POST", path, &body.to_string()).await.is_refused(status, code);
    }
    plane.ask("GET", "/projects?org_id=org-x", "").await.is_refused(404, "ORGANIZATION_NOT_FOUND");
    plane.ask_with("napi_x", "GET", "/regions", "").await.is_refused(401, "UNAUTHORIZED");
    assert_eq!(plane.ask_with(KEY, "GET", "/regions", "").await.status, 200);
}
