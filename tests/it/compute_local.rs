//! Local computes, with a real Postgres.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use offshoot::compute::error::ComputeError;
use offshoot::compute::local::LocalConfig;
use offshoot::compute::{Compute, ComputeStatus, Computes};
use offshoot::model::progress::Trace;
use offshoot::plan::desired::Desired;
use rustix::process::{Signal, kill_process};

use crate::support::{Catalog, Server, refusal, texts, wait_for_end};

fn catalog() -> Desired {
    Desired::empty().role("sally", 1, "old secret").database(1, "neondb", "sally")
}

#[tokio::test]
async fn a_role_logs_in_with_its_password_and_can_create_tables() {
    let server = Server::started().await;
    let desired = catalog().role("bob", 2, "bob's");
    assert_eq!(server.converge(&desired).await.steps, 5);
    let sally = server.login("sally", "old secret", "neondb").await.expect("a login");
    sally.batch_execute("CREATE TABLE notes (id int)").await.expect("a table");
    // Bob owns nothing here, but is in the group of the roles made over the API.
    let bob = server.login("bob", "bob's", "neondb").await.expect("a login");
    bob.batch_execute("CREATE TABLE of_bob (id int); SELECT * FROM notes").await.expect("rights");
    assert_eq!(refusal(server.login("sally", "another", "neondb").await), "28P01");
    let again = server.converge(&desired).await;
    assert_eq!(again.steps, 0);
    assert!(0 < again.lsn.0);
}

#[tokio::test]
async fn the_administrator_cannot_log_in_over_tcp_nor_another_user_over_the_socket() {
    let server = Server::started().await;
    server.converge(&catalog()).await;
    assert_eq!(refusal(server.login("cloud_admin", "", "postgres").await), "28000");
    let mut config = tokio_postgres::Config::new();
    config.host_path(server.root().join("run")).port(server.port);
    config.user("sally").password("old secret").dbname("neondb");
    let error = config.connect(tokio_postgres::NoTls).await.err().expect("a refusal");
    assert_eq!(error.code().expect("an answer").code(), "28000");
}

#[tokio::test]
async fn nobody_comes_over_tcp_to_the_databases_of_the_administrator() {
    let server = Server::started().await;
    server.converge(&catalog()).await;
    for database in ["postgres", "template1"] {
        assert_eq!(refusal(server.login("sally", "old secret", database).await), "28000");
    }
    let rights = "SELECT has_schema_privilege('neon_superuser', 'public', 'CREATE')::text";
    assert_eq!(texts(&server.admin("template1").await, rights).await, ["false"]);
    assert_eq!(texts(&server.admin("neondb").await, rights).await, ["true"]);
}

#[tokio::test]
async fn a_client_that_insists_on_tls_and_on_channel_binding_is_served() {
    let server = Server::started().await;
    server.converge(&catalog()).await;
    let uri = format!(
        "postgresql://sally:old%20secret@127.0.0.1:{}/neondb?sslmode=require&channel_binding=require",
        server.port
    );
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let output = Command::new("psql").args(["-XAtq", &uri, "-c", sql]).output();
    let output = output.expect("the program psql");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((String::from_utf8_lossy(&output.stdout).trim(), words.as_str()), ("t", ""));
    let key = server.root().join("tls/server.key");
    let mode = fs::metadata(key).expect("a key").permissions().mode();
    assert_eq!(mode & 0o077, 0, "others can read the key");
}

#[tokio::test]
async fn a_compute_is_suspended_and_comes_back_as_it_was() {
    let server = Server::started().await;
    server.converge(&catalog()).await;
    let compute = server.compute();
    compute.suspend().await.expect("a stop");
    assert_eq!(compute.status().await.expect("a status"), ComputeStatus::Stopped);
    assert!(matches!(
        compute.converge(&catalog(), &mut Trace::default()).await,
        Err(ComputeError::NotRunning)
    ));
    compute.suspend().await.expect("nothing to stop");
    compute.start().await.expect("a start");
    assert_eq!(server.converge(&catalog()).await.steps, 0);
    server.login("sally", "old secret", "neondb").await.expect("a login");
}

#[tokio::test]
async fn a_postgres_that_outlived_offshoot_is_adopted() {
    let mut server = Server::started().await;
    server.converge(&catalog()).await;
    let pid = server.pid();
    let session = server.login("sally", "old secret", "neondb").await.expect("a login");
    server.open();
    let compute = server.compute();
    assert_eq!(compute.status().await.expect("a status"), ComputeStatus::Running);
    compute.start().await.expect("nothing to start");
    assert_eq!(server.pid(), pid);
    session.batch_execute("SELECT 1").await.expect("a session that stayed open");
    compute.suspend().await.expect("a stop");
    assert!(session.batch_execute("SELECT 1").await.is_err());
}

#[tokio::test]
async fn a_killed_postgres_is_started_again() {
    let server = Server::started().await;
    server.converge(&catalog()).await;
    let pid = server.pid().expect("a process");
    kill_process(pid, Signal::KILL).expect("a kill");
    wait_for_end(pid);
    let compute = server.compute();
    assert_eq!(compute.status().await.expect("a status"), ComputeStatus::Stopped);
    compute.start().await.expect("a start");
    assert_ne!(server.pid(), Some(pid));
    server.login("sally", "old secret", "neondb").await.expect("a login");
}

#[tokio::test]
async fn a_killed_postgres_whose_sessions_are_busy_is_started_again() {
    let server = Server::started().await;
    server.converge(&catalog()).await;
    let session = server.login("sally", "old secret", "neondb").await.expect("a login");
    let busy =
        tokio::spawn(
            async move { session.batch_execute("DO $$ BEGIN LOOP END LOOP; END $$").await },
        );
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let pid = server.pid().expect("a process");
    kill_process(pid, Signal::KILL).expect("a kill");
    wait_for_end(pid);
    server.compute().start().await.expect("a start");
    assert!(busy.await.expect("a task").is_err());
    server.login("sally", "old secret", "neondb").await.expect("a login");
}

#[tokio::test]
async fn a_stale_pid_file_is_not_believed() {
    let server = Server::started().await;
    let compute = server.compute();
    compute.suspend().await.expect("a stop");
    // The number now belongs to a living process that is no Postgres: this one.
    let file = server.home().join("data/postmaster.pid");
    let text = format!("{}\n/data\n1\n{}\n/run\n127.0.0.1\n 1 2\nready\n", std::process::id(), 1);
    fs::write(&file, text).expect("a pid file");
    assert_eq!(compute.status().await.expect("a status"), ComputeStatus::Stopped);
    compute.suspend().await.expect("nothing to stop");
    compute.start().await.expect("a start");
    assert_eq!(compute.status().await.expect("a status"), ComputeStatus::Running);
}

#[tokio::test]
async fn two_services_do_not_share_a_root_directory() {
    let server = Server::new();
    let error = Computes::new(server.config()).expect_err("a refusal");
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("another Offshoot"), "{error}");
}

#[tokio::test]
async fn what_was_left_unfinished_is_removed_at_the_next_start() {
    let mut server = Server::new();
    let left = server.root().join("tmp-7-0");
    fs::create_dir_all(left.join("data")).expect("a directory");
    let others = server.root().join("tmp-of-somebody");
    fs::create_dir(&others).expect("a directory");
    server.open();
    assert!(!left.exists());
    assert!(others.exists());
}

#[tokio::test]
async fn a_directory_of_somebody_else_is_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let mut server = Server::new();
    server.computes = None;
    let theirs = server.directory.path().join("theirs");
    fs::create_dir_all(theirs.join("tmp-0")).expect("a directory");
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o755)).expect("a mode");
    let config = || LocalConfig { root: theirs.clone(), ..server.config() };
    let error = Computes::new(config()).expect_err("a refusal");
    assert!(!error.is_retryable() && error.to_string().contains("not empty"), "{error}");
    assert_eq!(fs::read_dir(&theirs).expect("a directory").count(), 1);
    // One that is empty is taken, with the mode that it has.
    fs::remove_dir(theirs.join("tmp-0")).expect("an empty directory");
    Computes::new(config()).expect("an empty directory");
    Computes::new(config()).expect("its own directory");
    let mode = fs::metadata(&theirs).expect("a directory").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[tokio::test]
async fn a_port_that_another_program_has_is_named() {
    let server = Server::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, server.port)).expect("the port");
    let error = server.compute().start().await.expect_err("a failed start");
    assert!(matches!(error, ComputeError::PortInUse { port } if port == server.port), "{error}");
    drop(listener);
    server.compute().start().await.expect("a start");
}

#[tokio::test]
async fn a_version_that_is_not_installed_is_refused_with_what_to_do() {
    let server = Server::new();
    let site = offshoot::compute::ComputeSite::Local { port: server.port, pg_version: 99 };
    let computes = server.computes.as_ref().expect("an open root directory");
    let compute = computes.get(&crate::support::branch(), site);
    let error = compute.start().await.expect_err("a refusal");
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("OFFSHOOT_PG_BIN"), "{error}");
}

#[tokio::test]
async fn a_start_that_fails_says_what_postgres_said() {
    let server = Server::started().await;
    let compute = server.compute();
    compute.suspend().await.expect("a stop");
    fs::write(server.home().join("data/postgresql.conf"), "nonsense here\n").expect("a file");
    let error = compute.start().await.expect_err("a failed start");
    assert!(error.to_string().contains("unrecognized configuration parameter"), "{error}");
}

#[tokio::test]
async fn a_destroyed_compute_leaves_nothing() {
    let server = Server::started().await;
    let (compute, pid) = (server.compute(), server.pid().expect("a process"));
    compute.destroy().await.expect("an end");
    assert!(!server.home().exists());
    wait_for_end(pid);
    compute.destroy().await.expect("nothing to end");
    compute.start().await.expect("a new start");
    assert_eq!(server.converge(&catalog()).await.problems, []);
}

#[tokio::test]
async fn data_belong_to_their_owner_alone() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let server = Server::started().await;
    let data = fs::metadata(server.home().join("data")).expect("the data");
    assert_eq!(data.mode() & 0o777, 0o700);
    assert_ne!(data.uid(), 0, "root");
    let log = server.home().join("postgres.log");
    assert_eq!(fs::metadata(&log).expect("a log").mode() & 0o777, 0o600);
    server.compute().suspend().await.expect("a stop");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).expect("a mode");
    server.compute().start().await.expect("a start");
    assert_eq!(fs::metadata(&log).expect("a log").mode() & 0o777, 0o600);
    assert!(server.log().contains("database system is shut down"));
    let admin = server.admin("postgres").await;
    let settings = "SELECT setting FROM pg_settings WHERE name = 'listen_addresses'";
    assert_eq!(texts(&admin, settings).await, ["127.0.0.1"]);
}
