//! Webhooks, stored: themselves, how far they are, and what became of what they sent.

use bincode::{Decode, Encode};

use super::{Invalid, Stored, known, time};
use crate::model::event::{EventId, EventKind};
use crate::model::revision::Revision;
use crate::model::secret::Sealed;
use crate::model::webhook::{
    Answer, Filter, Place, Queue, Sending, SendingId, Trial, Webhook, WebhookId, WebhookSecret,
    WebhookState,
};

/// A webhook.
#[derive(Encode, Decode)]
pub struct StoredWebhook {
    id: u64,
    born: u64,
    name: String,
    url: String,
    kinds: Vec<u8>,
    secrets: Vec<(Vec<u8>, Option<i64>)>,
    state: StoredState,
    sendings: u32,
    created_at: i64,
    updated_at: i64,
}

#[derive(Encode, Decode)]
enum StoredState {
    Enabled { epoch: u64, trial: Option<StoredTrial>, resends: Vec<StoredEventId> },
    Disabled { at: i64, reason: String },
}

#[derive(Encode, Decode)]
struct StoredTrial {
    event: StoredEventId,
    is_resend: bool,
    failures: u32,
    next_at: i64,
}

#[derive(Encode, Decode)]
struct StoredEventId(u64, u64, u16);

impl From<EventId> for StoredEventId {
    fn from(EventId { log, revision, index }: EventId) -> Self {
        Self(log, revision.0, index)
    }
}

impl From<StoredEventId> for EventId {
    fn from(StoredEventId(log, revision, index): StoredEventId) -> Self {
        Self { log, revision: Revision(revision), index }
    }
}

fn kind(number: u8) -> Result<EventKind, Invalid> {
    known(EventKind::numbered, "kind of event", number)
}

impl From<WebhookState> for StoredState {
    fn from(state: WebhookState) -> Self {
        match state {
            WebhookState::Enabled(Queue { epoch, trial, resends }) => Self::Enabled {
                epoch: epoch.0,
                trial: trial.map(|Trial { event, is_resend, failures, next_at }| StoredTrial {
                    event: event.into(),
                    is_resend,
                    failures,
                    next_at: time::store(next_at),
                }),
                resends: resends.into_iter().map(StoredEventId::from).collect(),
            },
            WebhookState::Disabled { at, reason } => Self::Disabled { at: time::store(at), reason },
        }
    }
}

impl StoredState {
    fn load(self) -> Result<WebhookState, Invalid> {
        let trial = |StoredTrial { event, is_resend, failures, next_at }| {
            let next_at = time::load(next_at)?;
            Ok::<_, Invalid>(Trial { event: event.into(), is_resend, failures, next_at })
        };
        Ok(match self {
            Self::Enabled { epoch, trial: tried, resends } => WebhookState::Enabled(Queue {
                epoch: Revision(epoch),
                trial: tried.map(trial).transpose()?,
                resends: resends.into_iter().map(EventId::from).collect(),
            }),
            Self::Disabled { at, reason } => WebhookState::Disabled { at: time::load(at)?, reason },
        })
    }
}

impl Stored for StoredWebhook {
    type Model = Webhook;

    fn from_model(webhook: Webhook) -> Self {
        let Webhook {
            id: WebhookId(id),
            born,
            name,
            target,
            filter,
            secrets,
            state,
            sendings,
            created_at,
            updated_at,
        } = webhook;
        let secret = |WebhookSecret { sealed: Sealed(bytes), until }: WebhookSecret| {
            (bytes.into_vec(), until.map(time::store))
        };
        Self {
            id,
            born: born.0,
            name: name.to_string(),
            url: target.reveal().to_owned(),
            kinds: filter.kinds().iter().map(|kind| kind.number()).collect(),
            secrets: secrets.into_iter().map(secret).collect(),
            state: state.into(),
            sendings,
            created_at: time::store(created_at),
            updated_at: time::store(updated_at),
        }
    }

    fn into_model(self) -> Result<Webhook, Invalid> {
        let secret = |(bytes, until): (Vec<u8>, Option<i64>)| {
            let until = until.map(time::load).transpose()?;
            Ok(WebhookSecret { sealed: Sealed(bytes.into()), until })
        };
        let kinds = self.kinds.into_iter().map(kind).collect::<Result<Vec<_>, _>>()?;
        Ok(Webhook {
            id: WebhookId(self.id),
            born: Revision(self.born),
            name: self.name.parse().map_err(|_| Invalid::number("name", &self.name))?,
            target: self.url.parse().map_err(|_| Invalid::number("target", "a stored URL"))?,
            filter: Filter::of(kinds),
            secrets: self.secrets.into_iter().map(secret).collect::<Result<_, Invalid>>()?,
            state: self.state.load()?,
            sendings: self.sendings,
            created_at: time::load(self.created_at)?,
            updated_at: time::load(self.updated_at)?,
        })
    }
}

/// How far a webhook is in a log.
#[derive(Encode, Decode)]
pub struct StoredPlace {
    revision: u64,
    index: u32,
}

impl Stored for StoredPlace {
    type Model = Place;

    fn from_model(Place { revision, index }: Place) -> Self {
        Self { revision: revision.0, index }
    }

    fn into_model(self) -> Result<Place, Invalid> {
        let Self { revision, index } = self;
        Ok(Place { revision: Revision(revision), index })
    }
}

/// What became of sending an event once.
#[derive(Encode, Decode)]
pub struct StoredSending {
    id: u64,
    event: StoredEventId,
    kind: u8,
    attempt: u32,
    at: i64,
    duration_ms: u32,
    status: Option<u16>,
    body: String,
    error: Option<String>,
}

impl Stored for StoredSending {
    type Model = Sending;

    fn from_model(sending: Sending) -> Self {
        let Sending { id, event, kind, attempt, at, duration_ms, answer } = sending;
        let Answer { status, body, error } = answer;
        Self {
            id: id.0.0,
            event: event.into(),
            kind: kind.number(),
            attempt,
            at: time::store(at),
            duration_ms,
            status,
            body,
            error,
        }
    }

    fn into_model(self) -> Result<Sending, Invalid> {
        let Self { id, event, kind: number, attempt, at, duration_ms, status, body, error } = self;
        Ok(Sending {
            id: SendingId(Revision(id)),
            event: event.into(),
            kind: kind(number)?,
            attempt,
            at: time::load(at)?,
            duration_ms,
            answer: Answer { status, body, error },
        })
    }
}
