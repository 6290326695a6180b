//! Rotation: a branch's default credential is replaced by a new one, and then goes.
//!
//! A rotation moves from stage to stage, each of which is a commit, so that whoever goes on after a
//! crash finds what was done.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::model::id::{BranchId, IdError, OperationId};
use crate::model::name::RoleName;
use crate::model::revision::{Revision, Timestamp};

/// The longest reason that is kept, in characters.
pub const REASON_MAX_CHARS: usize = 1000;

/// How long the old credential can be waited for: 30 days.
pub const MAX_GRACE_SECONDS: u32 = 30 * 86_400;

/// How long it is waited for where nobody says: an hour.
pub const DEFAULT_GRACE_SECONDS: u32 = 3600;

/// How many rotations of a branch are kept, the ended ones among them.
pub const MAX_KEPT: usize = 100;

/// A rotation. Later ones sort after earlier ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RotationId(pub Uuid);

impl FromStr for RotationId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(|OperationId(id)| Self(id))
    }
}

impl fmt::Display for RotationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for RotationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A rotation of a branch's default credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Its id.
    pub id: RotationId,
    /// The branch.
    pub branch: BranchId,
    /// The credential that goes.
    pub from: Party,
    /// The one that comes.
    pub to: Party,
    /// Whether the one that goes is the original, which stays without a login.
    pub keeps_original: bool,
    /// What becomes of the sessions of the one that goes.
    pub drain: Drain,
    /// How long they are waited for, from the moment at which the new one is the default.
    pub grace_seconds: u32,
    /// Why it was asked for, in the words of whoever did.
    pub reason: Option<String>,
    /// How far it is.
    pub stage: Stage,
    /// The operation for which it waits.
    pub operation: Option<OperationId>,
    /// When the old one loses its login at the latest; none before that is known, and where that is
    /// left to a request.
    pub deadline: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it moved last.
    pub updated_at: Timestamp,
    /// When it ended, if it did.
    pub ended_at: Option<Timestamp>,
}

/// A role that takes part. One that is dropped and made again under its name is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its name.
    pub name: RoleName,
    /// The revision that created it.
    pub born: Revision,
}

/// What becomes of the sessions of the credential that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// They are waited for until the deadline. After that nobody can log in any more; who is in
    /// stays in.
    Wait,
    /// They are waited for until the deadline, and cut then.
    Terminate,
    /// They are waited for until a request says that it is enough.
    Never,
}

impl Drain {
    /// Every way, and its name in the API.
    pub const ALL: &[(Self, &str)] =
        &[(Self::Wait, "wait"), (Self::Terminate, "terminate"), (Self::Never, "never")];

    /// Returns its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Terminate => "terminate",
            Self::Never => "never",
        }
    }
}

/// How far a rotation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The new credential is in the catalog.
    Planned,
    /// It is in Postgres, and can log in.
    Created,
    /// It is the default.
    Promoted,
    /// The old one is waited for.
    Draining,
    /// The catalog has taken the old one's login, and Postgres follows. With the original, this is the
    /// end once Postgres did.
    LoginRevoked,
    /// The catalog has dropped the old one: what it owned is the original's, and Postgres follows.
    Reassigned,
    /// Postgres has followed.
    Dropped,
    /// The old one is the default again.
    Aborted,
    /// It went no further.
    Failed {
        /// The name of the stage that was not reached.
        step: String,
        /// Why, and what to do about it.
        error: String,
    },
}

impl Stage {
    /// Returns its name in the API.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Created => "created",
            Self::Promoted => "promoted",
            Self::Draining => "draining",
            Self::LoginRevoked => "login_revoked",
            Self::Reassigned => "reassigned",
            Self::Dropped => "dropped",
            Self::Aborted => "aborted",
            Self::Failed { .. } => "failed",
        }
    }

    /// Whether the old credential can still log in.
    #[must_use]
    pub fn is_before_revocation(&self) -> bool {
        match self {
            Self::Planned | Self::Created | Self::Promoted | Self::Draining => true,
            Self::LoginRevoked
            | Self::Reassigned
            | Self::Dropped
            | Self::Aborted
            | Self::Failed { .. } => false,
        }
    }
}
