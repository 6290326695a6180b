//! Project: a tree of branches.

use crate::model::branch::PasswordPolicy;
use crate::model::endpoint::Tuning;
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
    /// What clients set and read back.
    pub settings: ProjectSettings,
    /// What clients tune for endpoints in general.
    pub endpoint_defaults: Tuning,
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

/// What clients set of a project and read back. Offshoot acts on none of it: the computes that it
/// runs count nothing, and are never maintained behind anybody's back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectSettings {
    /// How much may be used.
    pub quota: Quota,
    /// When the project may be maintained.
    pub maintenance: Option<MaintenanceWindow>,
}

/// How much of a project may be used; what is absent has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// For how long computes may be active, in seconds.
    pub active_time_seconds: Option<u64>,
    /// For how long computes may compute, in seconds.
    pub compute_time_seconds: Option<u64>,
    /// How much may be written, in bytes.
    pub written_data_bytes: Option<u64>,
    /// How much may be sent, in bytes.
    pub data_transfer_bytes: Option<u64>,
    /// How large a branch may be, in bytes.
    pub logical_size_bytes: Option<u64>,
}

/// When a project may be maintained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaintenanceWindow {
    /// On which days, Monday being 1.
    pub weekdays: Vec<u8>,
    /// From what time of day, in minutes.
    pub start: u16,
    /// Until what time of day, in minutes.
    pub end: u16,
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
