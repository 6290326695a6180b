//! Credentials in a real Postgres: what one makes all can change, and nothing is lost with one.

use offshoot::compute::{AnyCompute, Compute};
use offshoot::model::progress::Trace;
use offshoot::model::session::count_of;
use offshoot::plan::desired::Desired;

use crate::support::{Catalog, MAINTENANCE, Server, home, refusal, texts};

const ROLES: &str = "SELECT rolname::text FROM pg_roles WHERE oid > 16383 \
     AND rolname NOT IN ('neon_superuser', 'cloud_admin', 'creator') ORDER BY 1";

fn catalog() -> Desired {
    Desired::empty()
        .role("owner", 1, "of owner")
        .role("first", 2, "of first")
        .acting("first", Some("owner"))
        .database(1, "shop", "owner")
        .database(2, "crm", "owner")
}

fn rotated() -> Desired {
    catalog().role("second", 3, "of second").acting("second", Some("owner"))
}

async fn converge(compute: &AnyCompute, desired: &Desired) {
    let converged = compute.converge(desired, &mut Trace::default()).await.expect("a pass");
    assert_eq!((converged.problems, converged.delayed), (vec![], vec![]));
}

/// What the guide's reader fears: tables of one credential that the next cannot touch.
async fn check_hand_over(server: &Server, compute: &AnyCompute) {
    converge(compute, &catalog()).await;
    for database in ["shop", "crm"] {
        let first = server.login("first", "of first", database).await.expect("a login");
        first
            .batch_execute(
                "CREATE SCHEMA s; CREATE TABLE s.made (id serial); CREATE VIEW v AS TABLE s.made; \
                 CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
                 RESET ROLE; CREATE TABLE s.reset (id int)",
            )
            .await
            .expect("what an owner may do");
        // As poolers do between two clients.
        first.batch_execute("DISCARD ALL").await.expect("a session like new");
        first.batch_execute("CREATE TABLE s.discarded (id int)").await.expect("a table");
        server.execute(database, "CREATE TABLE own (id int); ALTER TABLE own OWNER TO first").await;
        server.execute(database, "GRANT SELECT ON own TO owner WITH GRANT OPTION").await;
    }
    converge(compute, &rotated()).await;
    let owners = "SELECT DISTINCT relowner::regrole::text FROM pg_class \
         WHERE relname IN ('made', 'reset', 'discarded')";
    assert_eq!(texts(&server.admin("shop").await, owners).await, ["owner"]);
    for database in ["shop", "crm"] {
        let second = server.login("second", "of second", database).await.expect("a login");
        second
            .batch_execute(
                "ALTER TABLE s.made ADD COLUMN note text; INSERT INTO s.made (note) VALUES ('x'); \
                 DROP VIEW v; CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
            )
            .await
            .expect("what an owner may do");
    }
    let owner = server.login("owner", "of owner", "shop").await.expect("a login");
    // The original loses its login, the other its all; nobody is cut.
    converge(compute, &rotated().group("owner", 1).without_role("first")).await;
    owner.batch_execute("INSERT INTO s.made (note) VALUES ('y')").await.expect("an open session");
    let logins = "SELECT rolcanlogin::text FROM pg_roles WHERE rolname = 'owner'";
    assert_eq!(texts(&server.admin("postgres").await, logins).await, ["false"]);
    assert_eq!(refusal(server.login("owner", "of owner", "shop").await), "28P01");
    assert_eq!(refusal(server.login("first", "of first", "shop").await), "28P01");
    for database in ["shop", "crm"] {
        let second = server.login("second", "of second", database).await.expect("a login");
        second.batch_execute("DROP TABLE own; DROP SCHEMA s CASCADE").await.expect("its own, now");
    }
}

#[tokio::test]
async fn what_one_credential_makes_the_next_can_change_and_drop() {
    let server = Server::started().await;
    check_hand_over(&server, &server.compute()).await;
    let roles = texts(&server.admin("postgres").await, ROLES).await;
    assert_eq!(roles, ["owner", "second"]);
}

#[tokio::test]
async fn so_it_is_where_the_administrator_is_no_superuser() {
    let server = Server::started().await;
    server.make_maintenance().await;
    server
        .execute(
            "postgres",
            "CREATE ROLE admin LOGIN CREATEROLE CREATEDB PASSWORD 'of admin'; \
             GRANT ALL ON DATABASE maintenance TO admin; \
             GRANT neon_superuser TO admin WITH ADMIN OPTION",
        )
        .await;
    let compute = server.attached(server.address("admin", "of admin"));
    check_hand_over(&server, &compute).await;
    let roles = texts(&server.admin(MAINTENANCE).await, ROLES).await;
    assert_eq!(roles, ["admin", "owner", "second"]);
}

#[tokio::test]
async fn a_role_that_is_no_credential_any_more_acts_for_itself() {
    let server = Server::started().await;
    server.converge(&catalog()).await;
    let who = "SELECT current_user::text";
    let first = server.login("first", "of first", "shop").await.expect("a login");
    assert_eq!(texts(&first, who).await, ["owner"]);
    server.converge(&catalog().acting("first", None)).await;
    let first = server.login("first", "of first", "shop").await.expect("a login");
    assert_eq!(texts(&first, who).await, ["first"]);
    first.batch_execute("SET ROLE owner").await.expect_err("no member any more");
}

#[tokio::test]
async fn credentials_that_come_and_go_leave_no_trace() {
    let server = Server::started().await;
    server.converge(&catalog()).await;
    let traces = "SELECT count(*)::text FROM pg_shdepend UNION ALL \
         SELECT count(*)::text FROM pg_auth_members UNION ALL \
         SELECT count(*)::text FROM pg_db_role_setting UNION ALL \
         SELECT coalesce(sum(length(datacl::text)), 0)::text FROM pg_database UNION ALL \
         SELECT count(*)::text FROM offshoot.managed_role";
    let admin = server.admin(home()).await;
    let before = texts(&admin, traces).await;
    for round in 0..rounds() {
        let name = format!("app_{round}");
        let with = catalog().role(&name, 10 + round, "of app").acting(&name, Some("owner"));
        server.converge(&with.at(10 + 2 * round)).await;
        let app = server.login(&name, "of app", "shop").await.expect("a login");
        app.batch_execute("CREATE TABLE made (id int); DROP TABLE made").await.expect("a table");
        server.converge(&catalog().at(11 + 2 * round)).await;
    }
    assert_eq!(texts(&admin, traces).await, before);
}

/// How many credentials come and go, unless the variable says another number.
const ROUNDS: u64 = 40;

const ROUNDS_VARIABLE: &str = "OFFSHOOT_CREDENTIAL_ROUNDS";

#[expect(clippy::disallowed_methods, reason = "whoever wants many rounds")]
fn rounds() -> u64 {
    let asked = std::env::var(ROUNDS_VARIABLE).ok();
    asked.map_or(ROUNDS, |text| text.parse().expect("a number"))
}

#[tokio::test]
async fn open_sessions_are_counted_by_who_logged_in() {
    let server = Server::started().await;
    server.converge(&catalog()).await;
    let first = server.login("first", "of first", "shop").await.expect("a login");
    let second = server.login("first", "of first", "crm").await.expect("a login");
    let name = "first".parse().expect("a name");
    let sessions = server.compute().sessions().await.expect("an answer");
    assert_eq!(count_of(&sessions, &name), 2);
    assert_eq!(count_of(&sessions, &"owner".parse().expect("a name")), 0);
    let of_first = sessions.iter().find(|sessions| sessions.role == "first").expect("sessions");
    assert!(of_first.oldest.is_some() && of_first.address == Some([127, 0, 0, 1].into()));
    drop((first, second));
    server.wait_until_left("shop").await;
    server.wait_until_left("crm").await;
    let sessions = server.compute().sessions().await.expect("an answer");
    assert_eq!(count_of(&sessions, &name), 0);
}

#[tokio::test]
async fn the_sessions_of_one_credential_are_cut_and_no_others() {
    let server = Server::started().await;
    server.converge(&catalog()).await;
    let first = server.login("first", "of first", "shop").await.expect("a login");
    let owner = server.login("owner", "of owner", "shop").await.expect("a login");
    let compute = server.compute();
    compute.end_sessions(&"first".parse().expect("a name")).await.expect("an end");
    first.batch_execute("SELECT 1").await.expect_err("a session that was cut");
    owner.batch_execute("SELECT 1").await.expect("a session that acts as the same role");
}
