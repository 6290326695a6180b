//! Instance: a branch as the one Postgres that it is to those who know no projects.

use crate::model::alias::Alias;
use crate::model::branch::Branch;
use crate::model::endpoint::Endpoint;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::project::Project;

/// A branch as a Postgres of its own.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its id in Render's form.
    pub alias: Alias,
    /// Its project.
    pub project: Project,
    /// The branch.
    pub branch: Branch,
    /// The same of its parent, where it has one.
    pub parent: Option<Alias>,
    /// Its endpoint, where it has one.
    pub endpoint: Option<Endpoint>,
    /// The database that is meant when none is named, where it has any.
    pub database: Option<DatabaseName>,
    /// The name of its default credential, where it has one.
    pub user: Option<RoleName>,
}
