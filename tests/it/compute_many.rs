//! What a pass does with more roles than are sent at once.

use offshoot::model::fault::Fault;
use offshoot::model::role::Login;
use offshoot::plan::desired::Desired;

use crate::support::{Catalog, Server, about, converge_told, home, texts};

/// Enough for eleven parts of a pass, of which the last has one step.
const ROLES: u64 = 1_001;

const COUNT: &str = "SELECT format('%s %s %s', count(*), count(*) FILTER (WHERE rolcanlogin), \
     count(rolpassword)) FROM pg_authid WHERE rolname LIKE 'many%'";

/// Every role as it was written last.
const ROWS: &str = "SELECT format('%s %s', xmin, a) FROM pg_authid a ORDER BY rolname";

const MARKS: &str = "SELECT format('%s %s', count(*), count(*) FILTER (WHERE login)) \
     FROM offshoot.managed_role WHERE NOT retired AND in_group";

/// In how many databases a dropped role could have something.
const DATABASES: &str = "SELECT count(*)::text FROM pg_database WHERE datallowconn";

fn name(number: u64) -> String {
    format!("many_{number:04}")
}

/// Returns a catalog of roles that log in without a password: what those cost is Postgres's.
fn catalog() -> Desired {
    let roles = (0..ROLES).fold(Desired::empty(), |catalog, number| {
        catalog.role_with(&name(number), number + 1, Login::Unset)
    });
    roles.role(&name(700), 701, "of one").database(1, "neondb", &name(0))
}

#[tokio::test]
async fn a_thousand_roles_and_one_are_made_changed_and_dropped_in_as_many_steps_as_it_takes() {
    let server = Server::started().await;
    let made = server.converge(&catalog()).await;
    // All join their group in one, and a database is announced and made.
    assert_eq!(made.steps, 1_001 + 1 + 2);
    assert_eq!(server.converge(&catalog()).await.steps, 0);
    let admin = server.admin("postgres").await;
    assert_eq!(texts(&admin, COUNT).await, ["1001 1001 1"]);
    assert_eq!(texts(&server.admin(home()).await, MARKS).await, ["1001 1001"]);
    server.login(&name(700), "of one", "neondb").await.expect("a login");
    server.wait_until_left("neondb").await;

    let changed = (0..ROLES).fold(catalog(), |catalog, number| {
        if 500 <= number {
            catalog.without_role(&name(number))
        } else {
            catalog.group(&name(number), number + 1)
        }
    });
    let databases: usize = texts(&admin, DATABASES).await[0].parse().expect("a number");
    let left = server.converge(&changed).await;
    assert_eq!(left.steps, 500 + 501 * (1 + databases + 1));
    assert_eq!(server.converge(&changed).await.steps, 0);
    assert_eq!(texts(&admin, COUNT).await, ["500 0 0"]);
    assert_eq!(texts(&server.admin(home()).await, MARKS).await, ["500 0"]);
}

#[tokio::test]
async fn one_that_is_refused_among_a_thousand_keeps_none_of_the_others_away() {
    let server = Server::started().await;
    server.restart_with("shared_preload_libraries = 'passwordcheck'").await;
    let wrong = name(250);
    let desired = catalog().role(&wrong, 251, &wrong);
    let mut before = None;
    // All others are made and join their group, and a database is announced and made.
    for steps in [1_000 + 1 + 2, 0] {
        let converged = converge_told(&server.compute(), &desired).await;
        assert_eq!(converged.steps, steps);
        let [problem] = &*converged.problems else { panic!("{:?}", converged.problems) };
        assert_eq!(problem.subject, about(&wrong));
        assert_eq!(problem.fault, Fault::BadInput);
        let admin = server.admin("postgres").await;
        assert_eq!(texts(&admin, COUNT).await, ["1000 1000 1"]);
        assert_eq!(texts(&server.admin(home()).await, MARKS).await, ["1000 1000"]);
        let after = texts(&admin, ROWS).await;
        assert!(before.is_none_or(|before| before == after), "something is written again");
        before = Some(after);
    }
    server.login(&name(700), "of one", "neondb").await.expect("a login");
    let mended = catalog();
    // It is made, and joins its group.
    assert_eq!(server.converge(&mended).await.steps, 2);
    let admin = server.admin("postgres").await;
    assert_eq!(texts(&admin, COUNT).await, ["1001 1001 1"]);
}
