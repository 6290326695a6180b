//! What a client is told when a request fails.

use serde::{Deserialize, Serialize};

use crate::wire::neon::error::ErrorCode;

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderError {
    pub id: String,
    pub message: String,
    pub code: String,
}

/// Returns the HTTP status that goes with a code. Render knows no conflicts: whatever a client can
/// mend in its request is a bad request, and its own client fails at a status that Render never sends.
#[must_use]
pub fn status(code: ErrorCode) -> u16 {
    match code.status() {
        409 | 412 | 422 => 400,
        507 => 503,
        status => status,
    }
}
