//! Sessions that stay open for a moment after a pass, and that the next one sees everything all the same.

use offshoot::compute::Compute;
use offshoot::plan::desired::Desired;

use crate::support::{Catalog, Server, sally_and_bob, texts, verifier};

const SESSIONS: &str = "SELECT pid::text FROM pg_stat_activity WHERE application_name = 'offshoot'";

/// Returns a catalog in which a role has another password each time.
fn catalog(number: usize) -> Desired {
    sally_and_bob().role("sally", 1, &format!("password {}", number % 2))
}

async fn sessions(server: &Server) -> Vec<String> {
    texts(&server.admin("postgres").await, SESSIONS).await
}

#[tokio::test]
async fn a_pass_goes_on_with_the_session_of_the_one_before_which_ends_when_none_comes() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    let first = sessions(&server).await;
    assert_eq!(first.len(), 1);
    for number in 0..3 {
        assert_eq!(server.converge(&catalog(number)).await.steps, 1);
        assert_eq!(sessions(&server).await, first);
    }
    server.wait_until(&format!("SELECT NOT EXISTS ({SESSIONS})")).await;
    // A pass that changes nothing leaves none.
    server.converge(&catalog(2)).await;
    server.wait_until(&format!("SELECT NOT EXISTS ({SESSIONS})")).await;
}

#[tokio::test]
async fn whatever_is_changed_by_hand_between_two_passes_is_told_by_the_second() {
    let server = Server::started().await;
    let password = format!("ALTER ROLE bob PASSWORD '{}'", verifier("other").reveal());
    for (number, by_hand) in [
        "ALTER ROLE bob NOLOGIN",
        &password,
        "ALTER DATABASE neondb OWNER TO bob",
        "DROP ROLE bob",
        "CREATE ROLE mallory; GRANT mallory TO bob",
        "DROP ROLE mallory; CREATE DATABASE shop",
    ]
    .into_iter()
    .enumerate()
    {
        server.converge(&catalog(number)).await;
        for sql in by_hand.split("; ") {
            server.execute("postgres", sql).await;
        }
        // There is nothing else to do, after which everything would be looked at.
        let converged = server.pass(&catalog(number)).await;
        assert!(!converged.deviations.is_empty(), "{by_hand} is overlooked");
    }
}

#[tokio::test]
async fn who_logged_in_between_two_passes_is_sent_away_by_the_second() {
    let server = Server::started().await;
    for left in [sally_and_bob().deactivated("bob"), sally_and_bob().without_role("bob")] {
        server.converge(&sally_and_bob()).await;
        let bob = server.login("bob", "of bob", "neondb").await.expect("a session");
        server.converge(&left).await;
        bob.simple_query("SELECT 1").await.expect_err("a session that was ended");
    }
}

#[tokio::test]
async fn a_session_that_ended_meanwhile_is_no_hindrance() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    server.end_warm_sessions().await;
    server.converge(&catalog(0)).await;
    server.crash_a_session().await;
    server.converge(&catalog(1)).await;
    server.local().suspend().await.expect("an end");
    server.local().start().await.expect("a start");
    server.converge(&catalog(0)).await;
    server.login("sally", "password 0", "neondb").await.expect("a login");
}

#[tokio::test]
async fn an_administrator_who_is_no_superuser_any_more_logs_in_again() {
    let server = Server::started().await;
    server.make_maintenance().await;
    let made = "CREATE ROLE boss SUPERUSER CREATEROLE CREATEDB LOGIN PASSWORD 'of boss'";
    server.execute("postgres", made).await;
    let compute = server.attached(server.address("boss", "of boss"));
    let mut trace = offshoot::model::progress::Trace::default();
    let only_sally = sally_and_bob().without_role("bob");
    compute.converge(&only_sally, &mut trace).await.expect("a pass");
    let before = sessions(&server).await;
    server.execute("postgres", "ALTER ROLE boss NOSUPERUSER").await;
    let more = only_sally.role("carol", 3, "of carol");
    compute.converge(&more, &mut trace).await.expect("a pass");
    server.login("carol", "of carol", "neondb").await.expect("a login");
    let after = sessions(&server).await;
    assert!(after.iter().all(|session| !before.contains(session)), "{before:?} {after:?}");
}
