//! Webhooks, and what became of what they sent.

use serde::{Deserialize, Serialize};

use crate::model::secret::Password;
use crate::model::webhook::{self, Answer, WebhookState};
use crate::wire::secret::Secret;
use crate::wire::time::Time;

/// A webhook. Its secret is empty but in the answers that create one: every client reads the field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    pub id: String,
    pub url: String,
    pub name: String,
    pub secret: Secret,
    pub enabled: bool,
    pub event_filter: Vec<String>,
    pub created_at: Time,
    pub updated_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrying: Option<WebhookRetry>,
}

/// The event that a webhook sends again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookRetry {
    pub event_id: String,
    pub failures: u32,
    pub next_at: Time,
}

/// A webhook, and where the page goes on that ends with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookWithCursor {
    pub webhook: Webhook,
    pub cursor: String,
}

/// A page of webhooks.
pub type WebhookPage = Vec<WebhookWithCursor>;

/// A webhook that is to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub struct WebhookRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<String>,
    pub url: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_filter: Option<Vec<String>>,
}

/// What is to change about a webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub struct WebhookUpdateRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_filter: Option<Vec<String>>,
}

/// How long the secret before is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct WebhookSecretRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<u32>,
}

/// From when on events are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct WebhookReplayRequest {
    pub since: Time,
}

/// What became of sending an event once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookEvent {
    pub id: String,
    pub event_id: String,
    pub event_type: String,
    pub sent_at: Time,
    pub attempt: u32,
    pub duration_ms: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The same, and where the page goes on that ends with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookEventWithCursor {
    pub webhook_event: WebhookEvent,
    pub cursor: String,
}

/// A page of what became of what a webhook sent, newest first.
pub type WebhookEventPage = Vec<WebhookEventWithCursor>;

impl From<webhook::Webhook> for Webhook {
    fn from(webhook: webhook::Webhook) -> Self {
        let webhook::Webhook {
            id,
            born: _,
            name,
            target,
            filter,
            secrets: _,
            state,
            sendings: _,
            created_at,
            updated_at,
        } = webhook;
        let (disabled, trial) = match state {
            WebhookState::Enabled(queue) => (None, queue.trial),
            WebhookState::Disabled { at, reason } => (Some((Time(at), reason)), None),
        };
        Self {
            id: id.to_string(),
            url: target.reveal().to_owned(),
            name: name.to_string(),
            secret: Secret::from(&Password::new("")),
            enabled: disabled.is_none(),
            event_filter: filter.kinds().iter().map(|kind| kind.as_str().into()).collect(),
            created_at: Time(created_at),
            updated_at: Time(updated_at),
            disabled_at: disabled.as_ref().map(|(at, _)| *at),
            disabled_reason: disabled.map(|(_, reason)| reason),
            retrying: trial.map(|trial| WebhookRetry {
                event_id: trial.event.to_string(),
                failures: trial.failures,
                next_at: Time(trial.next_at),
            }),
        }
    }
}

impl Webhook {
    /// Shows its secret too.
    #[must_use]
    pub fn with_secret(self, secret: &Password) -> Self {
        Self { secret: Secret::from(secret), ..self }
    }
}

impl From<webhook::Sending> for WebhookEvent {
    fn from(sending: webhook::Sending) -> Self {
        let webhook::Sending { id, event, kind, attempt, at, duration_ms, answer } = sending;
        let Answer { status, body, error } = answer;
        Self {
            id: id.to_string(),
            event_id: event.to_string(),
            event_type: kind.as_str().into(),
            sent_at: Time(at),
            attempt,
            duration_ms,
            // Without an answer there is no body.
            response_body: status.map(|_| body),
            status_code: status,
            error,
        }
    }
}
