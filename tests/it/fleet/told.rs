//! What an operation tells of the passes that were made for it.

use offshoot::model::fault::Fault;
use offshoot::model::operation::Status;
use offshoot::model::progress::StepEnd;
use offshoot::model::role::Login;

use super::plane::Plane;

#[tokio::test]
async fn an_operation_tells_what_was_planned_and_done_for_it_and_no_secret() {
    let plane = Plane::new().await;
    let id = plane.create_role("sally").await;
    let operation = plane.end_of(id).await;
    assert_eq!(operation.status, Status::Finished);
    let progress = operation.progress;
    assert_eq!(progress.plan[0], "create role sally, with a password");
    let steps: Vec<_> = progress.steps.iter().map(|done| (done.what.as_str(), done.end)).collect();
    assert_eq!(steps[0], ("start", StepEnd::Done));
    assert!(steps.contains(&("create role sally, with a password", StepEnd::Done)), "{steps:?}");
    assert_eq!(steps.last(), Some(&("verify", StepEnd::Done)));
    let told = format!("{:?} {:?}", progress.plan, progress.steps);
    assert!(!told.contains("SCRAM") && !told.contains("npg_"), "{told}");
}

#[tokio::test]
async fn one_role_that_is_in_the_way_fails_its_own_operation_and_no_other() {
    let plane = Plane::new().await;
    let by_hand = |world: &mut offshoot::compute::simulated::world::World| {
        world.create_role("veteran", &Login::Unset).expect("a role");
    };
    plane.compute().by_hand(by_hand);
    let (bad, good) = (plane.create_role("veteran").await, plane.create_role("sally").await);
    assert_eq!(plane.end_of(good).await.status, Status::Finished);
    let failed = plane.end_of(bad).await;
    assert!(matches!(failed.status, Status::Failed { .. }), "{failed:?}");
    assert_eq!(failed.progress.fault, Some(Fault::Blocked));
    let errors: Vec<_> = failed.progress.role_errors.iter().map(|it| it.role.as_str()).collect();
    assert_eq!(errors, ["veteran"]);
    // Once that is mended by hand, another try is an operation of its own.
    plane.compute().by_hand(|world| world.drop_role("veteran").expect("a role"));
    let again = plane.retry(bad).await;
    assert_eq!(again.retry_of, Some(bad));
    assert_ne!(again.id, bad);
    assert_eq!(plane.end_of(again.id).await.status, Status::Finished);
    assert!(matches!(plane.operation(bad).status, Status::Failed { .. }), "its end stays");
}
