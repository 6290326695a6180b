//! Webhooks and events, as paths name them.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::parameter;
use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::keys::Member;
use crate::control::Caller;
use crate::model::event::EventId;
use crate::model::webhook::WebhookId;
use crate::wire::neon::error::ErrorCode;

/// A webhook, by `webhook_id`, and somebody whose key opens more than one project: it is told what
/// happens in all of them.
#[derive(Clone, Debug)]
pub(in crate::api) struct InWebhook(pub Caller, pub WebhookId);

/// An event, by `event_id`.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct InEvent(pub EventId);

/// An event of a webhook, by `event_id`.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct InWebhookEvent(pub WebhookId, pub EventId);

impl FromRequestParts<Api> for InWebhook {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let Member(caller) = Member::from_request_parts(parts, api).await?;
        let text = parameter(parts, "webhook_id").await?;
        let id = text.parse();
        id.map(|id| Self(caller, id))
            .map_err(|_| ApiError::not_found(ErrorCode::WebhookNotFound, &text))
    }
}

impl FromRequestParts<Api> for InEvent {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let text = parameter(parts, "event_id").await?;
        text.parse().map(Self).map_err(|_| ApiError::not_found(ErrorCode::EventNotFound, &text))
    }
}

impl FromRequestParts<Api> for InWebhookEvent {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let InWebhook(_, id) = InWebhook::from_request_parts(parts, api).await?;
        api.control.get_webhook(id)?;
        let InEvent(event) = InEvent::from_request_parts(parts, api).await?;
        Ok(Self(id, event))
    }
}
