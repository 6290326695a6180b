//! Stored shapes: what records are made of, as bytes. A shape is a promise; a change of one needs
//! another format number in [`crate::store::codec`].

use std::fmt;

use crate::model::annotation::AnnotationError;
use crate::model::id::IdError;
use crate::model::name::{NameError, TitleError};
use crate::store::codec::{self, CodecError, RecordTooLarge};

mod branch;
mod cause;
mod database;
mod drift;
mod endpoint;
mod key;
mod operation;
mod origin;
mod project;
mod receipt;
mod role;
mod rotation;
mod webhook;

pub use branch::{BranchRecord, Catalogs, StoredBranch, StoredBranchId, StoredPolicy};
pub use cause::StoredCause;
pub use database::StoredDatabase;
pub use drift::{StoredDrift, StoredDriftPolicy};
pub use endpoint::StoredEndpoint;
pub use key::{StoredApiKey, StoredKeyId, StoredPermission};
pub use operation::{StoredMark, StoredOperation, StoredUnfinished};
pub use origin::StoredOrigin;
pub use project::{StoredProject, StoredProjectEntry, StoredVaultMark};
pub use receipt::{StoredReceipt, StoredReceiptHash};
pub use role::{StoredRole, StoredRoleName};
pub use rotation::StoredRotation;
pub use webhook::{StoredPlace, StoredSending, StoredWebhook};

/// A stored shape and the model's type that it stands for.
pub trait Stored: bincode::Encode + bincode::Decode<()> {
    /// The model's type.
    type Model;

    /// Takes the model apart.
    fn from_model(model: Self::Model) -> Self;
    /// Puts the model together.
    fn into_model(self) -> Result<Self::Model, Invalid>;

    /// Writes the model as bytes.
    fn to_bytes(model: Self::Model) -> Result<Vec<u8>, RecordTooLarge> {
        codec::encode(&Self::from_model(model))
    }
}

/// A stored value is none that the model knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(String);

impl Invalid {
    fn number(what: &str, number: impl fmt::Display) -> Self {
        Self(format!("{number} is no {what}"))
    }
}

/// Returns what a number stands for.
fn known<T>(numbered: impl FnOnce(u8) -> Option<T>, what: &str, number: u8) -> Result<T, Invalid> {
    numbered(number).ok_or_else(|| Invalid::number(what, number))
}

impl From<AnnotationError> for Invalid {
    fn from(error: AnnotationError) -> Self {
        Self(error.to_string())
    }
}

impl From<IdError> for Invalid {
    fn from(error: IdError) -> Self {
        Self(error.to_string())
    }
}

impl From<NameError> for Invalid {
    fn from(error: NameError) -> Self {
        Self(error.to_string())
    }
}

impl From<TitleError> for Invalid {
    fn from(error: TitleError) -> Self {
        Self(error.to_string())
    }
}

/// A record does not read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Its bytes do not.
    #[error("the record's bytes do not read")]
    Bytes(#[source] CodecError),
    /// What they say is none of ours.
    #[error("the record holds a wrong value: {0}")]
    Value(String),
}

/// Reads the record that was found under `key`.
pub fn decode<T: Stored>(key: &[u8], bytes: &[u8]) -> Result<T::Model, super::StoreError> {
    let read = || {
        let stored: T = codec::decode(bytes).map_err(DecodeError::Bytes)?;
        stored.into_model().map_err(|Invalid(what)| DecodeError::Value(what))
    };
    read().map_err(|source| super::StoreError::RecordDamaged { key: key.to_vec(), source })
}

mod time {
    use super::Invalid;
    use crate::model::revision::Timestamp;

    pub(super) fn store(at: Timestamp) -> i64 {
        at.timestamp_micros()
    }

    pub(super) fn load(micros: i64) -> Result<Timestamp, Invalid> {
        Timestamp::from_timestamp_micros(micros).ok_or_else(|| Invalid::number("time", micros))
    }
}
