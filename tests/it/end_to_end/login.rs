//! What a role can do in Postgres: log in, with its password, until it is dropped.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::support::branch::{DATABASE, password};
use super::support::session::{login, psql, refused, who};
use super::support::{OWNER, Server};

#[tokio::test]
async fn a_role_logs_in_with_its_newest_password_until_it_is_dropped() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let first = password(&main.add_role("sally").await);
    let uri = main.connection_uri("sally").await;
    assert!(uri.contains(&first), "the URI has the password");
    assert_eq!(psql(&uri, "SELECT session_user"), "sally");
    let held = main.login_with("sally", &first).await.expect("a session");
    assert_eq!(who(&held).await, "sally");

    let second = main.reset_password("sally").await;
    assert_ne!(second, first);
    refused(main.login_with("sally", &first).await);
    refused(login(&uri).await);
    let new = main.login_with("sally", &second).await.expect("a session");
    assert_eq!(who(&new).await, "sally");
    assert_eq!(who(&held).await, "sally", "a reset leaves open sessions alone");

    assert_eq!(main.reveal_password("sally").await, second);
    let path = main.role_path("sally", "/reveal_password");
    let revealed = main.api.post_nothing(&path).await.expect(200);
    assert_eq!(revealed, json!({ "password": second }));

    main.delete_role("sally").await;
    refused(main.login_with("sally", &second).await);
    main.api.get(&path).await.refused(404, "ROLE_NOT_FOUND");
    let owner = main.login(OWNER).await.expect("a session");
    assert_eq!(who(&owner).await, OWNER);
}

#[tokio::test]
async fn open_sessions_survive_what_happens_to_other_roles() {
    let server = Server::start();
    let main = server.create_project().await.main;
    main.add_role("steady").await;
    let held = main.login("steady").await.expect("a session");
    main.add_role("sally").await;
    assert_eq!(who(&held).await, "steady");
    main.reset_password("sally").await;
    assert_eq!(who(&held).await, "steady");
    let table = "CREATE TABLE notes (note text); INSERT INTO notes VALUES ('kept')";
    let sally = main.login("sally").await.expect("a session");
    sally.batch_execute(table).await.expect("a role that may create tables");
    main.delete_role("sally").await;
    assert_eq!(who(&held).await, "steady");
    let kept = held.query_one("SELECT note FROM notes", &[]).await.expect("a row of hers");
    assert_eq!(kept.get::<_, String>(0), "kept", "what a dropped role owned stays");
    main.reset_password("steady").await;
    assert_eq!(who(&held).await, "steady");
}

#[tokio::test]
async fn a_role_with_a_difficult_name_works_all_the_way_to_login() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let start = r#"we"ird'n%61me/sl\ash ..;-- $1 🌿 "#;
    let name = format!("{start}{}", "é".repeat(20)).chars().take(63).collect::<String>();
    let name = fill(&name);
    assert_eq!(name.len(), 63);
    let created = main.add_role(&name).await;
    assert_eq!(created["role"]["name"], *name);
    let found = main.api.get(&main.role_path(&name, "")).await.expect(200);
    assert_eq!(found["role"]["name"], *name);
    let session = main.login_with(&name, &password(&created)).await.expect("a session");
    assert_eq!(who(&session).await, name);
    assert_eq!(psql(&main.connection_uri(&name).await, "SELECT session_user"), name);
    let second = main.reset_password(&name).await;
    refused(main.login_with(&name, &password(&created)).await);
    assert_eq!(main.reveal_password(&name).await, second);

    let database = r#"da"ta'b%61se/\ 🌿"#;
    let body = json!({ "database": { "name": database, "owner_name": name } });
    let answer = main.api.post(&main.path("/databases"), &body).await.expect(201);
    main.finish(&answer).await;
    let encoded = utf8_percent_encode(database, NON_ALPHANUMERIC).to_string();
    let uri = main.connection_uri(&name).await.replace(DATABASE, &encoded);
    assert_eq!(psql(&uri, "SELECT current_database()"), database);
    let path = main.path(&format!("/databases/{encoded}"));
    main.finish(&main.api.delete(&path).await.expect(200)).await;
    main.delete_role(&name).await;
    refused(main.login_with(&name, &second).await);
}

#[tokio::test]
async fn a_role_that_owns_a_database_is_kept() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let message = main.api.delete(&main.role_path(OWNER, "")).await;
    let message = message.refused(422, "ROLE_OWNS_DATABASE");
    assert!(message.contains(&format!("\"{DATABASE}\"")), "{message}");
    let owner = main.login(OWNER).await.expect("a session");
    assert_eq!(who(&owner).await, OWNER);
}

#[tokio::test]
async fn a_role_without_login_cannot_log_in() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let body = json!({ "role": { "name": "readers", "no_login": true } });
    let created = main.api.post(&main.path("/roles"), &body).await.expect(201);
    assert_eq!(created["role"].get("password"), None);
    main.finish(&created).await;
    assert!(main.has_in_postgres("readers").await);
    refused(main.login_with("readers", "").await);
    refused(main.login_with("readers", "readers").await);
    for deed in ["/reset_password", "/reveal_password"] {
        let answer = main.api.post_nothing(&main.role_path("readers", deed)).await;
        answer.refused(412, "ROLE_HAS_NO_PASSWORD");
    }
}

#[tokio::test]
async fn the_system_role_can_be_neither_deleted_nor_reset() {
    let server = Server::start();
    let main = server.begin_project(json!({})).await.main;
    let deleted = main.api.delete(&main.role_path("web_access", "")).await;
    deleted.refused(422, "ROLE_PROTECTED");
    let reset = main.api.post_nothing(&main.role_path("web_access", "/reset_password")).await;
    reset.refused(422, "ROLE_PROTECTED");
    let body = json!({ "role": { "name": "web_access" } });
    let created = main.api.post(&main.path("/roles"), &body).await;
    created.refused(400, "NAME_RESERVED");
}

/// Cuts or fills a name to the longest that Postgres keeps.
fn fill(name: &str) -> String {
    let mut filled = String::new();
    for c in name.chars().chain("x".repeat(63).chars()) {
        if filled.len() + c.len_utf8() <= 63 {
            filled.push(c);
        }
    }
    filled
}
