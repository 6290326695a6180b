//! Deliveries: which event is to be sent to a webhook next, and what became of it.
//!
//! What is not sent yet is nowhere written down: it is what the logs have after the place that is kept
//! of each webhook in each log. So an event is in the commit of what it tells, and a server that is
//! killed at any moment finds it there. For this, no log is trimmed above what is still to be sent.

mod lanes;

use std::ops::ControlFlow;

use crate::control::webhooks::by_clock;
use crate::control::{Caller, ControlPlane, Result};
use crate::entropy;
use crate::model::cause::{Deed, Topic};
use crate::model::event::{Event, EventId};
use crate::model::revision::{Moment, Revision, Timestamp};
use crate::model::rules::webhooks::{self, Next, Sent};
use crate::model::secret::Password;
use crate::model::state::Denied;
use crate::model::webhook::target::Target;
use crate::model::webhook::{Place, Queue, Webhook, WebhookId, WebhookState};
use crate::room::Writer;
use crate::store::StoreError;
use crate::store::directory::Directory;
use crate::store::engine::LogId;

pub(super) use lanes::Lanes;

/// An event that is to be sent now.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// To which webhook.
    pub webhook: WebhookId,
    /// Where that is.
    pub target: Target,
    /// With which secrets it is signed, the newest first.
    pub secrets: Vec<Password>,
    /// The event.
    pub event: Event,
    /// Whether a request asked for it; else it is the next of its log.
    pub is_resend: bool,
    /// The epoch of the queue from which it was taken.
    pub epoch: Revision,
}

/// What a webhook waits for.
#[derive(Debug)]
pub enum Waiting {
    /// This is to be sent.
    Due(Box<Delivery>),
    /// Something is to be sent again then.
    Until(Timestamp),
    /// There may be more in the logs than was looked at.
    Looking,
    /// Something to happen.
    Nothing,
}

/// What a rule about the directory says.
type Ruled<T> = std::result::Result<T, Denied<StoreError>>;

/// An event that a queue has next.
enum Chosen {
    Event { event: Box<Event>, is_resend: bool },
    Gone(EventId),
    Behind(EventId),
    Idle,
    Wait(Waiting),
}

impl ControlPlane {
    /// Returns the webhooks to which events are sent.
    pub fn enabled_webhooks(&self) -> Result<Vec<WebhookId>> {
        let known = self.directory().state.webhooks()?.into_iter();
        let is_enabled = |webhook: &Webhook| matches!(webhook.state, WebhookState::Enabled(_));
        Ok(known.filter(is_enabled).map(|webhook| webhook.id).collect())
    }

    /// Returns what a webhook is to be sent next.
    pub async fn next_delivery(&self, id: WebhookId) -> Result<Waiting> {
        let Some(webhook) = self.directory().state.webhook(id)? else {
            return Ok(Waiting::Nothing);
        };
        // What could not be noted would be sent again and again.
        self.inner.room.admit(Writer::Offshoot)?;
        let WebhookState::Enabled(queue) = &webhook.state else { return Ok(Waiting::Nothing) };
        let epoch = queue.epoch;
        match self.choose(&webhook, queue)? {
            Chosen::Wait(waiting) => Ok(waiting),
            Chosen::Event { event, is_resend } => {
                let secrets = self.good_secrets(&webhook)?;
                let (webhook, target) = (webhook.id, webhook.target);
                let event = *event;
                let delivery = Delivery { webhook, target, secrets, event, is_resend, epoch };
                Ok(Waiting::Due(Box::new(delivery)))
            }
            Chosen::Idle => {
                self.keep_places(id, epoch).await?;
                Ok(Waiting::Nothing)
            }
            Chosen::Gone(event) => {
                self.pass_over(id, epoch, event).await?;
                Ok(Waiting::Looking)
            }
            Chosen::Behind(event) => {
                self.give_up(id, epoch, event).await?;
                Ok(Waiting::Nothing)
            }
        }
    }

    fn choose(&self, webhook: &Webhook, queue: &Queue) -> Result<Chosen> {
        let now = self.now();
        let again = match (&queue.trial, queue.resends.first()) {
            (Some(trial), _) if now < trial.next_at => {
                return Ok(Chosen::Wait(Waiting::Until(trial.next_at)));
            }
            (Some(trial), _) => Some((trial.event, trial.is_resend)),
            (None, Some(event)) => Some((*event, true)),
            (None, None) => None,
        };
        if let Some((id, is_resend)) = again {
            return Ok(match self.find_event(id)? {
                Some(event) => Chosen::Event { event: Box::new(event), is_resend },
                None => Chosen::Gone(id),
            });
        }
        Ok(match self.first_of_logs(webhook, queue)? {
            ControlFlow::Continue(()) => Chosen::Wait(Waiting::Looking),
            ControlFlow::Break(None) => Chosen::Idle,
            ControlFlow::Break(Some(first)) if lanes::is_behind(first.at, now) => {
                Chosen::Behind(first.event)
            }
            ControlFlow::Break(Some(first)) => self.choose_first(webhook.id, first.event)?,
        })
    }

    fn choose_first(&self, id: WebhookId, first: EventId) -> Result<Chosen> {
        let log = LogId(first.log);
        let kept = self.directory().state.place(id, log)?;
        if kept.is_some_and(|kept| lanes::at(first) < kept) {
            // It was sent while somebody else looked.
            self.inner.lanes.look_again(id, log);
            return Ok(Chosen::Wait(Waiting::Looking));
        }
        Ok(match self.find_event(first)? {
            Some(event) => Chosen::Event { event: Box::new(event), is_resend: false },
            None => Chosen::Behind(first),
        })
    }

    fn good_secrets(&self, webhook: &Webhook) -> Result<Vec<Password>> {
        let now = self.now();
        let good = webhook.secrets.iter();
        let good = good.filter(|secret| secret.until.is_none_or(|until| now < until));
        good.map(|secret| self.open_webhook_secret(webhook.id, &secret.sealed)).collect()
    }

    /// Notes what became of sending an event, and returns what is next.
    pub async fn record_sending(&self, id: WebhookId, sent: Sent) -> Result<Next> {
        let seed = entropy::bits(self.entropy());
        let (log, now) = (LogId(sent.event.log), self.now());
        let note = move |directory: &mut Directory, moment| {
            let Some(webhook) = directory.webhook(id)? else { return Ok(Next::Overtaken) };
            let moment = by_clock(moment, now);
            let (mut webhook, sending, next) = webhooks::settle(webhook, moment, &sent, seed);
            webhook.sendings = directory.put_sending(id, sending, webhook.sendings)?;
            if next == Next::Taken && !sent.is_resend {
                directory.put_place(id, log, Place::behind(sent.event))?;
            }
            directory.put_webhook(webhook)?;
            Ok(next)
        };
        let next = self.note_delivery(note).await?;
        self.inner.lanes.look_again(id, log);
        Ok(next)
    }

    /// Keeps how far a webhook has looked, where that is far, so that a server which begins anew has not
    /// to look at all of it again.
    async fn keep_places(&self, id: WebhookId, epoch: Revision) -> Result<()> {
        let places = self.inner.lanes.far(id, epoch);
        if places.is_empty() {
            return Ok(());
        }
        let logs: Vec<_> = places.iter().map(|(log, _)| *log).collect();
        let note = move |directory: &mut Directory, _| {
            let webhook = directory.webhook(id)?;
            let is_so = webhook.is_some_and(|webhook| match webhook.state {
                WebhookState::Enabled(queue) => queue.epoch == epoch,
                WebhookState::Disabled { .. } => false,
            });
            for (log, place) in places.iter().filter(|_| is_so) {
                directory.put_place(id, *log, *place)?;
            }
            Ok(())
        };
        self.note_delivery(note).await?;
        for log in logs {
            self.inner.lanes.look_again(id, log);
        }
        Ok(())
    }

    /// Forgets an event that is not kept any more: it can never be sent.
    async fn pass_over(&self, id: WebhookId, epoch: Revision, event: EventId) -> Result<()> {
        let note = move |directory: &mut Directory, _| {
            let Some(webhook) = directory.webhook(id)? else { return Ok(()) };
            let WebhookState::Enabled(mut queue) = webhook.state else { return Ok(()) };
            if queue.epoch != epoch {
                return Ok(());
            }
            queue.resends.retain(|resend| *resend != event);
            if let Some(trial) = queue.trial.take_if(|trial| trial.event == event)
                && !trial.is_resend
            {
                directory.put_place(id, LogId(event.log), Place::behind(event))?;
            }
            let state = WebhookState::Enabled(queue);
            Ok(directory.put_webhook(Webhook { state, ..webhook })?)
        };
        self.note_delivery(note).await?;
        self.inner.lanes.look_again(id, LogId(event.log));
        Ok(())
    }

    /// Disables a webhook that is too far behind.
    async fn give_up(&self, id: WebhookId, epoch: Revision, event: EventId) -> Result<()> {
        let now = self.now();
        let note = move |directory: &mut Directory, moment| {
            let moment = by_clock(moment, now);
            let Some(webhook) = directory.webhook(id)? else { return Ok(()) };
            match &webhook.state {
                WebhookState::Enabled(queue) if queue.epoch == epoch => {}
                WebhookState::Enabled(_) | WebhookState::Disabled { .. } => return Ok(()),
            }
            Ok(directory.put_webhook(webhooks::give_up(webhook, moment, event))?)
        };
        self.note_delivery(note).await
    }

    /// Forgets how far each webhook is in a log that is gone.
    pub async fn forget_places(&self, log: LogId) -> Result<()> {
        self.inner.lanes.forget_log(log);
        self.note_delivery(move |directory, _| Ok(directory.forget_log(log)?)).await
    }

    async fn note_delivery<T: Send + 'static>(
        &self,
        note: impl FnMut(&mut Directory, Moment) -> Ruled<T> + Send + 'static,
    ) -> Result<T> {
        let cause = Caller::offshoot().asks(Deed::SendEvent, Topic::Whole);
        Ok(self.write(Writer::Offshoot, LogId::DIRECTORY, cause, note).await?.0)
    }
}
