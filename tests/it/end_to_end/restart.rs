//! Servers that stop and start again, and what goes on in between.

use std::sync::Arc;

use serde_json::json;

use super::support::branch::password;
use super::support::home::{Home, offshoot};
use super::support::session::{ask, who};
use super::support::{OWNER, Server, run};

#[tokio::test]
async fn a_postgres_goes_on_without_its_server_and_the_next_server_adopts_it() {
    let home = Arc::new(Home::bare());
    let first = Server::start_in(&home, "info");
    let project = first.create_project().await;
    let main = project.main;
    let sally = main.add_role("sally").await;
    let child = main.branch_off(json!({ "name": "child" })).await;
    child.suspend().await;
    let session = main.login("sally").await.expect("a session");
    let backend = ask(&session, "SELECT pg_backend_pid()::text").await;
    let postmaster = home.postmaster(&main.id).expect("a Postgres that runs");

    assert_eq!(first.stop().code(), Some(0));
    assert_eq!(home.postmaster(&main.id), Some(postmaster), "it goes on");
    assert_eq!(who(&session).await, "sally");

    let second = Server::start_in(&home, "info");
    let main = second.branch_like(&main);
    assert_eq!(main.reveal_password("sally").await, password(&sally));
    let other = main.add_role("other").await;
    assert_eq!(home.postmaster(&main.id), Some(postmaster), "the same one, and no other");
    assert_eq!(ask(&session, "SELECT pg_backend_pid()::text").await, backend);
    let session = main.login_with("other", &password(&other)).await.expect("a session");
    assert_eq!(who(&session).await, "other");
    assert_eq!(main.role_names().await, [OWNER, "other", "sally", "web_access"]);

    let child = second.branch_like(&child);
    assert_eq!(child.endpoint().await["current_state"], "idle");
    assert_eq!(home.postmaster(&child.id), None, "what slept sleeps on");
    let answer = child.api.post_nothing(&child.endpoint_path("/start")).await.expect(200);
    child.finish(&answer).await;
    let session = child.login_with("sally", &password(&sally)).await.expect("a session");
    assert_eq!(who(&session).await, "sally");
}

#[tokio::test]
async fn what_was_accepted_before_a_crash_is_done_after_it() {
    let home = Arc::new(Home::new());
    let first = Server::start_in(&home, "info");
    let main = first.create_project().await.main;
    main.suspend().await;
    let created = main.create_role("sally").await;
    first.crash();
    let second = Server::start_in(&home, "info");
    let main = second.branch_like(&main);
    main.finish(&created).await;
    let answer = main.api.post_nothing(&main.endpoint_path("/start")).await.expect(200);
    main.finish(&answer).await;
    let sally = main.login_with("sally", &password(&created)).await.expect("a session");
    assert_eq!(who(&sally).await, "sally");
}

#[tokio::test]
async fn computes_stop_with_the_server_where_that_is_wanted() {
    let home = Arc::new(Home::new().with_flag("--stop-computes"));
    let server = Server::start_in(&home, "info");
    let main = server.create_project().await.main;
    assert!(home.postmaster(&main.id).is_some());
    assert_eq!(server.stop().code(), Some(0));
    assert_eq!(home.postmaster(&main.id), None);
}

#[tokio::test]
async fn directories_in_use_are_refused_to_another_server() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let postmaster = server.home.postmaster(&main.id);
    let (code, words) = run(&mut server.home.serve());
    assert_eq!(code, Some(1), "{words}");
    let data = server.home.data_dir();
    assert!(words.contains(&data.display().to_string()), "{words}");
    assert!(words.contains("another"), "{words}");

    let other = Home::bare();
    let mut serve = other.offshoot("serve");
    serve.args(["--listen", "127.0.0.1:0"]).arg("--compute-dir").arg(server.home.compute_dir());
    let (code, words) = run(&mut serve);
    assert_eq!(code, Some(1), "{words}");
    let computes = server.home.compute_dir();
    assert!(words.contains("another Offshoot has the directory"), "{words}");
    assert!(words.contains(&computes.display().to_string()), "{words}");

    main.add_role("sally").await;
    assert_eq!(server.home.postmaster(&main.id), postmaster, "the first server is unharmed");
}

#[test]
fn the_help_lists_every_flag() {
    let (code, words) = run(offshoot().args(["serve", "--help"]));
    assert_eq!(code, Some(0), "{words}");
    for flag in [
        "data-dir",
        "listen",
        "compute-dir",
        "pg-bin",
        "pg-user",
        "compute-ports",
        "stop-computes",
        "account",
        "cache-mib",
        "log-format",
        "log",
        "welcome",
        "help",
    ] {
        assert!(words.contains(&format!("--{flag}")), "--{flag} is missing: {words}");
        let variable = format!("OFFSHOOT_{}", flag.replace('-', "_").to_uppercase());
        assert!(flag == "help" || words.contains(&variable), "{variable} is missing: {words}");
    }
    let (code, words) = run(offshoot().arg("--help"));
    assert_eq!(code, Some(0), "{words}");
    for verb in ["serve", "check", "export", "import"] {
        assert!(words.contains(verb), "{verb} is missing: {words}");
    }
    for (verb, flag) in [("export", "--output"), ("import", "--input"), ("check", "--data-dir")] {
        let (_, words) = run(offshoot().args([verb, "--help"]));
        assert!(words.contains(flag) && words.contains("--data-dir"), "{words}");
    }
}
