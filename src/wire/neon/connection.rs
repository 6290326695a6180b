//! How to connect.

use serde::{Deserialize, Serialize};

use crate::wire::secret::Secret;

/// A connection string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionUriAnswer {
    pub uri: Secret,
}

/// A connection string, and its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionDetails {
    pub connection_uri: Secret,
    pub connection_parameters: ConnectionParameters,
}

/// The parts of a connection string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionParameters {
    pub database: String,
    pub password: Secret,
    pub role: String,
    pub host: String,
    pub pooler_host: String,
    pub hostname: String,
    pub port: u16,
}
