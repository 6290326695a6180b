//! Endpoints, databases, branches and projects, from their creation to their end.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::branch::{Branch, password};
use super::support::session::{ask, login, refused, who};
use super::support::{OWNER, Server, eventually, signal};

/// How long it may take until what was deleted is gone from the machine.
const GONE_TIME: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_suspended_postgres_wakes_for_a_change_and_sleeps_again() {
    let server = Server::start();
    let main = server.create_project().await.main;
    assert_eq!(main.endpoint().await["current_state"], "active");
    assert!(server.home.postmaster(&main.id).is_some());
    main.suspend().await;
    assert_eq!(main.endpoint().await["current_state"], "idle");
    assert_eq!(server.home.postmaster(&main.id), None);
    main.login(OWNER).await.map(drop).expect_err("a Postgres that is down");

    let created = main.create_role("sally").await;
    let operations = main.end(&created).await;
    let actions: Vec<_> = operations.iter().map(|operation| &operation["action"]).collect();
    assert_eq!(actions, ["apply_config", "suspend_compute"]);
    assert!(operations.iter().all(|operation| operation["status"] == "finished"));
    assert_eq!(main.endpoint().await["current_state"], "idle");
    assert_eq!(server.home.postmaster(&main.id), None, "it is down afterwards");

    let answer = main.api.post_nothing(&main.endpoint_path("/start")).await.expect(200);
    main.finish(&answer).await;
    assert_eq!(main.endpoint().await["current_state"], "active");
    let sally = main.login_with("sally", &password(&created)).await.expect("a session");
    assert_eq!(who(&sally).await, "sally");
}

#[tokio::test]
async fn one_who_waits_for_an_operation_is_answered_when_it_has_ended() {
    let server = Server::start();
    let main = server.create_project().await.main;
    main.suspend().await;
    let created = main.create_role("sally").await;
    let operation = &created["operations"][0];
    assert_eq!(operation["status"], "running");
    let path = format!(
        "/projects/{}/operations/{}?wait=25s",
        main.project,
        operation["id"].as_str().expect("an id")
    );
    let ended = main.api.get(&path).await.expect(200);
    assert_eq!(ended["operation"]["status"], "finished");
}

#[tokio::test]
async fn a_restarted_postgres_is_another_process_and_its_sessions_have_ended() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let before = server.home.postmaster(&main.id);
    let session = main.login(OWNER).await.expect("a session");
    let answer = main.api.post_nothing(&main.endpoint_path("/restart")).await.expect(200);
    main.finish(&answer).await;
    let after = server.home.postmaster(&main.id);
    assert!(after.is_some() && after != before, "{before:?} {after:?}");
    session.batch_execute("SELECT 1").await.expect_err("a session that ended");
    main.login(OWNER).await.expect("a session");
    assert_eq!(main.endpoint().await["current_state"], "active");
}

#[tokio::test]
async fn databases_are_made_renamed_given_away_and_dropped() {
    let server = Server::start();
    let main = server.create_project().await.main;
    main.add_role("sally").await;
    let body = json!({ "database": { "name": "shop", "owner_name": OWNER } });
    main.finish(&main.api.post(&main.path("/databases"), &body).await.expect(201)).await;
    assert_eq!(owner_of(&main, "shop").await.as_deref(), Some(OWNER));
    let session = login(&main.connection_uri(OWNER).await.replace("/neondb", "/shop")).await;
    let session = session.expect("a session");
    session.batch_execute("CREATE TABLE kept ()").await.expect("an owner's rights");
    drop(session);

    change(&main, "shop", json!({ "name": "store" })).await;
    assert_eq!(owner_of(&main, "shop").await, None);
    change(&main, "store", json!({ "owner_name": "sally" })).await;
    assert_eq!(owner_of(&main, "store").await.as_deref(), Some("sally"));
    let uri = main.connection_uri("sally").await.replace("/neondb", "/store");
    let session = login(&uri).await.expect("a session");
    assert_eq!(ask(&session, "SELECT to_regclass('kept')::text").await, "kept");
    let message = main.api.delete(&main.role_path("sally", "")).await;
    let message = message.refused(422, "ROLE_OWNS_DATABASE");
    assert!(message.contains("\"store\""), "{message}");

    main.finish(&main.api.delete(&main.path("/databases/store")).await.expect(200)).await;
    assert_eq!(owner_of(&main, "store").await, None);
    main.delete_role("sally").await;
}

#[tokio::test]
async fn data_outlive_their_endpoint() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let session = main.login(OWNER).await.expect("a session");
    session.batch_execute("CREATE TABLE kept ()").await.expect("an owner's rights");
    main.finish(&main.api.delete(&main.endpoint_path("")).await.expect(200)).await;
    assert_eq!(server.home.postmaster(&main.id), None);
    main.api.get(&main.endpoint_path("")).await.refused(404, "ENDPOINT_NOT_FOUND");
    let sally = main.create_role("sally").await;
    assert_eq!(sally["operations"], json!([]), "there is nothing to change yet");

    let body = json!({ "endpoint": { "branch_id": main.id, "type": "read_write" } });
    let path = format!("/projects/{}/endpoints", main.project);
    let answer = main.api.post(&path, &body).await.expect(201);
    main.finish(&answer).await;
    let session = main.login("sally").await.expect("a session");
    assert_eq!(ask(&session, "SELECT to_regclass('kept')::text").await, "kept");
}

#[tokio::test]
async fn a_deleted_branch_takes_its_postgres_with_it() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let child = main.branch_off(json!({ "name": "child" })).await;
    let data = server.home.data_of(&child.id);
    assert!(data.is_dir() && server.home.postmaster(&child.id).is_some());

    main.api.delete(&main.path("")).await.refused(422, "BRANCH_IS_DEFAULT");
    let body = json!({ "branch": { "parent_id": child.id } });
    let path = format!("/projects/{}/branches", main.project);
    let grandchild = main.api.post(&path, &body).await.expect(201);
    let grandchild = Branch::born(&main.api, &main.project, &grandchild);
    let message = main.api.delete(&child.path("")).await.refused(422, "BRANCH_HAS_CHILDREN");
    assert!(message.contains(&grandchild.id), "{message}");
    main.finish(&main.api.delete(&grandchild.path("")).await.expect(200)).await;

    main.finish(&main.api.delete(&child.path("")).await.expect(200)).await;
    assert_eq!(server.home.postmaster(&child.id), None);
    assert!(!data.exists());
    main.api.get(&child.path("")).await.refused(404, "BRANCH_NOT_FOUND");
    assert!(main.login(OWNER).await.is_ok(), "its parent goes on");
}

#[tokio::test]
async fn deleting_what_is_not_there_is_no_error() {
    let server = Server::start();
    let main = server.begin_project(json!({})).await.main;
    main.api.delete(&main.role_path("nobody", "")).await.nothing();
    main.api.delete(&main.path("/databases/nothing")).await.nothing();
    let nowhere = format!("/projects/{}/branches/br-no-branch-a1b2c3d4", main.project);
    main.api.delete(&nowhere).await.nothing();
    let nowhere = format!("/projects/{}/endpoints/ep-no-endpoint-a1b2c3d4", main.project);
    main.api.delete(&nowhere).await.nothing();
}

#[tokio::test]
async fn a_deleted_project_is_gone_and_its_postgres_with_it() {
    let server = Server::start();
    let project = server.create_project().await;
    let other = server.begin_project(json!({ "name": "other" })).await;
    let child = project.main.branch_off(json!({ "name": "child" })).await;
    let deleted = server.api.delete(&project.path("")).await.expect(200);
    assert_eq!(deleted["project"]["id"], project.id);
    server.api.get(&project.path("")).await.refused(404, "PROJECT_NOT_FOUND");
    server.api.get(&project.main.path("/roles")).await.refused(404, "PROJECT_NOT_FOUND");
    let listed = server.api.get("/projects").await.expect(200);
    let ids = listed["projects"].as_array().expect("a list").iter();
    assert_eq!(ids.map(|project| &project["id"]).collect::<Vec<_>>(), [&json!(other.id)]);
    for branch in [&project.main, &child] {
        let data = server.home.data_of(&branch.id);
        let gone = eventually(GONE_TIME, || (!data.exists()).then_some(()));
        assert!(gone.is_some(), "{} is still there", data.display());
        assert_eq!(server.home.postmaster(&branch.id), None);
    }
}

#[tokio::test]
async fn a_postgres_that_was_killed_comes_back_when_it_is_needed() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let killed = server.home.postmaster(&main.id).expect("a Postgres that runs");
    signal(killed, rustix::process::Signal::KILL);
    let down = eventually(GONE_TIME, || server.home.postmaster(&main.id).is_none().then_some(()));
    assert!(down.is_some());
    let created = main.add_role("sally").await;
    assert_ne!(server.home.postmaster(&main.id), Some(killed));
    let sally = main.login_with("sally", &password(&created)).await.expect("a session");
    assert_eq!(who(&sally).await, "sally");
    refused(main.login_with("sally", "sally").await);
}

async fn change(branch: &Branch, database: &str, change: Value) {
    let path = branch.path(&format!("/databases/{database}"));
    let answer = branch.api.patch(&path, &json!({ "database": change })).await.expect(200);
    branch.finish(&answer).await;
}

/// Returns who owns a database in Postgres; nothing where there is no such database.
async fn owner_of(branch: &Branch, database: &str) -> Option<String> {
    let session = branch.login(OWNER).await.expect("a session");
    let sql = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = $1";
    let found = session.query_opt(sql, &[&database]).await.expect("an open session");
    found.map(|row| row.get(0))
}
