//! What nobody may be told: neither a password nor what Postgres keeps of one.

use std::time::{Duration, Instant};

use offshoot::compute::error::ComputeError;
use offshoot::compute::{Compute, Converged};
use offshoot::model::progress::Trace;
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::cut::scene::{catalog, compute};
use crate::end_to_end::support::cluster::{BOSS_PASSWORD, Cluster};

/// How long anything is waited for that comes about by itself.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

/// Who serves a session of Offshoot's that waits for a lock.
const WAITING: &str = "SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l USING (pid) \
     WHERE application_name = 'offshoot' AND NOT granted LIMIT 1";

/// What Postgres keeps of a password begins with.
const VERIFIER: &str = "SCRAM-SHA-256$";

/// What is said in the end, so that it shows that all is heard.
const CANARY: &str = "ALTER ROLE CURRENT_USER CONNECTION LIMIT 77";

/// Checks that nothing secret is in Postgres's log, among the statements that it counted, where it
/// `counts` any, or in what else was `told`.
pub async fn assert_kept(cluster: &Cluster, counts: bool, secrets: &[String], told: &[&str]) {
    let boss = cluster.boss().await;
    boss.batch_execute(CANARY).await.expect("the administrator's rights");
    let log = cluster.log();
    assert!(log.contains(CANARY), "what Postgres is told is logged: {log}");
    let statements = if counts { statements(cluster).await } else { CANARY.into() };
    assert!(statements.contains(CANARY), "what Postgres is told is counted: {statements}");
    let secrets = secrets.iter().map(String::as_str).chain([VERIFIER, BOSS_PASSWORD]);
    for secret in secrets {
        for text in [&[&*log, &*statements], told].concat() {
            if let Some(at) = text.find(secret) {
                let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
                panic!("somebody is told: {}", text[line..].lines().next().unwrap_or_default());
            }
        }
    }
}

/// Returns the statements that Postgres counted.
pub async fn statements(cluster: &Cluster) -> String {
    let boss = cluster.boss().await;
    let rows = boss.query("SELECT query FROM pg_stat_statements", &[]).await.expect("statements");
    rows.iter().map(|row| row.get(0)).collect::<Vec<String>>().join("\n")
}

/// Waits until Offshoot waits for a lock, and returns the process that serves it.
async fn waiting(boss: &Client) -> Pid {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(row) = boss.query_opt(WAITING, &[]).await.expect("an answer") {
            return Pid::from_raw(row.get(0)).expect("the number of a process");
        }
        assert!(Instant::now() < until, "nobody waits for a lock");
        tokio::time::sleep(POLL).await;
    }
}

/// Takes what a pass writes right after it has changed the role.
fn take(role: &str) -> String {
    format!("SELECT FROM offshoot.managed_role WHERE name = '{role}' FOR UPDATE")
}

/// Makes a pass that resets a password, among others.
fn pass(cluster: &Cluster) -> JoinHandle<Result<Converged, ComputeError>> {
    let compute = compute(cluster.port());
    tokio::spawn(async move { compute.converge(&catalog(2), &mut Trace::default()).await })
}

/// Postgres then logs what the process was told last, whatever that process would have logged.
#[tokio::test]
async fn a_verifier_is_in_no_log_where_the_process_that_was_sent_it_crashes() {
    let (mut cluster, counts) = Cluster::start_loud().await;
    compute(cluster.port()).converge(&catalog(1), &mut Trace::default()).await.expect("a pass");
    let boss = cluster.boss().await;
    boss.batch_execute(&format!("BEGIN; {}", take("sally"))).await.expect("a lock");
    let pass = pass(&cluster);
    kill_process(waiting(&boss).await, Signal::KILL).expect("a process of ours");
    let error = pass.await.expect("a pass that ends").expect_err("a process that is gone");
    assert!(error.is_retryable(), "{error:?}");
    cluster.wait_until_ready().await;
    assert!(cluster.log().contains("terminated by signal 9"), "{}", cluster.log());
    assert_kept(&cluster, counts, &[], &[]).await;
    compute(cluster.port()).converge(&catalog(2), &mut Trace::default()).await.expect("a pass");
    cluster.kill();
    cluster.start_again().await;
}

/// Who is given up for the others' sake has Postgres log what each of them was told.
#[tokio::test]
async fn a_verifier_is_in_no_log_where_somebody_else_is_in_a_deadlock_with_us() {
    let (cluster, counts) = Cluster::start_loud().await;
    compute(cluster.port()).converge(&catalog(1), &mut Trace::default()).await.expect("a pass");
    let (boss, other) = (cluster.boss().await, cluster.boss().await);
    let take =
        |role: &str| format!("SELECT FROM offshoot.managed_role WHERE name = '{role}' FOR UPDATE");
    let begin = format!("SET deadlock_timeout = '10ms'; BEGIN; {}", take("sally"));
    other.batch_execute(&begin).await.expect("a lock");
    let pass = pass(&cluster);
    waiting(&boss).await;
    let error = other.batch_execute(&take("guest")).await.expect_err("a deadlock");
    assert_eq!(error.code(), Some(&SqlState::T_R_DEADLOCK_DETECTED), "{error:?}");
    drop(other);
    pass.await.expect("a pass that ends").expect("a pass");
    assert!(cluster.log().contains("deadlock detected"), "{}", cluster.log());
    assert_kept(&cluster, counts, &[], &[]).await;
}
