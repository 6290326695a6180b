//! What a pass refuses to do to a real Postgres.

use offshoot::compute::Compute;
use offshoot::compute::error::ComputeError;
use offshoot::model::progress::Trace;
use offshoot::plan::desired::Desired;

use crate::support::{Catalog, Server, about, refusal, sally_and_bob, texts};

const DATABASES: &str = "SELECT format('%s of %s', datname, pg_get_userbyid(datdba)) \
     FROM pg_database WHERE oid > 16383 AND datname <> 'maintenance' ORDER BY 1";

#[tokio::test]
async fn a_restored_older_catalog_is_refused_before_anything_is_changed() {
    let server = Server::started().await;
    server.converge(&sally_and_bob().at(7)).await;
    // A change outside of any transaction is of a revision too.
    server.converge(&sally_and_bob().at(8).database(1, "renamed", "sally")).await;
    let older = Desired::empty().at(7);
    let error =
        server.compute().converge(&older, &mut Trace::default()).await.expect_err("a refusal");
    assert!(matches!(error, ComputeError::OlderCatalog { .. }), "{error:?}");
    assert!(!error.is_retryable());
    let said = error.to_string();
    assert!(said.contains("revision 8; the catalog is at 7") && said.contains("export"), "{said}");
    let databases = texts(&server.admin("postgres").await, DATABASES).await;
    assert_eq!(databases, ["renamed of sally"]);
    server.login("bob", "of bob", "renamed").await.expect("a role that stayed");
}

#[tokio::test]
async fn what_a_dropped_role_owned_is_never_given_to_a_superuser() {
    let server = Server::started().await;
    let before = sally_and_bob().role("dave", 3, "of dave");
    server.converge(&before).await;
    server.execute("postgres", "CREATE DATABASE foreign_db; ").await;
    server
        .execute(
            "foreign_db",
            "CREATE SCHEMA of_bob AUTHORIZATION bob; GRANT CREATE ON SCHEMA public TO dave; \
             SET SESSION AUTHORIZATION bob; CREATE FUNCTION of_bob.f() RETURNS text \
             SECURITY DEFINER RETURN current_user",
        )
        .await;
    let desired = sally_and_bob().without_role("bob").role("carol", 4, "of carol");
    let converged = server.pass(&desired).await;
    let [problem] = &*converged.problems else { panic!("{:?}", converged.problems) };
    assert_eq!(problem.subject, about("bob"));
    assert!(problem.message.contains("`foreign_db`"), "{}", problem.message);
    assert_eq!(texts(&server.admin("foreign_db").await, "SELECT of_bob.f()").await, ["bob"]);
    assert_eq!(refusal(server.login("bob", "of bob", "neondb").await), "28P01");
    server.login("carol", "of carol", "neondb").await.expect("the others' changes");
    // Who owned nothing there is gone.
    let roles = "SELECT rolname::text FROM pg_roles WHERE rolname IN ('bob', 'dave')";
    assert_eq!(texts(&server.admin("postgres").await, roles).await, ["bob"]);
    server.execute("foreign_db", "ALTER DATABASE foreign_db OWNER TO carol").await;
    server.converge(&desired).await;
    assert_eq!(texts(&server.admin("foreign_db").await, "SELECT of_bob.f()").await, ["carol"]);
    assert!(texts(&server.admin("postgres").await, roles).await.is_empty());
}

#[tokio::test]
async fn a_locked_table_delays_its_owner_alone() {
    let server = Server::started().await;
    server.converge(&sally_and_bob().role("dave", 3, "of dave")).await;
    for (name, password) in [("bob", "of bob"), ("dave", "of dave")] {
        let session = server.login(name, password, "neondb").await.expect("a login");
        session.batch_execute(&format!("CREATE TABLE of_{name} (id int)")).await.expect("a table");
    }
    let other = server.admin("neondb").await;
    other.batch_execute("BEGIN; LOCK TABLE of_bob").await.expect("a lock");
    let desired = sally_and_bob().without_role("bob").role("carol", 4, "of carol");
    let converged = server.pass(&desired).await;
    assert_eq!(converged.problems, []);
    let [delayed] = &*converged.delayed else { panic!("{:?}", converged.delayed) };
    assert_eq!(delayed.subject, about("bob"));
    let roles = "SELECT rolname::text FROM pg_roles WHERE rolname IN ('bob', 'dave')";
    assert_eq!(texts(&server.admin("postgres").await, roles).await, ["bob"]);
    server.login("carol", "of carol", "neondb").await.expect("the others' changes");
    other.batch_execute("COMMIT").await.expect("an end");
    server.converge(&desired).await;
    assert!(texts(&server.admin("postgres").await, roles).await.is_empty());
}

#[tokio::test]
async fn marks_that_somebody_has_a_hand_in_are_not_believed() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    for (tamper, mend) in [
        ("ALTER SCHEMA offshoot OWNER TO bob", "ALTER SCHEMA offshoot OWNER TO cloud_admin"),
        (
            "ALTER TABLE offshoot.managed_role OWNER TO bob",
            "ALTER TABLE offshoot.managed_role OWNER TO cloud_admin",
        ),
        (
            "CREATE TRIGGER t BEFORE UPDATE ON offshoot.state FOR EACH ROW \
             EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "DROP TRIGGER t ON offshoot.state",
        ),
        (
            "CREATE RULE r AS ON INSERT TO offshoot.managed_role DO INSTEAD NOTHING",
            "DROP RULE r ON offshoot.managed_role",
        ),
        ("CREATE TABLE child () INHERITS (offshoot.managed_role)", "DROP TABLE child"),
    ] {
        server.execute("postgres", tamper).await;
        let error = server
            .compute()
            .converge(&Desired::empty(), &mut Trace::default())
            .await
            .expect_err(tamper);
        assert!(matches!(error, ComputeError::Unsupported { .. }), "{tamper}: {error:?}");
        assert!(!error.is_retryable() && error.to_string().contains("schema `offshoot`"));
        server.execute("postgres", mend).await;
        server.converge(&sally_and_bob()).await;
    }
}

#[tokio::test]
async fn the_members_that_a_dropped_role_made_do_not_keep_it() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    let by_hand = "CREATE ROLE team; CREATE ROLE club; GRANT club TO sally; \
         GRANT team TO bob WITH ADMIN OPTION; SET ROLE bob; GRANT team TO sally";
    server.execute("postgres", by_hand).await;
    server.converge(&sally_and_bob().without_role("bob")).await;
    let admin = server.admin("postgres").await;
    let bob = "SELECT rolname::text FROM pg_roles WHERE rolname = 'bob'";
    assert!(texts(&admin, bob).await.is_empty());
    // What others granted stays.
    let club = "SELECT pg_has_role('sally', 'club', 'member')::text";
    assert_eq!(texts(&admin, club).await, ["true"]);
    server.login("sally", "of sally", "neondb").await.expect("a login");
}
