//! Project: a tree of branches.

use crate::model::branch::PasswordPolicy;
use crate::model::id::{BranchId, ProjectId};
use crate::model::name::ProjectName;
use crate::model::revision::Timestamp;

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: ProjectName,
    /// The major version of its Postgres.
    pub pg_version: PgVersion,
    /// Whether passwords are kept, encrypted, so that they can be revealed.
    pub store_passwords: bool,
    /// How much history it keeps.
    pub history_retention_seconds: u32,
    /// The policy of new branches whose requests say none; what the parent calls for, where nobody
    /// said.
    pub password_policy: Option<PasswordPolicy>,
    /// The branch that is meant when none is named.
    pub default_branch: BranchId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was deleted. It is then invisible, and goes when its computes are gone.
    pub deleted_at: Option<Timestamp>,
}

impl Project {
    /// How much history a project keeps when nobody says, in seconds: a day.
    pub const DEFAULT_RETENTION_SECONDS: u32 = 86_400;
    /// The most history that a project keeps, in seconds: 30 days.
    pub const MAX_RETENTION_SECONDS: u32 = 2_592_000;
}

/// A major version of Postgres that Offshoot works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PgVersion(u8);

/// The number is not a major version of Postgres that Offshoot works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "PostgreSQL {0} is not supported; the versions are {min} to {max}",
    min = PgVersion::OLDEST.0,
    max = PgVersion::NEWEST.0
)]
pub struct PgVersionError(pub i64);

impl PgVersion {
    /// The oldest version that Offshoot works with.
    pub const OLDEST: Self = Self(14);
    /// The newest version that Offshoot works with.
    pub const NEWEST: Self = Self(18);
    /// What a project gets when nobody says and no local Postgres decides.
    pub const DEFAULT: Self = Self(17);

    /// Returns the version as a number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

impl TryFrom<i64> for PgVersion {
    type Error = PgVersionError;

    fn try_from(number: i64) -> Result<Self, PgVersionError> {
        u8::try_from(number)
            .ok()
            .map(Self)
            .filter(|version| (Self::OLDEST..=Self::NEWEST).contains(version))
            .ok_or(PgVersionError(number))
    }
}
