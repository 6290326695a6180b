//! Render's API, version 1: its routes and their handlers, each named after its operation's id.
//!
//! To Render's clients every branch is a Postgres database of its own.

mod credentials;
mod events;
mod postgres;
mod webhooks;

use axum::http::Method;
use axum::routing::on;

use crate::api::route::Route;

/// Where everything of Render's API stands.
pub(super) const REST: &str = "/v1/{*rest}";

/// Every route of Render's API that is served.
pub static ROUTES: &[Route] = &[
    Route::new("list-postgres", Method::GET, "/v1/postgres", |method| {
        on(method, postgres::list_postgres)
    }),
    Route::new("retrieve-postgres", Method::GET, "/v1/postgres/{postgres_id}", |method| {
        on(method, postgres::retrieve_postgres)
    }),
    Route::new(
        "retrieve-postgres-connection-info",
        Method::GET,
        "/v1/postgres/{postgres_id}/connection-info",
        |method| on(method, postgres::retrieve_postgres_connection_info),
    ),
    Route::new(
        "list-postgres-users",
        Method::GET,
        "/v1/postgres/{postgres_id}/credentials",
        |method| on(method, credentials::list_postgres_users),
    ),
    Route::new(
        "create-postgres-user",
        Method::POST,
        "/v1/postgres/{postgres_id}/credentials",
        |method| on(method, credentials::create_postgres_user),
    ),
    Route::new(
        "delete-postgres-user",
        Method::DELETE,
        "/v1/postgres/{postgres_id}/credentials/{username}",
        |method| on(method, credentials::delete_postgres_user),
    ),
    // Render has nothing like it.
    Route::new(
        "promote-postgres-user",
        Method::PUT,
        "/v1/postgres/{postgres_id}/credentials/{username}/default",
        |method| on(method, credentials::promote_postgres_user),
    ),
    Route::new("list-webhooks", Method::GET, "/v1/webhooks", |method| {
        on(method, webhooks::list_webhooks)
    }),
    Route::new("create-webhook", Method::POST, "/v1/webhooks", |method| {
        on(method, webhooks::create_webhook)
    }),
    Route::new("retrieve-webhook", Method::GET, "/v1/webhooks/{webhook_id}", |method| {
        on(method, webhooks::retrieve_webhook)
    }),
    Route::new("update-webhook", Method::PATCH, "/v1/webhooks/{webhook_id}", |method| {
        on(method, webhooks::update_webhook)
    }),
    Route::new("delete-webhook", Method::DELETE, "/v1/webhooks/{webhook_id}", |method| {
        on(method, webhooks::delete_webhook)
    }),
    Route::new("list-webhook-events", Method::GET, "/v1/webhooks/{webhook_id}/events", |method| {
        on(method, webhooks::list_webhook_events)
    }),
    // Render's people do the next three in its dashboard, or cannot.
    Route::new(
        "resend-webhook-event",
        Method::POST,
        "/v1/webhooks/{webhook_id}/events/{event_id}/resend",
        |method| on(method, webhooks::resend_webhook_event),
    ),
    Route::new("replay-webhook", Method::POST, "/v1/webhooks/{webhook_id}/replay", |method| {
        on(method, webhooks::replay_webhook)
    }),
    Route::new(
        "rotate-webhook-secret",
        Method::POST,
        "/v1/webhooks/{webhook_id}/secret/rotate",
        |method| on(method, webhooks::rotate_webhook_secret),
    ),
    Route::new("retrieve-event", Method::GET, "/v1/events/{event_id}", |method| {
        on(method, events::retrieve_event)
    }),
];
