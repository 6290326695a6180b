//! Settings of a project, which are kept and given back.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::project::{self, MaintenanceWindow};

/// Minutes in an hour.
const HOUR: u16 = 60;

/// A project's settings. What is not served says that it is off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectSettings {
    pub allowed_ips: AllowedIps,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_window: Option<Maintenance>,
    pub enable_logical_replication: bool,
    pub block_public_connections: bool,
    pub block_vpc_connections: bool,
}

/// From where clients may connect: from anywhere, for lists of addresses are not served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedIps {
    pub ips: Vec<String>,
    pub protected_branches_only: bool,
}

/// How much may be used; what is absent has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct Quota {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_time_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_time_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_data_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_transfer_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logical_size_bytes: Option<u64>,
}

/// When the project may be maintained, in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct Maintenance {
    pub weekdays: Vec<u8>,
    pub start_time: String,
    pub end_time: String,
}

/// What is to be set; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct NewSettings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_ips: Option<NewAllowedIps>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_window: Option<Maintenance>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_logical_replication: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_public_connections: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_vpc_connections: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hipaa: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_log_level: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preload_libraries: Option<Value>,
}

/// From where clients are to be able to connect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct NewAllowedIps {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ips: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected_branches_only: Option<bool>,
}

impl From<project::ProjectSettings> for ProjectSettings {
    fn from(settings: project::ProjectSettings) -> Self {
        let project::ProjectSettings { quota, maintenance } = settings;
        let has_quota = quota != project::Quota::default();
        Self {
            allowed_ips: AllowedIps::default(),
            quota: has_quota.then(|| quota.into()),
            maintenance_window: maintenance.map(Maintenance::from),
            enable_logical_replication: false,
            block_public_connections: false,
            block_vpc_connections: false,
        }
    }
}

impl From<project::Quota> for Quota {
    fn from(quota: project::Quota) -> Self {
        let project::Quota {
            active_time_seconds,
            compute_time_seconds,
            written_data_bytes,
            data_transfer_bytes,
            logical_size_bytes,
        } = quota;
        Self {
            active_time_seconds,
            compute_time_seconds,
            written_data_bytes,
            data_transfer_bytes,
            logical_size_bytes,
        }
    }
}

impl From<Quota> for project::Quota {
    fn from(quota: Quota) -> Self {
        let Quota {
            active_time_seconds,
            compute_time_seconds,
            written_data_bytes,
            data_transfer_bytes,
            logical_size_bytes,
        } = quota;
        // Neon's clients say 0 for no limit.
        let limit = |limit: Option<u64>| limit.filter(|limit| *limit != 0);
        Self {
            active_time_seconds: limit(active_time_seconds),
            compute_time_seconds: limit(compute_time_seconds),
            written_data_bytes: limit(written_data_bytes),
            data_transfer_bytes: limit(data_transfer_bytes),
            logical_size_bytes: limit(logical_size_bytes),
        }
    }
}

impl From<MaintenanceWindow> for Maintenance {
    fn from(MaintenanceWindow { weekdays, start, end }: MaintenanceWindow) -> Self {
        let time = |minutes: u16| format!("{:02}:{:02}", minutes / HOUR, minutes % HOUR);
        Self { weekdays, start_time: time(start), end_time: time(end) }
    }
}

/// Reads a time of day, in minutes.
#[must_use]
pub fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |text: &str, max: u16| {
        let is_plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|number: &u16| is_plain && *number < max)
    };
    Some(two_digits(hours, 24)? * HOUR + two_digits(minutes, HOUR)?)
}
