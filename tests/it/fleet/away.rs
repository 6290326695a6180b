//! Computes that are away, and come back.

use offshoot::compute::simulated::Mood;
use offshoot::control::BranchRef;
use offshoot::model::circuit::{Circuit, CircuitState, THRESHOLD};
use offshoot::model::operation::Status;

use super::plane::{Plane, eventually};

/// How many die at once.
const MANY: usize = 100;

#[tokio::test]
async fn a_compute_that_is_away_is_probed_and_mended_when_it_is_back() {
    let plane = Plane::new().await;
    let compute = plane.compute();
    let circuit = || plane.control.circuit(&plane.main).expect("a reconciler");
    assert_eq!(circuit(), Circuit::default());
    compute.set_mood(Mood::Away);
    let operation = plane.create_role("sally").await;
    eventually(|| circuit().state != CircuitState::Closed).await;
    assert!(THRESHOLD <= circuit().failures && circuit().opened_at.is_some());
    assert_eq!(plane.gauge("offshoot_circuits_open"), 1);
    // What failed is known before it is noted of the operation.
    eventually(|| THRESHOLD <= plane.operation(operation).failures).await;
    let waiting = plane.operation(operation);
    assert!(matches!(waiting.status, Status::Running { retry: Some(_) }), "{waiting:?}");
    // Probes are made, and no more passes than failures call for.
    let observed = compute.observed();
    let reaches = compute.reaches();
    eventually(|| reaches + 3 <= compute.reaches()).await;
    assert_eq!(compute.observed(), observed, "nobody looks into what is not reached");
    compute.set_mood(Mood::Willing);
    assert_eq!(plane.end_of(operation).await.status, Status::Finished);
    eventually(|| circuit() == Circuit::default()).await;
    assert_eq!(plane.gauge("offshoot_circuits_open"), 0);
}

#[tokio::test]
async fn a_request_during_an_outage_costs_a_probe_and_says_what_it_waits_for() {
    let plane = Plane::new().await;
    let compute = plane.compute();
    compute.set_mood(Mood::Away);
    plane.create_role("sally").await;
    let is_open = || plane.control.circuit(&plane.main).expect("a reconciler").state;
    eventually(|| is_open() != CircuitState::Closed).await;
    let starts = compute.starts();
    let operation = plane.create_role("bob").await;
    eventually(|| 0 < plane.operation(operation).failures).await;
    let Status::Running { retry: Some(retry) } = plane.operation(operation).status else {
        panic!("an operation that waits for another try");
    };
    assert!(retry.error.contains("no Postgres answers"), "{}", retry.error);
    assert_eq!(compute.starts(), starts);
}

#[tokio::test]
async fn a_retry_makes_a_pass_whatever_is_known_of_the_endpoint() {
    let plane = Plane::new().await;
    let compute = plane.compute();
    compute.set_mood(Mood::Away);
    let operation = plane.create_role("sally").await;
    let state = || plane.control.circuit(&plane.main).expect("a reconciler").state;
    eventually(|| state() != CircuitState::Closed).await;
    let (before, passes) = (plane.operation(operation), plane.passes());
    let retried = plane.retry(operation).await;
    assert!(retried.id == operation && before.failures <= retried.failures, "{retried:?}");
    assert_eq!(retried.status, Status::Running { retry: None });
    eventually(|| passes < plane.passes()).await;
    eventually(|| before.failures < plane.operation(operation).failures).await;
    compute.set_mood(Mood::Willing);
    plane.retry(operation).await;
    assert_eq!(plane.end_of(operation).await.status, Status::Finished);
}

#[tokio::test]
async fn a_hundred_that_die_at_once_are_probed_and_not_worked_on_and_all_come_back() {
    let plane = Plane::new().await;
    let mut branches = vec![plane.main.clone()];
    while branches.len() < MANY {
        branches.push(plane.another().await);
    }
    for at in &branches {
        plane.compute_of(at).set_mood(Mood::Away);
    }
    for at in &branches {
        plane.create_role_on(at, "sally").await;
    }
    let is_open = |at: &BranchRef| {
        plane.control.circuit(at).expect("a reconciler").state != CircuitState::Closed
    };
    eventually(|| branches.iter().all(is_open)).await;
    let starts: usize = branches.iter().map(|at| plane.compute_of(at).starts()).sum();
    let reaches = |at: &BranchRef| plane.compute_of(at).reaches();
    let before: Vec<_> = branches.iter().map(reaches).collect();
    eventually(|| branches.iter().zip(&before).all(|(at, before)| *before < reaches(at))).await;
    let after: usize = branches.iter().map(|at| plane.compute_of(at).starts()).sum();
    assert_eq!(after, starts, "a pass over what is known to be away");
    for at in &branches {
        plane.compute_of(at).set_mood(Mood::Willing);
    }
    for at in &branches {
        eventually(|| plane.control.unfinished(at).expect("a look").is_empty()).await;
        plane.compute_of(at).by_hand(|world| assert!(world.login("sally").is_some()));
    }
    assert_eq!(plane.gauge("offshoot_circuits_open"), 0);
}
