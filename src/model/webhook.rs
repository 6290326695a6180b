//! Webhook: where events are sent, which ones, and how far that is.

pub mod schedule;
pub mod signature;
pub mod target;

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;

use crate::model::digits;
use crate::model::event::{EventId, EventKind};
use crate::model::revision::{Revision, Timestamp};
use crate::model::secret::Sealed;
use target::Target;

/// The most webhooks that there can be.
pub const MAX_WEBHOOKS: usize = 100;

/// The longest name of a webhook, in characters.
pub const NAME_MAX_CHARS: usize = 200;

/// How many secrets a webhook can have at a time: one, and those that are still good after a rotation.
pub const MAX_SECRETS: usize = 4;

/// How long a secret can be good after another took its place: 30 days.
pub const MAX_OVERLAP_SECONDS: u32 = 30 * 86_400;

/// How long it is good where nobody says: a day.
pub const DEFAULT_OVERLAP_SECONDS: u32 = 86_400;

/// How many sendings of a webhook are remembered.
pub const MAX_SENDINGS: u32 = 500;

/// How much of an answer is remembered, in bytes.
pub const ANSWER_MAX_BYTES: usize = 1024;

/// How many events can wait to be sent again because a request asked for each.
pub const MAX_RESENDS: usize = 100;

/// How far a webhook can be behind. A project's history is kept for it no longer.
pub const LAG_MAX: TimeDelta = TimeDelta::days(7);

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// The revision of the directory that has it first.
    pub born: Revision,
    /// Its name. Not unique.
    pub name: WebhookName,
    /// Where events are sent.
    pub target: Target,
    /// Which events.
    pub filter: Filter,
    /// With which events are signed, the newest first.
    pub secrets: Vec<WebhookSecret>,
    /// Whether events are sent, and which is next.
    pub state: WebhookState,
    /// How many sendings are remembered.
    pub sendings: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When a request changed it last.
    pub updated_at: Timestamp,
}

/// A webhook's id: drawn, because its secret is sealed with it before there is a commit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookId(pub u64);

const PREFIX: &str = "whk-";

/// The text is no such id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form whk-00000000000000000000")]
pub struct WebhookIdError;

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", digits::write(self.0.into()))
    }
}

impl fmt::Debug for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for WebhookId {
    type Err = WebhookIdError;

    fn from_str(text: &str) -> Result<Self, WebhookIdError> {
        let bits = text.strip_prefix(PREFIX).and_then(digits::read).ok_or(WebhookIdError)?;
        u64::try_from(bits).map(Self).map_err(|_| WebhookIdError)
    }
}

/// The name of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookName(Box<str>);

/// The text cannot be the name of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a webhook must have 1 to {max} characters, and no control characters",
    max = NAME_MAX_CHARS
)]
pub struct WebhookNameError;

impl FromStr for WebhookName {
    type Err = WebhookNameError;

    fn from_str(text: &str) -> Result<Self, WebhookNameError> {
        let is_name = (1..=NAME_MAX_CHARS).contains(&text.chars().count())
            && !text.chars().any(char::is_control);
        if is_name { Ok(Self(text.into())) } else { Err(WebhookNameError) }
    }
}

impl fmt::Display for WebhookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which events a webhook is told: the kinds that were asked for, each once. None are those that Render
/// tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Vec<EventKind>);

impl Filter {
    /// Returns the filter of these kinds.
    #[must_use]
    pub fn of(kinds: impl IntoIterator<Item = EventKind>) -> Self {
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_unstable();
        kinds.dedup();
        Self(kinds)
    }

    /// Returns the kinds that were asked for.
    #[must_use]
    pub fn kinds(&self) -> &[EventKind] {
        &self.0
    }

    /// Whether events of a kind are told.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        if self.0.is_empty() { kind.is_renders() } else { self.0.contains(&kind) }
    }
}

/// A secret with which events are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSecret {
    /// The secret.
    pub sealed: Sealed,
    /// Until when it is good; none for the one that is shown.
    pub until: Option<Timestamp>,
}

/// Whether events are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookState {
    /// They are.
    Enabled(Queue),
    /// They are not.
    Disabled {
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// What is sent next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The revision of the directory in which a request last said from where to go on, or what to
    /// send.
    pub epoch: Revision,
    /// The event that is being sent, if it was not taken the first time.
    pub trial: Option<Trial>,
    /// What is to be sent again, the first one first.
    pub resends: Vec<EventId>,
}

impl Queue {
    /// Returns a queue in which nothing waits.
    #[must_use]
    pub fn new(epoch: Revision) -> Self {
        Self { epoch, trial: None, resends: Vec::new() }
    }
}

/// An event that was sent and not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The event.
    pub event: EventId,
    /// Whether a request asked for it; else it is the next of its log.
    pub is_resend: bool,
    /// How often it was sent.
    pub failures: u32,
    /// When it is sent again.
    pub next_at: Timestamp,
}

/// How far a webhook is in a log: all before this place is done. It is in each log that was there when
/// it began, and counts by revisions: the clocks of two logs may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The commit.
    pub revision: Revision,
    /// The event of the commit that is next.
    pub index: u32,
}

impl Place {
    /// Returns the place after a commit.
    #[must_use]
    pub fn after(revision: Revision) -> Self {
        Self { revision: revision.next(), index: 0 }
    }

    /// Returns the place after an event.
    #[must_use]
    pub fn behind(event: EventId) -> Self {
        Self { revision: event.revision, index: u32::from(event.index) + 1 }
    }
}

/// The id of a sending: the revision of the directory that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SendingId(pub Revision);

const SENDING_PREFIX: &str = "whe-";

impl fmt::Display for SendingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Revision(number)) = *self;
        write!(f, "{SENDING_PREFIX}{}", digits::write(number.into()))
    }
}

impl FromStr for SendingId {
    type Err = WebhookIdError;

    fn from_str(text: &str) -> Result<Self, WebhookIdError> {
        let bits = text.strip_prefix(SENDING_PREFIX).and_then(digits::read);
        let number = bits.and_then(|bits| u64::try_from(bits).ok());
        number.map(|number| Self(Revision(number))).ok_or(WebhookIdError)
    }
}

/// What became of sending an event once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The revision of the directory that has it.
    pub id: SendingId,
    /// The event.
    pub event: EventId,
    /// What it told.
    pub kind: EventKind,
    /// How often it had been sent with this.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
    /// How long it took until it was answered or given up.
    pub duration_ms: u32,
    /// What was answered, or why nothing was.
    pub answer: Answer,
}

/// What the receiver answered.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Answer {
    /// The HTTP status; none where there was no answer.
    pub status: Option<u16>,
    /// The beginning of the body.
    pub body: String,
    /// Why it does not count as taken; none where it was.
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_nothing_in_particular_is_told_what_render_tells() {
        let some = Filter::of([EventKind::RoleCreated, EventKind::RoleCreated]);
        assert_eq!(some.kinds(), [EventKind::RoleCreated]);
        for kind in EventKind::ALL {
            assert_eq!(Filter::of([]).wants(*kind), kind.is_renders(), "{kind:?}");
            assert_eq!(some.wants(*kind), *kind == EventKind::RoleCreated, "{kind:?}");
        }
    }

    #[test]
    fn ids_are_read_back() {
        let id = WebhookId(u64::MAX);
        assert_eq!(id.to_string(), "whk-0000000fvvvvvvvvvvvv");
        assert_eq!(id.to_string().parse(), Ok(id));
        let sending = SendingId(Revision(33));
        assert_eq!(sending.to_string(), "whe-00000000000000000011");
        assert_eq!(sending.to_string().parse(), Ok(sending));
        for text in ["whk-vvvvvvvvvvvvvvvvvvvv", "whk-1", "evt-00000000000000000011"] {
            assert_eq!(text.parse::<WebhookId>(), Err(WebhookIdError), "{text}");
        }
    }
}
