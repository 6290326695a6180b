//! What others hold on to in a real Postgres while a pass wants to change it.

use std::time::Duration;

use tokio::time::sleep;

use crate::support::{Catalog, Server, about, converge_told, sally_and_bob, texts};

/// How long a change by hand stays open: longer than it takes a pass to come upon it, and shorter than
/// it waits.
const MOMENT: Duration = Duration::from_secs(1);

/// More tables than there are locks for.
const MANY_TABLES: &str = "DO $$ BEGIN FOR number IN 1..4000 LOOP \
     EXECUTE format('CREATE TABLE many_%s ()', number); \
     IF number % 200 = 0 THEN COMMIT; END IF; END LOOP; END $$";

async fn roles(server: &Server, like: &str) -> Vec<String> {
    let sql = format!("SELECT rolname::text FROM pg_roles WHERE rolname ~ '{like}' ORDER BY 1");
    texts(&server.admin("postgres").await, &sql).await
}

#[tokio::test]
async fn a_role_that_is_just_changing_itself_delays_itself_alone() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    let session = server.login("sally", "of sally", "neondb").await.expect("a login");
    let by_hand = "BEGIN; ALTER ROLE CURRENT_USER PASSWORD 'by hand'";
    session.batch_execute(by_hand).await.expect("a change");
    let reset = sally_and_bob().role("sally", 1, "reset").role("carol", 3, "of carol");
    let converged = server.pass(&reset).await;
    assert_eq!(converged.problems, []);
    let [delayed] = &*converged.delayed else { panic!("{:?}", converged.delayed) };
    assert_eq!(delayed.subject, about("sally"));
    server.login("carol", "of carol", "neondb").await.expect("the others' changes");
    session.batch_execute("ROLLBACK").await.expect("an end");
    server.converge(&reset).await;
    server.login("sally", "reset", "neondb").await.expect("the password");

    session.batch_execute(by_hand).await.expect("a change");
    let again = reset.role("sally", 1, "again");
    let commit = async {
        sleep(MOMENT).await;
        session.batch_execute("COMMIT").await.expect("a commit");
    };
    let (converged, ()) = tokio::join!(server.pass(&again), commit);
    assert_eq!(converged.problems, []);
    assert!(converged.delayed.iter().all(|delayed| delayed.subject == about("sally")));
    server.converge(&again).await;
    server.login("sally", "again", "neondb").await.expect("what the catalog said last");
}

#[tokio::test]
async fn a_role_is_made_again_while_the_old_one_cannot_go_yet() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    let session = server.login("bob", "of bob", "neondb").await.expect("a login");
    session.batch_execute("CREATE TABLE of_bob ()").await.expect("a table");
    let other = server.admin("neondb").await;
    other.batch_execute("BEGIN; LOCK TABLE of_bob").await.expect("a lock");
    assert_eq!(server.pass(&sally_and_bob().without_role("bob")).await.delayed.len(), 1);
    let again = sally_and_bob().role("bob", 9, "of another");
    assert_eq!(server.pass(&again).await.delayed.len(), 1);
    server.login("bob", "of another", "neondb").await.expect("the new role");
    assert_eq!(roles(&server, "^offshoot_retired").await.len(), 1);
    other.batch_execute("COMMIT").await.expect("an end");
    server.converge(&again).await;
    assert!(roles(&server, "^offshoot_retired").await.is_empty());
    let owner = "SELECT tableowner::text FROM pg_tables WHERE tablename = 'of_bob'";
    assert_eq!(texts(&other, owner).await, ["sally"]);
}

#[tokio::test]
async fn a_dropped_role_goes_though_somebody_has_the_name_that_it_would_get() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    let admin = server.admin("postgres").await;
    let taken = "SELECT 'offshoot_retired_' || oid FROM pg_roles WHERE rolname = 'bob'";
    let taken = texts(&admin, taken).await.remove(0);
    server.execute("postgres", &format!("CREATE ROLE {taken}")).await;
    server.converge(&sally_and_bob().role("bob", 9, "of another")).await;
    server.login("bob", "of another", "neondb").await.expect("the new role");
    assert_eq!(roles(&server, "^offshoot_retired").await, [taken]);
}

#[tokio::test]
async fn a_time_that_is_further_away_than_can_be_said_is_no_reason_to_give_up() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    for by_hand in [
        "CREATE ROLE mallory VALID UNTIL '294260-01-01'",
        "ALTER ROLE bob VALID UNTIL '294276-12-31'",
        "ALTER ROLE sally VALID UNTIL '-infinity'",
    ] {
        server.execute("postgres", by_hand).await;
    }
    let later = sally_and_bob().role("carol", 3, "of carol");
    let converged = converge_told(&server.compute(), &later).await;
    assert_eq!((converged.problems, converged.delayed), (vec![], vec![]));
    for name in ["sally", "bob", "carol"] {
        server.login(name, &format!("of {name}"), "neondb").await.expect("a login");
    }
}

#[tokio::test]
async fn a_role_that_owns_more_than_there_are_locks_for_is_told_and_delays_nobody() {
    let server = Server::started().await;
    server.restart_with("max_locks_per_transaction = 10").await;
    server.converge(&sally_and_bob().role("dave", 3, "of dave")).await;
    server.execute("neondb", "GRANT CREATE ON SCHEMA public TO bob, dave").await;
    let bob = server.login("bob", "of bob", "neondb").await.expect("a login");
    bob.batch_execute(MANY_TABLES).await.expect("tables");
    let dave = server.login("dave", "of dave", "neondb").await.expect("a login");
    dave.batch_execute("CREATE TABLE of_dave ()").await.expect("a table");
    let desired = sally_and_bob().without_role("bob").role("carol", 4, "of carol");
    let converged = server.pass(&desired).await;
    assert_eq!(converged.delayed, []);
    let [problem] = &*converged.problems else { panic!("{:?}", converged.problems) };
    assert_eq!(problem.subject, about("bob"));
    assert!(problem.message.contains("max_locks_per_transaction"), "{}", problem.message);
    server.login("carol", "of carol", "neondb").await.expect("the others' changes");
    assert_eq!(roles(&server, "^(bob|dave)$").await, ["bob"]);
    server.restart_with("max_locks_per_transaction = 64").await;
    server.converge(&desired).await;
    assert!(roles(&server, "^(bob|dave)$").await.is_empty());
}
