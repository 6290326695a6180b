//! What a pass does to a real Postgres, and what it leaves alone.

use offshoot::compute::error::ComputeError;
use offshoot::compute::{Address, Compute};
use offshoot::model::drift::{Attribute, Response};
use offshoot::model::endpoint::TlsMode;
use offshoot::model::operation::Subject;
use offshoot::model::progress::Trace;
use offshoot::model::secret::Password;
use offshoot::plan::desired::Desired;

use crate::support::{
    Catalog, MAINTENANCE, Server, about, converge_told, home, refusal, sally_and_bob, texts,
    verifier,
};

const OWNERS: &str = "SELECT tableowner::text FROM pg_tables WHERE schemaname = 'public'";

const OWNERS_OF_BOBS: &str = "SELECT tableowner::text FROM pg_tables WHERE tablename = 'of_bob'";

const DATABASES: &str = "SELECT format('%s of %s', datname, pg_get_userbyid(datdba)) \
     FROM pg_database WHERE oid > 16383 AND datname <> 'maintenance' ORDER BY 1";

#[tokio::test]
async fn a_reset_password_replaces_the_old_one_and_cuts_nobody() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    let session = server.login("sally", "of sally", "neondb").await.expect("a login");
    let reset =
        sally_and_bob().role("sally", 1, "new").role("carol", 3, "of carol").without_role("bob");
    server.converge(&reset).await;
    assert_eq!(refusal(server.login("sally", "of sally", "neondb").await), "28P01");
    server.login("sally", "new", "neondb").await.expect("the new password");
    session.batch_execute("SELECT 1").await.expect("a session that stayed open");
    assert_eq!(refusal(server.login("bob", "of bob", "neondb").await), "28P01");
}

#[tokio::test]
async fn what_a_dropped_role_owned_goes_to_the_owners_of_the_databases() {
    let server = Server::started().await;
    let desired = sally_and_bob().role("carol", 3, "c").database(2, "other", "carol");
    server.converge(&desired).await;
    for database in ["neondb", "other"] {
        let bob = server.login("bob", "of bob", database).await.expect("a login");
        bob.batch_execute("CREATE TABLE of_bob (id int); GRANT SELECT ON of_bob TO carol")
            .await
            .expect("a table");
        // What was granted by someone who owns nothing of it stays, unless he takes it away.
        server
            .execute(
                database,
                "CREATE TABLE lent (id int); CREATE FUNCTION f() RETURNS int RETURN 1; \
                 CREATE SCHEMA s; GRANT ALL ON lent TO carol WITH GRANT OPTION; \
                 GRANT ALL ON SCHEMA s TO carol WITH GRANT OPTION; \
                 GRANT EXECUTE ON FUNCTION f() TO carol WITH GRANT OPTION; SET ROLE carol; \
                 GRANT SELECT, UPDATE (id) ON lent TO bob; GRANT EXECUTE ON FUNCTION f() TO bob; GRANT USAGE ON SCHEMA s TO bob",
            )
            .await;
    }
    server.execute("neondb", "GRANT CONNECT ON DATABASE other TO bob").await;
    server.converge(&desired.without_role("bob")).await;
    assert_eq!(texts(&server.admin("neondb").await, OWNERS_OF_BOBS).await, ["sally"]);
    assert_eq!(texts(&server.admin("other").await, OWNERS_OF_BOBS).await, ["carol"]);
    let roles = "SELECT rolname::text FROM pg_roles WHERE rolname = 'bob'";
    assert!(texts(&server.admin("postgres").await, roles).await.is_empty());
}

#[tokio::test]
async fn a_role_that_was_dropped_and_created_again_is_another_role() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    let bob = server.login("bob", "of bob", "neondb").await.expect("a login");
    bob.batch_execute("CREATE TABLE of_bob (id int)").await.expect("a table");
    server.converge(&sally_and_bob().role("bob", 9, "of another bob")).await;
    assert_eq!(refusal(server.login("bob", "of bob", "neondb").await), "28P01");
    server.login("bob", "of another bob", "neondb").await.expect("a login");
    assert_eq!(texts(&server.admin("neondb").await, OWNERS).await, ["sally"]);
    // The same for one that owns a database: the new role has it.
    server
        .converge(&sally_and_bob().role("bob", 9, "b").role("sally", 10, "of another sally"))
        .await;
    let databases = texts(&server.admin("postgres").await, DATABASES).await;
    assert_eq!(databases, ["neondb of sally"]);
    let retired = "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'offshoot%'";
    assert!(texts(&server.admin("postgres").await, retired).await.is_empty());
}

#[tokio::test]
async fn a_role_that_owns_a_foreign_database_loses_its_login_and_is_kept() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    server.execute("postgres", "CREATE DATABASE foreign_db OWNER bob").await;
    let desired = sally_and_bob().without_role("bob").role("carol", 3, "of carol");
    let converged = server.pass(&desired).await;
    assert_eq!(converged.problems.len(), 1);
    assert_eq!(converged.problems[0].subject, about("bob"));
    assert!(converged.problems[0].message.contains("`foreign_db`"));
    assert_eq!(refusal(server.login("bob", "of bob", "neondb").await), "28P01");
    server.login("carol", "of carol", "neondb").await.expect("the others' changes");
    server.execute("postgres", "ALTER DATABASE foreign_db OWNER TO sally").await;
    server.converge(&desired).await;
    let databases = texts(&server.admin("postgres").await, DATABASES).await;
    assert_eq!(databases, ["foreign_db of sally", "neondb of sally"]);
}

#[tokio::test]
async fn roles_and_databases_made_with_sql_are_never_touched() {
    let server = Server::started().await;
    server.execute("postgres", "CREATE ROLE sally LOGIN PASSWORD 'by hand'").await;
    server.execute("postgres", "CREATE DATABASE shop").await;
    let desired = sally_and_bob().database(2, "shop", "bob");
    let converged = server.pass(&desired).await;
    let subjects: Vec<_> = converged.problems.iter().map(|it| it.subject.clone()).collect();
    let database = |name: &str| Subject::Database(name.parse().expect("a name"));
    let sally = about("sally");
    assert_eq!(subjects, [sally, database("neondb"), database("shop")]);
    server.login("sally", "by hand", "shop").await.expect("her own password");
    server.login("bob", "of bob", "shop").await.expect("the others' changes");
    let empty = server.converge(&Desired::empty()).await;
    assert!(0 < empty.steps);
    server.login("sally", "by hand", "shop").await.expect("what is not ours");
}

#[tokio::test]
async fn what_was_changed_by_hand_is_told_before_it_is_put_back() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    server
        .execute(
            "postgres",
            "ALTER ROLE bob PASSWORD 'by hand' NOLOGIN CREATEDB CONNECTION LIMIT 3 \
             VALID UNTIL '2030-01-01'; REVOKE neon_superuser FROM bob; \
             ALTER DATABASE neondb OWNER TO bob; CREATE ROLE mine",
        )
        .await;
    let first = server.pass(&sally_and_bob()).await;
    assert_eq!(first.steps, 0, "nothing is done before it is told");
    let told: Vec<_> = first.deviations.iter().map(|it| (it.item.attribute, it.response)).collect();
    let expected = [
        (Attribute::Unmanaged, Response::Reported),
        (Attribute::Login, Response::Enforced),
        (Attribute::Password, Response::Adopted),
        (Attribute::ValidUntil, Response::Enforced),
        (Attribute::Privileges, Response::Enforced),
        (Attribute::ConnectionLimit, Response::Enforced),
        (Attribute::Membership, Response::Reported),
        (Attribute::Owner, Response::Enforced),
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    assert!(expected.iter().all(|each| told.contains(each)), "{told:?}");
    let second = converge_told(&server.compute(), &sally_and_bob()).await;
    let left: Vec<_> = second.deviations.iter().map(|it| it.item.attribute).collect();
    assert_eq!(left, [Attribute::Password, Attribute::Membership, Attribute::Unmanaged]);
    server.login("bob", "by hand", "neondb").await.expect("the password stays, to be adopted");
    let kept = "SELECT format('%s %s %s %s', rolcreatedb, rolconnlimit, rolvaliduntil, \
         (SELECT datdba::regrole FROM pg_database WHERE datname = 'neondb')) \
         FROM pg_roles WHERE rolname = 'bob'";
    assert_eq!(texts(&server.admin("postgres").await, kept).await, ["f -1 infinity sally"]);
    // What the catalog changes afterwards is newer, and stronger.
    server.converge(&sally_and_bob().role("bob", 2, "reset")).await;
    server.login("bob", "reset", "neondb").await.expect("the password of the catalog");
}

#[tokio::test]
async fn a_role_that_was_dropped_by_hand_is_made_again() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    server.execute("postgres", "DROP ROLE bob").await;
    server.converge(&sally_and_bob()).await;
    server.login("bob", "of bob", "neondb").await.expect("a login");
    // But one that someone then made under its name is theirs.
    server.execute("postgres", "DROP ROLE bob; CREATE ROLE bob").await;
    let converged = server.pass(&sally_and_bob()).await;
    assert_eq!(converged.problems.len(), 1);
}

#[tokio::test]
async fn databases_are_made_renamed_given_away_and_dropped() {
    let server = Server::started().await;
    let desired = sally_and_bob().database(2, "other", "sally");
    server.converge(&desired).await;
    let admin = server.admin("postgres").await;
    server.execute("neondb", "CREATE TABLE kept (id int)").await;
    // They swap their names, and one changes hands.
    let swapped = desired.database(1, "other", "bob").database(2, "neondb", "sally");
    server.converge(&swapped).await;
    assert_eq!(texts(&admin, DATABASES).await, ["neondb of sally", "other of bob"]);
    assert_eq!(texts(&server.admin("other").await, OWNERS).await, ["cloud_admin"]);
    let session = server.login("sally", "of sally", "neondb").await.expect("a login");
    server.converge(&swapped.without_database(2).database(3, "neondb", "sally")).await;
    assert!(session.batch_execute("SELECT 1").await.is_err(), "a session in a dropped database");
    assert_eq!(texts(&admin, DATABASES).await, ["neondb of sally", "other of bob"]);
    server.converge(&Desired::empty()).await;
    assert!(texts(&admin, DATABASES).await.is_empty());
}

#[tokio::test]
async fn a_rename_that_sessions_are_in_the_way_of_waits_and_cuts_nobody() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    let session = server.login("sally", "of sally", "neondb").await.expect("a login");
    let desired = sally_and_bob().database(1, "renamed", "sally").role("carol", 3, "of carol");
    let converged = server.pass(&desired).await;
    assert_eq!((converged.problems.len(), converged.delayed.len()), (0, 1), "{converged:?}");
    assert!(converged.delayed[0].message.contains("1 other session"), "{converged:?}");
    session.batch_execute("SELECT 1").await.expect("a session that stayed open");
    server.login("carol", "of carol", "neondb").await.expect("the others' changes");
    drop(session);
    server.wait_until_left("neondb").await;
    server.converge(&desired).await;
    server.login("sally", "of sally", "renamed").await.expect("a login");
}

#[tokio::test]
async fn names_are_text_whatever_is_in_them() {
    let server = Server::started().await;
    let longest = "ß".repeat(31) + "x";
    let names = ["a\"b", "a'b", "50%", "a/b", "🦀", "a\\b", "$$; --", "PUBLIC", &longest];
    let mut desired = Desired::empty();
    for (id, name) in (1..).zip(names) {
        desired = desired.role(name, id, name).database(id, name, name);
    }
    server.converge(&desired).await;
    assert_eq!(server.converge(&desired).await.steps, 0);
    for name in names {
        let session = server.login(name, name, name).await.expect(name);
        session.batch_execute("CREATE TABLE mine (id int)").await.expect(name);
    }
    for name in names {
        desired = desired.role(name, 99, "again");
    }
    server.converge(&desired).await;
    server.converge(&Desired::empty()).await;
    assert!(texts(&server.admin("postgres").await, DATABASES).await.is_empty());
}

#[tokio::test]
async fn neither_password_nor_verifier_is_in_the_log_of_postgres() {
    let server = Server::started().await;
    server.execute("postgres", "ALTER SYSTEM SET log_statement = 'all'").await;
    server.execute("postgres", "ALTER SYSTEM SET log_min_duration_statement = 0").await;
    server.execute("postgres", "SELECT pg_reload_conf()").await;
    server.wait_until("SELECT current_setting('log_statement') = 'all'").await;
    server.converge(&sally_and_bob()).await;
    server.converge(&sally_and_bob().role("sally", 1, "of sally, new")).await;
    // A statement that fails is logged too, where that is not forbidden.
    server
        .execute(
            "postgres",
            "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql \
        AS $$ BEGIN RAISE 'no'; END $$; CREATE EVENT TRIGGER no ON ddl_command_start \
        EXECUTE FUNCTION no(); SELECT 'the test was here'",
        )
        .await;
    let broken = sally_and_bob().role("dora", 5, "of dora").database(7, "\u{1F980}x", "dora");
    server.pass(&broken).await;
    let log = server.log();
    assert!(log.contains("the test was here"), "{log}");
    assert!(!log.contains("SCRAM-SHA-256$") && !log.contains("of sally"), "{log}");
    for password in ["of sally", "of dora"] {
        assert!(!log.contains(verifier(password).reveal()));
    }
}

#[tokio::test]
async fn a_crash_around_the_creation_of_a_database_leaves_it_ours() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    // After the database was made, and before its number was noted.
    server.execute(home(), "UPDATE offshoot.managed_database SET oid = NULL").await;
    assert_eq!(server.converge(&sally_and_bob()).await.steps, 1);
    assert_eq!(server.converge(&sally_and_bob()).await.steps, 0);
    // After it was announced, and before it was made.
    server
        .execute(
            home(),
            "INSERT INTO offshoot.managed_database VALUES \
        ('br-test', 2, 'other', 'bob', NULL)",
        )
        .await;
    server.converge(&sally_and_bob().database(2, "other", "bob")).await;
    server.converge(&sally_and_bob()).await;
    let databases = texts(&server.admin("postgres").await, DATABASES).await;
    assert_eq!(databases, ["neondb of sally"]);
}

#[tokio::test]
async fn the_marks_of_another_branch_mean_nothing() {
    let server = Server::started().await;
    server.make_maintenance().await;
    server.converge(&sally_and_bob()).await;
    server.execute(home(), "UPDATE offshoot.managed_role SET branch = 'br-parent'").await;
    let converged = server.pass(&Desired::empty()).await;
    assert_eq!(converged.steps, 1, "the database only");
    server.login("bob", "of bob", MAINTENANCE).await.expect("a role of another branch");
}

#[tokio::test]
async fn a_role_made_over_the_api_can_neither_read_nor_forge_marks() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    let bob = server.admin(home()).await;
    bob.batch_execute("SET SESSION AUTHORIZATION bob").await.expect("another's rights");
    let seen = texts(&bob, "SELECT name FROM offshoot.managed_role").await;
    assert!(seen.is_empty(), "{seen:?}");
    let forged = "INSERT INTO offshoot.managed_role VALUES ('br-test', 10, 'cloud_admin', 1)";
    assert!(bob.batch_execute(forged).await.is_err());
}

#[tokio::test]
async fn a_pass_over_tcp_takes_an_administrator_with_a_password() {
    let server = Server::started().await;
    server.make_maintenance().await;
    server.execute("postgres", "DROP OWNED BY neon_superuser").await;
    server
        .execute(
            "postgres",
            "CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'of boss'; \
        ALTER ROLE boss SET statement_timeout = 1; ALTER ROLE boss SET search_path = public; \
        ALTER DATABASE maintenance SET default_transaction_read_only = on",
        )
        .await;
    let compute = server.attached(server.address("boss", "of boss"));
    let converged =
        compute.converge(&sally_and_bob(), &mut Trace::default()).await.expect("a pass");
    assert_eq!(converged.problems, []);
    server.login("sally", "of sally", "neondb").await.expect("a login");
    compute.suspend().await.expect("nothing to stop");
    compute.destroy().await.expect("nothing to remove");
    server.login("sally", "of sally", "neondb").await.expect("a login");
}

#[tokio::test]
async fn an_administrator_who_is_no_superuser_does_what_it_may() {
    let server = Server::started().await;
    server.make_maintenance().await;
    server.execute("postgres", "CREATE ROLE manager CREATEROLE CREATEDB LOGIN PASSWORD 'm'").await;
    let compute = server.attached(server.address("manager", "m"));
    let error =
        compute.converge(&sally_and_bob(), &mut Trace::default()).await.expect_err("a refusal");
    assert!(matches!(error, ComputeError::NotPermitted { .. }), "{error:?}");
    server.execute("postgres", "GRANT CREATE ON DATABASE maintenance TO manager").await;
    server.execute("postgres", "GRANT neon_superuser TO manager WITH ADMIN OPTION").await;
    let converged =
        compute.converge(&sally_and_bob(), &mut Trace::default()).await.expect("a pass");
    assert_eq!(converged.problems, []);
    let bob = server.login("bob", "of bob", "neondb").await.expect("a login");
    bob.batch_execute("CREATE TABLE of_bob (id int)").await.expect("a table");
    drop(bob);
    let desired = sally_and_bob().without_role("bob").role("sally", 1, "new");
    let converged = compute.converge(&desired, &mut Trace::default()).await.expect("a pass");
    assert_eq!(converged.problems, []);
    assert_eq!(texts(&server.admin("neondb").await, OWNERS).await, ["sally"]);
    server.login("sally", "new", "neondb").await.expect("a login");
    // A database in which someone mightier is at work stays, and so does its owner.
    let busy = server.admin("neondb").await;
    let converged =
        compute.converge(&Desired::empty(), &mut Trace::default()).await.expect("a pass");
    assert_eq!(converged.problems.len(), 2, "{:?}", converged.problems);
    let databases = texts(&busy, DATABASES).await;
    assert_eq!(databases, ["neondb of sally"]);
    drop(busy);
    server.wait_until_left("neondb").await;
    let converged =
        compute.converge(&Desired::empty(), &mut Trace::default()).await.expect("a pass");
    assert_eq!(converged.problems, []);
}

#[tokio::test]
async fn a_wrong_address_is_told_apart_from_a_server_that_is_down() {
    let server = Server::started().await;
    server.make_maintenance().await;
    server.execute("postgres", "CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'of boss'").await;
    let address = server.address("boss", "of boss");
    let fails = async |address: Address| {
        let error = server.attached(address).start().await.expect_err("a refusal");
        assert!(!format!("{error} {error:?}").contains("of boss"));
        error
    };
    let wrong = Address { password: Password::new("wrong"), ..address.clone() };
    assert!(matches!(fails(wrong).await, ComputeError::LoginRefused { .. }));
    let missing = Address { database: "missing".into(), ..address.clone() };
    assert!(matches!(fails(missing).await, ComputeError::NoDatabase { .. }));
    // Its certificate is signed by nobody.
    let trusted = Address { tls: TlsMode::VerifyFull, ..address.clone() };
    assert!(matches!(fails(trusted).await, ComputeError::Tls { .. }));
    let down = Address { port: crate::support::free_port(), ..address };
    let error = fails(down).await;
    assert!(matches!(error, ComputeError::Unreachable { .. }), "{error:?}");
    assert!(error.is_retryable());
}
