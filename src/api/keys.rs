//! Keys: who is calling.

use std::fmt;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::observe::RequestId;
use crate::control::Caller;
use crate::wire::neon::error::ErrorCode;

/// The number of the administrator's key.
const ADMIN_ID: u64 = 1;

/// What the administrator's key is called in the log.
const ADMIN: &str = "admin";

/// The keys that open the API, as their SHA-256: a key itself is kept nowhere.
#[derive(Clone)]
pub struct ApiKeys {
    admin: [u8; 32],
}

impl ApiKeys {
    /// Returns the keys, of which there is one.
    #[must_use]
    pub fn of_admin(key: &str) -> Self {
        Self { admin: Sha256::digest(key).into() }
    }

    /// Returns what the key is called, if it is one.
    ///
    /// Hashes are compared, and to their end: how long it takes says nothing about the key.
    #[must_use]
    pub fn name_of(&self, key: &str) -> Option<&'static str> {
        let hash: [u8; 32] = Sha256::digest(key).into();
        let difference = hash.iter().zip(self.admin).fold(0, |seen, (a, b)| seen | (a ^ b));
        (difference == 0).then_some(ADMIN)
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeys(..)")
    }
}

/// Lets only callers with a key through.
pub(super) async fn authenticate(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Response {
    match caller(&api.keys, &request) {
        Some(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        None => refused().into_response(),
    }
}

fn caller(keys: &ApiKeys, request: &Request) -> Option<Caller> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = header.split_once(' ')?;
    let name = keys.name_of(key.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    let RequestId(request_id) = *request.extensions().get::<RequestId>()?;
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
    Some(Caller {
        key_id: Some(ADMIN_ID),
        key: name.to_owned(),
        request_id,
        address: address.map(|ConnectInfo(address)| address.ip()),
    })
}

fn refused() -> ApiError {
    ApiError::told(ErrorCode::Unauthorized, "supplied credentials do not pass authentication")
}

/// A handler that takes the caller is closed to whoever has no key, wherever it is mounted.
impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_key_opens() {
        let keys = ApiKeys::of_admin("secret");
        assert_eq!(keys.name_of("secret"), Some(ADMIN));
        for key in ["", "secre", "secret1", "Secret"] {
            assert_eq!(keys.name_of(key), None, "{key:?}");
        }
    }

    #[test]
    fn the_keys_say_nothing_when_printed() {
        assert_eq!(format!("{:?}", ApiKeys::of_admin("secret")), "ApiKeys(..)");
    }
}
