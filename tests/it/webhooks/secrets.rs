//! Secrets: what is signed, with which, and where they are not.

use std::net::IpAddr;
use std::sync::Mutex;

use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use offshoot::control::{Asker, ControlError};
use offshoot::model::refusal::{Refusal, WebhookRefusal};
use offshoot::model::secret::Password;
use offshoot::model::webhook::signature::signatures;
use offshoot::reach::Resolve;

use super::{Plane, Received, Receiver};

/// Returns with which of the secrets a request is signed.
fn signed_with(received: &Received, secrets: &[&Password]) -> Vec<bool> {
    let at = received.header("webhook-timestamp").parse().expect("a time");
    let (id, body) = (received.header("webhook-id"), received.body.as_bytes());
    let found: Vec<_> = received.header("webhook-signature").split(' ').collect();
    let sign = |secret: &&Password| signatures(&[(*secret).clone()], id, at, body);
    let signed = secrets.iter().map(sign).map(|signature| signature.expect("a secret"));
    signed.map(|signature| found.contains(&&*signature)).collect()
}

#[tokio::test]
async fn a_secret_that_was_replaced_is_good_for_a_while() {
    let mut plane = Plane::new().await;
    let receiver = Receiver::new().await;
    let (id, old) = plane.webhook(&receiver.url(), &[]).await;
    plane.create_role("a").await;
    plane.dispatcher.settle().await;
    let (asker, hour) = (Asker::offshoot(), TimeDelta::hours(1));
    let rotated = plane.control.rotate_webhook_secret(&asker, id, hour);
    let (_, new) = rotated.await.expect("a secret").answer;
    plane.create_role("b").await;
    plane.dispatcher.settle().await;
    plane.wait(TimeDelta::hours(1));
    plane.create_role("c").await;
    plane.dispatcher.settle().await;
    let arrived = receiver.take();
    let signed: Vec<_> = arrived.iter().map(|it| signed_with(it, &[&old, &new])).collect();
    assert_eq!(signed, [[true, false], [true, true], [false, true]]);
    let count = |one: &Received| one.header("webhook-signature").split(' ').count();
    assert_eq!(arrived.iter().map(count).collect::<Vec<_>>(), [1, 2, 1]);
}

#[tokio::test]
async fn only_so_many_secrets_are_good_at_a_time() {
    let plane = Plane::new().await;
    let (id, _) = plane.webhook("http://127.0.0.1:9/", &[]).await;
    let asker = Asker::offshoot();
    let rotate = || plane.control.rotate_webhook_secret(&asker, id, TimeDelta::hours(1));
    for _ in 0..3 {
        rotate().await.expect("a secret");
    }
    let refused = rotate().await.expect_err("a refusal");
    let expected = Refusal::Webhook(WebhookRefusal::TooManySecrets);
    assert!(matches!(refused, ControlError::Refused(found) if found == expected));
    plane.wait(TimeDelta::hours(1));
    rotate().await.expect("a secret");
}

#[tokio::test]
async fn no_secret_is_kept_in_the_clear() {
    let plane = Plane::new().await;
    let (id, secret) = plane.webhook("http://127.0.0.1:9/", &[]).await;
    let printed = format!("{:?}", plane.get(id));
    let text = secret.reveal();
    assert!(text.starts_with("whsec_") && !printed.contains(text), "{printed}");
    let mut exported = Vec::new();
    plane.control.store().export(&mut exported, |_| {}).expect("an export");
    let needle = &text.as_bytes()["whsec_".len()..];
    // Rows are compressed, but twelve letters that were drawn stay as they are.
    for part in needle.windows(12) {
        assert!(!exported.windows(12).any(|found| found == part), "{text}");
    }
}

/// A name that leads somewhere else each time.
struct Rebinding(Mutex<Vec<&'static str>>);

impl Resolve for Rebinding {
    fn resolve(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let mut left = self.0.lock().expect("a lock");
        let address = left.remove(0).parse().expect("an address");
        Box::pin(async move { Ok(vec![address]) })
    }
}

#[tokio::test]
async fn a_name_is_looked_at_each_time_that_something_is_sent() {
    // Public when the webhook is created, and then a machine beside the server.
    let leads = Rebinding(Mutex::new(vec!["8.8.8.8", "10.0.0.7", "::ffff:10.0.0.7", "127.0.0.1"]));
    let mut plane = Plane::resolving(Box::new(leads)).await;
    let receiver = Receiver::new().await;
    let url = format!("http://hooks.test:{}/", receiver.address.port());
    let (id, _) = plane.webhook(&url, &[]).await;
    plane.create_role("sally").await;
    plane.dispatcher.settle().await;
    for _ in 0..2 {
        plane.wait_for_retry(id);
        plane.dispatcher.settle().await;
    }
    let arrived = receiver.take();
    assert_eq!(arrived.len(), 1, "what was looked at is what is connected to");
    assert_eq!(arrived[0].header("host"), format!("hooks.test:{}", receiver.address.port()));
    for (status, error) in &plane.ends(id)[..2] {
        assert_eq!(*status, None);
        assert!(error.as_ref().is_some_and(|error| error.contains("10.0.0.7")), "{error:?}");
    }
}
