//! Rules about webhooks: what sending an event once leaves, and what requests say about what is sent.

use chrono::TimeDelta;

use crate::model::event::{EventId, EventKind};
use crate::model::refusal::{Refusal, WebhookRefusal};
use crate::model::revision::{Moment, Revision, Timestamp};
use crate::model::secret::Sealed;
use crate::model::webhook::schedule::{MAX_ATTEMPTS, RetryAfter, pause};
use crate::model::webhook::target::Target;
use crate::model::webhook::{
    Answer, Filter, LAG_MAX, MAX_RESENDS, MAX_SECRETS, Queue, Sending, SendingId, Trial, Webhook,
    WebhookName, WebhookSecret, WebhookState,
};

/// By how much the time of a commit may be ahead of the clock: it is always later than the one before.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(1);

/// The status with which a receiver says that it wants nothing any more.
const GONE: u16 = 410;

/// An event that was sent once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The event.
    pub event: EventId,
    /// What it told.
    pub kind: EventKind,
    /// Whether a request asked for it; else it was the next of its log.
    pub is_resend: bool,
    /// The epoch of the queue from which it was taken.
    pub epoch: Revision,
    /// When it was sent.
    pub at: Timestamp,
    /// How long that took.
    pub duration_ms: u32,
    /// What was answered.
    pub answer: Answer,
    /// After how long the receiver wants it again, if it said so.
    pub retry_after: RetryAfter,
}

/// What is next after an event was sent once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next event: this one was taken.
    Taken,
    /// The same again, at a time.
    Later(Timestamp),
    /// Nothing: the webhook is disabled.
    Disabled,
    /// What a request has said meanwhile.
    Overtaken,
}

/// What is to change about a webhook.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    /// Its new name.
    pub name: Option<WebhookName>,
    /// Its new target.
    pub target: Option<Target>,
    /// Its new filter.
    pub filter: Option<Filter>,
    /// Whether it is to be enabled.
    pub enabled: Option<bool>,
}

/// Returns a webhook after an event was sent once, how that is remembered, and what is next.
#[must_use]
pub fn settle(
    webhook: Webhook,
    moment: Moment,
    sent: &Sent,
    seed: u64,
) -> (Webhook, Sending, Next) {
    let Sent { event, kind, at, duration_ms, ref answer, .. } = *sent;
    let (state, failures, next) = match webhook.state {
        WebhookState::Enabled(queue) if queue.epoch == sent.epoch => {
            let known = queue.trial.as_ref().filter(|trial| trial.event == event);
            let failures = known.map_or(0, |trial| trial.failures);
            let (state, next) = advance(queue, moment.at, sent, failures + 1, seed);
            (state, failures, next)
        }
        state @ (WebhookState::Enabled(_) | WebhookState::Disabled { .. }) => {
            (state, 0, Next::Overtaken)
        }
    };
    let id = SendingId(moment.revision);
    let attempt = failures + 1;
    let answer = answer.clone();
    let sending = Sending { id, event, kind, attempt, at, duration_ms, answer };
    (Webhook { state, ..webhook }, sending, next)
}

fn advance(
    queue: Queue,
    now: Timestamp,
    sent: &Sent,
    attempts: u32,
    seed: u64,
) -> (WebhookState, Next) {
    let Some(error) = &sent.answer.error else {
        let mut resends = queue.resends;
        if sent.is_resend {
            resends.retain(|event| *event != sent.event);
        }
        return (WebhookState::Enabled(Queue { trial: None, resends, ..queue }), Next::Taken);
    };
    if sent.answer.status == Some(GONE) {
        let reason = "the receiver answered 410, which asks for nothing more".to_owned();
        return (WebhookState::Disabled { at: now, reason }, Next::Disabled);
    }
    let Some(pause) = pause(attempts, sent.retry_after, seed) else {
        let event = sent.event;
        let reason =
            format!("event {event} was not taken in {MAX_ATTEMPTS} attempts; the last: {error}");
        return (WebhookState::Disabled { at: now, reason }, Next::Disabled);
    };
    let next_at = now + pause;
    let Sent { event, is_resend, .. } = *sent;
    let trial = Some(Trial { event, is_resend, failures: attempts, next_at });
    (WebhookState::Enabled(Queue { trial, ..queue }), Next::Later(next_at))
}

/// Disables a webhook that is further behind than history is kept for it.
#[must_use]
pub fn give_up(webhook: Webhook, moment: Moment, oldest: EventId) -> Webhook {
    let reason = format!(
        "event {oldest} was not sent in {} days; replay what history still has",
        LAG_MAX.num_days()
    );
    Webhook { state: WebhookState::Disabled { at: moment.at, reason }, ..webhook }
}

/// Changes a webhook. Another target is tried at once, and as often as any; one that is enabled begins
/// with what happens from now on.
#[must_use]
pub fn change(webhook: Webhook, moment: Moment, change: &WebhookChange) -> Webhook {
    let WebhookChange { name, target, filter, enabled } = change.clone();
    let state = match (webhook.state, enabled) {
        (WebhookState::Enabled(_), Some(false)) => {
            WebhookState::Disabled { at: moment.at, reason: "a request disabled it".to_owned() }
        }
        (WebhookState::Disabled { .. }, Some(true)) => {
            WebhookState::Enabled(Queue::new(moment.revision))
        }
        (WebhookState::Enabled(queue), _) if target.is_some() => {
            let trial = queue.trial.map(|trial| Trial { failures: 0, ..trial });
            WebhookState::Enabled(hurried(Queue { trial, ..queue }, moment))
        }
        (WebhookState::Enabled(queue), _) if filter.is_some() => {
            WebhookState::Enabled(Queue { epoch: moment.revision, ..queue })
        }
        (state @ (WebhookState::Enabled(_) | WebhookState::Disabled { .. }), _) => state,
    };
    Webhook {
        name: name.unwrap_or(webhook.name),
        target: target.unwrap_or(webhook.target),
        filter: filter.unwrap_or(webhook.filter),
        state,
        updated_at: moment.at,
        ..webhook
    }
}

/// Returns a queue whose next event is sent at once, and looked for anew.
fn hurried(queue: Queue, moment: Moment) -> Queue {
    let trial = queue.trial.map(|trial| Trial { next_at: moment.at, ..trial });
    Queue { epoch: moment.revision, trial, ..queue }
}

/// Gives a webhook another secret. The one before stays good until `until`.
pub fn rotate(
    webhook: Webhook,
    moment: Moment,
    sealed: Sealed,
    overlap: TimeDelta,
) -> Result<Webhook, Refusal> {
    let until = moment.at + overlap;
    let mut secrets = vec![WebhookSecret { sealed, until: None }];
    let kept = webhook.secrets.into_iter().map(|old| {
        let until = old.until.map_or(until, |before| before.min(until));
        WebhookSecret { until: Some(until), ..old }
    });
    secrets.extend(kept.filter(|old| old.until.is_some_and(|until| moment.at < until)));
    if MAX_SECRETS < secrets.len() {
        return Err(WebhookRefusal::TooManySecrets.into());
    }
    Ok(Webhook { secrets, updated_at: moment.at, ..webhook })
}

/// Has everything that happened after `since` sent again: the caller puts it there in each log.
pub fn replay(webhook: Webhook, moment: Moment, since: Timestamp) -> Result<Webhook, Refusal> {
    let WebhookState::Enabled(queue) = webhook.state else {
        return Err(WebhookRefusal::Disabled(webhook.id).into());
    };
    if since < moment.at - LAG_MAX || moment.at + CLOCKS_APART < since {
        return Err(WebhookRefusal::ReplayOutOfRange.into());
    }
    let resends = queue.resends;
    let queue = Queue { resends, ..Queue::new(moment.revision) };
    Ok(Webhook { state: WebhookState::Enabled(queue), ..webhook })
}

/// Has one event sent again, before those that were not sent yet.
pub fn resend(webhook: Webhook, moment: Moment, event: EventId) -> Result<Webhook, Refusal> {
    let WebhookState::Enabled(queue) = webhook.state else {
        return Err(WebhookRefusal::Disabled(webhook.id).into());
    };
    let mut queue = hurried(queue, moment);
    if !queue.resends.contains(&event) {
        if MAX_RESENDS <= queue.resends.len() {
            return Err(WebhookRefusal::TooManyResends.into());
        }
        queue.resends.push(event);
    }
    Ok(Webhook { state: WebhookState::Enabled(queue), ..webhook })
}
