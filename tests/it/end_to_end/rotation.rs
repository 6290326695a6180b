//! Credentials that are replaced while applications use them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::interval;

use super::support::api::Answer;
use super::support::branch::Branch;
use super::support::home::Home;
use super::support::session::{ask, login, refused, who};
use super::support::{OWNER, POLL, Server};

/// How many applications connect anew again and again, and how many stay connected.
const VISITORS: usize = 10;
const RESIDENTS: usize = 3;

/// How often a visitor connects. Together they do so 55 times a second, where the machine can.
const VISIT: Duration = Duration::from_millis(180);

/// How long a resident rests between two queries.
const REST: Duration = Duration::from_millis(40);

/// How long all this goes on at the least.
const LOAD: Duration = Duration::from_secs(60);

/// How often it is looked where a rotation is.
const LOOKS: usize = 6000;

impl Branch {
    /// Asks as Render's clients do.
    async fn render(&self, method: Method, rest: &str) -> Answer {
        let path = format!("/postgres/{}{rest}", self.id);
        Answer::to(self.api.request(method, "/v1", &path)).await
    }

    async fn shown_uri(&self) -> String {
        let info = self.render(Method::GET, "/connection-info").await.expect(200);
        info["externalConnectionString"].as_str().expect("a URI").to_owned()
    }

    /// Returns how many connections a credential has open.
    async fn open_connections(&self, username: &str) -> Option<u64> {
        let listed = self.render(Method::GET, "/credentials").await.expect(200);
        let mut users = listed.as_array().expect("a list").iter();
        let user = users.find(|user| user["username"] == username).expect("a credential");
        user["openConnections"].as_u64()
    }

    /// Waits until nothing is left to do.
    async fn settle(&self) {
        let path = format!("/projects/{}/operations", self.project);
        let listed = self.api.get(&path).await.expect(200);
        self.finish(&listed).await;
    }

    async fn rotate(&self, wish: Value) -> Value {
        let path = self.path("/credentials/rotate");
        self.api.post(&path, &wish).await.expect(201)["rotation"].take()
    }

    async fn rotation(&self, begun: &Value) -> Value {
        let id = begun["id"].as_str().expect("an id");
        self.api.get(&self.path(&format!("/rotations/{id}"))).await.expect(200)
    }

    /// Waits until a rotation has moved on from a state or has ended, and returns it.
    async fn moved(&self, begun: &Value, from: &str) -> Value {
        for _ in 0..LOOKS {
            let found = self.rotation(begun).await["rotation"].take();
            if found["state"] != from || !found["ended_at"].is_null() {
                return found;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("a rotation stays {from}: {:#}", self.rotation(begun).await);
    }

    /// Waits until a rotation has ended, and returns it.
    async fn ended(&self, begun: &Value) -> Value {
        let mut found = begun.clone();
        while found["ended_at"].is_null() {
            let state = found["state"].as_str().expect("a state").to_owned();
            found = self.moved(begun, &state).await;
        }
        found
    }
}

#[tokio::test]
async fn the_steps_of_renders_guide_end_with_an_original_that_keeps_what_it_owns() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let old = login(&main.shown_uri().await).await.expect("a session");
    old.batch_execute("CREATE TABLE orders (id serial)").await.expect("a table");

    // Add a credential: it is the default, and the old one stays valid.
    let created = Answer::to(
        main.api
            .request(Method::POST, "/v1", &format!("/postgres/{}/credentials", main.id))
            .json(&json!({ "username": "app_2" })),
    );
    assert_eq!(created.await.expect(202)["default"], true);
    main.settle().await;
    let uri = main.shown_uri().await;
    assert!(uri.starts_with("postgresql://app_2:"), "{uri}");
    main.render(Method::DELETE, "/credentials/app_2").await.refused(400, "CREDENTIAL_IS_DEFAULT");

    // Switch, and watch the old connections go.
    let new = login(&uri).await.expect("a session");
    assert_eq!(who(&new).await, "app_2");
    assert_eq!(ask(&new, "SELECT current_user::text").await, OWNER);
    assert_eq!(main.open_connections(OWNER).await, Some(1));
    drop(old);
    while main.open_connections(OWNER).await != Some(0) {
        tokio::time::sleep(POLL).await;
    }

    // Delete the original.
    let password = main.reveal_password(OWNER).await;
    main.render(Method::DELETE, &format!("/credentials/{OWNER}")).await.expect(200);
    main.settle().await;
    refused(main.login_with(OWNER, &password).await);
    let original = "SELECT format('%s %s', rolcanlogin, tableowner) FROM pg_roles \
         JOIN pg_tables ON tableowner = rolname WHERE tablename = 'orders'";
    assert_eq!(ask(&new, original).await, format!("f {OWNER}"));
    new.batch_execute("ALTER TABLE orders ADD note text; DROP TABLE orders").await.expect("rights");
    let listed = main.render(Method::GET, "/credentials").await.expect(200);
    assert_eq!(listed.as_array().expect("a list").len(), 1);

    // Asleep, nobody can tell how many are connected.
    drop(new);
    main.suspend().await;
    assert_eq!(main.open_connections("app_2").await, None);
}

#[tokio::test]
async fn a_dry_run_says_what_a_rotation_would_do_and_does_nothing() {
    let server = Server::start();
    let main = server.create_project().await.main;
    let session = main.login(OWNER).await.expect("a session");
    session
        .batch_execute("CREATE TABLE a (id int); CREATE TABLE b (id int)")
        .await
        .expect("tables");
    let child = main.branch_off(json!({ "name": "child" })).await;
    main.branch_off(json!({ "name": "fresh", "password_policy": "fresh" })).await;
    let wish = json!({ "username": "app_2", "dry_run": true });
    let plan = main.api.post(&main.path("/credentials/rotate"), &wish).await.expect(200);
    assert_eq!((&plan["old_username"], &plan["keeps_original"]), (&json!(OWNER), &json!(true)));
    let statements = plan["statements"].as_array().expect("statements");
    let sql: Vec<_> = statements.iter().map(|it| it["sql"].as_str().expect("SQL")).collect();
    assert!(sql.contains(&"CREATE ROLE \"app_2\" LOGIN PASSWORD '<verifier>'"), "{sql:#?}");
    assert!(sql.contains(&"ALTER ROLE \"casey\" NOLOGIN PASSWORD NULL"), "{sql:#?}");
    assert!(!plan.to_string().contains("SCRAM") && !plan.to_string().contains("offshoot."));
    let holdings = plan["holdings"].as_array().expect("holdings");
    let here = holdings.iter().find(|it| it["database_name"] == "neondb").expect("a database");
    assert_eq!(here["owned_objects"], 2);
    assert_eq!(plan["connections"]["open_connections"], 1);
    let accepting = json!([{ "branch_id": child.id, "branch_name": "child" }]);
    assert_eq!(plan["accepted_by"], accepting);
    assert!(!main.role_names().await.contains(&"app_2".to_owned()));
    let listed = main.api.get(&main.path("/rotations")).await.expect(200);
    assert_eq!(listed["rotations"], json!([]));
}

/// Applications that use the branch all the time, and what went wrong for them.
struct Load {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
}

#[derive(Default)]
struct Tally {
    logins: AtomicUsize,
    queries: AtomicUsize,
    trouble: Mutex<Vec<String>>,
}

impl Load {
    /// Begins. `place` says which server to ask for the connection string; where that does not answer,
    /// applications go on with the one that they have.
    async fn begin(place: Arc<Mutex<Branch>>) -> Self {
        let branch = place.lock().expect("no panic").clone();
        let first = branch.shown_uri().await;
        let uri = Arc::new(Mutex::new(first));
        let (stop, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(refresh(place, Arc::clone(&uri), Arc::clone(&stop)));
        for _ in 0..VISITORS {
            tasks.spawn(visit(Arc::clone(&uri), Arc::clone(&stop), Arc::clone(&tally)));
        }
        for _ in 0..RESIDENTS {
            tasks.spawn(reside(Arc::clone(&uri), Arc::clone(&stop), Arc::clone(&tally)));
        }
        Self { tasks, stop, tally }
    }

    /// Ends, and returns how many logins and queries there were. None failed.
    async fn end(self) -> (usize, usize) {
        self.stop.store(true, Ordering::SeqCst);
        self.tasks.join_all().await;
        assert_eq!(*self.tally.trouble.lock().expect("no panic"), Vec::<String>::new());
        (self.tally.logins.load(Ordering::SeqCst), self.tally.queries.load(Ordering::SeqCst))
    }
}

fn shown(uri: &Mutex<String>) -> String {
    uri.lock().expect("no panic").clone()
}

async fn refresh(place: Arc<Mutex<Branch>>, uri: Arc<Mutex<String>>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        let branch = place.lock().expect("no panic").clone();
        let path = format!("/postgres/{}/connection-info", branch.id);
        // A server that was killed does not answer.
        if let Ok(answer) = branch.api.request(Method::GET, "/v1", &path).send().await
            && let Ok(info) = answer.json::<Value>().await
            && let Some(found) = info["externalConnectionString"].as_str()
        {
            found.clone_into(&mut uri.lock().expect("no panic"));
        }
        tokio::time::sleep(REST).await;
    }
}

async fn visit(uri: Arc<Mutex<String>>, stop: Arc<AtomicBool>, tally: Arc<Tally>) {
    let mut visits = interval(VISIT);
    while !stop.load(Ordering::SeqCst) {
        visits.tick().await;
        match login(&shown(&uri)).await {
            Ok(session) => {
                ask(&session, "SELECT 'x'").await;
                tally.logins.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => {
                tally.trouble.lock().expect("no panic").push(format!("a login: {error:?}"));
            }
        }
    }
}

async fn reside(uri: Arc<Mutex<String>>, stop: Arc<AtomicBool>, tally: Arc<Tally>) {
    while !stop.load(Ordering::SeqCst) {
        let mine = shown(&uri);
        let session = match login(&mine).await {
            Ok(session) => session,
            Err(error) => {
                tally.trouble.lock().expect("no panic").push(format!("a login: {error:?}"));
                return;
            }
        };
        while mine == shown(&uri) && !stop.load(Ordering::SeqCst) {
            if let Err(error) = session.query_one("SELECT count(*) FROM work", &[]).await {
                tally.trouble.lock().expect("no panic").push(format!("a session: {error:?}"));
                return;
            }
            tally.queries.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(REST).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_locks_nobody_out_though_the_server_is_killed_in_every_state() {
    let home = Arc::new(Home::new());
    let mut server = Server::start_in(&home, "info");
    let main = server.create_project().await.main;
    let owner = main.login(OWNER).await.expect("a session");
    owner.batch_execute("CREATE TABLE work (id serial)").await.expect("a table");
    drop(owner);
    let place = Arc::new(Mutex::new(main.clone()));
    let (began, load) = (Instant::now(), Load::begin(Arc::clone(&place)).await);

    // The original, by a server that lives.
    let first = main.rotate(json!({ "username": "app_2", "drain": "wait" })).await;
    let again = main.api.post(&main.path("/credentials/rotate"), &json!({})).await;
    again.refused(409, "ROTATION_UNDER_WAY");
    let first = main.ended(&first).await;
    assert_eq!(
        (&first["state"], &first["keeps_original"]),
        (&json!("login_revoked"), &json!(true))
    );

    // The next one, by a server that is killed in each state.
    let second = main.rotate(json!({ "username": "app_3", "drain": "wait" })).await;
    let mut branch = main;
    let mut seen = vec!["planned".to_owned()];
    loop {
        server.crash();
        server = Server::start_in(&home, "info");
        branch = server.branch_like(&branch);
        *place.lock().expect("no panic") = branch.clone();
        let found = branch.moved(&second, seen.last().expect("a state")).await;
        seen.push(found["state"].as_str().expect("a state").to_owned());
        if !found["ended_at"].is_null() {
            break;
        }
    }
    assert_eq!(seen.last().map(String::as_str), Some("dropped"), "{seen:?}");
    tokio::time::sleep(LOAD.saturating_sub(began.elapsed())).await;
    let (took, (logins, queries)) = (began.elapsed(), load.end().await);
    assert!(0 < logins && 0 < queries);
    #[expect(clippy::print_stderr, reason = "the figures, for those who ask for them")]
    {
        eprintln!("{logins} logins and {queries} queries in {took:?}, and none failed");
    }
    let session = login(&branch.shown_uri().await).await.expect("a session");
    assert_eq!(who(&session).await, "app_3");
    let roles = "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles \
         WHERE rolname LIKE 'app%' OR (rolname = 'casey' AND NOT rolcanlogin)";
    assert_eq!(ask(&session, roles).await, "app_3 casey");
    session.batch_execute("DROP TABLE work").await.expect("rights");
}
