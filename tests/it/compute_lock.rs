//! The lock that keeps two servers from working on one branch at the same moment.

use offshoot::compute::Compute;
use offshoot::compute::error::ComputeError;
use offshoot::model::progress::Trace;
use offshoot::plan::desired::Desired;

use crate::support::{Catalog, Server, home};

/// How many passes follow one another.
const PASSES: usize = 50;

fn catalog() -> Desired {
    Desired::empty().role("sally", 1, "of sally").database(1, "neondb", "sally")
}

#[tokio::test]
async fn two_sessions_do_not_work_on_one_branch_at_once() {
    let server = Server::started().await;
    let admin = server.admin(home()).await;
    admin
        .batch_execute("SELECT pg_advisory_lock(hashtextextended('offshoot br-test', 0))")
        .await
        .expect("the lock");
    let error =
        server.compute().converge(&catalog(), &mut Trace::default()).await.expect_err("a refusal");
    assert!(matches!(error, ComputeError::Locked));
    drop(admin);
}

#[tokio::test]
async fn a_pass_is_not_kept_away_by_the_one_before_it() {
    let server = Server::started().await;
    server.converge(&catalog()).await;
    for pass in 0..PASSES {
        // Each with a session of its own: the one before it may still be ending.
        let converged = server.compute().converge(&catalog(), &mut Trace::default()).await;
        converged.unwrap_or_else(|error| panic!("pass {pass}: {error}"));
    }
}
