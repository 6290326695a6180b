//! Drift: what somebody changes with SQL is told, and then put back, taken over, or left.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::attached::attach;
use super::support::branch::Branch;
use super::support::cluster::{BOSS_PASSWORD, Cluster};
use super::support::session::{ask, has_role, refused};
use super::support::{OWNER, POLL, Server};

/// How long a drift may take to end.
const TIME: Duration = Duration::from_secs(30);

struct World {
    _server: Server,
    _cluster: Cluster,
    branch: Branch,
    boss: Client,
}

impl World {
    async fn new() -> Self {
        let (server, cluster) = (Server::start(), Cluster::start().await);
        let (branch, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
        branch.finish(&attached).await;
        branch.add_role("sally").await;
        let boss = cluster.boss().await;
        Self { _server: server, _cluster: cluster, branch, boss }
    }

    /// Does something by hand.
    async fn hand(&self, sql: &str) {
        self.boss.batch_execute(sql).await.expect("an administrator's rights");
    }
}

impl Branch {
    async fn drift(&self) -> Vec<Value> {
        let mut answer = self.api.get(&self.path("/drift")).await.expect(200);
        let list = answer["drift"].take();
        list.as_array().expect("a list").clone()
    }

    async fn drift_of(&self, name: &str, attribute: &str) -> Option<Value> {
        let mut listed = self.drift().await.into_iter();
        listed.find(|it| it["name"] == name && it["attribute"] == attribute)
    }

    /// Returns what became of a drift that has ended, once it has.
    async fn ended_drift(&self, name: &str, attribute: &str) -> Value {
        let until = Instant::now() + TIME;
        loop {
            let answer = self.api.get(&self.path("/drift/history")).await.expect(200);
            let mut listed = answer["drift"].as_array().expect("a list").iter();
            if let Some(found) =
                listed.find(|it| it["name"] == name && it["attribute"] == attribute)
            {
                return found.clone();
            }
            assert!(Instant::now() < until, "{answer:#} has no {attribute} of {name}");
            tokio::time::sleep(POLL).await;
        }
    }

    async fn decide(&self, drift: &Value, verdict: &str) -> Value {
        let id = drift["id"].as_str().expect("an id");
        let answer = self.api.post_nothing(&self.path(&format!("/drift/{id}/{verdict}"))).await;
        answer.expect(200)
    }

    async fn set_policy(&self, policy: Value) -> Value {
        let body = json!({ "policy": policy });
        let path = self.path("/drift/policy");
        self.api.put(&path, &body).await.expect(200)["policy"].take()
    }

    /// Makes a pass, and waits for its end.
    async fn pass(&self) {
        let asked = self.api.post(&self.path("/reconcile"), &json!({})).await.expect(200);
        self.finish(&asked).await;
    }
}

const STATE: &str = "SELECT format('%s %s %s', rolcanlogin, rolcreatedb, rolconnlimit) \
     FROM pg_roles WHERE rolname = 'sally'";

#[tokio::test]
async fn what_a_pass_overwrites_is_told_in_the_history_of_drift() {
    let world = World::new().await;
    let main = &world.branch;
    world.hand("ALTER ROLE sally NOLOGIN CREATEDB CONNECTION LIMIT 3").await;
    let found = main.drift_of("sally", "privileges").await.expect("a drift");
    assert_eq!(
        (&found["desired"], &found["found"], &found["side"], &found["response"]),
        (&json!("NOCREATEDB"), &json!("CREATEDB"), &json!("postgres"), &json!("enforced"))
    );
    main.pass().await;
    assert_eq!(ask(&world.boss, STATE).await, "t f -1");
    for attribute in ["login", "privileges", "connection_limit"] {
        let ended = main.ended_drift("sally", attribute).await;
        assert_eq!(ended["response"], "enforced");
        assert!(ended["ended_at"].is_string() && ended["since"].is_string());
    }
    assert_eq!(main.drift_of("sally", "login").await, None);
}

#[tokio::test]
async fn a_password_that_was_changed_by_hand_is_adopted_and_a_later_reset_is_stronger() {
    let world = World::new().await;
    let main = &world.branch;
    world.hand("ALTER ROLE sally PASSWORD 'by-hand'").await;
    main.pass().await;
    let ended = main.ended_drift("sally", "password").await;
    assert_eq!((&ended["response"], &ended["verdict"]), (&json!("adopted"), &json!("adopt")));
    assert!(!ended.to_string().contains("SCRAM") && !ended.to_string().contains("by-hand"));
    main.login_with("sally", "by-hand").await.expect("a session");
    let child = main.branch_off(json!({ "name": "child" })).await;
    child.login_with("sally", "by-hand").await.expect("the catalog has it, and so has a child");
    let reset = main.reset_password("sally").await;
    refused(main.login_with("sally", "by-hand").await);
    main.login_with("sally", &reset).await.expect("a session");
}

#[tokio::test]
async fn that_a_deactivated_role_cannot_log_in_is_no_drift_and_that_it_can_is() {
    let world = World::new().await;
    let main = &world.branch;
    let deactivated = main.api.post_nothing(&main.role_path("sally", "/deactivate")).await;
    main.finish(&deactivated.expect(200)).await;
    assert_eq!(ask(&world.boss, STATE).await, "f f -1");
    assert_eq!(main.drift().await, Vec::<Value>::new());
    world.hand("ALTER ROLE sally LOGIN PASSWORD 'by-hand'").await;
    let held = main.login_with("sally", "by-hand").await.expect("a session");
    let found = main.drift_of("sally", "login").await.expect("a drift");
    assert_eq!(
        (&found["desired"], &found["found"], &found["response"]),
        (&json!("NOLOGIN"), &json!("LOGIN"), &json!("enforced"))
    );
    main.pass().await;
    assert_eq!(main.ended_drift("sally", "login").await["response"], "enforced");
    assert_eq!(main.ended_drift("sally", "password").await["response"], "adopted");
    assert_eq!(ask(&world.boss, STATE).await, "f f -1");
    held.query_one("SELECT 1", &[]).await.expect_err("a session that was ended");

    let activate = main.role_path("sally", "/activate");
    main.finish(&main.api.post_nothing(&activate).await.expect(200)).await;
    main.login_with("sally", "by-hand").await.expect("a session with the password it has now");
    assert_eq!(main.drift().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_role_and_a_database_made_with_sql_are_adopted_with_what_they_have() {
    let world = World::new().await;
    let main = &world.branch;
    world.hand("CREATE ROLE veteran LOGIN CREATEDB PASSWORD 'of-old'").await;
    world.hand("CREATE DATABASE archive OWNER veteran").await;
    let found = main.drift_of("archive", "unmanaged").await.expect("a drift");
    let id = found["id"].as_str().expect("an id");
    let refused = main.api.post_nothing(&main.path(&format!("/drift/{id}/adopt"))).await;
    refused.refused(422, "DRIFT_NOT_ADOPTABLE");
    let found = main.drift_of("veteran", "unmanaged").await.expect("a drift");
    assert_eq!((&found["adoptable"], &found["revertible"]), (&json!(true), &json!(false)));
    let adopted = main.decide(&found, "adopt").await;
    assert_eq!(adopted["operations"][0]["action"], "sync_dbs_and_roles_from_compute");
    main.finish(&adopted).await;
    assert!(main.role_names().await.contains(&"veteran".to_owned()));
    let found = main.drift_of("archive", "unmanaged").await.expect("a drift");
    main.finish(&main.decide(&found, "adopt").await).await;
    main.pass().await;
    let kept = "SELECT format('%s %s %s', rolcanlogin, rolcreatedb, \
         (SELECT count(*) FROM pg_auth_members WHERE member = pg_roles.oid)) \
         FROM pg_roles WHERE rolname = 'veteran'";
    assert_eq!(ask(&world.boss, kept).await, "t t 0", "no more and no less than before");
    main.login_with("veteran", "of-old").await.expect("a session");
    assert_eq!(main.drift_of("veteran", "unmanaged").await, None);

    // From now on they are the catalog's.
    let reset = main.reset_password("veteran").await;
    main.login_with("veteran", &reset).await.expect("a session");
    main.finish(&main.api.delete(&main.path("/databases/archive")).await.expect(200)).await;
    main.delete_role("veteran").await;
    assert!(!has_role(&world.boss, "veteran").await);
}

#[tokio::test]
async fn somebody_decides_about_each_drift_and_the_policy_about_the_rest() {
    let world = World::new().await;
    let main = &world.branch;
    let defaults = main.api.get(&main.path("/drift/policy")).await.expect(200)["policy"].take();
    assert_eq!((&defaults["password"], &defaults["login"]), (&json!("adopt"), &json!("enforce")));
    let reported = json!({ "login": "report", "privileges": "ignore", "existence": "report" });
    assert_eq!(main.set_policy(reported).await["login"], "report");
    let impossible = json!({ "policy": { "unmanaged": "enforce" } });
    let refused = main.api.put(&main.path("/drift/policy"), &impossible).await;
    refused.refused(400, "INVALID_REQUEST");
    world.hand("ALTER ROLE sally NOLOGIN CREATEDB CONNECTION LIMIT 3; CREATE ROLE mine").await;
    main.pass().await;
    assert_eq!(ask(&world.boss, STATE).await, "f t -1");
    assert_eq!(main.drift_of("sally", "privileges").await, None);

    let login = main.drift_of("sally", "login").await.expect("a drift");
    assert_eq!(login["response"], "reported");
    main.decide(&login, "ignore").await;
    main.pass().await;
    let ignored = main.drift_of("sally", "login").await.expect("a drift");
    assert_eq!((&ignored["response"], &ignored["since"]), (&json!("ignored"), &login["since"]));
    main.finish(&main.decide(&ignored, "revert").await).await;
    assert_eq!(ask(&world.boss, STATE).await, "t t -1");

    let mine = main.drift_of("mine", "unmanaged").await.expect("a drift");
    let id = mine["id"].as_str().expect("an id");
    let refused = main.api.post_nothing(&main.path(&format!("/drift/{id}/revert"))).await;
    refused.refused(422, "DRIFT_NOT_REVERTIBLE");
    assert!(has_role(&world.boss, "mine").await);

    // One that was dropped stays dropped, and goes from the catalog where somebody wants that.
    world.hand("DROP ROLE sally").await;
    main.pass().await;
    assert!(!has_role(&world.boss, "sally").await);
    let gone = main.drift_of("sally", "existence").await.expect("a drift");
    main.finish(&main.decide(&gone, "adopt").await).await;
    assert!(!main.role_names().await.contains(&"sally".to_owned()));

    let body = json!({ "branch": { "parent_id": main.id } });
    let path = format!("/projects/{}/branches", main.project);
    let child = main.api.post(&path, &body).await.expect(201);
    let child = Branch::born(&main.api, &main.project, &child);
    let policy = child.api.get(&child.path("/drift/policy")).await.expect(200);
    assert_eq!(policy["policy"]["privileges"], "ignore", "a child is born with it");
    let answer = child.api.get(&child.path("/drift")).await.expect(200);
    assert_eq!(answer, json!({ "seen": "no_endpoint", "drift": [] }));
}

#[tokio::test]
async fn drift_wakes_no_endpoint_and_what_was_found_last_is_shown() {
    let server = Server::start();
    let main = server.create_project().await.main;
    main.set_policy(json!({ "password": "report" })).await;
    let owner = main.login(OWNER).await.expect("a session");
    let change = format!("ALTER ROLE {OWNER} PASSWORD 'by-hand'");
    owner.batch_execute(&change).await.expect("everybody may for oneself");
    drop(owner);
    main.pass().await;
    main.login_with(OWNER, "by-hand").await.expect("a session: it is only reported");
    main.suspend().await;
    let answer = main.api.get(&main.path("/drift")).await.expect(200);
    assert_eq!(answer["seen"], "asleep");
    let found = &answer["drift"][0];
    assert_eq!((&found["name"], &found["attribute"]), (&json!(OWNER), &json!("password")));
    let id = found["id"].as_str().expect("an id");
    let refused = main.api.post_nothing(&main.path(&format!("/drift/{id}/ignore"))).await;
    refused.refused(409, "ENDPOINT_ASLEEP");
    assert_eq!(main.endpoint().await["current_state"], "idle");
}
