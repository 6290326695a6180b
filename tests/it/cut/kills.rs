//! The server and Postgres, killed while a pass is under way.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::crash::{rng, rounds};
use crate::cut::secrets::{assert_kept, statements};
use crate::end_to_end::attached::attach;
use crate::end_to_end::support::Server;
use crate::end_to_end::support::branch::{Branch, password};
use crate::end_to_end::support::cluster::{BOSS, BOSS_PASSWORD, Cluster};
use crate::end_to_end::support::home::Home;
use crate::end_to_end::support::session::{login, who};

/// How often something is killed.
const ROUNDS: u32 = 5;

/// When it is at the latest, once all was asked for.
const LIFE_MS: u64 = 400;

/// What every password that Offshoot draws begins with, and every verifier.
const DRAWN: &str = "npg_";
const VERIFIER: &str = "SCRAM-SHA-256$";

/// The roles and databases that are nobody's but the administrator's and those asked for.
const ROLES: &str = "SELECT rolname::text FROM pg_roles WHERE 16384 <= oid ORDER BY 1";
const DATABASES: &str = "SELECT format('%s of %s', datname, pg_get_userbyid(datdba)) \
     FROM pg_database WHERE 16384 <= oid ORDER BY 1";

const IS_PASSING: &str = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')";

/// A server, and a branch of it that is attached to a Postgres.
struct Plane {
    home: Arc<Home>,
    server: Option<Server>,
    branch: Branch,
    cluster: Cluster,
    counts: bool,
    rng: StdRng,
    /// What servers that were killed had said.
    said: String,
    /// How often a pass was under way when something was killed.
    passing: u32,
}

/// What a round asked for, as it was answered.
struct Asked {
    answers: Vec<Value>,
    /// The roles whose passwords are new, with those.
    passwords: Vec<(String, String)>,
}

impl Plane {
    async fn new() -> Self {
        let (cluster, counts) = Cluster::start_loud().await;
        let home = Arc::new(Home::new());
        let server = Server::start_in(&home, "trace");
        let (branch, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
        branch.finish(&attached).await;
        for name in ["sally", "guest_0"] {
            branch.add_role(name).await;
        }
        let plane = Self {
            home,
            server: Some(server),
            branch,
            cluster,
            counts,
            rng: rng(),
            said: String::new(),
            passing: 0,
        };
        for name in ["shop", "stock_0"] {
            plane.branch.finish(&plane.create_database(name).await).await;
        }
        plane
    }

    async fn create_database(&self, name: &str) -> Value {
        let body = json!({ "database": { "name": name, "owner_name": "sally" } });
        self.branch.api.post(&self.branch.path("/databases"), &body).await.expect(201)
    }

    /// Has the guest of the last round make something, and then asks for a bit of everything.
    async fn ask(&self, round: u32) -> Asked {
        let (branch, last) = (&self.branch, format!("guest_{round}"));
        let shop = self.cluster.uri_of(BOSS, BOSS_PASSWORD, "shop");
        let shop = login(&shop).await.expect("a session");
        let sql = format!(
            "DROP TABLE IF EXISTS made; CREATE TABLE made (id int); \
             ALTER TABLE made OWNER TO {last}"
        );
        shop.batch_execute(&sql).await.expect("a table");
        let next = round + 1;
        let created = branch.create_role(&format!("guest_{next}")).await;
        let path = branch.role_path("sally", "/reset_password");
        let reset = branch.api.post_nothing(&path).await.expect(200);
        let dropped = branch.api.delete(&branch.role_path(&last, "")).await.expect(200);
        let made = self.create_database(&format!("stock_{next}")).await;
        let path = branch.path(&format!("/databases/stock_{round}"));
        let gone = branch.api.delete(&path).await.expect(200);
        let passwords =
            vec![(format!("guest_{next}"), password(&created)), ("sally".into(), password(&reset))];
        assert!(passwords.iter().all(|(_, password)| password.starts_with(DRAWN)));
        Asked { answers: vec![created, reset, dropped, made, gone], passwords }
    }

    /// Waits for any moment, and notes whether a pass is under way then.
    async fn wait(&mut self) {
        let boss = self.cluster.boss().await;
        let life = self.rng.random_range(0..LIFE_MS);
        sleep(Duration::from_millis(life)).await;
        let is_passing: bool = boss.query_one(IS_PASSING, &[]).await.expect("an answer").get(0);
        self.passing += u32::from(is_passing);
    }

    /// Waits until all that was asked for has ended well, and checks that Postgres has it.
    async fn check(&self, asked: &Asked) {
        for answer in &asked.answers {
            self.branch.finish(answer).await;
        }
        let boss = self.cluster.boss().await;
        let mut names = self.branch.role_names().await;
        names.sort();
        assert_eq!(texts(&boss, ROLES).await, names);
        let listed = self.branch.api.get(&self.branch.path("/databases")).await.expect(200);
        let shown = |database: &Value| {
            let text = |field: &str| database[field].as_str().expect("a text").to_owned();
            format!("{} of {}", text("name"), text("owner_name"))
        };
        let listed = listed["databases"].as_array().expect("a list").iter();
        let mut databases: Vec<_> = listed.map(shown).collect();
        databases.sort();
        assert_eq!(texts(&boss, DATABASES).await, databases);
        let dry = json!({ "dry_run": true });
        let foretold = self.branch.api.post(&self.branch.path("/reconcile"), &dry).await;
        let plan = foretold.expect(200)["plan"].take();
        assert_eq!((&plan["steps"], &plan["problems"]), (&json!([]), &json!([])), "{plan}");
        for (role, password) in &asked.passwords {
            let session = login(&self.cluster.uri_of(role, password, "shop")).await;
            assert_eq!(who(&session.expect("a session")).await, *role);
        }
        let shop = self.cluster.uri_of("sally", &asked.passwords[1].1, "shop");
        let shop = login(&shop).await.expect("a session");
        let owner = "SELECT tableowner::text FROM pg_tables WHERE tablename = 'made'";
        assert_eq!(texts(&shop, owner).await, ["sally"], "the heir of the dropped role");
        if self.counts {
            let counted = statements(&self.cluster).await;
            assert!(!counted.contains(DRAWN) && !counted.contains(VERIFIER), "{counted}");
        }
    }

    fn kill_server(&mut self) {
        let server = self.server.take().expect("a server that runs");
        self.said.push_str(&server.crash());
    }

    fn start_server(&mut self) {
        let server = Server::start_in(&self.home, "trace");
        self.branch = server.branch_like(&self.branch);
        self.server = Some(server);
    }

    #[expect(clippy::print_stderr, reason = "how much a run has shown")]
    async fn end(mut self) {
        eprintln!("{} of the kills came during a pass", self.passing);
        self.kill_server();
        assert!(self.said.contains("answered POST"), "requests are logged: {}", self.said);
        assert_kept(&self.cluster, self.counts, &[DRAWN.into()], &[&self.said]).await;
    }
}

async fn texts(client: &Client, sql: &str) -> Vec<String> {
    let rows = client.query(sql, &[]).await.expect("an answer");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_server_that_is_killed_during_a_pass_ends_every_operation_after_its_restart() {
    let mut plane = Plane::new().await;
    let sally = plane.branch.reset_password("sally").await;
    let sally = login(&plane.cluster.uri_of("sally", &sally, "shop")).await.expect("a session");
    for round in 0..rounds(ROUNDS) {
        let asked = plane.ask(round).await;
        plane.wait().await;
        plane.kill_server();
        plane.start_server();
        plane.check(&asked).await;
        assert_eq!(who(&sally).await, "sally", "a session that stayed open");
    }
    plane.end().await;
}

#[tokio::test]
async fn a_postgres_that_is_killed_during_a_pass_gets_all_that_was_asked_for() {
    let mut plane = Plane::new().await;
    for round in 0..rounds(ROUNDS) {
        let asked = plane.ask(round).await;
        plane.wait().await;
        plane.cluster.kill();
        plane.cluster.start_again().await;
        plane.check(&asked).await;
    }
    plane.end().await;
}
