//! API keys.

use serde::{Deserialize, Serialize};

use crate::model::account::PERSON;
use crate::model::key::{ApiKey, LastUse, Scope};
use crate::model::secret::Password;
use crate::wire::secret::Secret;
use crate::wire::time::Time;

/// A key in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedKey {
    pub id: u64,
    pub name: String,
    pub created_at: Time,
    pub created_by: KeyCreator,
    pub last_used_at: Option<Time>,
    pub last_used_from_addr: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// Who created a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCreator {
    pub id: String,
    pub name: String,
    pub image: String,
}

/// A key that was created. Its clear text is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedKey {
    pub id: u64,
    pub key: Secret,
    pub name: String,
    pub created_at: Time,
    pub created_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// A key that was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedKey {
    pub id: u64,
    pub name: String,
    pub created_at: Time,
    pub created_by: String,
    pub last_used_at: Option<Time>,
    pub last_used_from_addr: String,
    pub revoked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

/// A key that is to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct KeyCreateRequest {
    pub key_name: String,
}

/// A key of the organization that is to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct OrgKeyCreateRequest {
    pub key_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

fn project(scope: &Scope) -> Option<String> {
    match scope {
        Scope::Account | Scope::Organization => None,
        Scope::Project(id) => Some(id.to_string()),
    }
}

fn used(last_use: Option<LastUse>) -> (Option<Time>, String) {
    let address = last_use.and_then(|last| last.address).map(|address| address.to_string());
    (last_use.map(|last| Time(last.at)), address.unwrap_or_default())
}

impl From<ApiKey> for ListedKey {
    fn from(key: ApiKey) -> Self {
        let ApiKey { id, name, scope, hash: _, created_at, last_use } = key;
        let (last_used_at, last_used_from_addr) = used(last_use);
        Self {
            id: id.0,
            name: name.to_string(),
            created_at: Time(created_at),
            created_by: KeyCreator {
                id: PERSON.to_string(),
                name: String::new(),
                image: String::new(),
            },
            last_used_at,
            last_used_from_addr,
            project_id: project(&scope),
        }
    }
}

impl CreatedKey {
    /// Shows a key with its clear text.
    #[must_use]
    pub fn new(key: ApiKey, text: &Password) -> Self {
        let ApiKey { id, name, scope, hash: _, created_at, last_use: _ } = key;
        Self {
            id: id.0,
            key: text.into(),
            name: name.to_string(),
            created_at: Time(created_at),
            created_by: PERSON.to_string(),
            project_id: project(&scope),
        }
    }
}

impl From<ApiKey> for RevokedKey {
    fn from(key: ApiKey) -> Self {
        let ApiKey { id, name, scope, hash: _, created_at, last_use } = key;
        let (last_used_at, last_used_from_addr) = used(last_use);
        Self {
            id: id.0,
            name: name.to_string(),
            created_at: Time(created_at),
            created_by: PERSON.to_string(),
            last_used_at,
            last_used_from_addr,
            revoked: true,
            project_id: project(&scope),
        }
    }
}
