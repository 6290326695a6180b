//! Project: a tree of branches.

use std::net::IpAddr;
use std::str::FromStr;

use crate::model::branch::PasswordPolicy;
use crate::model::endpoint::Tuning;
use crate::model::id::{BranchId, MAX_ID_BYTES, ProjectId};
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
/// runs are reached from this machine alone, count nothing, and are never maintained behind
/// anybody's back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectSettings {
    /// From where clients may come; from anywhere, where the list is empty.
    pub allowed_ips: Vec<AllowedIp>,
    /// Whether that goes for protected branches alone.
    pub protected_branches_only: bool,
    /// How much may be used.
    pub quota: Quota,
    /// When the project may be maintained.
    pub maintenance: Option<MaintenanceWindow>,
}

impl ProjectSettings {
    /// The most addresses in the list.
    pub const MAX_ALLOWED_IPS: usize = 200;
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

/// An address, a range of addresses, or a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedIp(Box<str>);

/// The text is no address, range or network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no IP address; give one like `192.0.2.1`, a range like `192.0.2.1-192.0.2.9`, or a \
     network like `192.0.2.0/24`"
)]
pub struct AllowedIpError(String);

impl AllowedIp {
    /// Returns it as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AllowedIp {
    type Err = AllowedIpError;

    fn from_str(text: &str) -> Result<Self, AllowedIpError> {
        let address = |text: &str| text.parse::<IpAddr>().ok();
        let is_network = |(network, bits): (&str, &str)| {
            let most = match address(network) {
                Some(IpAddr::V4(_)) => 32,
                Some(IpAddr::V6(_)) => 128,
                None => return false,
            };
            bits.parse::<u8>().is_ok_and(|bits| bits <= most)
        };
        let is_range = |(first, last): (&str, &str)| {
            address(first).zip(address(last)).is_some_and(|(first, last)| first <= last)
        };
        let is_one = address(text).is_some()
            || text.split_once('/').is_some_and(is_network)
            || text.split_once('-').is_some_and(is_range);
        if is_one {
            Ok(Self(text.into()))
        } else {
            Err(AllowedIpError(text.chars().take(MAX_ID_BYTES).collect()))
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowed_address_is_one_a_range_or_a_network() {
        for text in ["192.0.2.1", "192.0.2.1-192.0.2.9", "192.0.2.0/24", "2001:db8::/32", "::1"] {
            assert_eq!(text.parse::<AllowedIp>().expect("an address").as_str(), text);
        }
        for text in ["", "x", "192.0.2.1/33", "192.0.2.9-192.0.2.1", "192.0.2.1/", "192.0.2.1;--"] {
            assert!(text.parse::<AllowedIp>().is_err(), "{text}");
        }
    }
}
