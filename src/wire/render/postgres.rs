//! Databases: each is a branch.

use serde::{Deserialize, Serialize};

use crate::model::account::{ORGANIZATION, ORGANIZATION_NAME, PERSON_EMAIL};
use crate::model::branch::Branch;
use crate::model::endpoint::{Endpoint, EndpointState, Power};
use crate::model::instance::Instance;
use crate::wire::render::credentials::Nothing;
use crate::wire::secret::Secret;
use crate::wire::time::Time;

/// The region of every database: there is one machine. Render's client knows five words.
pub const REGION: &str = "oregon";

/// What all may reach: what is not reachable is not so by the database's doing.
const EVERYWHERE: &str = "0.0.0.0/0";

/// The plan, in the one of Render's words that promises nothing.
const PLAN: &str = "custom";

/// A database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Postgres {
    pub id: String,
    pub name: String,
    pub owner: Owner,
    pub plan: String,
    pub region: String,
    pub version: String,
    pub role: String,
    pub status: String,
    pub suspended: String,
    pub suspenders: Vec<String>,
    pub database_name: String,
    pub database_user: String,
    pub environment_id: String,
    pub ip_allow_list: Vec<CidrBlock>,
    #[serde(rename = "primaryPostgresID", default, skip_serializing_if = "Option::is_none")]
    pub primary_postgres_id: Option<String>,
    pub read_replicas: Vec<Nothing>,
    pub high_availability_enabled: bool,
    pub disk_autoscaling_enabled: bool,
    pub connection_pool: String,
    pub dashboard_url: String,
    pub created_at: Time,
    pub updated_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    pub branch_id: String,
    pub project_id: String,
    pub project_name: String,
}

/// To whom a database belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub id: String,
    pub name: String,
    pub email: String,
    #[serde(rename = "type")]
    pub kind: String,
}

/// From where a database may be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CidrBlock {
    pub cidr_block: String,
    pub description: String,
}

/// A database, and where the page goes on that ends with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostgresWithCursor {
    pub postgres: Postgres,
    pub cursor: String,
}

/// A page of databases.
pub type PostgresPage = Vec<PostgresWithCursor>;

/// How the default credential connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostgresConnectionInfo {
    pub password: Secret,
    pub internal_connection_string: Secret,
    pub external_connection_string: Secret,
    pub psql_command: Secret,
}

impl From<Instance> for Postgres {
    fn from(instance: Instance) -> Self {
        let Instance { alias, project, branch, parent, endpoint, database, user } = instance;
        let (status, suspended) = state(endpoint.as_ref());
        let suspenders = (suspended != NOT_SUSPENDED).then(|| "user".to_owned());
        let Branch {
            id: branch_id,
            name,
            born: _,
            lineage: _,
            began: _,
            endpoint: _,
            protected: _,
            expiry,
            password_policy: _,
            annotation: _,
            merges: _,
            created_at,
            updated_at,
        } = branch;
        let (project_id, project_name) = (project.id, project.name);
        Self {
            id: alias.to_string(),
            name: name.to_string(),
            owner: Owner::organization(),
            plan: PLAN.into(),
            region: REGION.into(),
            version: project.pg_version.number().to_string(),
            role: "primary".into(),
            status: status.into(),
            suspended: suspended.into(),
            suspenders: suspenders.into_iter().collect(),
            database_name: database.map(|name| name.to_string()).unwrap_or_default(),
            database_user: user.map(|name| name.to_string()).unwrap_or_default(),
            environment_id: project_id.to_string(),
            ip_allow_list: vec![CidrBlock::everywhere()],
            primary_postgres_id: parent.map(|parent| parent.to_string()),
            read_replicas: Vec::new(),
            high_availability_enabled: false,
            disk_autoscaling_enabled: false,
            connection_pool: "none".into(),
            dashboard_url: format!("/api/v2/projects/{project_id}/branches/{branch_id}"),
            created_at: Time(created_at),
            updated_at: Time(updated_at),
            expires_at: expiry.map(|expiry| Time(expiry.at)),
            branch_id: branch_id.to_string(),
            project_id: project_id.to_string(),
            project_name: project_name.to_string(),
        }
    }
}

const NOT_SUSPENDED: &str = "not_suspended";

/// Returns how a database is, in Render's words: its status, and whether somebody suspended it.
fn state(endpoint: Option<&Endpoint>) -> (&'static str, &'static str) {
    match endpoint {
        Some(Endpoint { desired: Power::Idle, .. }) => ("suspended", "suspended"),
        Some(Endpoint { state: EndpointState::Init, .. }) => ("creating", NOT_SUSPENDED),
        Some(Endpoint { state: EndpointState::Active, .. }) => ("available", NOT_SUSPENDED),
        None | Some(Endpoint { state: EndpointState::Idle, .. }) => ("unavailable", NOT_SUSPENDED),
    }
}

impl Owner {
    fn organization() -> Self {
        Self {
            id: ORGANIZATION.into(),
            name: ORGANIZATION_NAME.into(),
            email: PERSON_EMAIL.into(),
            kind: "team".into(),
        }
    }
}

impl CidrBlock {
    fn everywhere() -> Self {
        Self { cidr_block: EVERYWHERE.to_owned(), description: String::new() }
    }
}
