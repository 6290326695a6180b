//! The credentials of a database.

use serde::{Deserialize, Serialize};

use crate::model::role::Role;
use crate::model::secret::Password;
use crate::wire::secret::Secret;
use crate::wire::time::Time;

/// A credential. The number of its connections is absent while the database sleeps, for then nobody
/// can tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostgresUser {
    pub username: String,
    pub default: bool,
    pub created_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_connections: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
}

/// The credentials of a database.
pub type PostgresUsers = Vec<PostgresUser>;

/// A credential that is to be created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct PostgresUserRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// Nothing, in a form that every client can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

impl PostgresUser {
    /// Shows a credential, without its password.
    #[must_use]
    pub fn new(role: Role, is_default: bool, open_connections: Option<u32>) -> Self {
        let Role {
            name,
            login: _,
            stands_for: _,
            protected: _,
            born: _,
            standing: _,
            origin: _,
            expires_at: _,
            created_at,
            deactivated_at: _,
            updated_at: _,
        } = role;
        Self {
            username: name.to_string(),
            default: is_default,
            created_at: Time(created_at),
            open_connections,
            password: None,
        }
    }

    /// Shows its password too.
    #[must_use]
    pub fn with_password(self, password: Option<&Password>) -> Self {
        Self { password: password.map(Secret::from), ..self }
    }
}
