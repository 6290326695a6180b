//! Projects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::account::ORGANIZATION;
use crate::model::endpoint::{LOCAL_HOST, Tuning};
use crate::model::project;
use crate::wire::field::Field;
use crate::wire::neon::branches::Branch;
use crate::wire::neon::connection::ConnectionDetails;
use crate::wire::neon::databases::Database;
use crate::wire::neon::endpoints::Endpoint;
use crate::wire::neon::operations::{Operation, Pagination};
use crate::wire::neon::roles::Role;
use crate::wire::neon::settings::{NewSettings, ProjectSettings};
use crate::wire::neon::{CREATION_SOURCE, NEVER, PLATFORM, PROVISIONER, REGION};
use crate::wire::time::Time;

/// What a project shows in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectListItem {
    #[serde(flatten)]
    pub core: ProjectCore,
    pub active_time: u64,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Project {
    #[serde(flatten)]
    pub core: ProjectCore,
    pub data_storage_bytes_hour: u64,
    pub data_transfer_bytes: u64,
    pub written_data_bytes: u64,
    pub compute_time_seconds: u64,
    pub active_time_seconds: u64,
    pub consumption_period_start: String,
    pub consumption_period_end: String,
}

/// What a project shows everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectCore {
    pub id: String,
    pub platform_id: String,
    pub region_id: String,
    pub name: String,
    pub provisioner: String,
    pub default_endpoint_settings: EndpointDefaults,
    pub settings: ProjectSettings,
    pub pg_version: u8,
    pub proxy_host: String,
    pub branch_logical_size_limit: u64,
    pub branch_logical_size_limit_bytes: u64,
    pub store_passwords: bool,
    pub cpu_used_sec: u64,
    pub creation_source: String,
    pub history_retention_seconds: u32,
    /// The policy of new branches; Neon's projects have no such word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_policy: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub synthetic_storage_size: u64,
    pub owner_id: String,
    pub org_id: String,
}

/// What an endpoint of the project gets when nobody says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointDefaults {
    pub autoscaling_limit_min_cu: f64,
    pub autoscaling_limit_max_cu: f64,
    pub suspend_timeout_seconds: i32,
}

/// One project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectAnswer {
    pub project: Project,
}

/// A page of projects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectsAnswer {
    pub projects: Vec<ProjectListItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    pub applications: Map<String, Value>,
    pub integrations: Map<String, Value>,
}

/// A project that was changed, and what is left to do about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectOperations {
    pub project: Project,
    pub operations: Vec<Operation>,
}

/// A project that was created, with all that it was born with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreatedProject {
    pub project: Project,
    pub connection_uris: Vec<ConnectionDetails>,
    pub roles: Vec<Role>,
    pub databases: Vec<Database>,
    pub operations: Vec<Operation>,
    pub branch: Branch,
    pub endpoints: Vec<Endpoint>,
}

/// A project that is to be created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct ProjectCreateRequest {
    pub project: NewProject,
}

/// What is asked of the new project; what is absent is the default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct NewProject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pg_version: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_passwords: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_retention_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_policy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<FirstBranch>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<NewSettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_endpoint_settings: Option<EndpointSettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling_limit_min_cu: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling_limit_max_cu: Option<f64>,
}

/// What is asked of a project's first branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct FirstBranch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// What is asked of a project's endpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct EndpointSettings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pg_settings: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pgbouncer_settings: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling_limit_min_cu: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling_limit_max_cu: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend_timeout_seconds: Option<i64>,
}

/// What is to change about a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct ProjectUpdateRequest {
    pub project: ProjectUpdate,
}

/// The changes; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct ProjectUpdate {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_retention_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub password_policy: Field<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<NewSettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_endpoint_settings: Option<EndpointSettings>,
}

impl From<project::Project> for ProjectCore {
    fn from(project: project::Project) -> Self {
        let project::Project {
            id,
            name,
            pg_version,
            store_passwords,
            history_retention_seconds,
            password_policy,
            settings,
            endpoint_defaults,
            default_branch: _,
            created_at,
            updated_at,
            deleted_at: _,
        } = project;
        Self {
            id: id.to_string(),
            platform_id: PLATFORM.to_owned(),
            region_id: REGION.to_owned(),
            name: name.to_string(),
            provisioner: PROVISIONER.to_owned(),
            default_endpoint_settings: endpoint_defaults.into(),
            settings: settings.into(),
            pg_version: pg_version.number(),
            proxy_host: LOCAL_HOST.to_owned(),
            branch_logical_size_limit: 0,
            branch_logical_size_limit_bytes: 0,
            store_passwords,
            cpu_used_sec: 0,
            creation_source: CREATION_SOURCE.to_owned(),
            history_retention_seconds,
            created_at: Time(created_at),
            updated_at: Time(updated_at),
            password_policy: password_policy.map(|policy| policy.as_str().to_owned()),
            synthetic_storage_size: 0,
            owner_id: ORGANIZATION.to_owned(),
            org_id: ORGANIZATION.to_owned(),
        }
    }
}

impl From<Tuning> for EndpointDefaults {
    fn from(tuning: Tuning) -> Self {
        let Tuning { min_cu_hundredths, max_cu_hundredths, suspend_timeout_seconds } = tuning;
        Self {
            autoscaling_limit_min_cu: f64::from(min_cu_hundredths) / 100.0,
            autoscaling_limit_max_cu: f64::from(max_cu_hundredths) / 100.0,
            suspend_timeout_seconds,
        }
    }
}

impl From<project::Project> for ProjectListItem {
    fn from(project: project::Project) -> Self {
        Self { core: project.into(), active_time: 0 }
    }
}

impl From<project::Project> for Project {
    fn from(project: project::Project) -> Self {
        Self {
            core: project.into(),
            data_storage_bytes_hour: 0,
            data_transfer_bytes: 0,
            written_data_bytes: 0,
            compute_time_seconds: 0,
            active_time_seconds: 0,
            consumption_period_start: NEVER.to_owned(),
            consumption_period_end: NEVER.to_owned(),
        }
    }
}
