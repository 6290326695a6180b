//! Postgres servers that are there and do not do what they are asked to, and the server's own work that
//! goes on beside.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::attached::attach;
use super::operations::{STATE_TIME, circuit, path_of};
use super::support::branch::Branch;
use super::support::cluster::{BOSS_PASSWORD, Cluster};
use super::support::home::Home;
use super::support::session::login;
use super::support::{POLL, Server};

/// How often an endpoint is started, given a role and suspended, with nobody waiting in between.
const FLAPS: usize = 8;

/// How many connections a Postgres takes, all of an administrator's.
const CONNECTIONS: usize = 6;

/// Waits until an operation says that it waits because of this.
pub async fn wait_for_class(branch: &Branch, answer: &Value, class: &str) {
    let until = Instant::now() + STATE_TIME;
    loop {
        let told = branch.api.get(&path_of(branch, answer)).await.expect(200);
        if told["operation"]["error_class"] == class {
            return;
        }
        assert!(Instant::now() < until, "it never came about: {told}");
        tokio::time::sleep(POLL).await;
    }
}

/// Logs in to a local Postgres as Offshoot does.
async fn admin_of(server: &Server, branch: &Branch) -> Client {
    let port = branch.endpoint().await["port"].clone();
    let sockets = server.home.compute_dir().join("run");
    let uri = format!("host={} port={port} user=cloud_admin dbname=postgres", sockets.display());
    login(&uri).await.expect("an administrator's session")
}

/// Has something done to the marks of a local Postgres that Offshoot refuses to work with.
async fn spoil(server: &Server, branch: &Branch) {
    let admin = admin_of(server, branch).await;
    admin.batch_execute("CREATE VIEW offshoot.spy AS SELECT 1").await.expect("a view");
    let failed = branch.end(&branch.create_role("sally").await).await.remove(0);
    assert_eq!(failed["error_class"], "administrator", "{failed}");
}

async fn start(branch: &Branch) {
    let started = branch.api.post_nothing(&branch.endpoint_path("/start")).await.expect(200);
    branch.finish(&started).await;
}

#[tokio::test]
async fn a_standby_is_waited_for_until_it_is_promoted() {
    let (server, mut cluster) = (Server::start(), Cluster::start().await);
    let (branch, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
    branch.finish(&attached).await;
    cluster.demote().await;
    let created = branch.create_role("sally").await;
    wait_for_class(&branch, &created, "read_only").await;
    cluster.boss().await.batch_execute("SELECT pg_promote()").await.expect("a promotion");
    branch.finish(&created).await;
    branch.login("sally").await.expect("a session");
}

#[tokio::test]
async fn a_postgres_whose_connections_are_all_taken_is_busy_and_not_away() {
    let (server, mut cluster) = (Server::start(), Cluster::start().await);
    let (branch, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
    branch.finish(&attached).await;
    let limit = format!("max_connections = {CONNECTIONS}");
    cluster.restart_with([limit.as_str(), "max_wal_senders = 0"]).await;
    let mut taken = Vec::new();
    for _ in 0..CONNECTIONS {
        taken.push(cluster.boss().await);
    }
    let created = branch.create_role("sally").await;
    wait_for_class(&branch, &created, "busy").await;
    assert_eq!(circuit(&branch).await, "closed");
    drop(taken);
    branch.finish(&created).await;
    branch.login("sally").await.expect("a session");
}

#[tokio::test]
async fn an_endpoint_is_deleted_though_nothing_can_be_done_about_roles() {
    let server = Server::start();
    let main = server.create_project().await.main;
    spoil(&server, &main).await;
    let deleted = main.api.delete(&main.endpoint_path("")).await.expect(200);
    main.finish(&deleted).await;
    assert_eq!(server.home.postmaster(&main.id), None);
}

#[tokio::test]
async fn a_server_stops_its_computes_though_nothing_can_be_done_about_roles() {
    let home = Arc::new(Home::new().with_flag("--stop-computes"));
    let server = Server::start_in(&home, "info");
    let main = server.create_project().await.main;
    spoil(&server, &main).await;
    assert_eq!(server.stop().code(), Some(0));
    assert_eq!(home.postmaster(&main.id), None);
}

#[tokio::test]
async fn an_endpoint_is_suspended_though_nothing_can_be_done_about_roles() {
    let server = Server::start();
    let main = server.create_project().await.main;
    spoil(&server, &main).await;
    let suspended = main.api.post_nothing(&main.endpoint_path("/suspend")).await.expect(200);
    main.finish(&suspended).await;
    assert_eq!(main.endpoint().await["current_state"], "idle");
    assert_eq!(server.home.postmaster(&main.id), None);
}

#[tokio::test]
async fn a_suspension_comes_in_the_middle_of_a_pass() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let admin = admin_of(&server, &main).await;
    admin.batch_execute("BEGIN; LOCK TABLE offshoot.managed_role").await.expect("a lock");
    let created = main.create_role("sally").await;
    let suspended = main.api.post_nothing(&main.endpoint_path("/suspend")).await.expect(200);
    main.finish(&suspended).await;
    assert_eq!(main.endpoint().await["current_state"], "idle");
    main.finish(&created).await;
    start(&main).await;
    main.login("sally").await.expect("a session");
}

#[tokio::test]
async fn nothing_is_lost_of_what_is_asked_for_while_an_endpoint_comes_and_goes() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let mut asked = Vec::new();
    for number in 0..FLAPS {
        asked.push(main.api.post_nothing(&main.endpoint_path("/start")).await.expect(200));
        asked.push(main.create_role(&format!("role_{number}")).await);
        asked.push(main.api.post_nothing(&main.endpoint_path("/suspend")).await.expect(200));
    }
    for answer in &asked {
        for ended in main.end(answer).await {
            assert_eq!(ended["status"], json!("finished"), "{ended}");
        }
    }
    start(&main).await;
    for number in 0..FLAPS {
        main.login(&format!("role_{number}")).await.expect("a session");
    }
}
