//! Answers that are successes.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::api::error::ApiError;
use crate::model::revision::Revision;
use crate::wire::neon::error::ErrorCode;

/// What every body is. Neon's clients compare it.
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Which revision was looked at. Handed back as `at`, it shows the same state again.
const REVISION: HeaderName = HeaderName::from_static("x-offshoot-revision");

/// How a handler ends.
pub(super) type Answer<T> = Result<Found<T>, ApiError>;

/// Something was found or changed: 200.
#[derive(Debug)]
pub(super) struct Found<T>(pub T);

/// Something was looked at, in the state of a revision, which a header names: 200.
#[derive(Debug)]
pub(super) struct Seen<T>(pub T, pub Revision);

/// Something was created: 201.
#[derive(Debug)]
pub(super) struct Created<T>(pub T);

/// Something was deleted: 200, or before: 204, without a body or a content type.
#[derive(Debug)]
pub(super) enum Deleted<T> {
    /// It was there until now.
    Now(T),
    /// It was not there.
    Before,
}

impl<T> Deleted<T> {
    /// Takes the error that says the thing itself is `absent` for a success.
    pub(super) fn unless(absent: ErrorCode, result: Result<T, ApiError>) -> Result<Self, ApiError> {
        match result {
            Ok(deleted) => Ok(Self::Now(deleted)),
            Err(error) if error.code() == absent => Ok(Self::Before),
            Err(error) => Err(error),
        }
    }
}

impl<T: Serialize> IntoResponse for Found<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self.0)
    }
}

impl<T: Serialize> IntoResponse for Seen<T> {
    fn into_response(self) -> Response {
        let Self(body, revision) = self;
        let mut response = json(StatusCode::OK, &body);
        response.headers_mut().insert(REVISION, HeaderValue::from(revision.0));
        response
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        json(StatusCode::CREATED, &self.0)
    }
}

impl<T: Serialize> IntoResponse for Deleted<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Now(deleted) => json(StatusCode::OK, &deleted),
            Self::Before => StatusCode::NO_CONTENT.into_response(),
        }
    }
}

/// Returns a response with a body.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("a shape of strings, numbers and string keys");
    (status, [(header::CONTENT_TYPE, JSON)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_there_is_answered_without_a_body_or_a_content_type() {
        let absent = Err(ApiError::told(ErrorCode::RoleNotFound, "role not found"));
        let deleted = Deleted::<()>::unless(ErrorCode::RoleNotFound, absent).expect("a success");
        let response = deleted.into_response();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert!(response.headers().is_empty(), "{:?}", response.headers());
    }

    #[test]
    fn what_should_hold_the_absent_thing_must_be_there() {
        let absent = Err(ApiError::told(ErrorCode::BranchNotFound, "branch not found"));
        let error = Deleted::<()>::unless(ErrorCode::RoleNotFound, absent).expect_err("a refusal");
        assert_eq!(error.code(), ErrorCode::BranchNotFound);
    }
}
