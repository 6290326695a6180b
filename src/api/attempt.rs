//! Attempts: requests that bring a key under which they may be sent again.

use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::api::Api;
use crate::api::body::{self, NOTHING};
use crate::api::error::ApiError;
use crate::control::{Asker, Caller, Told};
use crate::model::key::KeyId;
use crate::model::receipt::{Attempt, IdempotencyKey, IdempotencyKeyError, RequestPrint};

/// What a client calls a request that it may send again.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an earlier attempt was answered so.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Notes under which key a request may be sent again, and what tells it from others. Only requests
/// with POST are ever meant to have an effect each time.
pub(super) async fn note(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(IDEMPOTENCY_KEY) {
        return next.run(request).await;
    }
    match noted(request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn noted(request: Request) -> Result<Request, ApiError> {
    let key = key(request.headers()).map_err(ApiError::invalid)?;
    let (mut parts, body) = request.into_parts();
    let body = body::read(&parts.headers, body).await?;
    let caller = parts.extensions.get::<Caller>().expect("a request that was authenticated");
    let print = print(caller.key_id, &parts, &body);
    parts.extensions.insert(Attempt { key, print });
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Returns the one key that a request brings.
fn key(headers: &HeaderMap) -> Result<IdempotencyKey, IdempotencyKeyError> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (given.next().map(HeaderValue::to_str), given.next()) {
        (Some(Ok(text)), None) => text.parse(),
        _ => Err(IdempotencyKeyError),
    }
}

/// Returns what tells a request from another: who asks, where, and for what. Bodies that are the
/// same JSON are the same.
fn print(caller: Option<KeyId>, parts: &Parts, body: &[u8]) -> RequestPrint {
    let caller = caller.map(|id| id.to_string()).unwrap_or_default();
    let body = if body.trim_ascii().is_empty() { NOTHING } else { body };
    let body = match serde_json::from_slice::<Value>(body) {
        Ok(json) => json.to_string().into_bytes(),
        Err(_) => body.to_vec(),
    };
    let query = parts.uri.query().unwrap_or_default();
    let path = parts.uri.path();
    let told = [caller.as_bytes(), parts.method.as_str().as_bytes(), path.as_bytes()];
    let mut digest = Sha256::new();
    for part in told.into_iter().chain([query.as_bytes(), &body]) {
        let length = u64::try_from(part.len()).expect("a length of 64 bits");
        digest.update(length.to_be_bytes());
        digest.update(part);
    }
    RequestPrint(digest.finalize().into())
}

/// A handler that takes the asker is closed to whoever has no key, as one that takes the caller.
impl FromRequestParts<Api> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, api).await?;
        Ok(Self { caller, attempt: parts.extensions.get().cloned() })
    }
}

impl<T: IntoResponse> IntoResponse for Told<T> {
    fn into_response(self) -> Response {
        let Self { answer, is_again } = self;
        let mut response = answer.into_response();
        if is_again {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(caller: u64, uri: &str, body: &str) -> RequestPrint {
        let request = Request::post(uri).body(()).expect("a request");
        print(Some(KeyId(caller)), &request.into_parts().0, body.as_bytes())
    }

    #[test]
    fn the_same_request_has_the_same_print_however_its_json_is_written() {
        let first = printed(1, "/projects", r#"{"project":{"name":"a","pg_version":17}}"#);
        let again = "{ \"project\": { \"pg_version\": 17,\r\n \"name\": \"\\u0061\" } }\n";
        assert_eq!(printed(1, "/projects", again), first);
        assert_eq!(printed(1, "/x", ""), printed(1, "/x", "{}"));
    }

    #[test]
    fn another_caller_path_query_or_body_has_another_print() {
        let first = printed(1, "/projects", r#"{"a":1}"#);
        for other in [
            printed(2, "/projects", r#"{"a":1}"#),
            printed(1, "/project", r#"{"a":1}"#),
            printed(1, "/projects?a=b", r#"{"a":1}"#),
            printed(1, "/projects", r#"{"a":2}"#),
            printed(1, "/projects", r#"{"a":1"#),
            printed(1, "/projects", ""),
        ] {
            assert_ne!(other, first);
        }
    }

    #[test]
    fn two_keys_or_one_that_is_none_are_refused() {
        let of = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).expect("a value"));
            }
            key(&headers)
        };
        assert!(of(&[b"a-key"]).is_ok());
        for given in [&[&b"a"[..], b"b"][..], &[b"a b"], &[b"\xe9"], &[b""]] {
            assert_eq!(of(given), Err(IdempotencyKeyError), "{given:?}");
        }
    }
}
