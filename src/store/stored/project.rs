//! Projects, stored; and what the directory has.

use bincode::{Decode, Encode};

use super::endpoint::StoredTuning;
use super::{Invalid, Stored, StoredPolicy, time};
use crate::model::id::ProjectId;
use crate::model::project::{MaintenanceWindow, PgVersion, Project, ProjectSettings, Quota};
use crate::store::engine::LogId;

/// A project.
#[derive(Encode, Decode)]
pub struct StoredProject {
    id: String,
    name: String,
    pg_version: u8,
    store_passwords: bool,
    history_retention_seconds: u32,
    password_policy: Option<StoredPolicy>,
    settings: StoredSettings,
    endpoint_defaults: StoredTuning,
    default_branch: String,
    created_at: i64,
    updated_at: i64,
    deleted_at: Option<i64>,
}

#[derive(Encode, Decode)]
struct StoredSettings {
    quota: [Option<u64>; 5],
    maintenance: Option<(Vec<u8>, u16, u16)>,
}

impl From<ProjectSettings> for StoredSettings {
    fn from(settings: ProjectSettings) -> Self {
        let ProjectSettings { quota, maintenance } = settings;
        let Quota {
            active_time_seconds,
            compute_time_seconds,
            written_data_bytes,
            data_transfer_bytes,
            logical_size_bytes,
        } = quota;
        let window = |MaintenanceWindow { weekdays, start, end }| (weekdays, start, end);
        Self {
            quota: [
                active_time_seconds,
                compute_time_seconds,
                written_data_bytes,
                data_transfer_bytes,
                logical_size_bytes,
            ],
            maintenance: maintenance.map(window),
        }
    }
}

impl From<StoredSettings> for ProjectSettings {
    fn from(settings: StoredSettings) -> Self {
        let StoredSettings { quota, maintenance } = settings;
        let [
            active_time_seconds,
            compute_time_seconds,
            written_data_bytes,
            data_transfer_bytes,
            logical_size_bytes,
        ] = quota;
        let window = |(weekdays, start, end)| MaintenanceWindow { weekdays, start, end };
        Self {
            quota: Quota {
                active_time_seconds,
                compute_time_seconds,
                written_data_bytes,
                data_transfer_bytes,
                logical_size_bytes,
            },
            maintenance: maintenance.map(window),
        }
    }
}

impl Stored for StoredProject {
    type Model = Project;

    fn from_model(project: Project) -> Self {
        let Project {
            id,
            name,
            pg_version,
            store_passwords,
            history_retention_seconds,
            password_policy,
            settings,
            endpoint_defaults,
            default_branch,
            created_at,
            updated_at,
            deleted_at,
        } = project;
        Self {
            id: id.to_string(),
            name: name.to_string(),
            pg_version: pg_version.number(),
            store_passwords,
            history_retention_seconds,
            password_policy: password_policy.map(StoredPolicy::of),
            settings: settings.into(),
            endpoint_defaults: endpoint_defaults.into(),
            default_branch: default_branch.to_string(),
            created_at: time::store(created_at),
            updated_at: time::store(updated_at),
            deleted_at: deleted_at.map(time::store),
        }
    }

    fn into_model(self) -> Result<Project, Invalid> {
        let Self {
            id,
            name,
            pg_version,
            store_passwords,
            history_retention_seconds,
            password_policy,
            settings,
            endpoint_defaults,
            default_branch,
            created_at,
            updated_at,
            deleted_at,
        } = self;
        Ok(Project {
            id: id.parse()?,
            name: name.parse()?,
            pg_version: PgVersion::try_from(i64::from(pg_version))
                .map_err(|error| Invalid(error.to_string()))?,
            store_passwords,
            history_retention_seconds,
            password_policy: password_policy.map(StoredPolicy::policy),
            settings: settings.into(),
            endpoint_defaults: endpoint_defaults.into(),
            default_branch: default_branch.parse()?,
            created_at: time::load(created_at)?,
            updated_at: time::load(updated_at)?,
            deleted_at: deleted_at.map(time::load).transpose()?,
        })
    }
}

/// A project in the directory: its id and its log.
#[derive(Encode, Decode)]
pub struct StoredProjectEntry {
    id: String,
    log: u64,
}

impl Stored for StoredProjectEntry {
    type Model = (ProjectId, LogId);

    fn from_model((id, log): Self::Model) -> Self {
        Self { id: id.to_string(), log: log.0 }
    }

    fn into_model(self) -> Result<Self::Model, Invalid> {
        let Self { id, log } = self;
        Ok((id.parse()?, LogId(log)))
    }
}

/// Which vault key the secrets are sealed with: its fingerprint.
#[derive(Encode, Decode)]
pub struct StoredVaultMark([u8; 8]);

impl Stored for StoredVaultMark {
    type Model = [u8; 8];

    fn from_model(fingerprint: [u8; 8]) -> Self {
        Self(fingerprint)
    }

    fn into_model(self) -> Result<[u8; 8], Invalid> {
        Ok(self.0)
    }
}
