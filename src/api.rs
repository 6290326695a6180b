//! The API over HTTP: the router, and what happens to every request.
//!
//! # Invariants
//!
//! * A handler parses, asks [`crate::control`], and answers. What is allowed is decided there.
//! * Every answer that is not a success has the same shape, and tells a client nothing but what was
//!   written for it.
//! * Nothing but the health of the server and its numbers is answered without a key, not even that
//!   a path is unknown.
//! * No body, password, key or query string reaches the log.

mod answer;
mod attempt;
mod body;
mod error;
mod extract;
mod health;
mod keys;
mod metrics;
pub mod neon;
mod observe;
mod page;
mod path;
mod query;
mod refusal;
pub mod render;
mod route;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::any;
use tower::util::MapRequest;

use crate::control::ControlPlane;
use crate::entropy::Entropy;
use crate::wire::neon::error::ErrorCode;

pub use error::ApiError;
use error::Face;
pub use keys::ApiKeys;
pub use metrics::Metrics;
pub use route::Route;

/// The longest body of a request, in bytes.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;

/// Tells whether the server can serve, and if not, why not, in words for whoever runs it.
pub type Readiness = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What the API is made of.
#[derive(Clone)]
pub struct Api {
    /// Answers what is asked.
    pub control: ControlPlane,
    /// Tells who is calling.
    pub keys: ApiKeys,
    /// Tells whether the server can serve.
    pub readiness: Readiness,
    /// Draws the ids of requests that bring none.
    pub entropy: Arc<dyn Entropy>,
    /// Counts, and shows what is counted.
    pub metrics: Metrics,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api(..)")
    }
}

impl FromRef<Api> for ControlPlane {
    fn from_ref(api: &Api) -> Self {
        api.control.clone()
    }
}

/// Returns the router of everything that is served.
///
/// Neon's API stands under `/api/v2` and at the root alike, because its clients are given either.
pub fn router(api: Api) -> Router {
    let neon = MapRequest::new(neon_face(api.clone()), path::rewrite as path::Rewrite);
    open_routes()
        .fold(Router::new(), |router, route| route.add_to(router))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state((api.clone(), Face::Neon), observe::observe))
        .with_state(api.clone())
        .merge(render_face(api))
        .fallback_service(neon)
}

/// Returns every route that is served.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    open_routes().chain(render::ROUTES).chain(neon::routes())
}

/// Returns the routes that need no key.
fn open_routes() -> impl Iterator<Item = &'static Route> {
    health::ROUTES.iter().chain(metrics::ROUTES)
}

fn neon_face(api: Api) -> Router {
    neon::routes()
        .fold(Router::new(), |router, route| route.add_to(router))
        .fallback(unknown_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(attempt::note))
        .layer(from_fn_with_state(api.clone(), keys::authenticate))
        .layer(from_fn_with_state((api.clone(), Face::Neon), observe::observe))
        .with_state(api)
}

fn render_face(api: Api) -> Router {
    render::ROUTES
        .iter()
        .fold(Router::new(), |router, route| route.add_to(router))
        .route(render::REST, any(unknown_path))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(attempt::note))
        .layer(from_fn_with_state(api.clone(), keys::authenticate))
        .layer(from_fn_with_state((api.clone(), Face::Render), observe::observe))
        .with_state(api)
}

/// Neon's clients know these words: what they ask for beside branches and roles is then one that the
/// server does not have.
async fn unknown_path() -> ApiError {
    ApiError::told(
        ErrorCode::NotFound,
        "this route does not exist; see openapi.yaml for those that do",
    )
}

async fn method_not_allowed() -> ApiError {
    ApiError::told(ErrorCode::MethodNotAllowed, "the path does not have this method")
}

#[cfg(test)]
mod tests;
