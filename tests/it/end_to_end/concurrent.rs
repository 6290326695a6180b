//! Many changes of one branch at the same moment: none is refused, and all are applied in order.

use std::future::Future;
use std::pin::Pin;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::support::Server;
use super::support::branch::{Branch, password};
use super::support::session::{ask, refused, who};

/// How many roles there are before, of each kind.
const BEFORE: usize = 16;

/// How many are created at the same moment, and how many databases.
const NEW: usize = 16;

/// How often one password is reset at the same moment.
const RESETS: usize = 8;

type Change<'a> = Pin<Box<dyn Future<Output = Value> + 'a>>;

/// Returns 72 changes: of roles that come, go, and get other passwords, and of databases.
fn changes(main: &Branch) -> Vec<Change<'_>> {
    let reset = |name: String| async move {
        main.api.post_nothing(&main.role_path(&name, "/reset_password")).await.expect(200)
    };
    let drop =
        |name: String| async move { main.api.delete(&main.role_path(&name, "")).await.expect(200) };
    let database = |name: String| async move {
        let body = json!({ "database": { "name": name, "owner_name": "owner" } });
        main.api.post(&main.path("/databases"), &body).await.expect(201)
    };
    let mut changes: Vec<Change<'_>> = Vec::new();
    for number in 0..NEW {
        let name = format!("new_{number}");
        changes.push(Box::pin(async move { main.create_role(&name).await }));
        changes.push(Box::pin(database(format!("base_{number}"))));
        changes.push(Box::pin(reset(format!("reset_{number}"))));
        changes.push(Box::pin(drop(format!("dropped_{number}"))));
    }
    changes.extend((0..RESETS).map(|_| Box::pin(reset("owner".into())) as Change<'_>));
    changes
}

/// Returns the revision at which a role was written, and its password.
fn written(answer: &Value) -> (u64, String) {
    (answer["role"]["origin"]["revision"].as_u64().expect("a revision"), password(answer))
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_at_once_are_all_taken_and_applied_in_order() {
    let server = Server::start();
    let main = server.create_project().await.main;
    main.create_role("owner").await;
    let mut former = Vec::new();
    for number in 0..BEFORE {
        for kind in ["reset", "dropped"] {
            let name = format!("{kind}_{number}");
            former.push((name.clone(), password(&main.create_role(&name).await)));
        }
    }
    let answers = join_all(changes(&main)).await;
    for answer in &answers {
        let ended = main.end(answer).await;
        assert_eq!(ended.len(), 1, "{answer:#}");
        assert_eq!(ended[0]["status"], "finished", "{:#}", ended[0]);
    }
    for (name, password) in &former {
        refused(main.login_with(name, password).await);
    }
    for answer in &answers {
        let name = answer["role"]["name"].as_str().unwrap_or("owner");
        if name.starts_with("new_") || name.starts_with("reset_") {
            let session = main.login_with(name, &password(answer)).await.expect("a session");
            assert_eq!(who(&session).await, name);
        }
    }
    // Of the passwords of one role, the one that was drawn last in the catalog's order is in force.
    let is_owners = |answer: &&Value| answer["role"]["name"] == "owner";
    let mut resets: Vec<_> = answers.iter().filter(is_owners).map(written).collect();
    resets.sort();
    let (_, newest) = resets.pop().expect("a reset");
    assert_eq!(resets.len(), RESETS - 1);
    for (_, old) in resets {
        refused(main.login_with("owner", &old).await);
    }
    let owner = main.login_with("owner", &newest).await.expect("a session");
    let count = "SELECT count(*)::text FROM pg_database WHERE datname LIKE 'base_%'";
    assert_eq!(ask(&owner, count).await, NEW.to_string());
    assert_eq!(main.reveal_password("owner").await, newest);
}
