//! Bodies of requests: JSON, whatever the client calls it.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use crate::api::error::ApiError;
use crate::api::{Api, BODY_MAX_BYTES};
use crate::wire::neon::error::ErrorCode;

/// What an absent body means.
const NOTHING: &[u8] = b"{}";

/// The body of a request, parsed. An absent one is an object without fields, and the content type
/// is not looked at: Neon's clients send none, or `application/json` and then nothing.
#[derive(Debug)]
pub(super) struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, api).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                let message = format!("the body is too long; the limit is {BODY_MAX_BYTES} bytes");
                ApiError::told(ErrorCode::PayloadTooLarge, message)
            } else {
                ApiError::invalid("invalid request: the body ended early")
            }
        })?;
        parse(&bytes).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = if bytes.trim_ascii().is_empty() { NOTHING } else { bytes };
    let mut json = serde_json::Deserializer::from_slice(text);
    let parsed = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| invalid(&error.path().to_string(), error.inner()))?;
    json.end().map_err(|error| invalid(".", &error))?;
    Ok(parsed)
}

fn invalid(path: &str, error: &serde_json::Error) -> ApiError {
    // The path is a dot where the trouble is with the whole.
    if path == "." {
        ApiError::invalid(format_args!("invalid request: {error}"))
    } else {
        ApiError::invalid(format_args!("invalid request: {path}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::neon::branches::BranchCreateRequest;
    use crate::wire::neon::roles::RoleCreateRequest;

    fn refused<T: DeserializeOwned + std::fmt::Debug>(body: &str) -> String {
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
    fn fields_that_nobody_knows_are_ignored() {
        let body = r#"{"role":{"name":"a","color":"red"},"annotation_value":{"a":"b"}}"#;
        assert_eq!(parse::<RoleCreateRequest>(body.as_bytes()).expect("a body").role.name, "a");
    }
}
