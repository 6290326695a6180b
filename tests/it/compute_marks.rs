//! What a pass does where the marks are gone, or are older than what they are of.

use offshoot::compute::Converged;
use offshoot::model::operation::Subject;
use offshoot::plan::desired::Desired;

use crate::support::{Catalog, Server, about, converge_told, home, sally_and_bob, texts};

/// Everything that Postgres keeps of the roles that are not its own.
const ROLES: &str =
    "SELECT a::text FROM pg_authid a WHERE rolname IN ('sally', 'bob', 'carol') ORDER BY rolname";

const DATABASES: &str = "SELECT d::text FROM pg_database d WHERE datname = 'neondb'";

/// The tables of marks, and those in which a test keeps what was in them.
const KEEP: &str = "CREATE TABLE kept_roles AS TABLE offshoot.managed_role; \
     CREATE TABLE kept_databases AS TABLE offshoot.managed_database; \
     CREATE TABLE kept_state AS TABLE offshoot.state";
const PUT_BACK: &str = "DELETE FROM offshoot.managed_role; DELETE FROM offshoot.managed_database; \
     DELETE FROM offshoot.state; INSERT INTO offshoot.managed_role TABLE kept_roles; \
     INSERT INTO offshoot.managed_database TABLE kept_databases; \
     INSERT INTO offshoot.state TABLE kept_state";

fn subjects(converged: &Converged) -> Vec<Subject> {
    converged.problems.iter().map(|problem| problem.subject.clone()).collect()
}

async fn state(server: &Server) -> Vec<String> {
    let admin = server.admin("postgres").await;
    [texts(&admin, ROLES).await, texts(&admin, DATABASES).await].concat()
}

#[tokio::test]
async fn where_all_marks_were_dropped_nothing_is_touched_that_had_one() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    let before = state(&server).await;
    server.execute(home(), "DROP SCHEMA offshoot CASCADE").await;
    // A reset, a new role, and a role that was dropped: only what is new is done.
    let desired =
        sally_and_bob().without_role("bob").role("sally", 1, "new").role("dave", 3, "of dave");
    for _ in 0..2 {
        let converged = converge_told(&server.compute(), &desired).await;
        let neondb = Subject::Database("neondb".parse().expect("a name"));
        assert_eq!(subjects(&converged), [about("sally"), neondb]);
        for problem in &converged.problems {
            assert!(problem.message.contains("did not create"), "{}", problem.message);
        }
        assert_eq!(state(&server).await, before);
    }
    server.login("sally", "of sally", "neondb").await.expect("the password that it has");
    server.login("bob", "of bob", "neondb").await.expect("a role that nobody drops");
    server.login("dave", "of dave", "neondb").await.expect("a new role");
}

#[tokio::test]
async fn marks_that_are_older_than_what_they_are_of_lose_nothing() {
    let server = Server::started().await;
    server.converge(&sally_and_bob().at(1)).await;
    server.execute(home(), KEEP).await;
    let later = sally_and_bob()
        .at(2)
        .without_role("bob")
        .role("sally", 1, "new")
        .role("carol", 2, "of carol");
    server.converge(&later).await;
    let before = state(&server).await;
    server.execute(home(), PUT_BACK).await;
    for _ in 0..2 {
        let converged = converge_told(&server.compute(), &Desired::clone(&later)).await;
        assert_eq!(subjects(&converged), [about("carol")], "{converged:?}");
    }
    let after = state(&server).await;
    assert_eq!(after[0], before[0], "carol");
    server.login("sally", "new", "neondb").await.expect("the newer password");
    server.login("carol", "of carol", "neondb").await.expect("a role whose mark is lost");
}
