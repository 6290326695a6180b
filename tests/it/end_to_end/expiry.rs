//! What ends by itself, with and without a server that sees to it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::support::branch::password;
use super::support::home::Home;
use super::support::session::{ask, login, refused, who};
use super::support::{OWNER, POLL, Server, eventually};

/// How long it may take until what has ended is gone.
const GONE_TIME: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_password_ends_at_its_time_although_no_server_runs() {
    let home = Arc::new(Home::new());
    let first = Server::start_in(&home, "info");
    let main = first.create_project().await.main;
    let created = create_role(&main, "brief", &from_now(TimeDelta::days(1))).await;
    main.finish(&created).await;
    assert!(created["role"]["expires_at"].is_string());
    let owner = login(&main.connection_uri(OWNER).await).await.expect("a session");
    let uri = main.connection_uri("brief").await;
    let held = login(&uri).await.expect("a session before its time");
    let body = json!({ "role": { "expires_at": from_now(TimeDelta::seconds(10)) } });
    let answer = main.api.patch(&main.role_path("brief", ""), &body).await.expect(200);
    main.finish(&answer).await;
    first.crash();

    until(|| async { login(&uri).await.is_err() }).await;
    refused(login(&uri).await);
    assert_eq!(who(&held).await, "brief", "whoever is in stays in");
    let found = "SELECT count(*)::text FROM pg_roles WHERE rolname = 'brief'";
    assert_eq!(ask(&owner, found).await, "1", "only the password has ended");

    let second = Server::start_in(&home, "info");
    let main = second.branch_like(&main);
    let is_gone = || async { !main.role_names().await.contains(&"brief".to_owned()) };
    until(is_gone).await;
    until(|| async { ask(&owner, found).await == "0" }).await;
}

#[tokio::test]
async fn roles_and_branches_go_at_their_time_as_operations_say() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let child = main.branch_off(json!({ "name": "child" })).await;
    let spared = create_role(&main, "spared", &from_now(TimeDelta::days(1))).await;
    let body = json!({ "role": { "expires_at": null } });
    let answer = main.api.patch(&main.role_path("spared", ""), &body).await.expect(200);
    assert_eq!(answer["role"].get("expires_at"), None);
    main.finish(&answer).await;
    let owner = main.login(OWNER).await.expect("a session");
    let end = "SELECT rolvaliduntil::text FROM pg_roles WHERE rolname = 'spared'";
    assert_eq!(ask(&owner, end).await, "infinity");

    let created = create_role(&main, "brief", &from_now(TimeDelta::seconds(3))).await;
    let data = server.home.data_of(&child.id);
    let shown = child.set(json!({ "expires_at": from_now(TimeDelta::seconds(3)) })).await;
    assert!(shown["ttl_interval_seconds"].as_u64().is_some_and(|ttl| ttl <= 3), "{shown}");
    until(|| async { child.api.get(&child.path("")).await.status == 404 }).await;
    until(|| async { main.api.get(&main.role_path("brief", "")).await.status == 404 }).await;
    assert!(eventually(GONE_TIME, || (!data.exists()).then_some(())).is_some());
    assert_eq!(server.home.postmaster(&child.id), None);
    refused(main.login_with("brief", &password(&created)).await);
    let spared = password(&spared);
    assert_eq!(who(&main.login_with("spared", &spared).await.expect("a session")).await, "spared");

    let path = format!("/projects/{}/operations", main.project);
    let listed = main.api.get(&path).await.expect(200);
    let operations = listed["operations"].as_array().expect("a list");
    let of_child: Vec<_> = operations
        .iter()
        .filter(|operation| operation["branch_id"] == child.id)
        .take(2)
        .map(|operation| operation["action"].as_str().expect("a word"))
        .collect();
    assert_eq!(of_child, ["delete_timeline", "suspend_compute"]);
    main.finish(&json!({ "operations": operations })).await;
}

#[tokio::test]
async fn a_reset_starts_the_time_of_an_expiring_branch_again() {
    let server = Server::start();
    let main = server.begin_project(json!({})).await.main;
    let body = json!({ "branch": { "expires_at": from_now(TimeDelta::hours(1)) } });
    let path = format!("/projects/{}/branches", main.project);
    let born = main.api.post(&path, &body).await.expect(201);
    let id = born["branch"]["id"].as_str().expect("an id");
    let wish = json!({ "source_branch_id": main.id });
    let reset = main.api.post(&format!("{path}/{id}/restore"), &wish).await.expect(200);
    let (born, reset) = (&born["branch"], &reset["branch"]);
    assert_eq!(born["ttl_interval_seconds"], reset["ttl_interval_seconds"]);
    let time = |value: &Value| {
        let text = value.as_str().expect("a time");
        chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339")
    };
    let ttl = TimeDelta::seconds(reset["ttl_interval_seconds"].as_i64().expect("seconds"));
    assert_eq!(time(&reset["expires_at"]), time(&reset["last_reset_at"]) + ttl);
    assert!(time(&born["expires_at"]) < time(&reset["expires_at"]));
}

#[expect(clippy::disallowed_methods, reason = "the server that is tested has the machine's clock")]
fn from_now(after: TimeDelta) -> String {
    (Utc::now() + after).to_rfc3339_opts(SecondsFormat::Micros, true)
}

async fn create_role(
    branch: &super::support::branch::Branch,
    name: &str,
    expires_at: &str,
) -> Value {
    let body = json!({ "role": { "name": name, "expires_at": expires_at } });
    branch.api.post(&branch.path("/roles"), &body).await.expect(201)
}

async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    let end = std::time::Instant::now() + GONE_TIME;
    while !is_so().await {
        assert!(std::time::Instant::now() < end, "it never came true");
        tokio::time::sleep(POLL).await;
    }
}
