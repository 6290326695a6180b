//! Bodies of requests: JSON, whatever the client calls it.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use crate::api::error::ApiError;
use crate::api::{Api, BODY_MAX_BYTES};
use crate::wire::neon::error::ErrorCode;

/// What an absent body means.
pub(super) const NOTHING: &[u8] = b"{}";

/// How much of a body is listened to that is too long.
const HEARD_MAX_BYTES: usize = 16 * BODY_MAX_BYTES;

/// How long it is listened to.
const HEARD_TIME: Duration = Duration::from_secs(2);

/// The body of a request, parsed. An absent one is an object without fields, and the content type
/// is not looked at: Neon's clients send none, or `application/json` and then nothing.
#[derive(Debug)]
pub(super) struct Body<T>(pub T);

impl<T: DeserializeOwned + Serialize> FromRequest<Api> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Api) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        parse(&read(&parts.headers, body).await?).map(Self)
    }
}

/// Reads a body. One that is too long is heard to its end, within reason, and then refused: a client
/// that is still speaking when the connection is closed never hears why.
pub(super) async fn read(headers: &HeaderMap, body: axum::body::Body) -> Result<Vec<u8>, ApiError> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let announced = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    // A client that waits for leave to speak is told before it does.
    let heard_max = if headers.contains_key(EXPECT) { BODY_MAX_BYTES } else { HEARD_MAX_BYTES };
    if heard_max < announced {
        return Err(too_long());
    }
    let mut chunks = body.into_data_stream();
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|_| ApiError::invalid("invalid request: the body ended early"))?;
        if BODY_MAX_BYTES < body.len() + chunk.len() {
            // Whether it ends in time or not, it is too long.
            timeout(HEARD_TIME, hear(chunks)).await.ok();
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Listens to what nobody will read.
async fn hear(mut chunks: BodyDataStream) {
    let mut heard = BODY_MAX_BYTES;
    while heard < HEARD_MAX_BYTES
        && let Some(Ok(chunk)) = chunks.next().await
    {
        heard += chunk.len();
    }
}

fn too_long() -> ApiError {
    let message = format!("the body is too long; the limit is {BODY_MAX_BYTES} bytes");
    ApiError::told(ErrorCode::PayloadTooLarge, message)
}

fn parse<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = if bytes.trim_ascii().is_empty() { NOTHING } else { bytes };
    let mut json = serde_json::Deserializer::from_slice(text);
    let parsed = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| invalid(&error.path().to_string(), error.inner()))?;
    json.end().map_err(|error| invalid(".", &error))?;
    let given: Value = serde_json::from_slice(text).map_err(|error| invalid(".", &error))?;
    let read = serde_json::to_value(&parsed).expect("a shape of strings, numbers and string keys");
    match list_for_object(&given, &read) {
        None => Ok(parsed),
        Some(path) => {
            let at = if path.is_empty() { "the body" } else { &path };
            Err(ApiError::invalid(format_args!(
                "invalid request: {at}: expected an object, not a list"
            )))
        }
    }
}

/// Finds a list in what was `given` that was `read` as an object, its items taken for the fields in
/// the order in which the code happens to have them. Returns where that is.
fn list_for_object(given: &Value, read: &Value) -> Option<String> {
    match (given, read) {
        (Value::Array(_), Value::Object(_)) => Some(String::new()),
        (Value::Object(given), Value::Object(read)) => read.iter().find_map(|(name, read)| {
            let path = list_for_object(given.get(name)?, read)?;
            Some(if path.is_empty() { name.clone() } else { format!("{name}.{path}") })
        }),
        (Value::Array(given), Value::Array(read)) => {
            given.iter().zip(read).find_map(|(given, read)| list_for_object(given, read))
        }
        _ => None,
    }
}

fn invalid(path: &str, error: &serde_json::Error) -> ApiError {
    // What has no name yet is a question mark, and the whole is a dot.
    match path.trim_end_matches('?').trim_end_matches('.') {
        "" => ApiError::invalid(format_args!("invalid request: {error}")),
        path => ApiError::invalid(format_args!("invalid request: {path}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::neon::branches::BranchCreateRequest;
    use crate::wire::neon::roles::RoleCreateRequest;

    fn refused<T: DeserializeOwned + Serialize + std::fmt::Debug>(body: &str) -> String {
        parse::<T>(body.as_bytes()).expect_err("a refused body").message().to_owned()
    }

    #[test]
    fn an_absent_body_is_an_object_without_fields() {
        for body in ["", " \r\n", "{}"] {
            let parsed = parse::<BranchCreateRequest>(body.as_bytes()).expect("a body");
            assert_eq!(parsed, BranchCreateRequest::default());
        }
        assert_eq!(
            refused::<RoleCreateRequest>(""),
            "invalid request: missing field `role` at line 1 column 2"
        );
    }

    #[test]
    fn a_malformed_body_is_refused_by_the_name_of_the_field() {
        for (body, words) in [
            (r#"{"role":{}}"#, "role: missing field `name`"),
            (r#"{"role":{"name":7}}"#, "role.name: invalid type: integer `7`, expected a string"),
            (r#"{"role":{"name":"a","no_login":"yes"}}"#, "role.no_login: invalid type"),
            (r#"{"role":"#, "EOF while parsing"),
            (r#"{"role":{"name":"a"}} x"#, "trailing characters"),
        ] {
            let message = refused::<RoleCreateRequest>(body);
            assert!(message.contains(words), "{body}: {message}");
        }
        let body = r#"{"endpoints":[{"type":"read_write","autoscaling_limit_min_cu":"1"}]}"#;
        let message = refused::<BranchCreateRequest>(body);
        assert!(message.contains("endpoints[0].autoscaling_limit_min_cu"), "{message}");
    }

    #[test]
    fn a_list_is_no_object() {
        for (body, path) in [
            (r#"{"role":["a"]}"#, "role"),
            (r#"[{"name":"a"}]"#, "the body"),
            (r#"{"role":["a",true]}"#, "role"),
        ] {
            let expected = format!("invalid request: {path}: expected an object, not a list");
            assert_eq!(refused::<RoleCreateRequest>(body), expected, "{body}");
        }
        let message = refused::<BranchCreateRequest>(r#"{"branch":[]}"#);
        assert_eq!(message, "invalid request: branch: expected an object, not a list");
        let message = refused::<BranchCreateRequest>(r#"{"endpoints":[[null,"read_write"]]}"#);
        assert!(message.contains("expected an object"), "{message}");
    }

    #[test]
    fn fields_that_nobody_knows_are_ignored() {
        let body = r#"{"role":{"name":"a","color":"red"},"annotation_value":{"a":"b"}}"#;
        assert_eq!(parse::<RoleCreateRequest>(body.as_bytes()).expect("a body").role.name, "a");
    }
}
