//! Disks that really fill up: the server's own, and that of its computes.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::support::Server;
use super::support::home::Home;
use super::support::mounted::{Mounted, PASSABLE, PRIVATE};
use super::unwilling::wait_for_class;

/// How large the file systems are, in MiB; they are in memory.
const SIZE_MIB: u64 = 48;
const COMPUTES_MIB: u64 = 320;

/// How many roles are asked for: more than there is room for in what Postgres has on its disk already.
const ROLES: usize = 100;

/// What the server is told to leave free.
const MIN_FREE: &str = "--min-free-bytes=25165824";

const FLOOR_MIB: u64 = 24;

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skip() {
    eprintln!("skipped: this machine lets nobody mount a file system here");
}

async fn refused(server: &Server, path: &str, body: &Value) -> String {
    server.api.post(path, body).await.refused(507, "INSUFFICIENT_STORAGE")
}

#[tokio::test]
async fn a_disk_that_fills_up_stops_changes_and_nothing_else_until_there_is_room() {
    let home = Arc::new(Home::new().with_flag(MIN_FREE).with_flag("--stop-computes"));
    let Some(disk) = Mounted::at(home.data_dir(), SIZE_MIB, PRIVATE) else { return skip() };
    let server = Server::start_in(&home, "info");
    // What was accepted is brought to its end below the floor: down to a quarter of it.
    let project = server.begin_project(json!({})).await;
    disk.fill(FLOOR_MIB / 2);
    project.main.finish(&project.created).await;
    let roles = project.main.path("/roles");
    let bob = json!({ "role": { "name": "bob" } });
    let message = refused(&server, &roles, &bob).await;
    assert!(message.contains("24.0 MiB are needed"), "{message}");
    disk.fill(1);
    refused(&server, &roles, &bob).await;
    assert!(!project.main.role_names().await.contains(&"bob".to_owned()), "reads go on");
    disk.empty();
    project.main.add_role("bob").await;
    assert!(server.said().contains("changes are refused until there is room"));
    assert!(server.stop().success());
    // A server that has no room at all says so before it opens anything.
    disk.fill(1);
    let (code, words) = super::support::run(&mut home.serve());
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("6.0 MiB are needed"), "{words}");
    disk.empty();
    let server = Server::start_in(&home, "info");
    let main = server.branch_like(&project.main);
    assert!(main.role_names().await.contains(&"bob".to_owned()));
    assert!(Path::new(&home.data_dir()).join("exports").is_dir());
}

#[tokio::test]
async fn a_postgres_whose_disk_is_full_is_waited_for_and_nothing_is_lost() {
    let home = Arc::new(Home::new());
    let Some(disk) = Mounted::at(home.compute_dir(), COMPUTES_MIB, PASSABLE) else { return skip() };
    let server = Server::start_in(&home, "info");
    let main = server.create_project().await.main;
    disk.fill(0);
    let mut asked = Vec::new();
    for number in 0..ROLES {
        asked.push(main.create_role(&format!("role_{number}")).await);
    }
    wait_for_class(&main, asked.last().expect("an answer"), "resources").await;
    disk.empty();
    for (number, answer) in asked.iter().enumerate() {
        main.finish(answer).await;
        main.login(&format!("role_{number}")).await.expect("a session");
    }
}
