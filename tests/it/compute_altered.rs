//! What a pass does about what was altered by hand in a way that no catalog could have.

use offshoot::compute::Converged;
use offshoot::model::drift::{Attribute, Deviation, Kind, Response};
use offshoot::model::operation::Subject;

use crate::support::{Catalog, Server, about, converge_told, sally_and_bob, texts, verifier};

/// Everything that Postgres keeps of the roles that are not its own.
const ROLES: &str = "SELECT a::text FROM pg_authid a WHERE 16383 < oid ORDER BY rolname";

const DATABASES: &str = "SELECT d::text FROM pg_database d WHERE 16383 < oid ORDER BY datname";

const PASSWORD_OF_BOB: &str = "SELECT rolpassword FROM pg_authid WHERE rolname = 'bob'";

fn subjects(converged: &Converged) -> Vec<Subject> {
    converged.problems.iter().map(|problem| problem.subject.clone()).collect()
}

fn told(Deviation { item, response, .. }: &Deviation) -> (Kind, &str, Attribute, Response) {
    (item.kind, &item.name, item.attribute, *response)
}

#[tokio::test]
async fn a_password_that_no_catalog_could_keep_is_told_and_put_back_and_never_adopted() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    let before = texts(&server.admin("postgres").await, ROLES).await;
    let md5 = "ALTER ROLE bob PASSWORD 'md5d41d8cd98f00b204e9800998ecf8427e'";
    let by_itself = "SET password_encryption = 'md5'; ALTER ROLE bob PASSWORD 'by hand'";
    // Postgres hashes what it is given as often as that says, so these are put where it keeps them.
    let kept =
        |kept: &str| format!("UPDATE pg_authid SET rolpassword = '{kept}' WHERE rolname = 'bob'");
    let rounds = |rounds| kept(&verifier("by hand").reveal().replacen("4096", rounds, 1));
    let mut all = vec![md5.to_owned(), by_itself.to_owned(), kept("by hand")];
    all.extend(["1", "4095", "16385", "2147483647", "0", "-1"].map(rounds));
    all.push(kept(&format!("{}\n", verifier("by hand").reveal())));
    for by_hand in all {
        server.execute("postgres", &by_hand).await;
        let first = server.pass(&sally_and_bob()).await;
        assert_eq!((first.steps, &*first.problems), (0, &[][..]), "{by_hand}");
        let [deviation] = &*first.deviations else { panic!("{by_hand}: {first:?}") };
        let expected = (Kind::Role, "bob", Attribute::Password, Response::Enforced);
        assert_eq!(told(deviation), expected, "{by_hand}");
        assert_eq!(deviation.found, "another password, not kept as SCRAM-SHA-256");
        assert!(deviation.adoption.is_none() && deviation.is_revertible, "{by_hand}");
        let second = server.pass(&sally_and_bob().told(&first.deviations)).await;
        assert_eq!((second.steps, &*second.deviations), (1, &[][..]), "{by_hand}");
        let password = texts(&server.admin("postgres").await, PASSWORD_OF_BOB).await;
        assert_eq!(password, [verifier("of bob").reveal()], "{by_hand}");
    }
    assert_eq!(texts(&server.admin("postgres").await, ROLES).await, before);
    server.login("bob", "of bob", "neondb").await.expect("the password of the catalog");
}

#[tokio::test]
async fn each_privilege_that_was_given_or_taken_by_hand_is_told_by_its_name_and_put_back() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    let before = texts(&server.admin("postgres").await, ROLES).await;
    for (found, desired) in [
        ("CREATEDB", "NOCREATEDB"),
        ("CREATEROLE", "NOCREATEROLE"),
        ("NOINHERIT", "INHERIT"),
        ("REPLICATION", "NOREPLICATION"),
        ("BYPASSRLS", "NOBYPASSRLS"),
    ] {
        server.execute("postgres", &format!("ALTER ROLE bob {found}")).await;
        let changed = texts(&server.admin("postgres").await, ROLES).await;
        let first = server.pass(&sally_and_bob()).await;
        let [deviation] = &*first.deviations else { panic!("{found}: {first:?}") };
        let expected = (Kind::Role, "bob", Attribute::Privileges, Response::Enforced);
        assert_eq!(told(deviation), expected, "{found}");
        assert_eq!((&*deviation.found, &*deviation.desired), (found, desired));
        assert_eq!(texts(&server.admin("postgres").await, ROLES).await, changed);
        let second = server.pass(&sally_and_bob().told(&first.deviations)).await;
        assert_eq!((second.steps, &*second.problems), (1, &[][..]), "{found}");
        assert_eq!(texts(&server.admin("postgres").await, ROLES).await, before, "{found}");
    }
    server.execute("postgres", "ALTER ROLE bob CREATEDB CREATEROLE BYPASSRLS NOINHERIT").await;
    let first = server.pass(&sally_and_bob()).await;
    let [deviation] = &*first.deviations else { panic!("{first:?}") };
    assert_eq!(deviation.found, "CREATEDB CREATEROLE NOINHERIT BYPASSRLS");
    server.converge(&sally_and_bob()).await;
    assert_eq!(texts(&server.admin("postgres").await, ROLES).await, before);
}

#[tokio::test]
async fn a_role_that_was_made_a_superuser_is_told_and_no_longer_touched() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    server.execute("postgres", "ALTER ROLE bob SUPERUSER CREATEDB").await;
    let before = texts(&server.admin("postgres").await, ROLES).await;
    for _ in 0..2 {
        let converged = converge_told(&server.compute(), &sally_and_bob()).await;
        let [deviation] = &*converged.deviations else { panic!("{converged:?}") };
        let expected = (Kind::Role, "bob", Attribute::Superuser, Response::Reported);
        assert_eq!(told(deviation), expected);
        assert!(!deviation.is_revertible && deviation.adoption.is_none());
        assert_eq!((converged.steps, &*converged.problems), (0, &[][..]));
    }
    // Whatever the catalog wants of it is a problem of its own, and of nobody else.
    let revised = sally_and_bob().at(2).role("sally", 1, "of sally");
    for wanted in [
        revised.clone().role("bob", 2, "reset"),
        revised.clone().deactivated("bob"),
        revised.clone().group("bob", 2),
        revised.clone().role("bob", 9, "of another bob"),
        revised.clone().without_role("bob"),
    ] {
        let converged = converge_told(&server.compute(), &wanted).await;
        assert!(!converged.problems.is_empty(), "{wanted:?}");
        assert!(
            subjects(&converged).iter().all(|subject| *subject == about("bob")),
            "{converged:?}"
        );
        assert_eq!(texts(&server.admin("postgres").await, ROLES).await, before, "{wanted:?}");
        server.login("bob", "of bob", "neondb").await.expect("a login that nobody touched");
    }
    server.execute("postgres", "ALTER ROLE bob NOSUPERUSER NOCREATEDB").await;
    server.converge(&revised.without_role("bob")).await;
    let names = "SELECT rolname::text FROM pg_authid WHERE rolname IN ('bob', 'sally')";
    assert_eq!(texts(&server.admin("postgres").await, names).await, ["sally"]);
}

#[tokio::test]
async fn what_was_renamed_by_hand_is_told_and_nothing_is_made_in_its_place() {
    let server = Server::started().await;
    server.converge(&sally_and_bob()).await;
    server.execute("postgres", "ALTER ROLE bob RENAME TO bobby").await;
    server.execute("postgres", "ALTER DATABASE neondb RENAME TO other").await;
    let admin = server.admin("postgres").await;
    let before = (texts(&admin, ROLES).await, texts(&admin, DATABASES).await);
    for _ in 0..2 {
        let converged = converge_told(&server.compute(), &sally_and_bob()).await;
        let neondb = Subject::Database("neondb".parse().expect("a name"));
        assert_eq!(subjects(&converged), [about("bob"), neondb], "{converged:?}");
        let deviations: Vec<_> = converged.deviations.iter().map(told).collect();
        let expected = [
            (Kind::Role, "bob", Attribute::Name, Response::Reported),
            (Kind::Database, "neondb", Attribute::Name, Response::Reported),
        ];
        assert_eq!(deviations, expected);
        let found: Vec<_> = converged.deviations.iter().map(|it| &*it.found).collect();
        assert_eq!((converged.steps, found), (0, vec!["bobby", "other"]));
        assert_eq!((texts(&admin, ROLES).await, texts(&admin, DATABASES).await), before);
    }
    server.login("bobby", "of bob", "other").await.expect("what was renamed");
    // The others' changes are made all the same.
    let changed = sally_and_bob().role("sally", 1, "new").role("carol", 3, "of carol");
    let converged = converge_told(&server.compute(), &changed).await;
    assert_eq!(converged.problems.len(), 2, "{converged:?}");
    server.login("sally", "new", "other").await.expect("the new password");
    server.login("carol", "of carol", "other").await.expect("a new role");
    server.wait_until_left("other").await;
    server.execute("postgres", "ALTER ROLE bobby RENAME TO bob").await;
    server.execute("postgres", "ALTER DATABASE other RENAME TO neondb").await;
    assert_eq!(server.converge(&changed).await.steps, 0);
    server.login("bob", "of bob", "neondb").await.expect("what has its name again");
}
