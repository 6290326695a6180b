//! Endpoints that are attached to a Postgres of somebody else's.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::support::Server;
use super::support::branch::{Branch, password};
use super::support::cluster::{BOSS, BOSS_PASSWORD, Cluster};
use super::support::home::Home;
use super::support::session::{ask, has_role, refused, who};

#[tokio::test]
async fn roles_and_databases_reach_an_attached_postgres() {
    let (server, cluster) = (Server::start(), Cluster::start().await);
    let (branch, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
    branch.finish(&attached).await;
    let shown = branch.endpoint().await;
    assert_eq!(shown["attached"]["user"], BOSS);
    assert_eq!(shown["attached"].get("password"), None);

    let first = password(&branch.add_role("sally").await);
    let held = branch.login_with("sally", &first).await.expect("a session");
    assert_eq!(who(&held).await, "sally");
    let second = branch.reset_password("sally").await;
    refused(branch.login_with("sally", &first).await);
    branch.login_with("sally", &second).await.expect("a session");
    assert_eq!(who(&held).await, "sally", "a reset leaves open sessions alone");

    let body = json!({ "database": { "name": "shop", "owner_name": "sally" } });
    branch.finish(&branch.api.post(&branch.path("/databases"), &body).await.expect(201)).await;
    let boss = cluster.boss().await;
    let sql = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = 'shop'";
    assert_eq!(ask(&boss, sql).await, "sally");
    branch.finish(&branch.api.delete(&branch.path("/databases/shop")).await.expect(200)).await;
    branch.delete_role("sally").await;
    assert!(!has_role(&boss, "sally").await);

    for deed in ["/start", "/suspend"] {
        let answer = branch.api.post_nothing(&branch.endpoint_path(deed)).await;
        let message = answer.refused(422, "ENDPOINT_ATTACHED");
        assert!(message.contains("run by others"), "{message}");
    }
    branch.finish(&branch.api.delete(&branch.endpoint_path("")).await.expect(200)).await;
    assert_eq!(who(&boss).await, BOSS, "it goes on");
}

#[tokio::test]
async fn a_role_that_others_made_is_never_touched() {
    let (server, cluster) = (Server::start(), Cluster::start().await);
    let boss = cluster.boss().await;
    let theirs = "CREATE ROLE veteran LOGIN PASSWORD 'of-old'; CREATE ROLE bystander";
    boss.batch_execute(theirs).await.expect("an administrator's rights");
    let before = state_of(&boss, "veteran").await;
    let (branch, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
    branch.finish(&attached).await;

    let created = branch.create_role("veteran").await;
    let ended = branch.end(&created).await;
    assert_eq!(ended[0]["status"], "failed");
    let error = ended[0]["error"].as_str().expect("an error");
    assert!(error.contains("veteran"), "{error}");
    assert_eq!(state_of(&boss, "veteran").await, before);
    let session = branch.login_with("veteran", "of-old").await.expect("a session");
    assert_eq!(who(&session).await, "veteran");
    refused(branch.login_with("veteran", &password(&created)).await);

    branch.add_role("newcomer").await;
    branch.login("newcomer").await.expect("a session: one name in the way stops no other");
    let deleted = branch.api.delete(&branch.role_path("veteran", "")).await.expect(200);
    branch.end(&deleted).await;
    assert_eq!(state_of(&boss, "veteran").await, before, "and is not dropped either");
    assert!(has_role(&boss, "bystander").await);
}

#[tokio::test]
async fn neither_the_administrator_nor_a_superuser_is_touched_by_whoever_has_the_name() {
    let (server, cluster) = (Server::start(), Cluster::start().await);
    let boss = cluster.boss().await;
    let made = "CREATE ROLE root SUPERUSER LOGIN PASSWORD 'of-root'";
    boss.batch_execute(made).await.expect("an administrator's rights");
    let (branch, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
    branch.finish(&attached).await;
    for name in [BOSS, "root"] {
        let before = state_of(&boss, name).await;
        let failed = branch.end(&branch.create_role(name).await).await.remove(0);
        assert_eq!(
            (&failed["status"], &failed["error_class"]),
            (&"failed".into(), &"blocked".into())
        );
        let reset = branch.role_path(name, "/reset_password");
        branch.end(&branch.api.post_nothing(&reset).await.expect(200)).await;
        let deleted = branch.api.delete(&branch.role_path(name, "")).await.expect(200);
        branch.end(&deleted).await;
        assert_eq!(state_of(&boss, name).await, before);
    }
    branch.add_role("sally").await;
    branch.login("sally").await.expect("a session");
    branch.login_with("root", "of-root").await.expect("a session");
}

#[tokio::test]
async fn a_role_that_was_dropped_by_hand_comes_back() {
    let (server, cluster) = (Server::start(), Cluster::start().await);
    let (branch, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
    branch.finish(&attached).await;
    let sally = password(&branch.add_role("sally").await);
    let boss = cluster.boss().await;
    boss.batch_execute("DROP ROLE sally").await.expect("an administrator's rights");
    refused(branch.login_with("sally", &sally).await);
    branch.add_role("other").await;
    let session = branch.login_with("sally", &sally).await.expect("a session");
    assert_eq!(who(&session).await, "sally");
}

#[tokio::test]
async fn the_administrators_password_is_written_nowhere_in_the_clear() {
    let home = Arc::new(Home::new());
    let server = Server::start_in(&home, "trace");
    let cluster = Cluster::start().await;
    let (branch, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
    branch.finish(&attached).await;
    let mut answers = vec![attached.to_string(), branch.endpoint().await.to_string()];
    for path in ["/endpoints", "/operations", "/branches", ""] {
        let path = format!("/projects/{}{path}", branch.project);
        answers.push(branch.api.get(&path).await.expect(200).to_string());
    }
    branch.add_role("sally").await;
    answers.push(branch.connection_uri("sally").await);
    answers.push(server.said());
    answers.push(cluster.log());
    server.stop();
    for text in &answers {
        assert!(!text.contains(BOSS_PASSWORD), "{text}");
    }
    let mut files = 0;
    each_file(&home.data_dir(), &mut |path, bytes| {
        files += 1;
        let is_there = bytes.windows(BOSS_PASSWORD.len()).any(|it| it == BOSS_PASSWORD.as_bytes());
        assert!(!is_there, "{} has it", path.display());
    });
    assert!(3 <= files, "there are files to look into");
}

#[tokio::test]
async fn a_wrong_password_ends_the_operation_and_says_what_to_do() {
    let (server, cluster) = (Server::start(), Cluster::start().await);
    let (branch, attached) = attach(&server, &cluster, "guessed-wrong").await;
    let ended = branch.end(&attached).await;
    assert_eq!(ended[0]["status"], "failed");
    let error = ended[0]["error"].as_str().expect("an error");
    assert!(error.contains(BOSS) && error.contains("password"), "{error}");
    assert!(!error.contains("guessed-wrong") && !server.said().contains("guessed-wrong"));

    branch.finish(&branch.api.delete(&branch.endpoint_path("")).await.expect(200)).await;
    let attached = attach_to(&branch, &cluster, BOSS_PASSWORD).await;
    let branch = Branch { endpoint: Some(id_of_endpoint(&attached)), ..branch };
    branch.finish(&attached).await;
    branch.add_role("sally").await;
    branch.login("sally").await.expect("a session");
}

/// Creates a branch and attaches its endpoint to a Postgres.
pub async fn attach(server: &Server, cluster: &Cluster, password: &str) -> (Branch, Value) {
    let project = server.begin_project(json!({})).await;
    let answer = server.api.post(&project.path("/branches"), &json!({})).await.expect(201);
    let branch = Branch::born(&server.api, &project.id, &answer);
    assert_eq!(branch.endpoint, None);
    let attached = attach_to(&branch, cluster, password).await;
    (Branch { endpoint: Some(id_of_endpoint(&attached)), ..branch }, attached)
}

async fn attach_to(branch: &Branch, cluster: &Cluster, password: &str) -> Value {
    let endpoint = json!({
        "branch_id": branch.id,
        "type": "read_write",
        "attached": cluster.attachment(password),
    });
    let path = format!("/projects/{}/endpoints", branch.project);
    branch.api.post(&path, &json!({ "endpoint": endpoint })).await.expect(201)
}

fn id_of_endpoint(answer: &Value) -> String {
    answer["endpoint"]["id"].as_str().expect("an id").to_owned()
}

/// Returns everything that Postgres keeps about a role.
async fn state_of(boss: &Client, role: &str) -> String {
    let sql = "SELECT row_to_json(a)::text FROM pg_authid a WHERE rolname = $1";
    boss.query_one(sql, &[&role]).await.expect("a role").get(0)
}

fn each_file(directory: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            each_file(&path, look);
        } else {
            look(&path, &fs::read(&path).expect("a file"));
        }
    }
}
