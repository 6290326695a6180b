//! That passes cut nobody's session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use offshoot::plan::desired::Desired;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::support::{Catalog, Server, texts};

/// How many roles work, and in how many sessions each.
const WORKERS: u64 = 10;
const SESSIONS_EACH: usize = 5;

const PID: &str = "SELECT pg_backend_pid()::text";

fn worker(number: u64) -> String {
    format!("worker_{number}")
}

fn catalog() -> Desired {
    let workers = (0..WORKERS).fold(Desired::empty(), |catalog, number| {
        catalog.role(&worker(number), number + 1, &worker(number))
    });
    workers.role("sally", 100, "of sally").database(1, "neondb", "sally")
}

/// A session with a transaction that stays open, or one transaction after the other.
struct Busy {
    pid: Vec<String>,
    work: JoinHandle<(Client, usize)>,
}

async fn begin(client: Client, stays_open: bool, is_over: Arc<AtomicBool>) -> Busy {
    let pid = texts(&client, PID).await;
    client.batch_execute("CREATE TEMPORARY TABLE work (id int)").await.expect("a table");
    let work = tokio::spawn(async move {
        let mut done = 0;
        if stays_open {
            client.batch_execute("BEGIN").await.expect("a transaction");
        }
        while !is_over.load(Ordering::Relaxed) {
            let insert = "INSERT INTO work VALUES (1); SELECT pg_sleep(0.02)";
            client.batch_execute(insert).await.expect("work that nobody disturbs");
            done += 1;
        }
        if stays_open {
            client.batch_execute("COMMIT").await.expect("a commit");
        }
        (client, done)
    });
    Busy { pid, work }
}

#[tokio::test]
async fn fifty_sessions_at_work_live_through_all_that_is_done_to_other_roles_and_to_their_own() {
    let server = Server::started().await;
    let other = catalog().role("leaver", 50, "of leaver").database(2, "side", "leaver");
    server.converge(&other).await;
    let leaver = server.login("leaver", "of leaver", "neondb").await.expect("a login");
    leaver.batch_execute("CREATE TABLE of_leaver (id int)").await.expect("a table");
    drop(leaver);

    let is_over = Arc::new(AtomicBool::new(false));
    let mut sessions = Vec::new();
    for number in 0..WORKERS {
        for session in 0..SESSIONS_EACH {
            let name = worker(number);
            let client = server.login(&name, &name, "neondb").await.expect("a login");
            sessions.push(begin(client, session % 2 == 0, Arc::clone(&is_over)).await);
        }
    }

    let created = (0..20).fold(other.clone(), |catalog, number| {
        catalog.role(&format!("new_{number}"), 200 + number, "new")
    });
    server.converge(&created.clone().database(3, "third", "new_0")).await;
    let reset = (0..WORKERS).fold(created, |catalog, number| {
        catalog.role(&worker(number), number + 1, "another password")
    });
    server.converge(&reset).await;
    let left = reset.without_database(2).without_role("leaver").without_role("new_7");
    server.converge(&left).await;
    for by_hand in [
        "ALTER ROLE worker_0 NOLOGIN",
        "ALTER ROLE worker_1 CREATEDB",
        "ALTER ROLE worker_2 VALID UNTIL '2001-01-01'",
        "ALTER ROLE worker_3 CONNECTION LIMIT 1",
        "ALTER ROLE worker_4 PASSWORD NULL",
        "GRANT pg_monitor TO worker_5",
        "DROP ROLE new_3",
    ] {
        server.execute("postgres", by_hand).await;
        server.converge(&left).await;
    }

    is_over.store(true, Ordering::Relaxed);
    assert_eq!(sessions.len(), 50);
    for Busy { pid, work } in sessions {
        let (client, done) = work.await.expect("a session that was not cut");
        assert_eq!(texts(&client, PID).await, pid);
        let count = texts(&client, "SELECT count(*)::text FROM work").await;
        assert_eq!(count, [done.to_string()]);
    }
    let gone = "SELECT rolname::text FROM pg_roles WHERE rolname IN ('leaver', 'new_7')";
    assert!(texts(&server.admin("postgres").await, gone).await.is_empty());
    server.login("worker_0", "another password", "neondb").await.expect("a login that was mended");
}
