//! What can be asked: the use cases, each one durable commit or one consistent read.

#![expect(
    missing_docs,
    unused_variables,
    clippy::todo,
    clippy::unused_async,
    clippy::must_use_candidate,
    reason = "the interface alone"
)]

use crate::model::{
    branch::Branch,
    database::Database,
    endpoint::{Endpoint, TlsMode, Tuning},
    id::{BranchId, EndpointId, OperationId, ProjectId},
    lsn::Lsn,
    name::{BranchName, DatabaseName, ProjectName, RoleName},
    operation::Operation,
    point::Point,
    project::{PgVersion, Project},
    refusal::Refusal,
    revision::Timestamp,
    role::Role,
    rules::{databases::DatabaseChange, projects::ProjectChange},
    secret::Password,
};
use std::net::IpAddr;

/// Who asks: goes into the log with the commit.
#[derive(Clone, Debug)]
pub struct Caller {
    pub key: String,
    pub request_id: uuid::Uuid,
    pub address: Option<IpAddr>,
}

#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// A rule said no (told to the client).
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The queue of commits is full; nothing happened; retry.
    #[error("the server is busy")]
    Busy,
    /// The disk or the store failed; whether the change happened is unknown; server is stopping.
    #[error("the store has failed")]
    Failed,
    /// Something inside is broken (hidden from the client, logged with its chain).
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
}
pub type Result<T> = std::result::Result<T, ControlError>;

#[derive(Clone, Debug)]
pub struct ControlPlane {}

/// A branch, named inside its project.
#[derive(Clone, Debug)]
pub struct BranchRef {
    pub project: ProjectId,
    pub branch: BranchId,
}
#[derive(Clone, Debug)]
pub struct EndpointRef {
    pub project: ProjectId,
    pub endpoint: EndpointId,
}

#[derive(Clone, Debug, Default)]
pub struct ProjectRequest {
    pub name: Option<ProjectName>,
    pub pg_version: Option<PgVersion>,
    pub store_passwords: Option<bool>,
    pub history_retention_seconds: Option<u32>,
    pub branch_name: Option<BranchName>,
    pub database_name: Option<DatabaseName>,
    pub role_name: Option<RoleName>,
    pub tuning: Option<Tuning>,
}
#[derive(Debug)]
pub struct CreatedProject {
    pub project: Project,
    pub branch: Branch,
    pub endpoint: Endpoint,
    pub roles: Vec<Role>,
    pub owner_password: Password,
    pub databases: Vec<Database>,
    pub operations: Vec<Operation>,
    pub connection: Connection,
}
/// The part of a branch's past that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    pub earliest: Timestamp,
    pub latest: Timestamp,
    pub lsn: Option<(Lsn, Lsn)>,
}
/// How a role connects to a database. `password` is absent when it is not stored / role cannot log in.
#[derive(Clone, Debug)]
pub struct Connection {
    pub role: RoleName,
    pub password: Option<Password>,
    pub host: String,
    pub port: u16,
    pub database: DatabaseName,
    pub tls: TlsMode,
}
impl Connection {
    /** percent-encoded `postgresql://role:pw@host:port/db[?sslmode=..]` */
    pub fn uri(&self) -> Password {
        todo!()
    }
}

#[derive(Clone, Debug)]
pub struct ProjectQuery {
    pub search: Option<String>,
    pub cursor: Option<ProjectId>,
    pub limit: usize,
}
#[derive(Debug)]
pub struct ProjectPage {
    pub projects: Vec<Project>,
    pub has_more: bool,
}
#[derive(Clone, Debug)]
pub struct OperationQuery {
    pub cursor: Option<OperationId>,
    pub limit: usize,
}

#[derive(Clone, Debug)]
pub struct BranchRequest {
    pub name: Option<BranchName>,
    pub parent: Option<BranchId>,
    pub point: Point,
    pub endpoint: Option<Tuning>,
}
#[derive(Debug)]
pub struct CreatedBranch {
    pub branch: Branch,
    pub endpoint: Option<Endpoint>,
    pub roles: Vec<Role>,
    pub databases: Vec<Database>,
    pub operations: Vec<Operation>,
    pub connection: Option<Connection>,
}
#[derive(Clone, Debug)]
pub struct ConnectionQuery {
    pub branch: Option<BranchId>,
    pub endpoint: Option<EndpointId>,
    pub database: DatabaseName,
    pub role: RoleName,
}
/// The administrative login of a Postgres that already runs.
#[derive(Clone, Debug)]
pub struct AttachRequest {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub password: Password,
    pub tls: TlsMode,
}
#[derive(Clone, Debug)]
pub struct EndpointRequest {
    pub branch: BranchId,
    pub attached: Option<AttachRequest>,
    pub tuning: Tuning,
}

impl ControlPlane {
    pub async fn create_project(
        &self,
        caller: &Caller,
        request: ProjectRequest,
    ) -> Result<CreatedProject> {
        todo!()
    }
    pub fn list_projects(&self, query: &ProjectQuery) -> Result<ProjectPage> {
        todo!()
    } // by id, ascending
    pub fn get_project(&self, id: &ProjectId) -> Result<Project> {
        todo!()
    }
    pub async fn update_project(
        &self,
        caller: &Caller,
        id: &ProjectId,
        change: ProjectChange,
    ) -> Result<Project> {
        todo!()
    }
    pub async fn delete_project(&self, caller: &Caller, id: &ProjectId) -> Result<Project> {
        todo!()
    }
    pub fn connection(&self, project: &ProjectId, query: &ConnectionQuery) -> Result<Connection> {
        todo!()
    }
    pub async fn create_branch(
        &self,
        caller: &Caller,
        project: &ProjectId,
        request: BranchRequest,
    ) -> Result<CreatedBranch> {
        todo!()
    }
    pub fn list_branches(&self, project: &ProjectId) -> Result<(Project, Vec<Branch>)> {
        todo!()
    } // project.default_branch tells which is default
    pub fn get_branch(&self, at: &BranchRef) -> Result<(Project, Branch)> {
        todo!()
    }
    pub async fn rename_branch(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: BranchName,
    ) -> Result<(Project, Branch)> {
        todo!()
    }
    pub async fn delete_branch(
        &self,
        caller: &Caller,
        at: &BranchRef,
    ) -> Result<(Project, Branch, Vec<Operation>)> {
        todo!()
    }
    pub fn history(&self, project: &ProjectId, branch: Option<&BranchId>) -> Result<History> {
        todo!()
    }
    pub fn list_roles(&self, at: &BranchRef) -> Result<Vec<Role>> {
        todo!()
    }
    pub fn get_role(&self, at: &BranchRef, name: &RoleName) -> Result<Role> {
        todo!()
    }
    pub async fn create_role(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: RoleName,
        no_login: bool,
    ) -> Result<(Role, Option<Password>, Vec<Operation>)> {
        todo!()
    }
    pub async fn reset_role_password(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &RoleName,
    ) -> Result<(Role, Password, Vec<Operation>)> {
        todo!()
    }
    pub fn reveal_role_password(&self, at: &BranchRef, name: &RoleName) -> Result<Password> {
        todo!()
    }
    pub async fn delete_role(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &RoleName,
    ) -> Result<(Role, Vec<Operation>)> {
        todo!()
    }
    pub fn list_databases(&self, at: &BranchRef) -> Result<Vec<Database>> {
        todo!()
    }
    pub fn get_database(&self, at: &BranchRef, name: &DatabaseName) -> Result<Database> {
        todo!()
    }
    pub async fn create_database(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: DatabaseName,
        owner: RoleName,
    ) -> Result<(Database, Vec<Operation>)> {
        todo!()
    }
    pub async fn update_database(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &DatabaseName,
        change: DatabaseChange,
    ) -> Result<(Database, Vec<Operation>)> {
        todo!()
    }
    pub async fn delete_database(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &DatabaseName,
    ) -> Result<(Database, Vec<Operation>)> {
        todo!()
    }
    pub fn list_endpoints(&self, project: &ProjectId) -> Result<Vec<Endpoint>> {
        todo!()
    }
    pub fn list_branch_endpoints(&self, at: &BranchRef) -> Result<Vec<Endpoint>> {
        todo!()
    }
    pub fn get_endpoint(&self, at: &EndpointRef) -> Result<Endpoint> {
        todo!()
    }
    pub async fn create_endpoint(
        &self,
        caller: &Caller,
        project: &ProjectId,
        request: EndpointRequest,
    ) -> Result<(Endpoint, Vec<Operation>)> {
        todo!()
    }
    pub async fn delete_endpoint(
        &self,
        caller: &Caller,
        at: &EndpointRef,
    ) -> Result<(Endpoint, Vec<Operation>)> {
        todo!()
    }
    pub async fn start_endpoint(
        &self,
        caller: &Caller,
        at: &EndpointRef,
    ) -> Result<(Endpoint, Vec<Operation>)> {
        todo!()
    }
    pub async fn suspend_endpoint(
        &self,
        caller: &Caller,
        at: &EndpointRef,
    ) -> Result<(Endpoint, Vec<Operation>)> {
        todo!()
    }
    pub fn list_operations(
        &self,
        project: &ProjectId,
        query: &OperationQuery,
    ) -> Result<(Vec<Operation>, bool)> {
        todo!()
    } // newest first, has_more
    pub fn get_operation(&self, project: &ProjectId, id: OperationId) -> Result<Operation> {
        todo!()
    } // needs Refusal::OperationMissing: add it
}
