//! Webhooks, and what became of what they sent.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::TimeDelta;

use crate::api::answer::{Accepted, Answer, Created, Found};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InWebhook, InWebhookEvent};
use crate::api::keys::{Member, Opened};
use crate::api::query::Query;
use crate::control::webhooks::{SendingQuery, WebhookRequest};
use crate::control::{Asker, ControlPlane, Told};
use crate::model::account::ORGANIZATION;
use crate::model::event::EventKind;
use crate::model::rules::webhooks::WebhookChange;
use crate::model::webhook::target::{Target, TargetError};
use crate::model::webhook::{
    DEFAULT_OVERLAP_SECONDS, Filter, MAX_OVERLAP_SECONDS, SendingId, WebhookId, WebhookNameError,
};
use crate::wire::render::webhooks as wire;
use crate::wire::time::Time;

/// How many items a page has where the request says nothing.
const DEFAULT_LIMIT: usize = 20;

/// The most items that a page can have.
const MAX_LIMIT: usize = 100;

/// The longest piece of what a client sent that an error repeats, in characters.
const ECHO_MAX_CHARS: usize = 80;

/// Creates a webhook, and shows its secret.
pub(super) async fn create_webhook(
    State(control): State<ControlPlane>,
    _: Member,
    asker: Asker,
    Body(request): Body<wire::WebhookRequest>,
) -> Result<Told<Created<wire::Webhook>>, ApiError> {
    let wire::WebhookRequest { owner_id, url, name, enabled, event_filter } = request;
    if owner_id.is_some_and(|owner| owner != ORGANIZATION) {
        return Err(ApiError::invalid(format_args!("ownerId must be `{ORGANIZATION}`")));
    }
    let request = WebhookRequest {
        name: name.parse()?,
        target: url.parse()?,
        filter: filter(&event_filter.unwrap_or_default())?,
        is_enabled: enabled.unwrap_or(true),
    };
    let created = control.create_webhook(&asker, request).await?;
    Ok(created.map(|(webhook, secret)| Created(wire::Webhook::from(webhook).with_secret(&secret))))
}

/// Lists the webhooks.
pub(super) async fn list_webhooks(
    State(control): State<ControlPlane>,
    _: Member,
    query: Query,
) -> Answer<wire::WebhookPage> {
    let limit = query.limit(1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let after = query.cursor::<WebhookId>()?;
    let mut owners = query.words("ownerId").peekable();
    if owners.peek().is_some() && owners.all(|owner| owner != ORGANIZATION) {
        return Ok(Found(Vec::new()));
    }
    let shown = |webhook| {
        let webhook = wire::Webhook::from(webhook);
        wire::WebhookWithCursor { cursor: webhook.id.clone(), webhook }
    };
    Ok(Found(control.list_webhooks(after, limit)?.into_iter().map(shown).collect()))
}

/// Shows a webhook.
pub(super) async fn retrieve_webhook(
    State(control): State<ControlPlane>,
    InWebhook(_, id): InWebhook,
) -> Answer<wire::Webhook> {
    Ok(Found(control.get_webhook(id)?.into()))
}

/// Changes a webhook.
pub(super) async fn update_webhook(
    State(control): State<ControlPlane>,
    InWebhook(caller, id): InWebhook,
    Body(request): Body<wire::WebhookUpdateRequest>,
) -> Answer<wire::Webhook> {
    let wire::WebhookUpdateRequest { url, name, enabled, event_filter } = request;
    let change = WebhookChange {
        name: name.map(|name| name.parse()).transpose()?,
        target: url.map(|url| url.parse::<Target>()).transpose()?,
        filter: event_filter.map(|kinds| filter(&kinds)).transpose()?,
        enabled,
    };
    Ok(Found(control.update_webhook(&caller, id, change).await?.into()))
}

/// Deletes a webhook.
pub(super) async fn delete_webhook(
    State(control): State<ControlPlane>,
    InWebhook(caller, id): InWebhook,
) -> Result<StatusCode, ApiError> {
    control.delete_webhook(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists what became of what a webhook sent, newest first.
pub(super) async fn list_webhook_events(
    State(control): State<ControlPlane>,
    InWebhook(_, id): InWebhook,
    query: Query,
) -> Answer<wire::WebhookEventPage> {
    let asked = SendingQuery {
        cursor: query.cursor::<SendingId>()?,
        before: query.moment("sentBefore")?,
        after: query.moment("sentAfter")?,
        limit: query.limit(1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT),
    };
    let shown = |sending| {
        let webhook_event = wire::WebhookEvent::from(sending);
        wire::WebhookEventWithCursor { cursor: webhook_event.id.clone(), webhook_event }
    };
    Ok(Found(control.list_sendings(id, asked)?.into_iter().map(shown).collect()))
}

/// Has an event sent again.
pub(super) async fn resend_webhook_event(
    State(control): State<ControlPlane>,
    InWebhookEvent(id, event): InWebhookEvent,
    Opened(scope): Opened,
    asker: Asker,
) -> Result<Told<Accepted<wire::Webhook>>, ApiError> {
    let told = control.resend_event(&asker, &scope, id, event).await?;
    Ok(told.map(|webhook| Accepted(webhook.into())))
}

/// Has everything sent again that happened after a time.
pub(super) async fn replay_webhook(
    State(control): State<ControlPlane>,
    InWebhook(_, id): InWebhook,
    asker: Asker,
    Body(wire::WebhookReplayRequest { since: Time(since) }): Body<wire::WebhookReplayRequest>,
) -> Result<Told<Accepted<wire::Webhook>>, ApiError> {
    let told = control.replay_webhook(&asker, id, since).await?;
    Ok(told.map(|webhook| Accepted(webhook.into())))
}

/// Gives a webhook another secret, and shows it.
pub(super) async fn rotate_webhook_secret(
    State(control): State<ControlPlane>,
    InWebhook(_, id): InWebhook,
    asker: Asker,
    Body(wire::WebhookSecretRequest { overlap_seconds }): Body<wire::WebhookSecretRequest>,
) -> Result<Told<Found<wire::Webhook>>, ApiError> {
    let overlap = overlap_seconds.unwrap_or(DEFAULT_OVERLAP_SECONDS);
    if MAX_OVERLAP_SECONDS < overlap {
        return Err(ApiError::invalid(format_args!(
            "overlap_seconds must be a number from 0 to {MAX_OVERLAP_SECONDS}"
        )));
    }
    let overlap = TimeDelta::seconds(overlap.into());
    let rotated = control.rotate_webhook_secret(&asker, id, overlap).await?;
    Ok(rotated.map(|(webhook, secret)| Found(wire::Webhook::from(webhook).with_secret(&secret))))
}

/// Returns the filter of which these are the words.
fn filter(words: &[String]) -> Result<Filter, ApiError> {
    let kind = |word: &String| {
        EventKind::named(word).ok_or_else(|| {
            let echo: String = word.chars().take(ECHO_MAX_CHARS).collect();
            let known: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
            let known = known.join(", ");
            ApiError::invalid(format_args!(
                "eventFilter: `{echo}` is no type of event; there are {known}"
            ))
        })
    };
    Ok(Filter::of(words.iter().map(kind).collect::<Result<Vec<_>, _>>()?))
}

impl From<TargetError> for ApiError {
    fn from(error: TargetError) -> Self {
        Self::invalid(error)
    }
}

impl From<WebhookNameError> for ApiError {
    fn from(error: WebhookNameError) -> Self {
        Self::invalid(error)
    }
}
