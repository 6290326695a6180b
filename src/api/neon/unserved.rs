//! What Neon serves and we do not yet.
//!
//! A field that nobody knows is ignored. One that Neon knows, and that would change what a thing
//! means or how safe it is, is refused while it is not served: its client would believe it.

use serde_json::Value;

use crate::api::error::ApiError;
use crate::wire::neon::error::ErrorCode;

/// Refuses a switch that is on.
pub(super) fn refuse_on(field: &str, value: Option<bool>) -> Result<(), ApiError> {
    if value == Some(true) { Err(unserved(field)) } else { Ok(()) }
}

/// Refuses a value that says anything.
pub(super) fn refuse_set(field: &str, value: Option<&Value>) -> Result<(), ApiError> {
    if value.is_none_or(says_nothing) { Ok(()) } else { Err(unserved(field)) }
}

/// Refuses a word other than the one that is served.
pub(super) fn refuse_other(field: &str, value: Option<&str>, served: &str) -> Result<(), ApiError> {
    match value {
        Some(value) if value != served => Err(ApiError::told(
            ErrorCode::NotSupported,
            format_args!("{field}: only `{served}` is served here; leave the field out"),
        )),
        Some(_) | None => Ok(()),
    }
}

fn unserved(field: &str) -> ApiError {
    ApiError::told(
        ErrorCode::NotSupported,
        format_args!("{field} is not served here, and ignoring it could harm; leave it out"),
    )
}

/// Whether a value leaves everything as it is without it.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.values().all(says_nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_that_say_what_is_so_anyway_are_accepted() {
        let settings = json!({
            "allowed_ips": { "ips": [], "protected_branches_only": false },
            "quota": { "active_time_seconds": 0 },
            "enable_logical_replication": false,
        });
        assert_eq!(refuse_set("project.settings", Some(&settings)), Ok(()));
        assert_eq!(refuse_set("project.settings", None), Ok(()));
    }

    #[test]
    fn a_setting_that_a_client_would_rely_on_is_refused() {
        for settings in [
            json!({ "allowed_ips": { "ips": ["10.0.0.0/8"] } }),
            json!({ "block_public_connections": true }),
            json!({ "quota": { "logical_size_bytes": 1 } }),
        ] {
            let error = refuse_set("project.settings", Some(&settings)).expect_err("a refusal");
            assert_eq!(error.code(), ErrorCode::NotSupported);
            assert!(error.message().starts_with("project.settings"), "{}", error.message());
        }
    }
}
