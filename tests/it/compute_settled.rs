//! What a pass costs where there is nothing to do, and that nothing is overlooked for it.

use std::time::Duration;

use offshoot::compute::error::ComputeError;
use offshoot::compute::{Compute, Converged};
use offshoot::model::operation::Subject;
use offshoot::model::progress::{Progress, Trace};
use offshoot::plan::desired::Desired;
use tokio::time::sleep;

use crate::support::{Catalog, Server, is_by_creator, sally_and_bob, texts, verifier};

/// What a pass says that has looked at everything.
const LOOKED: &str = "observe";

/// How many passes are made until one need not look, and how long after each other.
const MAX_PASSES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// The number that the next transaction gets which changes something.
const NEXT: &str = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text";

/// Since when the process runs of which all others of Postgres are children.
const STARTED: &str = "SELECT pg_postmaster_start_time()::text";

/// Makes a pass, and returns what it came to and whether it looked at everything.
async fn pass(server: &Server, desired: &Desired) -> (Result<Converged, ComputeError>, bool) {
    let mut trace = Trace::default();
    let converged = server.compute().converge(desired, &mut trace).await;
    let progress = trace.progress(&Subject::Whole, Progress::default());
    (converged, progress.steps.iter().any(|done| done.what == LOOKED))
}

/// Makes passes until one need not look any more. What Postgres wrote last takes it a moment to have on
/// the disk.
async fn settle(server: &Server) {
    server.converge(&sally_and_bob()).await;
    for _ in 0..MAX_PASSES {
        if !pass(server, &sally_and_bob()).await.1 {
            return;
        }
        sleep(PAUSE).await;
    }
    assert!(is_by_creator(), "every pass looks");
}

#[tokio::test]
async fn a_pass_over_what_has_not_changed_changes_nothing_and_does_not_look_twice() {
    if is_by_creator() {
        return;
    }
    let server = Server::started().await;
    settle(&server).await;
    let admin = server.admin("postgres").await;
    let before = texts(&admin, NEXT).await;
    for _ in 0..3 {
        let (converged, looked) = pass(&server, &sally_and_bob()).await;
        assert!(!looked && converged.expect("a pass").steps == 0);
    }
    assert_eq!(texts(&admin, NEXT).await, before, "a transaction that changed something");
    let later = Desired { revision: sally_and_bob().revision.next(), ..sally_and_bob() };
    assert!(!pass(&server, &later).await.1, "a revision that changed nothing here");
    let other = sally_and_bob().role("bob", 2, "another");
    assert!(pass(&server, &other).await.1, "another catalog is another matter");
}

#[tokio::test]
async fn whatever_is_changed_by_hand_is_looked_at() {
    if is_by_creator() {
        return;
    }
    let server = Server::started().await;
    let password = format!("ALTER ROLE bob PASSWORD '{}'", verifier("other").reveal());
    for by_hand in [
        "ALTER ROLE bob NOLOGIN",
        &password,
        "CREATE ROLE mallory",
        "DROP ROLE mallory",
        "CREATE ROLE mallory; GRANT mallory TO bob",
        "REVOKE mallory FROM bob",
        "DROP ROLE mallory; CREATE ROLE mallory",
        "ALTER DATABASE neondb OWNER TO bob",
        "CREATE DATABASE shop",
        "DROP DATABASE shop",
        "UPDATE offshoot.managed_role SET name = name WHERE name = 'bob'",
        "UPDATE offshoot.managed_database SET name = name",
        "UPDATE offshoot.state SET xact = '7'",
        "ALTER ROLE bob RENAME TO bobby",
    ] {
        settle(&server).await;
        for sql in by_hand.split("; ") {
            server.execute("postgres", sql).await;
        }
        assert!(pass(&server, &sally_and_bob()).await.1, "{by_hand} is overlooked");
    }
}

#[tokio::test]
async fn what_is_left_as_it_was_found_is_told_by_every_pass() {
    let server = Server::started().await;
    server.execute("postgres", "CREATE ROLE mallory").await;
    settle(&server).await;
    for _ in 0..3 {
        let (converged, looked) = pass(&server, &sally_and_bob()).await;
        let deviations = converged.expect("a pass").deviations;
        assert_eq!(deviations.len(), 1, "{deviations:?}");
        assert_eq!(looked, is_by_creator());
    }
}

#[tokio::test]
async fn a_restarted_server_is_looked_at() {
    let server = Server::started().await;
    settle(&server).await;
    server.local().suspend().await.expect("an end");
    server.local().start().await.expect("a start");
    assert!(pass(&server, &sally_and_bob()).await.1);
}

#[tokio::test]
async fn a_change_that_a_crash_undid_does_not_hide_the_one_that_has_its_number() {
    if is_by_creator() {
        return;
    }
    let server = Server::started().await;
    settle(&server).await;
    // What nobody waits for reaches the disk late from now on.
    server.execute("postgres", "ALTER SYSTEM SET wal_writer_delay = '10s'").await;
    server.execute("postgres", "SELECT pg_reload_conf()").await;
    server.wait_until("SELECT current_setting('wal_writer_delay') = '10s'").await;
    let admin = server.admin("postgres").await;
    let (started, number) = (texts(&admin, STARTED).await, texts(&admin, NEXT).await);
    let lost = "SET synchronous_commit = off; CREATE ROLE lost";
    admin.batch_execute(lost).await.expect("legal SQL");
    for _ in 0..3 {
        assert!(pass(&server, &sally_and_bob()).await.1, "what may be lost is relied on");
    }
    server.crash_a_session().await;
    let admin = server.admin("postgres").await;
    let roles = "SELECT rolname::text FROM pg_roles WHERE rolname IN ('lost', 'made')";
    assert_eq!(texts(&admin, roles).await, [""; 0], "it was not lost");
    assert_eq!(texts(&admin, STARTED).await, started);
    assert_eq!(texts(&admin, NEXT).await, number);
    admin.batch_execute("CREATE ROLE made").await.expect("legal SQL");
    let (converged, looked) = pass(&server, &sally_and_bob()).await;
    assert!(looked);
    let deviations = converged.expect("a pass").deviations;
    assert!(format!("{deviations:?}").contains("made"), "{deviations:?}");
}
