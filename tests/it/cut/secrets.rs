//! What nobody may be told: neither a password nor what Postgres keeps of one.

use crate::end_to_end::support::cluster::{BOSS_PASSWORD, Cluster};

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
