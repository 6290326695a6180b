//! What must not be readable anywhere: passwords, and what Postgres keeps of them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use super::support::Server;
use super::support::branch::password;
use super::support::home::Home;

/// What Postgres keeps of a password begins with.
const VERIFIER: &str = "SCRAM-SHA-256$";

#[tokio::test]
async fn no_password_or_verifier_is_in_any_log() {
    let server = Server::start_in(&Arc::new(Home::new()), "trace");
    let project = server.create_project().await;
    let main = &project.main;
    let mut secrets = vec![VERIFIER.to_owned(), password(&main.add_role("sally").await)];
    secrets.push(project.created["roles"][0]["password"].as_str().expect("a password").to_owned());
    secrets.push(main.reset_password("sally").await);
    main.login("sally").await.expect("a session");
    main.suspend().await;
    secrets.push(main.reset_password("sally").await);
    main.delete_role("sally").await;
    secrets.push(server.home.admin_key());
    let said = server.said();
    assert!(said.contains("answered POST"), "requests are logged: {said}");
    let logs = server.home.postgres_logs();
    assert!(logs.iter().any(|(_, log)| log.contains("ready to accept connections")));
    for secret in &secrets {
        assert!(!said.contains(secret.as_str()), "the server's log has {secret}");
        for (path, log) in &logs {
            assert!(!log.contains(secret.as_str()), "{} has {secret}", path.display());
        }
    }
}

#[tokio::test]
async fn the_data_directory_and_the_keys_are_their_owners_alone() {
    let server = Server::start_in(&Arc::new(Home::bare()), "info");
    let data = server.home.data_dir();
    let mode = |path: &Path| path.metadata().expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("admin.key")), 0o600);
    assert_eq!(mode(&data.join("secret.key")), 0o600);
}
