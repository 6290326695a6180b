//! Errors, as they become answers.

use std::error::Error;
use std::fmt;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tracing::error;
use uuid::Uuid;

use crate::api::answer;
use crate::chain::Chain;
use crate::control::ControlError;
use crate::wire::neon::error::{ErrorBody, ErrorCode};
use crate::wire::neon::merge::MergeConflict;
use crate::wire::render::{self, error::RenderError};

/// After how many seconds a client whose request found the server busy may try again.
const RETRY_AFTER_SECONDS: &str = "1";

/// Whose clients are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    /// Neon's, and everybody who asks about the server itself.
    Neon,
    /// Render's.
    Render,
}

/// Why a request is answered with an error, and what the client is told.
///
/// It travels as an extension of the response, because its body names the request, and only
/// `api::observe` knows that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    code: ErrorCode,
    message: String,
    conflicts: Vec<MergeConflict>,
}

impl ApiError {
    /// Returns an error whose message was written for clients.
    #[must_use]
    pub fn told(code: ErrorCode, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string(), conflicts: Vec::new() }
    }

    /// Returns the error that also lists the conflicts of a merge.
    #[must_use]
    pub fn with_conflicts(self, conflicts: Vec<MergeConflict>) -> Self {
        Self { conflicts, ..self }
    }

    /// Logs a cause that is no client's business, and returns the error that says so.
    #[must_use]
    pub fn hidden(cause: &(dyn Error + 'static)) -> Self {
        error!(cause = %Chain(cause), "a request failed inside");
        Self::internal()
    }

    /// Returns the error of a handler that panicked; the panic was reported where it happened.
    #[must_use]
    pub fn panicked() -> Self {
        error!("a request failed inside: its handler panicked");
        Self::internal()
    }

    /// Returns the code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// Returns the message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the body and the headers of the answer to the request `id`, as clients of `face` know
    /// them.
    pub(super) fn render(self, id: Uuid, face: Face) -> Response {
        let Self { code, message, conflicts } = self;
        let (id, word) = (id.to_string(), code.as_str().to_owned());
        let status = match face {
            Face::Neon => code.status(),
            Face::Render => render::error::status(code),
        };
        let status = StatusCode::from_u16(status).expect("a status of three digits");
        let mut response = match face {
            Face::Neon => {
                let body = ErrorBody { request_id: id, code: word, message, conflicts };
                answer::json(status, &body)
            }
            Face::Render => answer::json(status, &RenderError { id, message, code: word }),
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let after = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, after);
        }
        if leaves_body_unread(code) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }

    fn internal() -> Self {
        let message = "an internal error; the server's log has it under this request id";
        Self::told(ErrorCode::Internal, message)
    }
}

/// Whether a request may be answered so before its body was read. The connection is then closed, and
/// the client must know, or its next request goes into one that is about to end.
fn leaves_body_unread(code: ErrorCode) -> bool {
    [
        ErrorCode::Unauthorized,
        ErrorCode::PayloadTooLarge,
        ErrorCode::NotFound,
        ErrorCode::MethodNotAllowed,
    ]
    .contains(&code)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Refused(refusal) => refusal.into(),
            ControlError::Busy => Self::told(
                ErrorCode::Busy,
                "the server is busy, and nothing was changed; try again in a moment",
            ),
            ControlError::TooLarge => Self::told(
                ErrorCode::PayloadTooLarge,
                "the change is too large for one commit, and nothing was changed; make it in parts",
            ),
            ControlError::ComputeUnavailable(_) => Self::told(ErrorCode::ComputeUnavailable, error),
            ControlError::SchemaUnreadable(_) => Self::told(ErrorCode::SchemaUnreadable, error),
            ControlError::NoRoom(no_room) => Self::told(ErrorCode::InsufficientStorage, no_room),
            ControlError::Failed
            | ControlError::Store(_)
            | ControlError::Secret(_)
            | ControlError::WrongVaultKey => Self::hidden(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::revision::Revision;
    use crate::store::StoreError;
    use crate::store::engine::LogId;

    #[test]
    fn what_is_hidden_is_not_told() {
        let missing = StoreError::RowMissing { log: LogId(7), revision: Revision(8) };
        let error = ApiError::from(ControlError::Store(missing));
        assert_eq!(error.code(), ErrorCode::Internal);
        assert!(!error.message().contains("row"), "{}", error.message());
    }

    #[test]
    fn a_busy_server_says_when_to_come_back() {
        let response = ApiError::from(ControlError::Busy).render(Uuid::nil(), Face::Neon);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], RETRY_AFTER_SECONDS);
    }
}
