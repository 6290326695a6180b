//! What keeps a dropped role or database from going, and that it keeps nothing else.

use std::process::{Child, Command, Stdio};

use offshoot::compute::{Compute, Converged};
use offshoot::model::fault::Fault;
use offshoot::model::name::COMPUTE_ADMIN;
use offshoot::model::operation::Subject;
use offshoot::model::rules::passes::Problem;
use offshoot::plan::desired::Desired;
use offshoot::plan::plan;

use crate::support::{
    Catalog, Server, about, branch, converge_told, refusal, sally_and_bob, texts,
};

/// What of a dropped role's login is left: none of it, where it is still there.
const LOGINS: &str = "SELECT format('%s %s %s', rolname, rolcanlogin, rolpassword IS NOT NULL) \
     FROM pg_authid WHERE rolname IN ('bob', 'carol', 'dave') ORDER BY 1";

/// A role that was dropped and waits, beside a new one.
const WAITS: [&str; 2] = ["bob f f", "carol t t"];
const GONE: [&str; 1] = ["carol t t"];

const OWNER_OF_BOBS: &str = "SELECT tableowner::text FROM pg_tables WHERE tablename = 'of_bob'";

fn catalog() -> Desired {
    sally_and_bob().role("dave", 3, "of dave")
}

/// Returns a catalog that dropped two roles and has a new one.
fn without_bob() -> Desired {
    catalog().without_role("bob").without_role("dave").role("carol", 4, "of carol")
}

async fn make_table_of_bob(server: &Server, database: &str) {
    let made = "CREATE TABLE of_bob (id int); ALTER TABLE of_bob OWNER TO bob";
    server.execute(database, made).await;
}

async fn logins(server: &Server) -> Vec<String> {
    texts(&server.admin("postgres").await, LOGINS).await
}

/// Asserts that nothing but one role's removal was left undone, and that Postgres said why.
fn assert_kept(converged: &Converged, reason: &str) {
    let [problem] = &*converged.problems else { panic!("{converged:?}") };
    assert_eq!((&problem.subject, problem.fault), (&about("bob"), Fault::Blocked));
    assert_eq!(problem.code.as_deref(), Some("2BP01"));
    assert!(problem.message.contains(reason), "{}", problem.message);
    assert_eq!(converged.delayed, []);
}

/// Asserts that a database that cannot be entered keeps a role which has something there.
async fn assert_keeps_its_owner(by_hand: &str, mend: &str) {
    let server = Server::started().await;
    server.converge(&catalog()).await;
    server.execute("postgres", "CREATE DATABASE shut OWNER sally").await;
    make_table_of_bob(&server, "shut").await;
    make_table_of_bob(&server, "neondb").await;
    server.wait_until_left("shut").await;
    server.execute("postgres", by_hand).await;
    for _ in 0..2 {
        assert_kept(&converge_told(&server.compute(), &without_bob()).await, "database shut");
        assert_eq!(logins(&server).await, WAITS);
        // What can be cleaned up is.
        assert_eq!(texts(&server.admin("neondb").await, OWNER_OF_BOBS).await, ["sally"]);
    }
    assert_eq!(refusal(server.login("bob", "of bob", "neondb").await), "28P01");
    server.login("carol", "of carol", "neondb").await.expect("the others' changes");
    server.execute("postgres", mend).await;
    server.converge(&without_bob()).await;
    assert_eq!(logins(&server).await, GONE);
    assert_eq!(texts(&server.admin("shut").await, OWNER_OF_BOBS).await, ["sally"]);
}

#[tokio::test]
async fn a_database_that_takes_no_connections_keeps_a_role_that_has_something_there() {
    let shut = "ALTER DATABASE shut ALLOW_CONNECTIONS";
    assert_keeps_its_owner(&format!("{shut} false"), &format!("{shut} true")).await;
}

#[tokio::test]
async fn a_half_dropped_database_keeps_a_role_that_has_something_there() {
    // So Postgres marks what it could not drop to the end.
    let limit =
        |limit| format!("UPDATE pg_database SET datconnlimit = {limit} WHERE datname = 'shut'");
    assert_keeps_its_owner(&limit(-2), &limit(-1)).await;
}

#[tokio::test]
async fn a_half_dropped_database_that_the_catalog_dropped_goes() {
    let server = Server::started().await;
    let desired = catalog().database(2, "other", "bob");
    server.converge(&desired).await;
    make_table_of_bob(&server, "other").await;
    server.wait_until_left("other").await;
    let half = "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'other'";
    server.execute("postgres", half).await;
    server.converge(&without_bob()).await;
    let others = "SELECT datname::text FROM pg_database WHERE datname = 'other'";
    assert!(texts(&server.admin("postgres").await, others).await.is_empty());
    assert_eq!(logins(&server).await, GONE);
}

#[tokio::test]
async fn a_dropped_role_is_taken_out_of_policies_and_those_for_it_alone_go() {
    let server = Server::started().await;
    let before = catalog().role("carol", 4, "of carol");
    server.converge(&before).await;
    let policies = "CREATE TABLE notes (owner text); ALTER TABLE notes OWNER TO sally; \
         ALTER TABLE notes ENABLE ROW LEVEL SECURITY; INSERT INTO notes VALUES ('carol'), ('bob'); \
         GRANT SELECT ON notes TO carol, bob; \
         CREATE POLICY of_both ON notes TO bob, carol USING (owner = current_user); \
         CREATE POLICY of_all ON notes FOR DELETE USING (false); \
         CREATE POLICY of_bob ON notes TO bob USING (true)";
    server.execute("neondb", policies).await;
    server.converge(&before.without_role("bob").without_role("dave")).await;
    assert_eq!(logins(&server).await, GONE);
    let left = "SELECT format('%s %s', policyname, roles) FROM pg_policies ORDER BY 1";
    let left = texts(&server.admin("neondb").await, left).await;
    assert_eq!(left, ["of_all {public}", "of_both {carol}"]);
    let carol = server.login("carol", "of carol", "neondb").await.expect("a login");
    assert_eq!(texts(&carol, "SELECT owner FROM notes").await, ["carol"]);
    let all = "SELECT owner FROM notes ORDER BY 1";
    assert_eq!(texts(&server.admin("neondb").await, all).await, ["bob", "carol"]);
}

/// Asserts that a prepared transaction delays the role that prepared it until it has ended.
async fn assert_delayed_by(work: &str, owner_after: &[&str]) {
    let server = Server::started().await;
    server.restart_with("max_prepared_transactions = 2").await;
    server.converge(&catalog()).await;
    server.execute("neondb", "GRANT CREATE ON SCHEMA public TO bob").await;
    let session = server.login("bob", "of bob", "neondb").await.expect("a login");
    let prepared = format!("{work}; PREPARE TRANSACTION 'of bob'");
    session.batch_execute(&prepared).await.expect("a prepared transaction");
    drop(session);
    server.wait_until_left("neondb").await;
    let converged = converge_told(&server.compute(), &without_bob()).await;
    assert_eq!(converged.problems, []);
    let [delayed] = &*converged.delayed else { panic!("{converged:?}") };
    assert_eq!((&delayed.subject, delayed.fault), (&about("bob"), Fault::Busy));
    assert_eq!(logins(&server).await, WAITS);
    server.login("carol", "of carol", "neondb").await.expect("the others' changes");
    server.execute("neondb", "COMMIT PREPARED 'of bob'").await;
    server.converge(&without_bob()).await;
    assert_eq!(logins(&server).await, GONE);
    assert_eq!(texts(&server.admin("neondb").await, OWNER_OF_BOBS).await, owner_after);
}

#[tokio::test]
async fn a_prepared_transaction_on_a_table_delays_its_owner_alone() {
    assert_delayed_by(
        "CREATE TABLE of_bob (id int); BEGIN; INSERT INTO of_bob VALUES (1)",
        &["sally"],
    )
    .await;
}

#[tokio::test]
async fn what_a_prepared_transaction_makes_for_a_dropped_role_is_not_lost() {
    assert_delayed_by("BEGIN; CREATE TABLE of_bob (id int)", &["sally"]).await;
}

#[tokio::test]
async fn large_objects_of_a_dropped_role_are_given_away_or_dropped_as_was_asked() {
    let owners = "SELECT lomowner::regrole::text FROM pg_largeobject_metadata";
    for (drops, expected) in [(false, vec!["sally"]), (true, vec![])] {
        let server = Server::started().await;
        server.converge(&catalog()).await;
        let bob = server.login("bob", "of bob", "neondb").await.expect("a login");
        bob.batch_execute("SELECT lo_from_bytea(0, 'kept')").await.expect("a large object");
        let desired = if drops { without_bob().dropping("bob", 2) } else { without_bob() };
        server.converge(&desired).await;
        assert_eq!(logins(&server).await, GONE);
        let neondb = server.admin("neondb").await;
        assert_eq!(texts(&neondb, owners).await, expected);
        let kept = "SELECT convert_from(lo_get(oid), 'UTF8') FROM pg_largeobject_metadata";
        assert_eq!(texts(&neondb, kept).await.len(), expected.len());
    }
}

/// Returns what a pass would leave undone, as far as that shows before it is made.
async fn foretell_problems(server: &Server, desired: &Desired) -> Vec<Problem> {
    let observed = server.compute().observe(&branch()).await.expect("a look");
    let plan = plan(desired, &observed);
    let foretold = server.compute().foretell(&branch(), &plan.steps).await.expect("words");
    [plan.problems, foretold.problems].concat()
}

#[tokio::test]
async fn a_tablespace_keeps_its_owner_until_it_has_another() {
    for drops in [false, true] {
        let server = Server::started().await;
        server.converge(&catalog()).await;
        let admin = server.admin("postgres").await;
        let in_place = "SET allow_in_place_tablespaces = on";
        admin.batch_execute(in_place).await.expect("legal SQL");
        let made = "CREATE TABLESPACE disk OWNER bob LOCATION ''";
        admin.batch_execute(made).await.expect("a tablespace");
        make_table_of_bob(&server, "neondb").await;
        let desired = if drops { without_bob().dropping("bob", 2) } else { without_bob() };
        for _ in 0..2 {
            let foretold = foretell_problems(&server, &desired).await;
            let converged = converge_told(&server.compute(), &desired).await;
            let [problem] = &*converged.problems else { panic!("{converged:?}") };
            assert_eq!((&problem.subject, problem.fault), (&about("bob"), Fault::Blocked));
            assert_eq!(foretold, converged.problems);
            assert!(problem.message.contains("tablespace `disk`"), "{}", problem.message);
            assert_eq!(logins(&server).await, WAITS);
            let owner = "SELECT spcowner::regrole::text FROM pg_tablespace WHERE spcname = 'disk'";
            assert_eq!(texts(&admin, owner).await, ["bob"]);
        }
        server.execute("postgres", "ALTER TABLESPACE disk OWNER TO cloud_admin").await;
        server.converge(&desired).await;
        assert_eq!(logins(&server).await, GONE);
        let expected: &[&str] = if drops { &[] } else { &["sally"] };
        assert_eq!(texts(&server.admin("neondb").await, OWNER_OF_BOBS).await, expected);
    }
}

#[tokio::test]
async fn a_subscription_keeps_its_database_and_nothing_else() {
    let server = Server::started().await;
    let before = catalog().database(2, "other", "bob").database(3, "third", "sally");
    server.converge(&before).await;
    let made = "CREATE SUBSCRIPTION news CONNECTION 'host=nowhere.invalid dbname=x' PUBLICATION p \
         WITH (connect = false, enabled = false, slot_name = NONE)";
    server.execute("other", made).await;
    let desired = before.without_database(2).without_database(3).role("carol", 4, "of carol");
    for _ in 0..2 {
        let converged = converge_told(&server.compute(), &desired).await;
        let [problem] = &*converged.problems else { panic!("{converged:?}") };
        let other = Subject::Database("other".parse().expect("a name"));
        assert_eq!((&problem.subject, problem.fault), (&other, Fault::Blocked));
        assert_eq!(problem.code.as_deref(), Some("55006"));
        assert!(problem.message.contains("subscription"), "{}", problem.message);
        assert_eq!(converged.delayed, []);
        let databases = "SELECT datname::text FROM pg_database \
             WHERE datname IN ('neondb', 'other', 'third') ORDER BY 1";
        let databases = texts(&server.admin("postgres").await, databases).await;
        assert_eq!(databases, ["neondb", "other"]);
    }
    server.login("carol", "of carol", "neondb").await.expect("the others' changes");
    server.execute("other", "DROP SUBSCRIPTION news").await;
    server.converge(&desired).await;
    let other = "SELECT datname::text FROM pg_database WHERE datname = 'other'";
    assert!(texts(&server.admin("postgres").await, other).await.is_empty());
}

/// Reads from a slot for as long as nobody stops it; nothing where the machine has no program for that.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn read_slot(server: &Server, database: &str, slot: &str) -> Option<Child> {
    let mut command = Command::new("pg_recvlogical");
    command.arg("-h").arg(server.root().join("run")).args(["-p", &server.port.to_string()]);
    command.args(["-U", COMPUTE_ADMIN, "-d", database, "--slot", slot, "--start", "-f", "-"]);
    command.args(["-o", "proto_version=1", "-o", "publication_names=news"]);
    let reader = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    if reader.is_err() {
        eprintln!("SKIPPED: this machine has no pg_recvlogical");
    }
    reader.ok()
}

#[tokio::test]
async fn a_slot_from_which_somebody_reads_keeps_its_database_and_nothing_else() {
    let server = Server::started().await;
    server.restart_with("wal_level = logical").await;
    let before = catalog().database(2, "other", "sally");
    server.converge(&before).await;
    server.execute("other", "CREATE PUBLICATION news").await;
    let made = "SELECT pg_create_logical_replication_slot('reader', 'pgoutput')";
    server.execute("other", made).await;
    let Some(mut reader) = read_slot(&server, "other", "reader") else { return };
    server.wait_until("SELECT active FROM pg_replication_slots").await;
    let desired = before.without_database(2).role("carol", 4, "of carol");
    for _ in 0..2 {
        let converged = converge_told(&server.compute(), &desired).await;
        let [problem] = &*converged.problems else { panic!("{converged:?}") };
        assert_eq!((problem.code.as_deref(), problem.fault), (Some("55006"), Fault::Blocked));
        assert!(problem.message.contains("replication slot"), "{}", problem.message);
        assert_eq!(converged.delayed, []);
        server.login("carol", "of carol", "neondb").await.expect("the others' changes");
    }
    reader.kill().expect("a process that runs");
    reader.wait().expect("an end");
    server.wait_until("SELECT NOT active FROM pg_replication_slots").await;
    server.converge(&desired).await;
    let left = "SELECT datname::text FROM pg_database WHERE datname = 'other' \
         UNION ALL SELECT slot_name::text FROM pg_replication_slots";
    assert!(texts(&server.admin("postgres").await, left).await.is_empty());
}
