//! The directory's webhooks: themselves, how far they are, and what became of what they sent.

use std::ops::ControlFlow;

use crate::model::webhook::{MAX_SENDINGS, Place, Sending, SendingId, Webhook, WebhookId};
use crate::store::directory::Directory;
use crate::store::engine::LogId;
use crate::store::stored::{StoredPlace, StoredSending, StoredWebhook, decode};
use crate::store::{StoreError, keys};

impl Directory {
    /// Returns a webhook.
    pub fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        self.0.get::<StoredWebhook>(&keys::webhook(id))
    }

    /// Returns all webhooks, by id.
    pub fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.0.list::<StoredWebhook>(keys::WEBHOOKS)
    }

    /// Puts a webhook, new or changed.
    pub fn put_webhook(&mut self, webhook: Webhook) -> Result<(), StoreError> {
        self.0.put::<StoredWebhook>(&keys::webhook(webhook.id), webhook)
    }

    /// Removes a webhook, and all that is known of it.
    pub fn remove_webhook(&mut self, id: WebhookId) -> Result<(), StoreError> {
        self.set_places(id, &[])?;
        for key in self.keys_below(&keys::sendings_of(id))? {
            self.0.remove(&key)?;
        }
        self.0.remove(&keys::webhook(id))
    }

    /// Returns how far a webhook is in a log; nothing where it has sent nothing of it.
    pub fn place(&self, id: WebhookId, log: LogId) -> Result<Option<Place>, StoreError> {
        self.0.get::<StoredPlace>(&keys::place(id, log))
    }

    /// Puts how far a webhook is in a log.
    pub fn put_place(&mut self, id: WebhookId, log: LogId, place: Place) -> Result<(), StoreError> {
        self.0.put::<StoredPlace>(&keys::place(id, log), place)
    }

    /// Puts how far a webhook is in these logs, and forgets how far it is in others.
    pub fn set_places(
        &mut self,
        id: WebhookId,
        places: &[(LogId, Place)],
    ) -> Result<(), StoreError> {
        for key in self.keys_below(&keys::places_of(id))? {
            self.0.remove(&key)?;
        }
        for (log, place) in places {
            self.put_place(id, *log, *place)?;
        }
        Ok(())
    }

    /// Forgets how far each webhook is in a log.
    pub fn forget_log(&mut self, log: LogId) -> Result<(), StoreError> {
        for webhook in self.webhooks()? {
            self.0.remove(&keys::place(webhook.id, log))?;
        }
        Ok(())
    }

    /// Puts what became of sending an event, and forgets the oldest of these where there are many.
    /// Returns how many there are then, of `count` before.
    pub fn put_sending(
        &mut self,
        id: WebhookId,
        sending: Sending,
        count: u32,
    ) -> Result<u32, StoreError> {
        self.0.put::<StoredSending>(&keys::sending(id, sending.id), sending)?;
        if count < MAX_SENDINGS {
            return Ok(count + 1);
        }
        let mut oldest = None;
        let prefix = keys::sendings_of(id);
        self.0.tree().scan(self.0.nodes(), &prefix, |key, _| {
            oldest = Some(key.to_vec());
            ControlFlow::Break(())
        })?;
        if let Some(oldest) = oldest {
            self.0.remove(&oldest)?;
        }
        Ok(count)
    }

    /// Returns what became of sendings to a webhook before one of them, newest first, for as long as
    /// `visit` wants more.
    pub fn scan_sendings(
        &self,
        id: WebhookId,
        before: Option<SendingId>,
        mut visit: impl FnMut(Sending) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let prefix = keys::sendings_of(id);
        let end = match before {
            Some(before) => keys::sending(id, before),
            // After all keys that begin so: no revision is that large.
            None => [&prefix[..], &[u8::MAX; 9]].concat(),
        };
        let mut read = Ok(());
        self.0.tree().scan_back(self.0.nodes(), &end, |key, value| {
            if !key.starts_with(&prefix) {
                return ControlFlow::Break(());
            }
            match decode::<StoredSending>(key, value) {
                Ok(sending) => visit(sending),
                Err(error) => {
                    read = Err(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        read
    }

    fn keys_below(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut found = Vec::new();
        self.0.tree().scan(self.0.nodes(), prefix, |key, _| {
            if !key.starts_with(prefix) {
                return ControlFlow::Break(());
            }
            found.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }
}
