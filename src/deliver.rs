//! What is told: events are sent to webhooks, each in its order, signed, until they are taken.
//!
//! It takes no input but the logs and the clock, and keeps nothing that a crash could lose: what was
//! sent and not noted is sent again. To each webhook one event is sent at a time, so a receiver that is
//! slow holds up nobody else, and no more are under way than there are webhooks.

mod meters;
pub mod sender;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::clock::Clock;
use crate::control::deliveries::{Delivery, Waiting};
use crate::control::{ControlError, ControlPlane};
use crate::meter::Metered;
use crate::model::revision::Timestamp;
use crate::model::rules::webhooks::{Next, Sent};
use crate::model::webhook::WebhookId;

use meters::Meters;
use sender::{Sender, Taken};

/// How often it is looked whether something is to be sent again.
const PERIOD: Duration = Duration::from_secs(1);

/// For how long commits are gathered before it is looked what they tell.
const GATHER: Duration = Duration::from_millis(10);

/// How long after a failure of ours a webhook is looked at again.
const PAUSE: TimeDelta = TimeDelta::seconds(5);

/// How long what is under way may take to end once the server stops.
const STOP_TIME: Duration = Duration::from_secs(2);

/// Sends events for as long as the server runs.
pub struct Dispatcher {
    control: ControlPlane,
    clock: Arc<dyn Clock>,
    sender: Arc<Sender>,
    meters: Arc<Meters>,
    /// What is under way, and to whom.
    sending: JoinSet<Result<Next, ControlError>>,
    busy: HashMap<Id, WebhookId>,
    /// Until when webhooks are left alone after a failure of ours.
    paused: HashMap<WebhookId, Timestamp>,
}

/// Whether there may be more to do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    Over,
    Again,
}

impl Dispatcher {
    /// Returns a dispatcher that has sent nothing yet.
    #[must_use]
    pub fn new(control: ControlPlane, clock: Arc<dyn Clock>, sender: Sender) -> Self {
        Self {
            control,
            clock,
            sender: Arc::new(sender),
            meters: Arc::default(),
            sending: JoinSet::new(),
            busy: HashMap::new(),
            paused: HashMap::new(),
        }
    }

    /// Returns what is counted about what is sent.
    #[must_use]
    pub fn meters(&self) -> Arc<dyn Metered> {
        Arc::clone(&self.meters) as _
    }

    /// Sends until the server stops.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut changes = self.control.store().changes();
        while !stop.is_cancelled() {
            changes.mark_unchanged();
            let looked = self.look().await;
            tokio::select! {
                news = changes.changed(), if looked == Looked::Over => {
                    news.expect("a store that outlives the dispatcher");
                    tokio::time::sleep(GATHER).await;
                }
                Some(ended) = self.sending.join_next_with_id() => self.ended(ended),
                () = tokio::time::sleep(PERIOD) => {}
                () = tokio::task::yield_now(), if looked == Looked::Again => {}
                () = stop.cancelled() => {}
            }
        }
        let end = async {
            while let Some(ended) = self.sending.join_next_with_id().await {
                self.ended(ended);
            }
        };
        // What does not end in time is sent again by the next server.
        tokio::time::timeout(STOP_TIME, end).await.ok();
    }

    /// Sends everything that is due by now, and what becomes due thereby, and waits for the answers.
    pub async fn settle(&mut self) {
        loop {
            let looked = self.look().await;
            match self.sending.join_next_with_id().await {
                Some(ended) => self.ended(ended),
                None if looked == Looked::Over => return,
                None => {}
            }
        }
    }

    /// Begins to send what is due to webhooks to which nothing is under way.
    async fn look(&mut self) -> Looked {
        let mut looked = Looked::Over;
        let now = self.clock.now();
        self.paused.retain(|_, until| now < *until);
        let enabled = match self.control.enabled_webhooks() {
            Ok(enabled) => enabled,
            Err(error) => {
                tracing::error!(error = %Chain(&error), "the webhooks could not be looked over");
                return looked;
            }
        };
        for id in enabled {
            if self.paused.contains_key(&id) || self.busy.values().any(|busy| *busy == id) {
                continue;
            }
            match self.control.next_delivery(id).await {
                Ok(Waiting::Due(delivery)) => self.begin(*delivery),
                Ok(Waiting::Looking) => looked = Looked::Again,
                Ok(Waiting::Until(_) | Waiting::Nothing) => {}
                Err(error) => self.pause(id, &error),
            }
        }
        looked
    }

    fn begin(&mut self, delivery: Delivery) {
        let id = delivery.webhook;
        let (control, clock) = (self.control.clone(), Arc::clone(&self.clock));
        let (sender, meters) = (Arc::clone(&self.sender), Arc::clone(&self.meters));
        let task = self.sending.spawn(async move {
            let sent = send(&sender, &meters, &*clock, &delivery).await;
            control.record_sending(id, sent).await
        });
        self.busy.insert(task.id(), id);
        self.meters.set_under_way(self.busy.len());
    }

    fn ended(&mut self, ended: Result<(Id, Result<Next, ControlError>), JoinError>) {
        let (task, noted) = match ended {
            Ok((task, noted)) => (task, Some(noted)),
            Err(error) => {
                tracing::error!(%error, "sending an event ended with a bug");
                (error.id(), None)
            }
        };
        let id = self.busy.remove(&task);
        self.meters.set_under_way(self.busy.len());
        let Some(id) = id else { return };
        match noted {
            Some(Ok(Next::Disabled)) => {
                self.meters.disabled.count();
                tracing::warn!(webhook.id = %id, "webhook {id} does not take its events and is disabled");
            }
            Some(Ok(Next::Taken | Next::Later(_) | Next::Overtaken)) => {}
            Some(Err(error)) => self.pause(id, &error),
            None => self.leave_alone(id),
        }
    }

    /// Leaves a webhook alone for a while. What was sent and could not be noted must not be sent again
    /// as fast as the receiver takes it.
    fn pause(&mut self, id: WebhookId, error: &ControlError) {
        // The log is told of a full disk elsewhere.
        if !matches!(error, ControlError::NoRoom(_)) {
            let error = Chain(error);
            tracing::error!(webhook.id = %id, %error, "webhook {id} could not be served");
        }
        self.leave_alone(id);
    }

    fn leave_alone(&mut self, id: WebhookId) {
        self.paused.insert(id, self.clock.now() + PAUSE);
    }
}

/// Sends an event once, and counts that.
async fn send(sender: &Sender, meters: &Meters, clock: &dyn Clock, delivery: &Delivery) -> Sent {
    let at = clock.now();
    let (taken, time) = sender.send(delivery, at).await;
    meters.sent(&taken, time);
    let Taken { answer, retry_after } = taken;
    let id = delivery.webhook;
    match (&answer.error, answer.status) {
        (None, _) => {}
        (Some(_), Some(status)) => {
            tracing::info!(webhook.id = %id, event.id = %delivery.event.id, status, "webhook {id} did not take an event");
        }
        (Some(_), None) => {
            tracing::info!(webhook.id = %id, event.id = %delivery.event.id, "webhook {id} did not answer");
        }
    }
    Sent {
        event: delivery.event.id,
        kind: delivery.event.kind,
        is_resend: delivery.is_resend,
        epoch: delivery.epoch,
        at,
        duration_ms: u32::try_from(time.as_millis()).unwrap_or(u32::MAX),
        answer,
        retry_after,
    }
}
