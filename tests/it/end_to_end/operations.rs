//! What operations tell, and how they are ended and tried again, over Postgres servers that are in
//! the way.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::attached::attach;
use super::support::branch::Branch;
use super::support::cluster::{BOSS_PASSWORD, Cluster};
use super::support::session::has_role;
use super::support::{POLL, Server};

/// How long the state of an endpoint is waited for.
pub const STATE_TIME: Duration = Duration::from_secs(60);

pub fn path_of(branch: &Branch, answer: &Value) -> String {
    let id = answer["operations"][0]["id"].as_str().expect("an id");
    format!("/projects/{}/operations/{id}", branch.project)
}

pub async fn circuit(branch: &Branch) -> String {
    branch.endpoint().await["circuit"]["state"].as_str().expect("a state").to_owned()
}

/// Waits until the circuit of a branch's endpoint is closed, or is not.
async fn wait_for_circuit(branch: &Branch, is_closed: bool) {
    let until = Instant::now() + STATE_TIME;
    while (circuit(branch).await == "closed") != is_closed {
        assert!(Instant::now() < until, "it never came about");
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test]
async fn a_postgres_that_went_away_is_probed_and_mended_when_it_is_back() {
    let (server, mut cluster) = (Server::start(), Cluster::start().await);
    let (branch, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
    branch.finish(&attached).await;
    assert_eq!(circuit(&branch).await, "closed");
    cluster.kill();
    let created = branch.create_role("sally").await;
    wait_for_circuit(&branch, false).await;
    let waiting = branch.api.get(&path_of(&branch, &created)).await.expect(200);
    let waiting = &waiting["operation"];
    assert_eq!((&waiting["status"], &waiting["error_class"]), (&json!("running"), &json!("down")));
    assert!(
        waiting["retry_at"].is_string() && 2 < waiting["failures_count"].as_i64().expect("a count")
    );
    cluster.start_again().await;
    branch.finish(&created).await;
    branch.login("sally").await.expect("a session");
    wait_for_circuit(&branch, true).await;
}

#[tokio::test]
async fn an_operation_tells_its_plan_its_steps_and_what_was_wrong_with_which_role() {
    let (server, cluster) = (Server::start(), Cluster::start().await);
    let (branch, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
    branch.finish(&attached).await;
    let boss = cluster.boss().await;
    boss.batch_execute("CREATE ROLE veteran").await.expect("an administrator's rights");
    let (bad, good) = (branch.create_role("veteran").await, branch.create_role("sally").await);
    let done = branch.end(&good).await.remove(0);
    assert_eq!(done["status"], "finished");
    assert_eq!(done["plan"][0], "create role sally, with a password");
    let steps = done["steps"].as_array().expect("steps");
    let step = |name: &str| steps.iter().find(|step| step["step"] == name).expect("a step");
    assert_eq!(step("create role sally, with a password")["status"], "done");
    assert!(step("verify")["duration_ms"].is_number());
    assert!(!done.to_string().contains("SCRAM") && done.get("role_errors").is_none());
    let failed = branch.end(&bad).await.remove(0);
    assert_eq!((&failed["status"], &failed["error_class"]), (&json!("failed"), &json!("blocked")));
    assert_eq!(failed["role_errors"][0]["role_name"], "veteran");
    // Mended by hand, it is tried again as an operation of its own.
    boss.batch_execute("DROP ROLE veteran").await.expect("an administrator's rights");
    let retry = format!("{}/retry", path_of(&branch, &bad));
    let again = branch.api.post_nothing(&retry).await.expect(200)["operation"].take();
    assert_eq!(again["retry_of"], bad["operations"][0]["id"]);
    branch.finish(&json!({ "operations": [again] })).await;
    branch.login("veteran").await.expect("a session");
}

#[tokio::test]
async fn a_cancelled_operation_ends_while_postgres_keeps_it_waiting() {
    let (server, cluster) = (Server::start(), Cluster::start().await);
    let (branch, attached) = attach(&server, &cluster, BOSS_PASSWORD).await;
    branch.finish(&attached).await;
    let boss = cluster.boss().await;
    boss.batch_execute("BEGIN; LOCK TABLE offshoot.managed_role").await.expect("a lock");
    let created = branch.create_role("sally").await;
    let cancel = format!("{}/cancel", path_of(&branch, &created));
    let cancelling = branch.api.post_nothing(&cancel).await.expect(200);
    assert_eq!(cancelling["operation"]["status"], "cancelling");
    assert_eq!(branch.end(&created).await[0]["status"], "cancelled");
    assert!(!has_role(&boss, "sally").await);
    branch.api.post_nothing(&cancel).await.expect(200);
    // The catalog stands, and the next pass brings Postgres there.
    boss.batch_execute("COMMIT").await.expect("an end");
    branch.add_role("bob").await;
    branch.login("sally").await.expect("a session");
    let finished = branch.create_role("carol").await;
    branch.finish(&finished).await;
    let late = branch.api.post_nothing(&format!("{}/cancel", path_of(&branch, &finished))).await;
    late.refused(409, "OPERATION_BEYOND");
}
