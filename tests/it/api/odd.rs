//! Requests as some clients write them, oddly and legally.

use axum::http::Request;
use serde_json::{Value, json};

use super::plane::{KEY, TestProject};

#[tokio::test]
async fn a_blank_in_a_query_is_a_plus_or_an_escape_and_a_plus_is_an_escape() {
    let project = TestProject::new().await;
    project.create_branch(json!({ "name": "two words" })).await;
    project.create_branch(json!({ "name": "two+words" })).await;
    for (search, expected) in
        [("two+words", "two words"), ("two%20words", "two words"), ("two%2Bwords", "two+words")]
    {
        let path = format!("/branches?search={search}");
        let found = project.ask("GET", &path, Value::Null).await.body;
        let names: Vec<_> =
            found["branches"].as_array().expect("a list").iter().map(|it| &it["name"]).collect();
        assert_eq!(names, [expected], "{search}");
        let path = format!("/branches/count?search={search}");
        let counted = project.ask("GET", &path, Value::Null).await.body;
        assert_eq!(counted["count"], 1, "{search}");
    }
}

#[tokio::test]
async fn names_with_every_kind_of_character_are_found_again_by_path_and_query() {
    let project = TestProject::new().await;
    let main = project.main();
    for (name, escaped) in [
        ("we ird/n", "we%20ird%2Fn"),
        ("50%", "50%25"),
        ("a+b&c=d", "a%2Bb%26c%3Dd"),
        ("q?#;", "q%3F%23%3B"),
        ("dé\"🦀", "d%C3%A9%22%F0%9F%A6%80"),
        ("...", "%2E%2E%2E"),
    ] {
        project.create_role(&main, name).await;
        let body = json!({ "database": { "name": name, "owner_name": name } });
        let created = project.ask("POST", &format!("{main}/databases"), body).await;
        assert_eq!(created.status, 201, "{name}: {:#}", created.body);
        for (kind, field) in [("roles", "role"), ("databases", "database")] {
            let path = format!("{main}/{kind}/{escaped}");
            let found = project.ask("GET", &path, Value::Null).await;
            assert_eq!((found.status, &found.body[field]["name"]), (200, &json!(name)), "{path}");
        }
        let query = format!("/connection_uri?role_name={escaped}&database_name={escaped}");
        let uri = project.ask("GET", &query, Value::Null).await;
        assert_eq!(uri.status, 200, "{name}: {:#}", uri.body);
        let uri = uri.body["uri"].as_str().expect("a URI").to_lowercase();
        assert!(uri.starts_with("postgresql://") && uri.contains("@127.0.0.1:"), "{uri}");
    }
}

#[tokio::test]
async fn every_answer_repeats_the_id_of_its_request() {
    const ID: &str = "0190b6a1-9d0c-7b5e-8a53-0a4c7c5d2f11";
    let project = TestProject::new().await;
    let main = project.path(&project.main());
    for (method, path, status) in [
        ("GET", main.clone(), 200),
        ("POST", format!("{main}/roles/neondb_owner/reset_password"), 200),
        ("DELETE", format!("{main}/roles/nobody"), 204),
        ("GET", format!("{main}/roles/nobody"), 404),
        ("GET", "/nothing".to_owned(), 404),
    ] {
        let request = Request::builder().header("x-request-id", ID);
        let answer = project.plane().send(request, KEY, (method, &path, "")).await;
        assert_eq!(answer.status, status, "{path}");
        for name in ["x-request-id", "x-neon-ret-request-id"] {
            assert_eq!(answer.headers[name], ID, "{path}");
        }
        let told = answer.body.get("request_id");
        assert_eq!(told, (400 <= status).then_some(&json!(ID)), "{path}");
    }
    let drawn = [project.ask_plane("GET", &main).await, project.ask_plane("GET", &main).await];
    let [first, second] = drawn.map(|answer| answer.headers["x-request-id"].clone());
    assert_ne!(first, second);
}

#[tokio::test]
async fn absent_bodies_unknown_fields_and_python_s_words_are_understood() {
    let project = TestProject::new().await;
    let main = project.path(&project.main());
    let called = || Request::builder().header("content-type", "application/json");
    for (path, status) in [
        (project.path("/branches"), 201),
        (format!("{main}/roles/neondb_owner/reset_password"), 200),
        (format!("{main}/set_as_default"), 200),
    ] {
        for body in ["", "{}", " \r\n"] {
            let answer = project.plane().send(called(), KEY, ("POST", &path, body)).await;
            assert_eq!(answer.status, status, "{path} {body:?}: {:#}", answer.body);
        }
    }
    let body = r#"{"role":{"name":"sally","color":"red"},"more":[{"a":null}]}"#;
    let answer =
        project.plane().send(called(), KEY, ("POST", &format!("{main}/roles"), body)).await;
    assert_eq!(answer.status, 201, "{:#}", answer.body);
    let uri = project.path("/connection_uri?role_name=neondb_owner&database_name=neondb&pooled=");
    for (word, status) in [("True", 200), ("False", 200), ("true", 200), ("TRUE", 400), ("1", 400)]
    {
        let answer = project.ask_plane("GET", &format!("{uri}{word}")).await;
        assert_eq!(answer.status, status, "{word}");
    }
    let explained = format!("{main}/roles?explain=True");
    assert_eq!(project.ask_plane("GET", &explained).await.status, 200);
}
