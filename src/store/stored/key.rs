//! API keys and permissions, stored.

use std::net::IpAddr;

use bincode::{Decode, Encode};
use uuid::Uuid;

use super::{Invalid, Stored, time};
use crate::model::key::{ApiKey, KeyHash, KeyId, LastUse, Scope};
use crate::model::permission::{Permission, PermissionId};

/// An API key.
#[derive(Encode, Decode)]
pub struct StoredApiKey {
    id: u64,
    name: String,
    scope: StoredScope,
    hash: [u8; 32],
    created_at: i64,
    last_use: Option<(i64, Option<IpAddr>)>,
}

#[derive(Encode, Decode)]
enum StoredScope {
    Account,
    Organization,
    Project(String),
}

impl Stored for StoredApiKey {
    type Model = ApiKey;

    fn from_model(key: ApiKey) -> Self {
        let ApiKey { id, name, scope, hash: KeyHash(hash), created_at, last_use } = key;
        Self {
            id: id.0,
            name: name.to_string(),
            scope: match scope {
                Scope::Account => StoredScope::Account,
                Scope::Organization => StoredScope::Organization,
                Scope::Project(id) => StoredScope::Project(id.to_string()),
            },
            hash,
            created_at: time::store(created_at),
            last_use: last_use.map(|LastUse { at, address }| (time::store(at), address)),
        }
    }

    fn into_model(self) -> Result<ApiKey, Invalid> {
        let Self { id, name, scope, hash, created_at, last_use } = self;
        Ok(ApiKey {
            id: KeyId(id),
            name: name.parse().map_err(|_| Invalid::number("name of a key", &name))?,
            scope: match scope {
                StoredScope::Account => Scope::Account,
                StoredScope::Organization => Scope::Organization,
                StoredScope::Project(id) => Scope::Project(id.parse()?),
            },
            hash: KeyHash(hash),
            created_at: time::load(created_at)?,
            last_use: last_use.map(last_use_of).transpose()?,
        })
    }
}

fn last_use_of((at, address): (i64, Option<IpAddr>)) -> Result<LastUse, Invalid> {
    Ok(LastUse { at: time::load(at)?, address })
}

/// The id of the key that has a hash.
#[derive(Encode, Decode)]
pub struct StoredKeyId(u64);

impl Stored for StoredKeyId {
    type Model = KeyId;

    fn from_model(KeyId(number): KeyId) -> Self {
        Self(number)
    }

    fn into_model(self) -> Result<KeyId, Invalid> {
        Ok(KeyId(self.0))
    }
}

/// A permission on a project.
#[derive(Encode, Decode)]
pub struct StoredPermission {
    id: [u8; 16],
    email: String,
    granted_at: i64,
}

impl Stored for StoredPermission {
    type Model = Permission;

    fn from_model(permission: Permission) -> Self {
        // One that is revoked is not stored.
        let Permission { id, email, granted_at, revoked_at: _ } = permission;
        Self { id: *id.0.as_bytes(), email: email.to_string(), granted_at: time::store(granted_at) }
    }

    fn into_model(self) -> Result<Permission, Invalid> {
        let Self { id, email, granted_at } = self;
        Ok(Permission {
            id: PermissionId(Uuid::from_bytes(id)),
            email: email.parse().map_err(|_| Invalid::number("address", &email))?,
            granted_at: time::load(granted_at)?,
            revoked_at: None,
        })
    }
}
