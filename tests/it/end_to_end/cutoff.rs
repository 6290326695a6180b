//! What a child has of its parent: everything up to its point in time, and nothing later.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta};
use serde_json::{Value, json};

use super::support::branch::{Branch, password};
use super::support::session::{ask, refused, who};
use super::support::{OWNER, Server};

/// A pause in which a point in time can lie.
const PAUSE: Duration = Duration::from_millis(20);

/// Half of it.
const HALF: TimeDelta = TimeDelta::milliseconds(10);

#[tokio::test]
async fn a_child_at_a_time_has_what_its_parent_had_then() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let created = main.add_role("a").await;
    tokio::time::sleep(PAUSE).await;
    main.add_role("b").await;
    let between = moved(&created["role"]["created_at"], HALF);
    let at_a = created["role"]["created_at"].clone();

    for point in [json!(between), at_a.clone()] {
        let child = main.branch_off(json!({ "parent_timestamp": point })).await;
        has_a_and_not_b(&child).await;
        assert_eq!(who(&child.login("a").await.expect("a session")).await, "a");
    }
    let before = moved(&at_a, TimeDelta::microseconds(-1));
    let child = main.branch_off(json!({ "parent_timestamp": before })).await;
    assert!(!child.role_names().await.contains(&"a".to_owned()), "the moment before has no a");
    assert!(!child.has_in_postgres("a").await);
}

#[tokio::test]
async fn what_happens_to_the_parent_later_leaves_the_child_alone() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let first = password(&main.add_role("a").await);
    main.add_role("b").await;
    let child = main.branch_off(json!({ "name": "child" })).await;
    main.delete_role("b").await;
    let second = main.reset_password("a").await;

    refused(main.login_with("a", &first).await);
    assert_eq!(who(&main.login_with("a", &second).await.expect("a session")).await, "a");
    refused(child.login_with("a", &second).await);
    assert_eq!(who(&child.login_with("a", &first).await.expect("a session")).await, "a");
    assert_eq!(who(&child.login("b").await.expect("a session")).await, "b");
    assert_eq!(child.reveal_password("a").await, first);

    child.delete_role("a").await;
    let reset = child.reset_password("b").await;
    assert_eq!(who(&main.login_with("a", &second).await.expect("a session")).await, "a");
    assert_eq!(main.role_names().await, ["a", OWNER, "web_access"]);
    refused(main.login_with("b", &reset).await);
}

#[tokio::test]
async fn a_child_at_a_place_in_the_log_has_what_its_parent_had_there() {
    let server = Server::start();
    let main = server.create_project().await.main;
    main.add_role("a").await;
    let owner = main.login(OWNER).await.expect("a session");
    let lsn = ask(&owner, "SELECT pg_current_wal_lsn()::text").await;
    main.add_role("b").await;
    let child = main.branch_off(json!({ "parent_lsn": lsn })).await;
    has_a_and_not_b(&child).await;
    assert_eq!(who(&child.login("a").await.expect("a session")).await, "a");
    let shown = main.api.get(&child.path("")).await.expect(200);
    assert_eq!(shown["branch"]["parent_lsn"], lsn);
}

#[tokio::test]
async fn a_grandchild_has_what_its_parent_had_and_not_what_its_grandparent_has() {
    let server = Server::start();
    let main = server.create_project().await.main;
    main.add_role("a").await;
    let child = main.branch_off(json!({ "name": "child" })).await;
    main.add_role("b").await;
    let created = child.add_role("c").await;
    let at_c = created["role"]["created_at"].clone();
    child.add_role("d").await;
    child.delete_role("a").await;
    let grandchild = child.branch_off(json!({ "parent_timestamp": at_c })).await;
    assert_eq!(grandchild.role_names().await, ["a", "c", OWNER, "web_access"]);
    for (role, is_there) in [("a", true), ("b", false), ("c", true), ("d", false)] {
        assert_eq!(grandchild.has_in_postgres(role).await, is_there, "{role}");
    }
    let session = grandchild.login_with("c", &password(&created)).await.expect("a session");
    assert_eq!(who(&session).await, "c");
    let born = main.api.get(&child.path("")).await.expect(200)["branch"]["created_at"].take();
    let message = refusal(&child, json!({ "parent_timestamp": moved(&born, -HALF) })).await;
    assert!(message.contains("between"), "a child has no history before its birth: {message}");
}

#[tokio::test]
async fn a_point_that_is_none_is_refused_with_those_that_there_are() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let shown = main.api.get(&main.path("")).await.expect(200);
    let born = shown["branch"]["created_at"].clone();
    let birth = DateTime::parse_from_rfc3339(born.as_str().expect("a time")).expect("RFC 3339");
    let birth = birth.to_utc().format("%Y-%m-%dT%H:%M").to_string();
    let zoneless = born.as_str().expect("a time").trim_end_matches('Z');
    for (point, words) in [
        (json!({ "parent_timestamp": moved(&born, TimeDelta::hours(1)) }), "between"),
        (json!({ "parent_timestamp": moved(&born, TimeDelta::microseconds(-1)) }), "between"),
        (json!({ "parent_timestamp": zoneless }), "time zone"),
        (json!({ "parent_timestamp": "yesterday" }), "not a time"),
        (json!({ "parent_lsn": "0/XYZ", }), "not an LSN"),
        (json!({ "parent_lsn": "0/1", "parent_timestamp": born }), "both given"),
    ] {
        let message = refusal(&main, point).await;
        assert!(message.contains(words), "{message}");
        assert!(message.contains(&birth), "the history's first moment is told: {message}");
    }
    for lsn in ["FFFF/0", "0/1"] {
        let message = refusal(&main, json!({ "parent_lsn": lsn })).await;
        assert!(message.contains("between 0/") && message.contains(lsn), "{message}");
    }
    let listed = main.api.get(&format!("/projects/{}/branches", main.project)).await.expect(200);
    assert_eq!(listed["branches"].as_array().expect("a list").len(), 1, "nothing was created");
}

/// Asks for a child that must be refused, and returns why it was.
async fn refusal(parent: &Branch, mut birth: Value) -> String {
    birth["parent_id"] = json!(parent.id);
    let path = format!("/projects/{}/branches", parent.project);
    let answer = parent.api.post(&path, &json!({ "branch": birth })).await;
    answer.refused(400, "WRONG_LSN_OR_TIMESTAMP")
}

async fn has_a_and_not_b(branch: &Branch) {
    assert_eq!(branch.role_names().await, ["a", OWNER, "web_access"]);
    assert!(branch.has_in_postgres("a").await);
    assert!(!branch.has_in_postgres("b").await);
}

/// Returns a time that lies so much later than another.
fn moved(time: &Value, by: TimeDelta) -> String {
    let time = DateTime::parse_from_rfc3339(time.as_str().expect("a time")).expect("RFC 3339");
    (time + by).to_rfc3339_opts(SecondsFormat::Micros, true)
}
