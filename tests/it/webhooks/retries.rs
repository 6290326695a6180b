//! What happens when a receiver does not take its events: again and again, later and later, in order,
//! and then no more.

use chrono::TimeDelta;
use offshoot::control::{Asker, Caller};
use offshoot::model::rules::webhooks::WebhookChange;
use offshoot::model::webhook::WebhookState;

use super::{Act, Plane, Receiver};

const REFUSED: Act = Act::Answer(500, "", "no");

#[tokio::test]
async fn an_event_is_sent_when_it_happened_and_once() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let id = plane.hooked(&receiver).await;
    plane.dispatcher.settle().await;
    assert_eq!(receiver.told(), Vec::<String>::new(), "what was before is not told");
    plane.create_role("sally").await;
    plane.dispatcher.settle().await;
    plane.dispatcher.settle().await;
    let arrived = receiver.take();
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].line, "POST /hook?token=t HTTP/1.1");
    assert_eq!(arrived[0].header("content-type"), "application/json");
    let sent = plane.sendings(id);
    assert_eq!(arrived[0].header("webhook-id"), sent[0].event.to_string());
    assert_eq!((sent.len(), sent[0].attempt, sent[0].answer.status), (1, 1, Some(204)));
}

#[tokio::test]
async fn what_is_not_taken_is_sent_eight_times_over_33_hours_and_then_no_more() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let id = plane.hooked(&receiver).await;
    receiver.expect(&vec![REFUSED; 20]);
    plane.create_role("sally").await;
    plane.create_role("bob").await;
    let mut pauses = Vec::new();
    plane.dispatcher.settle().await;
    while let WebhookState::Enabled(_) = plane.get(id).state {
        pauses.push(plane.wait_for_retry(id));
        plane.wait(TimeDelta::microseconds(-1));
        plane.dispatcher.settle().await;
        assert_eq!(plane.sendings(id).len(), pauses.len(), "too early");
        plane.wait(TimeDelta::microseconds(1));
        plane.dispatcher.settle().await;
    }
    for (pause, planned) in pauses.iter().zip([6, 30, 150, 750, 3750, 18_750, 93_750]) {
        assert!((planned..=planned + planned / 20).contains(pause), "{pauses:?}");
    }
    assert_eq!(pauses.len(), 7);
    let arrived = receiver.take();
    let first = &arrived[0];
    assert_eq!(arrived.len(), 8);
    for again in &arrived {
        assert_eq!(again.header("webhook-id"), first.header("webhook-id"), "one event, one id");
        assert_eq!(again.body, first.body);
    }
    assert!(first.header("webhook-timestamp") < arrived[7].header("webhook-timestamp"));
    assert_ne!(first.header("webhook-signature"), arrived[7].header("webhook-signature"));
    let sent = plane.sendings(id);
    assert_eq!(
        sent.iter().map(|sent| sent.attempt).collect::<Vec<_>>(),
        (1..=8).collect::<Vec<_>>()
    );
    assert!(sent.iter().all(|sent| sent.answer.body == "no"));
    let WebhookState::Disabled { reason, .. } = plane.get(id).state else { panic!("enabled") };
    assert!(reason.contains("8 attempts") && reason.contains("500"), "{reason}");
    plane.wait(TimeDelta::days(3));
    plane.create_role("carol").await;
    plane.dispatcher.settle().await;
    assert_eq!(receiver.take(), [], "a disabled webhook sends nothing");
}

#[tokio::test]
async fn a_receiver_that_comes_back_gets_everything_in_order() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let address = receiver.address;
    let id = plane.hooked(&receiver).await;
    drop(receiver);
    plane.create_role("a").await;
    plane.dispatcher.settle().await;
    for name in ["b", "c", "d"] {
        plane.create_role(name).await;
    }
    plane.delete_role("a").await;
    for _ in 0..5 {
        plane.wait_for_retry(id);
        plane.dispatcher.settle().await;
    }
    assert_eq!(plane.sendings(id).len(), 6, "the others wait for the first");
    let receiver = Receiver::at(address).await;
    plane.wait(TimeDelta::hours(30));
    plane.dispatcher.settle().await;
    let (created, deleted) =
        ("postgres_credentials_created main", "postgres_credentials_deleted main");
    let arrived = receiver.take();
    let told: Vec<_> = arrived.iter().map(super::Received::told).collect();
    assert_eq!(told, [created, created, created, created, deleted]);
    let ids: Vec<_> = arrived.iter().map(|one| one.header("webhook-id")).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    for (status, error) in &plane.ends(id)[..6] {
        assert_eq!(*status, None);
        assert!(error.as_ref().is_some_and(|error| error.contains("connection")), "{error:?}");
    }
}

#[tokio::test]
async fn every_way_of_not_taking_an_event_is_told_and_tried_again() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let id = plane.hooked(&receiver).await;
    receiver.expect(&[
        Act::Answer(301, "location: /elsewhere\r\n", ""),
        Act::Break,
        Act::Keep,
        Act::Answer(404, "", "not here"),
        Act::Answer(200, "", "thanks"),
    ]);
    plane.create_role("sally").await;
    plane.dispatcher.settle().await;
    for _ in 0..4 {
        plane.wait_for_retry(id);
        plane.dispatcher.settle().await;
    }
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(receiver.take().len(), 5, "no redirect is followed");
    let ends = plane.ends(id);
    assert_eq!(ends[0].1, text("the receiver answered 301; redirects are not followed"));
    assert_eq!(ends[1].0, None);
    assert!(ends[1].1.as_ref().is_some_and(|error| error.contains("ended before")), "{ends:?}");
    assert_eq!(ends[2], (None, text("there was no whole answer in 500ms")));
    assert_eq!(ends[3], (Some(404), text("the receiver answered 404")));
    assert_eq!(ends[4], (Some(200), None));
    assert_eq!(plane.sendings(id)[4].answer.body, "thanks");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_sent_nothing_more() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let id = plane.hooked(&receiver).await;
    receiver.expect(&[Act::Answer(410, "", "")]);
    plane.create_role("sally").await;
    plane.create_role("bob").await;
    plane.dispatcher.settle().await;
    plane.wait(TimeDelta::days(2));
    plane.dispatcher.settle().await;
    assert_eq!(receiver.take().len(), 1);
    let WebhookState::Disabled { reason, .. } = plane.get(id).state else { panic!("enabled") };
    assert!(reason.contains("410"), "{reason}");
}

#[tokio::test]
async fn a_receiver_can_ask_for_time_within_reason() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let id = plane.hooked(&receiver).await;
    receiver.expect(&[
        Act::Answer(503, "retry-after: 600\r\n", ""),
        Act::Answer(429, "retry-after: 999999999\r\n", ""),
    ]);
    plane.create_role("sally").await;
    plane.dispatcher.settle().await;
    assert_eq!(plane.wait_for_retry(id), 600);
    plane.dispatcher.settle().await;
    assert_eq!(plane.wait_for_retry(id), 6 * 60 * 60);
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_kept() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let id = plane.hooked(&receiver).await;
    let long: &'static str = Box::leak("ü".repeat(1 << 20).into_boxed_str());
    receiver.expect(&[Act::Answer(200, "", long)]);
    plane.create_role("sally").await;
    plane.dispatcher.settle().await;
    let sent = plane.sendings(id);
    assert_eq!((sent[0].answer.status, sent[0].answer.body.len()), (Some(200), 1024));
}

#[tokio::test]
async fn a_receiver_that_is_slow_holds_up_nobody_else() {
    let mut plane = Plane::new().await;
    let (slow, quick) = (Receiver::new().await, Receiver::new().await);
    plane.hooked(&slow).await;
    plane.hooked(&quick).await;
    slow.expect(&vec![Act::Keep; 9]);
    for name in ["a", "b", "c"] {
        plane.create_role(name).await;
    }
    plane.dispatcher.settle().await;
    // While the one kept its first event to itself, the other took all of them.
    assert_eq!((slow.take().len(), quick.take().len()), (1, 3));
}

#[tokio::test]
async fn another_target_is_tried_at_once_and_as_often_as_any() {
    let mut plane = Plane::new().await;
    let (wrong, right) = (Receiver::new().await, Receiver::new().await);
    let id = plane.hooked(&wrong).await;
    wrong.expect(&[REFUSED]);
    plane.create_role("sally").await;
    plane.dispatcher.settle().await;
    let target = Some(right.url().parse().expect("a target"));
    let change = WebhookChange { target, ..WebhookChange::default() };
    plane.control.update_webhook(&Caller::offshoot(), id, change).await.expect("a webhook");
    plane.dispatcher.settle().await;
    assert_eq!((wrong.take().len(), right.take().len()), (1, 1));
    assert_eq!(plane.sendings(id)[1].attempt, 1);
}

#[tokio::test]
async fn what_was_sent_is_sent_again_on_request() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let id = plane.hooked(&receiver).await;
    let began = offshoot::clock::Clock::now(&*plane.clock);
    for name in ["a", "b", "c"] {
        plane.wait(TimeDelta::seconds(1));
        plane.create_role(name).await;
    }
    plane.dispatcher.settle().await;
    let first = receiver.take();
    assert_eq!(first.len(), 3);
    let asker = Asker::offshoot();
    plane.control.replay_webhook(&asker, id, began).await.expect("a replay");
    plane.dispatcher.settle().await;
    let again = receiver.take();
    assert_eq!(again.len(), 3);
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(
            (&first.body, first.header("webhook-id")),
            (&again.body, again.header("webhook-id"))
        );
    }
    let scope = offshoot::model::key::Scope::Account;
    let event = first[1].header("webhook-id").parse().expect("an id");
    plane.control.resend_event(&asker, &scope, id, event).await.expect("an event");
    plane.dispatcher.settle().await;
    let again = receiver.take();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].body, first[1].body);
}
