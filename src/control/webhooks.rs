//! Use cases about webhooks, as requests ask for them.

use std::ops::ControlFlow;

use chrono::TimeDelta;

use crate::control::once::Done;
use crate::control::{Asker, Caller, ControlError, ControlPlane, Result, Told};
use crate::entropy;
use crate::model::cause::{Deed, Topic};
use crate::model::event::EventId;
use crate::model::key::Scope;
use crate::model::refusal::{Refusal, WebhookRefusal};
use crate::model::revision::{Moment, Revision, Timestamp};
use crate::model::rules::webhooks::{self, WebhookChange};
use crate::model::secret::{Password, Sealed};
use crate::model::state::Denied;
use crate::model::webhook::signature::{SECRET_BYTES, secret};
use crate::model::webhook::target::Target;
use crate::model::webhook::{
    Filter, MAX_WEBHOOKS, Queue, Sending, SendingId, Webhook, WebhookId, WebhookName,
    WebhookSecret, WebhookState,
};
use crate::reach::Unreachable;
use crate::store::StoreError;
use crate::store::directory::Directory;
use crate::store::engine::LogId;

/// How often a change is tried that others get in the way of.
const MAX_TRIES: usize = 16;

/// What a request says about a new webhook.
#[derive(Clone, Debug)]
pub struct WebhookRequest {
    /// Its name.
    pub name: WebhookName,
    /// Where events are to be sent.
    pub target: Target,
    /// Which events.
    pub filter: Filter,
    /// Whether they are sent.
    pub is_enabled: bool,
}

/// Which sendings to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct SendingQuery {
    /// Only those before this one.
    pub cursor: Option<SendingId>,
    /// Only those before this time.
    pub before: Option<Timestamp>,
    /// Only those after this time.
    pub after: Option<Timestamp>,
    /// How many.
    pub limit: usize,
}

/// What a rule makes of a webhook.
type Ruled = std::result::Result<Webhook, Refusal>;

impl ControlPlane {
    /// Creates a webhook, and returns it with its secret. It is told what happens from then on.
    pub async fn create_webhook(
        &self,
        asker: &Asker,
        request: WebhookRequest,
    ) -> Result<Told<(Webhook, Password)>> {
        if let Some(done) = self.done_in_log(asker, LogId::DIRECTORY)? {
            return self.created_webhook(&done);
        }
        self.check_target(&request.target).await?;
        let id = WebhookId(entropy::bits(self.entropy()));
        let (sealed, places) = (self.draw_webhook_secret(id), self.ends_of_logs());
        let now = self.now();
        let create = move |directory: &mut Directory, moment: Moment| {
            let moment = by_clock(moment, now);
            if MAX_WEBHOOKS <= directory.webhooks()?.len() {
                return Err(refused(WebhookRefusal::TooMany));
            }
            let WebhookRequest { name, target, filter, is_enabled } = request.clone();
            let state = if is_enabled {
                WebhookState::Enabled(Queue::new(moment.revision))
            } else {
                let reason = "it was created so".to_owned();
                WebhookState::Disabled { at: moment.at, reason }
            };
            let webhook = Webhook {
                id,
                born: moment.revision,
                name,
                target,
                filter,
                secrets: vec![WebhookSecret { sealed: sealed.clone(), until: None }],
                state,
                sendings: 0,
                created_at: moment.at,
                updated_at: moment.at,
            };
            directory.set_places(id, &places)?;
            Ok(directory.put_webhook(webhook)?)
        };
        let what = (asker.asks(Deed::CreateWebhook, Topic::Whole), None);
        let done = self.carry_out_in_log(asker, LogId::DIRECTORY, what, create).await?;
        self.created_webhook(&done)
    }

    fn created_webhook(&self, done: &Done<Directory>) -> Result<Told<(Webhook, Password)>> {
        let mut known = done.view.state.webhooks()?.into_iter();
        let created = known.find(|webhook| webhook.born == done.view.moment.revision);
        self.with_secret(done, created.expect("a webhook that the commit put"))
    }

    fn with_secret(
        &self,
        done: &Done<Directory>,
        webhook: Webhook,
    ) -> Result<Told<(Webhook, Password)>> {
        let newest = webhook.secrets.first().expect("a webhook has a secret");
        let secret = self.open_webhook_secret(webhook.id, &newest.sealed)?;
        Ok(done.told((webhook, secret)))
    }

    /// Lists the webhooks, oldest first: those after `after`, and at most `limit`.
    pub fn list_webhooks(&self, after: Option<WebhookId>, limit: usize) -> Result<Vec<Webhook>> {
        let mut known = self.directory().state.webhooks()?;
        known.sort_by_key(|webhook| webhook.born);
        let first = match after {
            None => 0,
            // After one that was deleted meanwhile there is nothing to go on from.
            Some(after) => known
                .iter()
                .position(|webhook| webhook.id == after)
                .map_or(known.len(), |place| place + 1),
        };
        Ok(known.into_iter().skip(first).take(limit).collect())
    }

    /// Returns a webhook.
    pub fn get_webhook(&self, id: WebhookId) -> Result<Webhook> {
        let found = self.directory().state.webhook(id)?;
        found.ok_or_else(|| Refusal::from(WebhookRefusal::Missing(id)).into())
    }

    /// Changes a webhook.
    pub async fn update_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
        change: WebhookChange,
    ) -> Result<Webhook> {
        self.get_webhook(id)?;
        if let Some(target) = &change.target {
            self.check_target(target).await?;
        }
        for _ in 0..MAX_TRIES {
            if let Some(changed) = self.try_update(caller, id, change.clone()).await? {
                return Ok(changed);
            }
        }
        Err(ControlError::Busy)
    }

    /// Changes a webhook; nothing where somebody else has said from where it goes on in the same
    /// moment.
    async fn try_update(
        &self,
        caller: &Caller,
        id: WebhookId,
        change: WebhookChange,
    ) -> Result<Option<Webhook>> {
        let seen = self.get_webhook(id)?;
        let places = match &seen.state {
            WebhookState::Enabled(queue) if change.filter.is_some() => {
                self.looked_through(&seen, queue).await?
            }
            WebhookState::Enabled(_) => Vec::new(),
            WebhookState::Disabled { .. } => self.ends_of_logs(),
        };
        let now = self.now();
        let update = move |directory: &mut Directory, moment: Moment| {
            let moment = by_clock(moment, now);
            let known = find(directory, id)?;
            if epoch(&known) != epoch(&seen) {
                return Ok(None);
            }
            let is_enabled = epoch(&known).is_some();
            for (log, place) in &places {
                // What was sent meanwhile is not sent again.
                let kept = directory.place(id, *log)?.filter(|_| is_enabled);
                directory.put_place(id, *log, kept.map_or(*place, |kept| kept.max(*place)))?;
            }
            let webhook = webhooks::change(known, moment, &change);
            directory.put_webhook(webhook.clone())?;
            Ok(Some(webhook))
        };
        Ok(self.commit_directory(caller, Deed::UpdateWebhook, update).await?.0)
    }

    /// Deletes a webhook. What it was not told yet, it is never told.
    pub async fn delete_webhook(&self, caller: &Caller, id: WebhookId) -> Result<()> {
        let delete = move |directory: &mut Directory, _| {
            find(directory, id)?;
            Ok(directory.remove_webhook(id)?)
        };
        self.commit_directory(caller, Deed::DeleteWebhook, delete).await?;
        self.inner.lanes.forget_webhook(id);
        Ok(())
    }

    /// Gives a webhook another secret, and returns it with that. The one before is good for a while.
    pub async fn rotate_webhook_secret(
        &self,
        asker: &Asker,
        id: WebhookId,
        overlap: TimeDelta,
    ) -> Result<Told<(Webhook, Password)>> {
        let sealed = self.draw_webhook_secret(id);
        let rotate =
            move |webhook, moment| webhooks::rotate(webhook, moment, sealed.clone(), overlap);
        let done = self.rule_on_webhook(asker, Deed::RotateWebhookSecret, id, rotate).await?;
        let webhook = done.view.state.webhook(id)?.expect("a webhook that the commit put");
        self.with_secret(&done, webhook)
    }

    /// Has everything sent again that happened after a time.
    pub async fn replay_webhook(
        &self,
        asker: &Asker,
        id: WebhookId,
        since: Timestamp,
    ) -> Result<Told<Webhook>> {
        let replay = move |webhook, moment| webhooks::replay(webhook, moment, since);
        let what = (asker.asks(Deed::UpdateWebhook, Topic::Whole), None);
        let places = self.places_after(since)?;
        let now = self.now();
        let rule = move |directory: &mut Directory, moment: Moment| {
            apply(directory, id, by_clock(moment, now), replay)?;
            Ok(directory.set_places(id, &places)?)
        };
        let done = match self.done_in_log(asker, LogId::DIRECTORY)? {
            Some(done) => done,
            None => self.carry_out_in_log(asker, LogId::DIRECTORY, what, rule).await?,
        };
        let webhook = done.view.state.webhook(id)?.expect("a webhook that the commit put");
        Ok(done.told(webhook))
    }

    /// Has an event sent again.
    pub async fn resend_event(
        &self,
        asker: &Asker,
        scope: &Scope,
        id: WebhookId,
        event: EventId,
    ) -> Result<Told<Webhook>> {
        self.get_webhook(id)?;
        self.get_event(scope, event)?;
        let resend = move |webhook, moment| webhooks::resend(webhook, moment, event);
        let done = self.rule_on_webhook(asker, Deed::UpdateWebhook, id, resend).await?;
        let webhook = done.view.state.webhook(id)?.expect("a webhook that the commit put");
        Ok(done.told(webhook))
    }

    async fn rule_on_webhook(
        &self,
        asker: &Asker,
        deed: Deed,
        id: WebhookId,
        mut rule: impl FnMut(Webhook, Moment) -> Ruled + Send + 'static,
    ) -> Result<Done<Directory>> {
        if let Some(done) = self.done_in_log(asker, LogId::DIRECTORY)? {
            return Ok(done);
        }
        let what = (asker.asks(deed, Topic::Whole), None);
        let now = self.now();
        let rule = move |directory: &mut Directory, moment: Moment| {
            apply(directory, id, by_clock(moment, now), &mut rule)
        };
        self.carry_out_in_log(asker, LogId::DIRECTORY, what, rule).await
    }

    /// Lists what became of sending events to a webhook, newest first.
    pub fn list_sendings(&self, id: WebhookId, query: SendingQuery) -> Result<Vec<Sending>> {
        self.get_webhook(id)?;
        let SendingQuery { cursor, before, after, limit } = query;
        let mut found = Vec::new();
        self.directory().state.scan_sendings(id, cursor, |sending| {
            if found.len() == limit || after.is_some_and(|after| sending.at <= after) {
                return ControlFlow::Break(());
            }
            if before.is_none_or(|before| sending.at < before) {
                found.push(sending);
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// Refuses a target that may not be reached. A name that does not resolve now may do so later, and
    /// is looked at each time that something is sent.
    async fn check_target(&self, target: &Target) -> Result<()> {
        match self.inner.settings.reach.addresses(target).await {
            Ok(_) | Err(Unreachable::Unresolved) => Ok(()),
            Err(closed @ (Unreachable::Plain | Unreachable::Closed(_))) => {
                Err(Refusal::from(WebhookRefusal::Target(closed.to_string())).into())
            }
        }
    }

    fn draw_webhook_secret(&self, id: WebhookId) -> Sealed {
        let drawn = secret(entropy::array::<SECRET_BYTES>(self.entropy()));
        self.inner.vault.seal(self.entropy(), &secret_context(id), &drawn)
    }

    pub(super) fn open_webhook_secret(&self, id: WebhookId, sealed: &Sealed) -> Result<Password> {
        Ok(self.inner.vault.open(&secret_context(id), sealed)?)
    }
}

/// Returns a moment whose time is the clock's. That of the directory's commits may be ahead of it, and
/// what a webhook waits for is compared with the clock.
pub(super) fn by_clock(moment: Moment, now: Timestamp) -> Moment {
    Moment { at: now, ..moment }
}

/// What a webhook's secret is sealed as.
fn secret_context(id: WebhookId) -> String {
    format!("secret of webhook {id}")
}

fn refused(refusal: WebhookRefusal) -> Denied<StoreError> {
    Denied::Refused(refusal.into())
}

/// Returns the epoch of a webhook's queue, if it is enabled.
fn epoch(webhook: &Webhook) -> Option<Revision> {
    match &webhook.state {
        WebhookState::Enabled(queue) => Some(queue.epoch),
        WebhookState::Disabled { .. } => None,
    }
}

fn find(directory: &Directory, id: WebhookId) -> std::result::Result<Webhook, Denied<StoreError>> {
    directory.webhook(id)?.ok_or_else(|| refused(WebhookRefusal::Missing(id)))
}

fn apply(
    directory: &mut Directory,
    id: WebhookId,
    moment: Moment,
    rule: impl FnOnce(Webhook, Moment) -> Ruled,
) -> std::result::Result<(), Denied<StoreError>> {
    let webhook = rule(find(directory, id)?, moment).map_err(Denied::Refused)?;
    Ok(directory.put_webhook(webhook)?)
}
