//! The server's health, which anybody may ask for.

use axum::extract::State;
use axum::http::Method;
use axum::routing::on;

use crate::api::Api;
use crate::api::answer::{Answer, Found};
use crate::api::error::ApiError;
use crate::api::route::Route;
use crate::wire::health::Health;
use crate::wire::neon::error::ErrorCode;

pub(super) static ROUTES: &[Route] = &[
    Route::new("getHealth", Method::GET, "/healthz", |method| on(method, get_health)),
    Route::new("getReadiness", Method::GET, "/readyz", |method| on(method, get_readiness)),
];

/// Tells that the server answers.
async fn get_health() -> Found<Health> {
    Found(Health { status: "ok".to_owned() })
}

/// Tells whether the server can serve.
async fn get_readiness(State(api): State<Api>) -> Answer<Health> {
    match (api.readiness)() {
        Ok(()) => Ok(Found(Health { status: "ready".to_owned() })),
        Err(reason) => Err(ApiError::told(ErrorCode::NotReady, reason)),
    }
}
