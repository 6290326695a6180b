//! The fleet at work: how many passes are made, what is told of them, and what nothing keeps from
//! happening. Over simulated computes, whose moods the tests choose.

mod away;
mod plane;
mod told;
mod unread;

use std::time::Duration;

use futures_util::future::join_all;
use offshoot::compute::simulated::Mood;
use offshoot::model::endpoint::EndpointState;
use offshoot::model::operation::{Action, Status};

use plane::{MAX_PASSES, Plane, eventually};

/// How many requests come at once.
const BURST: usize = 100;

#[tokio::test]
async fn a_hundred_requests_are_seen_to_by_two_passes_at_the_most() {
    let plane = Plane::new().await;
    let compute = plane.compute();
    compute.set_mood(Mood::Silent);
    let before = plane.passes();
    let first = plane.create_role("role0").await;
    eventually(|| plane.in_flight() == 1).await;
    let names: Vec<_> = (1..BURST).map(|number| format!("role{number}")).collect();
    let mut operations = vec![first];
    operations.extend(join_all(names.iter().map(|name| plane.create_role(name))).await);
    compute.set_mood(Mood::Willing);
    for operation in operations {
        assert_eq!(plane.end_of(operation).await.status, Status::Finished);
    }
    assert_eq!(plane.passes() - before, 2, "one that was under way, and one for all others");
}

#[tokio::test]
async fn requests_that_come_in_a_row_during_a_pass_are_gathered() {
    let plane = Plane::new().await;
    let compute = plane.compute();
    compute.set_mood(Mood::Silent);
    let before = plane.passes();
    let mut operations = vec![plane.create_role("role0").await];
    eventually(|| plane.in_flight() == 1).await;
    operations.push(plane.create_role("role1").await);
    compute.set_mood(Mood::Willing);
    for number in 2..BURST {
        operations.push(plane.create_role(&format!("role{number}")).await);
    }
    for operation in operations {
        assert_eq!(plane.end_of(operation).await.status, Status::Finished);
    }
    let passes = plane.passes() - before;
    assert!(passes < 10, "{passes} passes");
}

#[tokio::test]
async fn a_cancelled_operation_ends_the_pass_that_nobody_else_waits_for() {
    let plane = Plane::new().await;
    let compute = plane.compute();
    compute.set_mood(Mood::Silent);
    let operation = plane.create_role("sally").await;
    eventually(|| plane.in_flight() == 1).await;
    assert_eq!(plane.cancel(operation).await.status, Status::Cancelling);
    assert_eq!(plane.end_of(operation).await.status, Status::Cancelled);
    eventually(|| plane.in_flight() == 0).await;
    // The catalog stands: whatever comes next brings the compute there.
    compute.set_mood(Mood::Willing);
    let next = plane.create_role("bob").await;
    assert_eq!(plane.end_of(next).await.status, Status::Finished);
    compute.by_hand(|world| assert!(world.login("sally").is_some()));
}

#[tokio::test]
async fn a_pass_goes_on_for_the_others_when_one_operation_is_cancelled() {
    let plane = Plane::new().await;
    let compute = plane.compute();
    compute.set_mood(Mood::Silent);
    let kept = plane.create_role("sally").await;
    let unwanted = plane.create_role("bob").await;
    eventually(|| plane.in_flight() == 1).await;
    plane.cancel(unwanted).await;
    // Long enough for whoever breaks passes off.
    plane.rest().await;
    compute.set_mood(Mood::Willing);
    let kept = plane.end_of(kept).await;
    assert_eq!((kept.status, kept.failures), (Status::Finished, 0), "the pass was not broken off");
    // It was done with the rest or not; it has an end either way.
    assert!(plane.end_of(unwanted).await.status.has_ended());
}

#[tokio::test]
async fn a_suspension_waits_for_nothing_that_is_wrong_with_roles() {
    for mood in [Mood::Away, Mood::Silent] {
        let plane = Plane::new().await;
        let compute = plane.compute();
        compute.set_mood(mood);
        let apply = plane.create_role("sally").await;
        let suspended = plane.suspend().await;
        assert_eq!(suspended.action, Action::SuspendCompute);
        let ended = plane.end_of(suspended.id).await;
        assert_eq!(ended.status, Status::Finished, "{mood:?}");
        assert_eq!(plane.endpoint().state, EndpointState::Idle);
        assert!(!plane.operation(apply).status.has_ended(), "{mood:?}");
        // The role is seen to when that is possible, and the compute is put back.
        compute.set_mood(Mood::Willing);
        assert_eq!(plane.end_of(apply).await.status, Status::Finished);
        eventually(|| plane.endpoint().state == EndpointState::Idle).await;
    }
}

#[tokio::test]
async fn no_more_passes_are_under_way_than_may_be() {
    let plane = Plane::new().await;
    let mut branches = vec![plane.main.clone()];
    for _ in 0..2 * MAX_PASSES {
        branches.push(plane.another().await);
    }
    for at in &branches {
        plane.compute_of(at).set_mood(Mood::Silent);
        plane.create_role_on(at, "sally").await;
    }
    let limit = u64::try_from(MAX_PASSES).expect("a small number");
    eventually(|| plane.in_flight() == limit).await;
    plane.rest().await;
    assert_eq!(plane.in_flight(), limit);
    for at in &branches {
        plane.compute_of(at).set_mood(Mood::Willing);
    }
    for at in &branches {
        eventually(|| plane.control.unfinished(at).expect("a look").is_empty()).await;
        plane.compute_of(at).by_hand(|world| assert!(world.login("sally").is_some()));
    }
}

#[tokio::test]
async fn a_pass_that_is_due_by_time_wakes_nobody() {
    let plane = Plane::with_period(Duration::from_millis(20)).await;
    let compute = plane.compute();
    let passes = plane.passes();
    eventually(|| passes + 3 <= plane.passes()).await;
    let suspended = plane.suspend().await;
    assert_eq!(plane.end_of(suspended.id).await.status, Status::Finished);
    eventually(|| plane.in_flight() == 0).await;
    let (starts, observed) = (compute.starts(), compute.observed());
    plane.rest().await;
    assert_eq!((compute.starts(), compute.observed()), (starts, observed));
    assert_eq!(plane.endpoint().state, EndpointState::Idle);
}
