//! Where a webhook is in the logs: after a crash, after a change of mind, and after a long time.

use std::time::Duration;

use chrono::TimeDelta;
use offshoot::config::Trimming;
use offshoot::control::{Asker, Caller, ProjectRequest};
use offshoot::model::event::EventKind;
use offshoot::model::rules::webhooks::WebhookChange;
use offshoot::model::webhook::{Filter, WebhookState};
use offshoot::retention::Trimmer;
use tokio_util::sync::CancellationToken;

use super::{Act, Plane, Receiver};

impl Plane {
    async fn trim(&self) {
        let pace = Trimming { every: Duration::from_secs(60), grace: Duration::from_secs(60) };
        let stop = CancellationToken::new();
        let trimmer = Trimmer::new(self.control.clone(), self.clock.clone(), pace, stop);
        trimmer.expect("a trimmer").round().await;
    }

    async fn floor(&self) -> u64 {
        let past = self.control.project_at(&self.main.project, offshoot::model::point::Point::Head);
        past.await.expect("a project");
        let surveyed = self.control.survey().expect("projects");
        let log = surveyed.first().expect("a project").log;
        self.control.store().extent(log).expect("a log").floor.0
    }
}

#[tokio::test]
async fn what_was_committed_before_a_crash_is_told_after_it() {
    let plane = Plane::new().await;
    let receiver = Receiver::new().await;
    plane.hooked(&receiver).await;
    plane.create_role("sally").await;
    let mut plane = plane.restarted().await;
    plane.dispatcher.settle().await;
    assert_eq!(receiver.told(), ["postgres_credentials_created main"]);
    let mut plane = plane.restarted().await;
    plane.dispatcher.settle().await;
    assert_eq!(receiver.told(), Vec::<String>::new(), "what was taken is not sent again");
}

#[tokio::test]
async fn what_is_tried_again_is_so_after_a_crash_and_not_sooner() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let id = plane.hooked(&receiver).await;
    receiver.expect(&[Act::Answer(500, "", "")]);
    plane.create_role("sally").await;
    plane.dispatcher.settle().await;
    receiver.take();
    let mut plane = plane.restarted().await;
    plane.dispatcher.settle().await;
    assert_eq!(receiver.take(), []);
    plane.wait_for_retry(id);
    plane.dispatcher.settle().await;
    assert_eq!(receiver.take().len(), 1);
    assert_eq!(plane.sendings(id)[1].attempt, 2);
}

#[tokio::test]
async fn a_type_that_is_added_is_told_from_then_on() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let id = plane.hooked(&receiver).await;
    plane.create_role("a").await;
    plane.dispatcher.settle().await;
    let kinds = [EventKind::CredentialsCreated, EventKind::RoleCreated];
    let change = WebhookChange { filter: Some(Filter::of(kinds)), ..WebhookChange::default() };
    plane.control.update_webhook(&Caller::offshoot(), id, change).await.expect("a webhook");
    plane.create_role("b").await;
    plane.dispatcher.settle().await;
    let created = "postgres_credentials_created main";
    assert_eq!(receiver.told(), [created, "role_created main", created]);
}

#[tokio::test]
async fn a_webhook_that_is_enabled_again_begins_with_what_happens_then() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let id = plane.hooked(&receiver).await;
    let enable = |enabled| WebhookChange { enabled: Some(enabled), ..WebhookChange::default() };
    plane.control.update_webhook(&Caller::offshoot(), id, enable(false)).await.expect("a webhook");
    plane.create_role("a").await;
    plane.dispatcher.settle().await;
    plane.control.update_webhook(&Caller::offshoot(), id, enable(true)).await.expect("a webhook");
    plane.dispatcher.settle().await;
    assert_eq!(receiver.take(), []);
    plane.delete_role("a").await;
    plane.dispatcher.settle().await;
    assert_eq!(receiver.told(), ["postgres_credentials_deleted main"]);
}

#[tokio::test]
async fn history_is_kept_for_what_was_not_taken_yet() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let id = plane.hooked(&receiver).await;
    let change = offshoot::model::rules::projects::ProjectChange {
        history_retention_seconds: Some(0),
        ..Default::default()
    };
    let caller = Caller::offshoot();
    plane.control.update_project(&caller, &plane.main.project, change).await.expect("a project");
    receiver.expect(&[Act::Answer(500, "", "")]);
    plane.create_role("a").await;
    let told = 3;
    for number in 0..60 {
        plane.wait(TimeDelta::seconds(1));
        plane.create_role(&format!("b{number}")).await;
        plane.delete_role(&format!("b{number}")).await;
    }
    plane.wait(TimeDelta::hours(1));
    plane.dispatcher.settle().await;
    plane.trim().await;
    assert!(plane.floor().await < told, "the state before the event is gone");
    plane.wait_for_retry(id);
    plane.dispatcher.settle().await;
    assert_eq!(receiver.take().len(), 1 + 121);
    plane.trim().await;
    assert!(120 < plane.floor().await, "nothing keeps it any more");
}

#[tokio::test]
async fn a_webhook_that_is_too_far_behind_is_disabled_and_history_goes() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let id = plane.hooked(&receiver).await;
    plane.create_role("a").await;
    plane.wait(TimeDelta::days(8));
    plane.dispatcher.settle().await;
    let WebhookState::Disabled { reason, .. } = plane.get(id).state else { panic!("enabled") };
    assert!(reason.contains("not sent in 7 days"), "{reason}");
    assert_eq!(receiver.take(), []);
}

#[tokio::test]
async fn all_projects_are_told_of_in_the_order_of_time() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let kinds = [EventKind::BranchCreated, EventKind::RoleCreated, EventKind::BranchDeleted];
    plane.webhook(&receiver.url(), &kinds).await;
    let named = |name: &str| ProjectRequest {
        branch_name: Some(name.parse().expect("a name")),
        ..ProjectRequest::default()
    };
    let asker = Asker::offshoot();
    let second = TimeDelta::seconds(1);
    let other = plane.control.create_project(&asker, named("other")).await.expect("a project");
    plane.wait(second);
    plane.create_role("a").await;
    plane.wait(second);
    plane.control.create_project(&asker, named("third")).await.expect("a project");
    plane.wait(second);
    let id = other.answer.project.id;
    plane.control.delete_project(&Caller::offshoot(), &id).await.expect("a project");
    plane.dispatcher.settle().await;
    assert_eq!(
        receiver.told(),
        [
            "branch_created other",
            "role_created main",
            "branch_created third",
            "branch_deleted other"
        ]
    );
}
