//! Why a use case was not carried out.

use crate::model::refusal::{Refusal, time_text};
use crate::model::state::Denied;
use crate::room::NoRoom;
use crate::store::{CommitError, StoreError};
use crate::vault::OpenError;

/// What a use case returns.
pub type Result<T> = std::result::Result<T, ControlError>;

/// Why a use case was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// A rule said no. Its words are for the client.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too many others are waiting. Nothing happened.
    #[error("too many changes are waiting to be written")]
    Busy,
    /// The change is larger than a commit can be. Nothing happened.
    #[error("the change is too large for one commit")]
    TooLarge,
    /// The disk is too full. Nothing happened.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The disk failed. Whether the change is kept shows after a restart.
    #[error("the store has failed, and the server is stopping")]
    Failed,
    /// The store could not be read.
    #[error("failed to read the store")]
    Store(#[source] StoreError),
    /// The branch's Postgres does not answer now. These words are for the client.
    #[error("the branch's Postgres cannot be asked now: {0}")]
    ComputeUnavailable(String),
    /// The branch's Postgres does not let itself be read. These words are for the client.
    #[error("the schema cannot be read: {0}")]
    SchemaUnreadable(String),
    /// A secret does not open.
    #[error("failed to open a stored secret")]
    Secret(#[from] OpenError),
    /// The server was given another key than the one with which the store's secrets are sealed.
    #[error(
        "the key in secret.key is not the one with which this store's secrets are sealed; put the \
         right one back"
    )]
    WrongVaultKey,
}

impl From<StoreError> for ControlError {
    fn from(error: StoreError) -> Self {
        if let StoreError::BelowFloor { log: _, floor } = error {
            Refusal::HistoryTrimmed { begins: time_text(floor.at) }.into()
        } else if let StoreError::RecordTooLarge(_) = error {
            Self::TooLarge
        } else {
            Self::Store(error)
        }
    }
}

impl From<CommitError> for ControlError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Denied(denied) => denied.into(),
            CommitError::TooLarge => Self::TooLarge,
            CommitError::Busy => Self::Busy,
            CommitError::Failed => Self::Failed,
        }
    }
}

impl From<Denied<StoreError>> for ControlError {
    fn from(denied: Denied<StoreError>) -> Self {
        match denied {
            Denied::Refused(refusal) => Self::Refused(refusal),
            Denied::Unreadable(error) => error.into(),
        }
    }
}
