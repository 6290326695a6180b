//! Key: what opens the API, for whom, and to how much of it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::model::id::ProjectId;
use crate::model::revision::{Revision, Timestamp};

/// The longest name of a key, in characters, as in Neon's own definition.
pub const KEY_NAME_MAX_CHARS: usize = 64;

/// The most keys that there can be.
pub const MAX_KEYS: usize = 1000;

/// A key that was created over the API. The administrator's is not among these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// Its name. Not unique.
    pub name: KeyName,
    /// What it opens.
    pub scope: Scope,
    /// What is kept of the key.
    pub hash: KeyHash,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was used last, as far as that was noted.
    pub last_use: Option<LastUse>,
}

/// A key's id: the revision of the directory that has it first, so none is ever given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

impl KeyId {
    /// The administrator's key, which is not among the stored ones.
    pub const ADMIN: Self = Self(0);
}

impl From<Revision> for KeyId {
    fn from(Revision(number): Revision) -> Self {
        Self(number)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(Box<str>);

/// The text cannot be the name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "key_name must have 1 to {max} characters, and no control characters",
    max = KEY_NAME_MAX_CHARS
)]
pub struct KeyNameError;

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        let is_name = (1..=KEY_NAME_MAX_CHARS).contains(&text.chars().count())
            && !text.chars().any(char::is_control);
        if is_name { Ok(Self(text.into())) } else { Err(KeyNameError) }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything, as the person to whom the server belongs.
    Account,
    /// All projects, as the organization.
    Organization,
    /// One project.
    Project(ProjectId),
}

/// The SHA-256 of a key. A key is drawn and long, so that this says nothing about it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// Returns what is kept of a key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(..)")
    }
}

/// When a key was used, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// From where, if that is known.
    pub address: Option<IpAddr>,
}
