//! How the server is.

use serde::{Deserialize, Serialize};

/// The server is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What is well about it: `ok` when it answers, `ready` when it can serve.
    pub status: String,
}
