//! What happens to every request: it gets an id, a span, a deadline, and a line in the log, and is
//! counted.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::{Instrument, Span, field, info, info_span};
use uuid::Uuid;

use crate::api::Api;
use crate::api::error::{ApiError, Face};
use crate::entropy::{self, Entropy};
use crate::model::id::{BranchId, ProjectId};
use crate::wire::neon::error::ErrorCode;

/// How long a request may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(35);

/// What a client calls its request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where Neon says the same.
const NEON_REQUEST_ID: HeaderName = HeaderName::from_static("x-neon-ret-request-id");

/// What the request is called, by its client or by us.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestId(pub Uuid);

/// Answers a request in time and in our shape, and notes that it was answered.
pub(super) async fn observe(
    State((api, face)): State<(Api, Face)>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers(), &*api.entropy);
    let path = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let (span, mut request) = span(id, request, path.as_ref()).await;
    request.extensions_mut().insert(RequestId(id));
    let mut response = answer(request, next).instrument(span.clone()).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let allowed = response.headers_mut().remove(ALLOW);
        response = error.render(id, face);
        response.headers_mut().extend(allowed.map(|methods| (ALLOW, methods)));
    }
    let value = HeaderValue::try_from(id.to_string()).expect("an id of hexadecimal digits");
    response.headers_mut().insert(REQUEST_ID, value.clone());
    response.headers_mut().insert(NEON_REQUEST_ID, value);
    span.in_scope(|| {
        let (status, time) = (response.status().as_u16(), started.elapsed());
        api.metrics.answered(&method, path.as_ref().map(MatchedPath::as_str), status, time);
        let duration_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let path = path.as_ref().map_or("an unknown path", MatchedPath::as_str);
        info!(status, duration_ms, "answered {method} {path} with {status}");
    });
    response
}

async fn answer(request: Request, next: Next) -> Response {
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(REQUEST_TIMEOUT, answered).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => ApiError::panicked().into_response(),
        Err(_elapsed) => ApiError::told(
            ErrorCode::RequestTimeout,
            "the answer took too long; what was asked for may still happen, so look before you \
             ask again",
        )
        .into_response(),
    }
}

/// Returns the id that the client gave its request, or a drawn one.
fn request_id(headers: &HeaderMap, entropy: &dyn Entropy) -> Uuid {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    given
        .and_then(|text| Uuid::try_parse(text).ok())
        .unwrap_or_else(|| uuid::Builder::from_random_bytes(entropy::array(entropy)).into_uuid())
}

async fn span(id: Uuid, request: Request, path: Option<&MatchedPath>) -> (Span, Request) {
    let span = info_span!(
        "request",
        request_id = %id,
        method = %request.method(),
        path = path.map(MatchedPath::as_str),
        project.id = field::Empty,
        branch.id = field::Empty,
    );
    let (mut parts, body) = request.into_parts();
    if let Ok(params) = RawPathParams::from_request_parts(&mut parts, &()).await {
        // Only what is an id is worth a field; the rest is whatever a client wrote.
        for (name, text) in &params {
            if name == "project_id" && text.parse::<ProjectId>().is_ok() {
                span.record("project.id", text);
            } else if name == "branch_id" && text.parse::<BranchId>().is_ok() {
                span.record("branch.id", text);
            }
        }
    }
    (span, Request::from_parts(parts, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    fn id(given: &str) -> String {
        let value = HeaderValue::try_from(given).expect("a header");
        let headers = HeaderMap::from_iter([(REQUEST_ID, value)]);
        request_id(&headers, &SeededEntropy::new(1)).to_string()
    }

    #[test]
    fn a_request_keeps_its_id_if_that_is_one() {
        let given = "0190b6a1-9d0c-7b5e-8a53-0a4c7c5d2f11";
        assert_eq!(id(given), given);
    }

    #[test]
    fn a_request_without_an_id_gets_a_drawn_one() {
        let drawn = id("robert'); drop table logs");
        assert_eq!(drawn, id(""));
        assert_eq!(Uuid::try_parse(&drawn).expect("a UUID").get_version_num(), 4);
    }
}
