//! Convergence under faults, by seed.

use offshoot::compute::Compute;
use offshoot::compute::error::ComputeError;
use offshoot::compute::simulated::SimulatedComputes;
use offshoot::model::progress::Trace;
use offshoot::model::role::Login;
use offshoot::plan::desired::Desired;

use crate::support::{Catalog, branch, verifier};

/// How many attempts may be needed when three of ten requests fail.
const MAX_ATTEMPTS: usize = 200;

#[tokio::test]
async fn a_compute_converges_whatever_fails_on_the_way() {
    for seed in 0..200 {
        let computes = SimulatedComputes::new(seed, 0);
        let compute = computes.get(&branch());
        compute.start().await.expect("a start");
        let before = Desired::empty()
            .role("sally", 1, "old")
            .role("bob", 2, "of bob")
            .database(1, "a", "sally")
            .database(2, "b", "bob");
        compute.converge(&before, &mut Trace::default()).await.expect("a pass");
        compute.by_hand(|world| {
            world.create_object("a", "bob").expect("an object");
            world.create_role("by_hand", &Login::Password(verifier("x"))).expect("a role");
        });
        computes.set_faults(30);
        let after = Desired::empty()
            .role("sally", 7, "new")
            .role("carol", 8, "of carol")
            .database(1, "b", "carol")
            .database(2, "a", "sally")
            .database(3, "c", "sally");
        let mut attempts = 0;
        while compute.converge(&after, &mut Trace::default()).await.is_err() {
            attempts += 1;
            assert!(attempts < MAX_ATTEMPTS, "seed {seed} does not converge");
        }
        computes.set_faults(0);
        let last = compute.converge(&after, &mut Trace::default()).await.expect("a pass");
        assert_eq!((last.steps, last.problems), (0, vec![]), "seed {seed}");
        compute.by_hand(|world| {
            assert_eq!(world.login("sally"), Some(&verifier("new")), "seed {seed}");
            assert_eq!(world.login("bob"), None, "seed {seed}");
            assert_eq!(world.login("by_hand"), Some(&verifier("x")), "seed {seed}");
            let databases = world.observe().databases;
            assert_eq!(databases["b"].owner, "carol", "seed {seed}");
            assert_eq!(databases["a"].owner, "sally", "seed {seed}");
        });
    }
}

#[tokio::test]
async fn a_stopped_compute_is_not_converged() {
    let compute = SimulatedComputes::new(1, 0).get(&branch());
    assert!(compute.converge(&Desired::empty(), &mut Trace::default()).await.is_err());
    compute.start().await.expect("a start");
    compute.converge(&Desired::empty(), &mut Trace::default()).await.expect("a pass");
    assert_eq!(compute.starts(), 1);
}

#[tokio::test]
async fn an_older_catalog_changes_nothing() {
    let compute = SimulatedComputes::new(1, 0).get(&branch());
    compute.start().await.expect("a start");
    let newer = Desired::empty().at(9).role("sally", 1, "of sally").database(1, "a", "sally");
    compute.converge(&newer, &mut Trace::default()).await.expect("a pass");
    let before = compute.by_hand(|world| world.clone());
    let error = compute
        .converge(&Desired::empty().at(8), &mut Trace::default())
        .await
        .expect_err("a refusal");
    assert!(matches!(error, ComputeError::OlderCatalog { .. }), "{error:?}");
    compute.by_hand(|world| assert_eq!(*world, before));
    compute.converge(&newer, &mut Trace::default()).await.expect("the same revision");
}
