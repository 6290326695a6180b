//! What is refused about webhooks and events.

use crate::model::event::EventId;
use crate::model::webhook::{LAG_MAX, MAX_RESENDS, MAX_SECRETS, MAX_WEBHOOKS, WebhookId};

/// Why a rule about webhooks refused a command. The messages are for clients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRefusal {
    /// There is no such webhook.
    #[error("not found: {0}")]
    Missing(WebhookId),
    /// There is no such event, or it is not kept any more.
    #[error("not found: {0}; events are kept for as long as the history of their project")]
    EventMissing(EventId),
    /// Nothing may be sent there.
    #[error("{0}")]
    Target(String),
    /// There are as many webhooks as there can be.
    #[error("there are {max} webhooks, which is the limit; delete one first", max = MAX_WEBHOOKS)]
    TooMany,
    /// There are as many secrets that are good as there can be.
    #[error(
        "the webhook has {max} secrets that are good, which is the limit; wait until one is not, or \
         rotate with overlap_seconds 0",
        max = MAX_SECRETS
    )]
    TooManySecrets,
    /// As many events wait to be sent again as can.
    #[error(
        "{max} events wait to be sent again, which is the limit; wait until they are, or replay from \
         a time on",
        max = MAX_RESENDS
    )]
    TooManyResends,
    /// Nothing is sent.
    #[error("webhook {0} is disabled; enable it first (PATCH enabled)")]
    Disabled(WebhookId),
    /// What is to be sent again is not kept, or did not happen yet.
    #[error("since must be a time of the last {} days", LAG_MAX.num_days())]
    ReplayOutOfRange,
}
