//! Plans before passes: what a pass over a real Postgres would do, as the API and the command tell it.

use std::process::Command;

use serde_json::{Value, json};

use super::attached::attach;
use super::support::branch::{Branch, DATABASE, password};
use super::support::cluster::{BOSS_PASSWORD, Cluster};
use super::support::session::ask;
use super::support::{OWNER, Server, run};

impl Branch {
    /// Returns what a pass would do.
    async fn plan(&self) -> Value {
        let answer = self.api.post(&self.path("/reconcile"), &json!({ "dry_run": true })).await;
        let mut answer = answer.expect(200);
        assert_eq!((&answer["dry_run"], &answer["operations"]), (&json!(true), &json!([])));
        answer["plan"].take()
    }

    /// Runs a command of ours on the branch, and returns its exit code and what it printed.
    fn offshoot(&self, arguments: &[&str]) -> (Option<i32>, String) {
        run(Command::new(env!("CARGO_BIN_EXE_offshoot"))
            .args(arguments)
            .env("OFFSHOOT_URL", self.api.origin())
            .env("OFFSHOOT_API_KEY", self.api.key())
            .env("OFFSHOOT_PROJECT", &self.project)
            .env("OFFSHOOT_BRANCH", &self.id))
    }
}

fn step<'a>(plan: &'a Value, summary: &str) -> &'a Value {
    let mut steps = plan["steps"].as_array().expect("steps").iter();
    let found = steps.find(|step| step["summary"] == summary);
    found.unwrap_or_else(|| panic!("{plan:#} has no step `{summary}`"))
}

fn sql(step: &Value) -> Vec<&str> {
    let statements = step["statements"].as_array().expect("statements").iter();
    statements.map(|statement| statement["sql"].as_str().expect("SQL")).collect()
}

#[tokio::test]
async fn a_dry_run_tells_the_sql_of_a_drop_that_waits_and_what_it_touches() {
    let server = Server::start();
    let main = server.create_project().await.main;
    assert_eq!(main.plan().await["steps"], json!([]));
    main.add_role("bob").await;
    let bob = main.login("bob").await.expect("a session");
    let tables =
        format!("CREATE TABLE a (id int); CREATE TABLE b (id int); GRANT SELECT ON a TO {OWNER}");
    bob.batch_execute(&tables).await.expect("tables");
    // Who holds a table keeps it from being handed over, so the drop waits.
    let owner = main.login(OWNER).await.expect("a session");
    owner.batch_execute("BEGIN; LOCK TABLE a IN ACCESS SHARE MODE").await.expect("a lock");
    main.api.delete(&main.role_path("bob", "")).await.expect(200);
    let handover = format!("give what role bob has in database {DATABASE} to role {OWNER}");
    let plan = loop {
        let plan = main.plan().await;
        let steps = plan["steps"].as_array().expect("steps");
        if steps.first().is_some_and(|step| step["summary"] == *handover) {
            break plan;
        }
    };
    let handover = step(&plan, &handover);
    let give = format!("REASSIGN OWNED BY \"bob\" TO \"{OWNER}\"");
    assert_eq!(sql(handover), ["BEGIN", &give, "DROP OWNED BY \"bob\"", "COMMIT"]);
    assert_eq!(handover["statements"][1]["database_name"], DATABASE);
    assert_eq!(handover["in_transaction"], false);
    assert_eq!(handover["risks"], json!(["changes_owner", "locks", "changes_privileges"]));
    let objects = json!([
        { "kind": "role", "name": "bob" },
        { "kind": "database", "name": DATABASE },
        { "kind": "holding", "name": "bob", "database_name": DATABASE, "owned_objects": 2,
          "granted_objects": 0 },
    ]);
    assert_eq!(handover["objects"], objects);
    assert_eq!(handover["connections"], json!([]), "they have ended");
    assert_eq!(sql(step(&plan, "remove role bob")), ["DROP ROLE IF EXISTS \"bob\""]);

    let (code, words) = main.offshoot(&["plan"]);
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains(&format!("       {give};\n")), "{words}");
    assert!(words.contains("     risks: changes_owner, locks, changes_privileges\n"), "{words}");
    let (_, told) = main.offshoot(&["plan", "--json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["plan"]["steps"][0]["statements"], handover["statements"]);

    owner.batch_execute("COMMIT").await.expect("an open session");
    let (code, words) = main.offshoot(&["reconcile"]);
    assert_eq!(code, Some(0), "{words}");
    assert!(words.starts_with("apply_config finished"), "{words}");
    assert_eq!(main.plan().await["steps"], json!([]));
    let (_, words) = main.offshoot(&["plan"]);
    assert!(words.starts_with("Nothing to do"), "{words}");
}

#[tokio::test]
async fn a_dry_run_neither_wakes_an_endpoint_nor_changes_anything() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let secret = main.login(OWNER).await.expect("a session");
    let roles = "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles";
    let before = ask(&secret, roles).await;
    main.plan().await;
    assert_eq!(ask(&secret, roles).await, before);
    drop(secret);
    main.suspend().await;
    let dry = json!({ "dry_run": true });
    let refused = main.api.post(&main.path("/reconcile"), &dry).await;
    let message = refused.refused(409, "ENDPOINT_ASLEEP");
    assert!(message.contains("/start"), "{message}");
    assert_eq!(main.endpoint().await["current_state"], "idle");
    let (code, words) = main.offshoot(&["plan"]);
    assert!(code == Some(1) && words.contains("is not running"), "{words}");

    // A pass that is asked for wakes it, and puts it back to sleep.
    let asked = main.api.post(&main.path("/reconcile"), &json!({})).await.expect(200);
    let actions: Vec<_> = main.end(&asked).await.iter().map(|it| it["action"].clone()).collect();
    assert_eq!(actions, ["apply_config", "suspend_compute"]);

    let bare = main.api.post(&format!("/projects/{}/branches", main.project), &json!({})).await;
    let bare = Branch::born(&main.api, &main.project, &bare.expect(201));
    for body in [dry, json!({})] {
        let refused = bare.api.post(&bare.path("/reconcile"), &body).await;
        refused.refused(404, "ENDPOINT_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_dry_run_tells_whose_sessions_would_end() {
    let (server, cluster) = (Server::start(), Cluster::start().await);
    let (main, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
    main.finish(&attached).await;
    let password = password(&main.add_role("sally").await);
    let deactivated = main.api.post_nothing(&main.role_path("sally", "/deactivate")).await;
    main.finish(&deactivated.expect(200)).await;
    let boss = cluster.boss().await;
    boss.batch_execute("ALTER ROLE sally LOGIN").await.expect("an administrator's rights");
    let sally = main.login_with("sally", &password).await.expect("a session");
    let plan = main.plan().await;
    let barred = step(&plan, "give role sally back: NOLOGIN");
    assert_eq!(sql(barred), ["ALTER ROLE \"sally\" NOLOGIN"]);
    let ended = step(&plan, "end the sessions of role sally");
    assert_eq!(
        (&ended["in_transaction"], &ended["risks"]),
        (&json!(false), &json!(["ends_sessions"]))
    );
    assert!(sql(ended)[0].starts_with("SELECT bool_and(pg_terminate_backend("), "{ended}");
    let connected = &ended["connections"][0];
    assert_eq!(
        (&connected["role_name"], &connected["open_connections"]),
        (&json!("sally"), &json!(1))
    );
    assert_eq!(ask(&sally, "SELECT 'open'").await, "open", "it was only foretold");
}

#[tokio::test]
async fn a_dry_run_shows_no_verifier() {
    let (server, cluster) = (Server::start(), Cluster::start().await);
    let (main, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
    main.finish(&attached).await;
    main.add_role("sally").await;
    cluster.boss().await.batch_execute("DROP ROLE sally").await.expect("an administrator's rights");
    let plan = main.plan().await;
    let made = step(&plan, "create role sally, with a password");
    assert_eq!(sql(made), ["CREATE ROLE \"sally\" LOGIN PASSWORD '<verifier>'"]);
    assert_eq!(made["in_transaction"], true);
    assert!(!plan.to_string().contains("SCRAM"));
}
