//! How roles log in to a real Postgres: with a password, not yet, not at all, and until when.

use offshoot::model::revision::Timestamp;
use offshoot::model::role::Login;
use offshoot::plan::desired::Desired;

use crate::support::{Catalog, Server, refusal, texts, verifier};

/// What Postgres has of sally's login.
const SALLY: &str = "SELECT format('%s %s', rolcanlogin, rolvaliduntil AT TIME ZONE 'UTC') \
     FROM pg_roles WHERE rolname = 'sally'";

fn catalog() -> Desired {
    Desired::empty().role("bob", 2, "of bob").database(1, "neondb", "bob")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

#[tokio::test]
async fn a_role_without_a_password_logs_in_when_it_is_given_one() {
    let server = Server::started().await;
    let unset = catalog().role_with("sally", 1, Login::Unset);
    let never = catalog().group("sally", 1);
    let set = catalog().role("sally", 1, "of sally");
    for (before, found) in [(&unset, "t "), (&never, "f ")] {
        server.converge(before).await;
        assert_eq!(server.converge(before).await.steps, 0);
        assert_eq!(texts(&server.admin("postgres").await, SALLY).await, [found]);
        for password in ["of sally", "", "NULL"] {
            assert_eq!(refusal(server.login("sally", password, "neondb").await), "28P01");
        }
        assert_eq!(server.converge(&set).await.steps, 1);
        server.login("sally", "of sally", "neondb").await.expect("the password");
        assert_eq!(server.converge(before).await.steps, 1);
        assert_eq!(refusal(server.login("sally", "of sally", "neondb").await), "28P01");
    }
}

#[tokio::test]
async fn a_password_is_good_until_its_time() {
    let server = Server::started().await;
    let lasting = catalog().role("sally", 1, "of sally");
    let over = lasting.clone().until("sally", Some(time("2001-02-03T04:05:06.789Z")));
    let far = lasting.clone().until("sally", Some(time("2300-01-01T00:00:00+01:00")));
    server.converge(&over).await;
    assert_eq!(server.converge(&over).await.steps, 0);
    let found = texts(&server.admin("postgres").await, SALLY).await;
    assert_eq!(found, ["t 2001-02-03 04:05:06.789"]);
    assert_eq!(refusal(server.login("sally", "of sally", "neondb").await), "28P01");
    assert_eq!(server.converge(&far).await.steps, 1);
    assert_eq!(server.converge(&far).await.steps, 0);
    let found = texts(&server.admin("postgres").await, SALLY).await;
    assert_eq!(found, ["t 2299-12-31 23:00:00"]);
    server.login("sally", "of sally", "neondb").await.expect("the password");
    server.converge(&over).await;
    assert_eq!(refusal(server.login("sally", "of sally", "neondb").await), "28P01");
    assert_eq!(server.converge(&lasting).await.steps, 1);
    assert_eq!(server.converge(&lasting).await.steps, 0);
    let found = texts(&server.admin("postgres").await, SALLY).await;
    assert_eq!(found, ["t infinity"]);
    server.login("sally", "of sally", "neondb").await.expect("the password");
}

#[tokio::test]
async fn a_password_set_by_hand_stays_when_its_end_moves() {
    let server = Server::started().await;
    let lasting = catalog().role("sally", 1, "of sally");
    server.converge(&lasting).await;
    let by_hand = verifier("by hand");
    let sql = format!("ALTER ROLE sally PASSWORD '{}'", by_hand.reveal());
    server.execute("postgres", &sql).await;
    server.converge(&lasting.clone().until("sally", Some(time("2300-01-01T00:00:00Z")))).await;
    server.login("sally", "by hand", "neondb").await.expect("the password set by hand");
    server.execute("postgres", "ALTER ROLE sally VALID UNTIL '2001-01-01'").await;
    server.converge(&lasting.role("sally", 1, "reset").until("sally", None)).await;
    server.login("sally", "reset", "neondb").await.expect("the password of the catalog");
}
