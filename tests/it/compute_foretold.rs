//! What is foretold of a plan is what is done: the SQL, run by hand, has the same effect.

use offshoot::compute::{AnyCompute, Compute, Foretold};
use offshoot::model::progress::Trace;
use offshoot::plan::desired::Desired;
use offshoot::plan::observed::Observed;
use offshoot::plan::plan;

use crate::support::{Catalog, MAINTENANCE, Server, branch, refusal, texts, verifier};

const OWNERS: &str = "SELECT format('%s of %s', tablename, tableowner) FROM pg_tables \
     WHERE schemaname = 'public' ORDER BY 1";

const ROLES: &str = "SELECT rolname::text FROM pg_roles WHERE oid > 16383 \
     AND rolname NOT IN ('neon_superuser', 'cloud_admin', 'keeper', 'creator') ORDER BY 1";

fn before() -> Desired {
    Desired::empty()
        .role("sally", 1, "of sally")
        .role("bob", 2, "of bob")
        .role("carol", 3, "of carol")
        .database(1, "shop", "sally")
        .database(2, "crm", "carol")
}

/// A role goes that has things in two databases, one of which gets another name, and its name goes to
/// another role; a password changes; a role and a database come.
fn after() -> Desired {
    before()
        .role("sally", 1, "new")
        .role("bob", 9, "of another bob")
        .role("dave", 4, "of dave")
        .acting("dave", Some("sally"))
        .database(2, "sales", "carol")
        .database(3, "stock", "dave")
}

async fn foretell(compute: &AnyCompute, desired: &Desired) -> (Observed, Foretold) {
    let observed = compute.observe(&branch()).await.expect("a look");
    let plan = plan(desired, &observed);
    let foretold = compute.foretell(&branch(), &plan.steps).await.expect("words");
    assert_eq!((plan.problems, &foretold.problems), (vec![], &vec![]));
    assert_eq!(plan.steps.len(), foretold.statements.len());
    (observed, foretold)
}

async fn make_belongings(server: &Server) {
    for (database, table) in [("shop", "a"), ("crm", "b")] {
        let bob = server.login("bob", "of bob", database).await.expect("a login");
        let sql = format!("CREATE TABLE {table} (id int)");
        bob.batch_execute(&sql).await.expect("a table");
        // What was granted by one who owns nothing of it is taken away in his name.
        server
            .execute(
                database,
                "CREATE TABLE lent (id int); GRANT ALL ON lent TO carol WITH GRANT OPTION; \
                 SET ROLE carol; GRANT SELECT ON lent TO bob",
            )
            .await;
    }
}

async fn check(server: &Server) {
    server.login("sally", "new", "shop").await.expect("the new password");
    server.login("bob", "of another bob", "shop").await.expect("the new role");
    assert_eq!(refusal(server.login("bob", "of bob", "shop").await), "28P01");
    server.login("dave", "of dave", "stock").await.expect("the new database");
    let admin = server.admin("postgres").await;
    assert_eq!(texts(&admin, ROLES).await, ["bob", "carol", "dave", "sally"]);
    let shop = texts(&server.admin("shop").await, OWNERS).await;
    assert_eq!(shop.first().map(String::as_str), Some("a of sally"));
    let sales = texts(&server.admin("sales").await, OWNERS).await;
    assert_eq!(sales.first().map(String::as_str), Some("b of carol"));
}

/// The passwords that the plan has Postgres told, in its order.
const PASSWORDS: &[&str] = &["of another bob", "of dave", "new"];

/// Runs what was foretold as somebody who pastes it would, with the verifiers put in.
async fn run_by_hand(foretold: Foretold, connect: impl AsyncFn(&str) -> tokio_postgres::Client) {
    let mut passwords = PASSWORDS.iter();
    for statements in foretold.statements.iter().filter(|statements| !statements.is_empty()) {
        let client = connect(&statements[0].database).await;
        for statement in statements {
            let mut sql = statement.sql.clone();
            assert!(!sql.contains("SCRAM") && !sql.contains("offshoot."), "{sql}");
            if sql.contains("<verifier>") {
                let password = passwords.next().expect("a password");
                sql = sql.replace("<verifier>", verifier(password).reveal());
            }
            let done = client.batch_execute(&sql).await;
            done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
    }
    assert_eq!(passwords.next(), None);
}

#[tokio::test]
async fn what_is_foretold_has_the_effect_of_the_pass_when_it_is_run_by_hand() {
    let server = Server::started().await;
    server.converge(&before()).await;
    make_belongings(&server).await;
    let compute = server.compute();
    let (observed, foretold) = foretell(&compute, &after()).await;
    assert_eq!(compute.observe(&branch()).await.expect("a look"), observed, "it only looked");
    run_by_hand(foretold, async |database| server.admin(database).await).await;
    check(&server).await;
}

#[tokio::test]
async fn a_pass_does_what_was_foretold() {
    let server = Server::started().await;
    server.converge(&before()).await;
    make_belongings(&server).await;
    server.converge(&after()).await;
    check(&server).await;
    let (_, foretold) = foretell(&server.compute(), &after()).await;
    assert_eq!(foretold.statements, Vec::<Vec<_>>::new());
}

#[tokio::test]
async fn an_administrator_who_is_no_superuser_is_told_what_rights_it_takes() {
    let server = Server::started().await;
    server.make_maintenance().await;
    let keeper = "CREATE ROLE keeper LOGIN CREATEROLE CREATEDB PASSWORD 'of keeper'; \
         ALTER DATABASE maintenance OWNER TO keeper; \
         GRANT neon_superuser TO keeper WITH ADMIN OPTION";
    server.execute("postgres", keeper).await;
    let compute = server.attached(server.address("keeper", "of keeper"));
    compute.converge(&before(), &mut Trace::default()).await.expect("a pass");
    let (_, foretold) = foretell(&compute, &after()).await;
    let database = &foretold.statements[0][0].database;
    assert_eq!(database, MAINTENANCE);
    run_by_hand(foretold, async |database| {
        server.login("keeper", "of keeper", database).await.expect("a login")
    })
    .await;
    let admin = server.admin("postgres").await;
    assert_eq!(texts(&admin, ROLES).await, ["bob", "carol", "dave", "sally"]);
}
