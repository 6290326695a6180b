//! Roles that go, for a while or for good, with what they own.

use serde_json::json;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use super::attached::attach;
use super::support::Server;
use super::support::branch::{Branch, password};
use super::support::cluster::{BOSS_PASSWORD, Cluster};
use super::support::session::{ask, has_role, who};

/// Checks that a login was refused because the role may not log in, and not for its password.
#[track_caller]
fn barred(login: Result<Client, Error>) {
    let error = login.map(drop).expect_err("a refusal");
    assert_eq!(error.code(), Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION), "{error:?}");
}

async fn execute(client: &Client, sql: &str) {
    client.batch_execute(sql).await.expect("legal SQL");
}

/// Starts a Postgres with the databases `shop` and `mart`, which belong to the role `owner`, and the
/// role `sally`.
async fn shop(server: &Server) -> (Cluster, Branch, String) {
    let cluster = Cluster::start().await;
    let (branch, attached) = attach(server, &cluster, BOSS_PASSWORD).await;
    branch.finish(&attached).await;
    branch.add_role("owner").await;
    let sally = password(&branch.add_role("sally").await);
    for name in ["shop", "mart"] {
        let body = json!({ "database": { "name": name, "owner_name": "owner" } });
        branch.finish(&branch.api.post(&branch.path("/databases"), &body).await.expect(201)).await;
    }
    for name in ["shop", "mart"] {
        let boss = cluster.boss_in(name).await;
        execute(
            &boss,
            "CREATE TABLE public.ledger (n int); ALTER TABLE public.ledger OWNER TO sally",
        )
        .await;
    }
    (cluster, branch, sally)
}

#[tokio::test]
async fn a_deactivated_role_loses_its_sessions_and_keeps_its_password() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let sally = password(&main.add_role("sally").await);
    let held = main.login_with("sally", &sally).await.expect("a session");
    assert_eq!(who(&held).await, "sally");
    let path = main.role_path("sally", "/deactivate");
    let answer = main.api.post_nothing(&path).await.expect(200);
    assert!(answer["role"]["deactivated_at"].is_string(), "{answer}");
    main.finish(&answer).await;
    held.query_one("SELECT 1", &[]).await.expect_err("a session that was ended");
    barred(main.login_with("sally", &sally).await);
    assert_eq!(main.api.post_nothing(&path).await.expect(200)["operations"], json!([]));

    // It is inherited, and kept through another password.
    let child = main.branch_off(json!({})).await;
    let shown = child.api.get(&child.role_path("sally", "")).await.expect(200);
    assert_eq!(shown["role"]["deactivated_at"], answer["role"]["deactivated_at"]);
    barred(child.login_with("sally", &sally).await);
    let other = child.reset_password("sally").await;
    barred(child.login_with("sally", &other).await);
    let activate = child.role_path("sally", "/activate");
    child.finish(&child.api.post_nothing(&activate).await.expect(200)).await;
    child.login_with("sally", &other).await.expect("a session");

    barred(main.login_with("sally", &sally).await);
    let activate = main.role_path("sally", "/activate");
    let answer = main.api.post_nothing(&activate).await.expect(200);
    assert_eq!(answer["role"].get("deactivated_at"), None);
    main.finish(&answer).await;
    main.login_with("sally", &sally).await.expect("a session with the password of old");
    let history = main.api.get(&main.role_path("sally", "/history")).await.expect(200);
    let deeds: Vec<_> = history["entries"].as_array().expect("entries").iter().collect();
    assert_eq!(deeds[0]["action"], "activate_role");
    assert_eq!(deeds[1]["action"], "deactivate_role");
}

#[tokio::test]
async fn a_deletion_says_what_it_would_meet_and_can_be_made_to_stop_at_it() {
    let server = Server::start();
    let (cluster, branch, sally) = shop(&server).await;
    let _held = branch.login_with("sally", &sally).await.expect("a session");
    let preview = branch.api.get(&branch.role_path("sally", "/deletion")).await.expect(200);
    let preview = &preview["deletion"];
    assert_eq!((&preview["blocked"], &preview["open_sessions"]), (&json!(false), &json!(1)));
    let holdings = json!([
        { "database": "mart", "owned": 1, "granted": 0 },
        { "database": "shop", "owned": 1, "granted": 0 },
    ]);
    assert_eq!(preview["holdings"], holdings);
    let reject = format!("{}?on_owned=reject", branch.role_path("sally", ""));
    let message = branch.api.delete(&reject).await.refused(409, "ROLE_OWNS_OBJECTS");
    assert!(message.contains("1 object in database \"mart\", 1 object in"), "{message}");
    assert!(has_role(&cluster.boss().await, "sally").await);
    branch.login_with("sally", &sally).await.expect("a role that nobody touched");
    let unclear = format!("{}?on_owned=burn", branch.role_path("sally", ""));
    branch.api.delete(&unclear).await.refused(400, "INVALID_REQUEST");
    let owner = branch.api.get(&branch.role_path("owner", "/deletion")).await.expect(200);
    assert_eq!(owner["deletion"]["databases"], json!(["mart", "shop"]));
    assert_eq!(owner["deletion"]["blocked"], true);
}

#[tokio::test]
async fn a_deleted_role_loses_its_sessions_and_leaves_what_it_owned_to_the_owner() {
    let server = Server::start();
    let (cluster, branch, sally) = shop(&server).await;
    let held = branch.login_with("sally", &sally).await.expect("a session");
    // From there on its own rights on what it owns look like grants, too.
    execute(&cluster.boss_in("shop").await, "GRANT SELECT ON public.ledger TO owner").await;
    branch.delete_role("sally").await;
    held.query_one("SELECT 1", &[]).await.expect_err("a session that was ended");
    for name in ["shop", "mart"] {
        let boss = cluster.boss_in(name).await;
        let owner = "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'ledger'";
        assert_eq!(ask(&boss, owner).await, "owner");
        assert!(!has_role(&boss, "sally").await);
    }
}

#[tokio::test]
async fn what_a_deleted_role_owned_is_dropped_where_somebody_asks_and_nothing_of_others() {
    let server = Server::start();
    let (cluster, branch, _) = shop(&server).await;
    let (shop, mart) = (cluster.boss_in("shop").await, cluster.boss_in("mart").await);
    // Somebody else's view stands on the table in one of the two.
    execute(&shop, "CREATE VIEW public.sums AS SELECT n FROM public.ledger").await;
    let path = format!("{}?on_owned=drop_owned", branch.role_path("sally", ""));
    let deleted = branch.api.delete(&path).await.expect(200);
    let failed = branch.end(&deleted).await.remove(0);
    assert_eq!(failed["status"], "failed", "{failed}");
    let error = &failed["role_errors"][0];
    assert_eq!((&error["class"], &error["sqlstate"]), (&json!("blocked"), &json!("2BP01")));
    let count = "SELECT count(*)::text FROM pg_class WHERE relname = 'ledger'";
    assert_eq!((ask(&shop, count).await, ask(&mart, count).await), ("1".into(), "0".into()));
    // What was asked for is not forgotten with the operation that failed.
    branch.add_role("bob").await;
    let owner = "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'ledger'";
    assert_eq!(ask(&shop, owner).await, "sally");
    execute(&shop, "DROP VIEW public.sums").await;
    let id = failed["id"].as_str().expect("an id");
    let retry = format!("/projects/{}/operations/{id}/retry", branch.project);
    let again = branch.api.post_nothing(&retry).await.expect(200)["operation"].take();
    branch.finish(&json!({ "operations": [again] })).await;
    assert_eq!(ask(&shop, count).await, "0");
    assert!(!has_role(&shop, "sally").await);
}

#[tokio::test]
async fn a_deleted_role_loses_what_others_granted_it_and_no_database_changes_hands() {
    let server = Server::start();
    let (cluster, branch, _) = shop(&server).await;
    branch.add_role("third").await;
    let shop = cluster.boss_in("shop").await;
    execute(
        &shop,
        "GRANT CONNECT ON DATABASE shop TO third WITH GRANT OPTION; \
         GRANT USAGE ON LANGUAGE plpgsql TO third WITH GRANT OPTION; \
         CREATE SCHEMA deep; GRANT USAGE ON SCHEMA deep TO third WITH GRANT OPTION; \
         SELECT lo_create(4711); GRANT SELECT ON LARGE OBJECT 4711 TO third WITH GRANT OPTION; \
         SET ROLE third; GRANT CONNECT ON DATABASE shop TO sally; \
         GRANT USAGE ON LANGUAGE plpgsql TO sally; GRANT USAGE ON SCHEMA deep TO sally; \
         GRANT SELECT ON LARGE OBJECT 4711 TO sally; \
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO sally; RESET ROLE",
    )
    .await;
    branch.delete_role("sally").await;
    assert!(!has_role(&shop, "sally").await);
    let database = "SELECT datacl::text FROM pg_database WHERE datname = 'shop'";
    assert!(ask(&shop, database).await.contains("third=c*/owner"), "the third's own stays");

    // A database that was made by hand is nobody's to give away.
    branch.add_role("eve").await;
    execute(&cluster.boss().await, "CREATE DATABASE attic OWNER eve").await;
    let deleted = branch.api.delete(&branch.role_path("eve", "")).await.expect(200);
    let failed = branch.end(&deleted).await.remove(0);
    assert_eq!((&failed["status"], &failed["error_class"]), (&json!("failed"), &json!("blocked")));
    let owner = "SELECT datdba::regrole::text FROM pg_database WHERE datname = 'attic'";
    assert_eq!(ask(&shop, owner).await, "eve");
    execute(&cluster.boss().await, "ALTER DATABASE attic OWNER TO boss").await;
    branch.add_role("bob").await;
    assert!(!has_role(&shop, "eve").await, "the next pass goes on");
}
