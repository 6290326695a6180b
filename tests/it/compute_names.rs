//! Names that look alike, and names that are no text.

use offshoot::compute::Compute;
use offshoot::model::drift::{Attribute, Kind};
use offshoot::model::operation::Subject;
use offshoot::plan::desired::Desired;

use crate::support::{Catalog, Server, about, converge_told, home, refusal, sally_and_bob, texts};

/// Names that differ by case, or by how an accent is written.
const TWINS: [&str; 6] = ["app", "App", "APP", "caf\u{e9}", "cafe\u{301}", "cafe"];

/// Everything that Postgres keeps of the roles and databases whose names are no UTF-8.
const FOREIGN_ROLES: &str = "SELECT format('%s %s', encode(textsend(rolname::text), 'hex'), \
     encode(record_send(ROW(rolcanlogin, rolpassword, rolinherit)), 'hex')) FROM pg_authid \
     WHERE encode(textsend(rolname::text), 'hex') IN ('e8', 'e9') ORDER BY 1";
const FOREIGN_DATABASES: &str = "SELECT format('%s %s', encode(textsend(datname::text), 'hex'), \
     datdba::text) FROM pg_database WHERE encode(textsend(datname::text), 'hex') = '64e9'";

fn bob() -> Subject {
    about("bob")
}

/// Makes a database in whose encoding names are written that are no UTF-8, and the roles `é` and `è`
/// and the database `dé` with such names.
async fn make_names_that_are_no_utf8(server: &Server) {
    let latin = "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' \
         TEMPLATE template0";
    server.execute("postgres", latin).await;
    let latin = server.admin("latin").await;
    let roles = "CREATE ROLE \"\u{e9}\" LOGIN PASSWORD 'by hand'; CREATE ROLE \"\u{e8}\"; \
         CREATE TABLE of_bob (id int); ALTER TABLE of_bob OWNER TO bob";
    latin.batch_execute(roles).await.expect("roles");
    latin.batch_execute("CREATE DATABASE \"d\u{e9}\" TEMPLATE latin").await.expect("a database");
    latin.batch_execute("DROP TABLE of_bob").await.expect("legal SQL");
}

#[tokio::test]
async fn names_that_look_alike_are_different_names() {
    let server = Server::started().await;
    let mut desired = Desired::empty();
    for (id, name) in (1..).zip(TWINS) {
        desired = desired.role(name, id, &format!("{id}")).database(id, name, name);
    }
    server.converge(&desired).await;
    assert_eq!(server.converge(&desired).await.steps, 0);
    for (id, name) in (1..).zip(TWINS) {
        server.login(name, &format!("{id}"), name).await.expect(name);
        let other = id % TWINS.len() + 1;
        let refused = server.login(name, &format!("{other}"), name).await;
        assert_eq!(refusal(refused), "28P01", "{name}");
    }
    let left = desired.without_role("App").without_database(2).role("caf\u{e9}", 4, "new");
    server.converge(&left).await;
    for (id, name) in (1..).zip(TWINS) {
        let password = if id == 4 { "new".into() } else { id.to_string() };
        let login = server.login(name, &password, "app").await;
        assert_eq!(login.is_ok(), name != "App", "{name}");
    }
    let databases = "SELECT datname::text FROM pg_database WHERE 16383 < oid \
         AND datname <> 'maintenance' ORDER BY 1";
    let mut names: Vec<_> = TWINS.into_iter().filter(|name| *name != "App").collect();
    names.sort_unstable();
    assert_eq!(texts(&server.admin("postgres").await, databases).await, names);
    server.converge(&Desired::empty()).await;
    assert!(texts(&server.admin("postgres").await, databases).await.is_empty());
    let roles = "SELECT rolname::text FROM pg_authid WHERE rolname ~* '^(app|caf)'";
    assert!(texts(&server.admin("postgres").await, roles).await.is_empty());
}

#[tokio::test]
async fn what_has_a_name_that_is_no_utf8_is_told_and_left_alone() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    make_names_that_are_no_utf8(&server).await;
    let admin = server.admin("postgres").await;
    let before = (texts(&admin, FOREIGN_ROLES).await, texts(&admin, FOREIGN_DATABASES).await);
    assert_eq!((before.0.len(), before.1.len()), (2, 1), "{before:?}");
    let desired = sally_and_bob().without_role("bob").role("carol", 3, "c").role("sally", 1, "new");
    for _ in 0..2 {
        let converged = converge_told(&server.compute(), &desired).await;
        // He owns a table in a database that nobody can name.
        let [problem] = &*converged.problems else { panic!("{converged:?}") };
        assert_eq!((&problem.subject, problem.code.as_deref()), (&bob(), Some("2BP01")));
        assert_eq!(converged.delayed, []);
        for deviation in &converged.deviations {
            assert_eq!(deviation.item.attribute, Attribute::Unmanaged);
            let is_latin =
                (deviation.item.kind, &*deviation.item.name) == (Kind::Database, "latin");
            assert!(deviation.adoption.is_none() || is_latin, "{deviation:?}");
        }
        let after = (texts(&admin, FOREIGN_ROLES).await, texts(&admin, FOREIGN_DATABASES).await);
        assert_eq!(after, before);
    }
    server.login("sally", "new", "neondb").await.expect("the new password");
    server.login("carol", "c", "neondb").await.expect("the others' changes");
    assert_eq!(refusal(server.login("bob", "of bob", "neondb").await), "28P01");
    server.compute().sessions().await.expect("a list of sessions");
    let bob = "bob".parse().expect("a name");
    let holdings = server.compute().holdings(&bob).await.expect("a list of holdings");
    assert_eq!(holdings.iter().map(|it| it.owned).sum::<u32>(), 1, "{holdings:?}");
    let latin = server.admin("latin").await;
    latin.batch_execute("DROP DATABASE \"d\u{e9}\"").await.expect("legal SQL");
    server.converge(&desired).await;
    let marked = "SELECT name FROM offshoot.managed_role ORDER BY 1";
    assert_eq!(texts(&server.admin(home()).await, marked).await, ["carol", "sally"]);
}

#[tokio::test]
async fn what_a_role_without_a_name_in_utf8_granted_is_taken_away_or_told() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    make_names_that_are_no_utf8(&server).await;
    server
        .admin("latin")
        .await
        .batch_execute("DROP DATABASE \"d\u{e9}\"")
        .await
        .expect("legal SQL");
    // Only within the server can they be named here.
    let grants = "CREATE TABLE its_own (id int); CREATE TABLE lent (id int); \
         DO $$ DECLARE it text := (SELECT quote_ident(rolname) FROM pg_roles \
             WHERE encode(textsend(rolname::text), 'hex') = 'e9'); BEGIN \
         EXECUTE 'ALTER TABLE its_own OWNER TO ' || it; \
         EXECUTE 'GRANT SELECT ON lent TO ' || it || ' WITH GRANT OPTION'; \
         EXECUTE 'SET LOCAL ROLE ' || it; \
         EXECUTE 'GRANT SELECT ON its_own, lent TO bob'; END $$";
    server.execute("neondb", grants).await;
    let desired = sally_and_bob().without_role("bob");
    let converged = converge_told(&server.compute(), &desired).await;
    let [problem] = &*converged.problems else { panic!("{converged:?}") };
    assert_eq!((&problem.subject, problem.code.as_deref()), (&bob(), Some("2BP01")));
    let granted = "SELECT relname::text FROM pg_class, aclexplode(relacl) \
         WHERE grantee = 'bob'::regrole";
    let granted = texts(&server.admin("neondb").await, granted).await;
    assert_eq!(granted, ["lent"], "{}", problem.message);
    server.execute("neondb", "DROP TABLE lent").await;
    server.converge(&desired).await;
}
