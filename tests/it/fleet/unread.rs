//! A catalog that cannot be read, or only in part, and that no pass is made for it.

use std::time::Duration;

use super::plane::{Plane, control_over, create_project, create_role, eventually};
use crate::store::gate::Gate;

/// How many roles there are: more than one node of the catalog holds.
const ROLES: usize = 40;

/// Nothing is kept of what was read.
const NO_CACHE: u64 = 0;

/// How often a pass is due.
const PERIOD: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_catalog_of_which_anything_does_not_read_is_none() {
    let gate = Gate::open();
    let control = control_over(gate.clone(), NO_CACHE).await;
    let main = create_project(&control).await;
    for number in 0..ROLES {
        create_role(&control, &main, &format!("role_{number}")).await;
    }
    let whole = format!("{:?}", control.assignment(&main).expect("a look"));
    let mut failures = 0;
    loop {
        gate.fail_read_after(failures);
        let assignment = control.assignment(&main);
        if !gate.read_on() {
            assert_eq!(format!("{:?}", assignment.expect("a look")), whole);
            break;
        }
        assert!(assignment.is_err(), "read {failures} fails, and nobody notices");
        failures += 1;
    }
    assert!(2 < failures, "only {failures} reads");
}

#[tokio::test]
async fn no_pass_is_made_for_a_catalog_that_does_not_read() {
    let gate = Gate::open();
    let plane = Plane::over(control_over(gate.clone(), NO_CACHE).await, PERIOD).await;
    let operation = plane.create_role("sally").await;
    plane.end_of(operation).await;
    let compute = plane.compute();
    gate.fail_reads();
    eventually(|| plane.in_flight() == 0).await;
    plane.rest().await;
    let observed = compute.observed();
    plane.rest().await;
    assert_eq!(compute.observed(), observed);
    compute.by_hand(|world| assert!(world.login("sally").is_some()));
    // Who asks for something does not wait until it is tried again by itself.
    gate.read_on();
    let operation = plane.create_role("bob").await;
    plane.end_of(operation).await;
    compute.by_hand(|world| {
        assert!(world.login("sally").is_some() && world.login("bob").is_some());
    });
}
