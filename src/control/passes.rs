//! Use cases of the reconciler: what there is to do, and what was done.

use crate::control::draw::login_context;
use crate::control::{BranchRef, Caller, ControlPlane, Result};
use crate::model::branch::Branch;
use crate::model::cause::{Deed, Topic};
use crate::model::database::Database;
use crate::model::drift::Orders;
use crate::model::endpoint::{Endpoint, Site};
use crate::model::id::{BranchId, ProjectId};
use crate::model::operation::Operation;
use crate::model::project::PgVersion;
use crate::model::revision::Revision;
use crate::model::role::Role;
use crate::model::rules::operations::end_cancelled;
use crate::model::rules::passes::{Report, record};
use crate::model::secret::Password;
use crate::model::state::{Read, ReadDrift};
use crate::room::Writer;
use crate::store::ProjectView;
use crate::store::catalog::Catalog;
use crate::store::directory::Directory;
use crate::store::engine::LogId;

/// What the catalog wants of a branch, at one revision.
#[derive(Debug)]
pub struct Assignment {
    /// The revision.
    pub revision: Revision,
    /// The version of the project's Postgres.
    pub pg_version: PgVersion,
    /// The branch; none where it was deleted.
    pub branch: Option<Branch>,
    /// Its endpoint, where it has one.
    pub endpoint: Option<Endpoint>,
    /// The administrator's password, where the endpoint is attached.
    pub login: Option<Password>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Its databases.
    pub databases: Vec<Database>,
    /// What is to be done about what somebody changed in its Postgres.
    pub orders: Orders,
    /// Its operations that have not ended, oldest first.
    pub unfinished: Vec<Operation>,
}

/// A project, as the reconciler looks it over.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// The project.
    pub project: ProjectId,
    /// Its log.
    pub log: LogId,
    /// The newest revision.
    pub revision: Revision,
}

impl ControlPlane {
    /// Returns every project, the deleted ones that still have work to do among them.
    pub fn survey(&self) -> Result<Vec<Surveyed>> {
        let heads = self.inner.store.heads();
        let projects = self.directory().state.projects()?.into_iter();
        let surveyed = |(project, log)| {
            let revision = heads.get(&log).copied().unwrap_or_default();
            Surveyed { project, log, revision }
        };
        Ok(projects.map(surveyed).collect())
    }

    /// Returns the branches of a project that have something to do.
    pub fn busy_branches(&self, surveyed: &Surveyed) -> Result<Vec<BranchRef>> {
        let view: ProjectView = self.inner.store.view(surveyed.log);
        Ok(named(&surveyed.project, view.state.branches_with_unfinished()?))
    }

    /// Returns the branches of a project that have an endpoint.
    pub fn served_branches(&self, surveyed: &Surveyed) -> Result<Vec<BranchRef>> {
        let view: ProjectView = self.inner.store.view(surveyed.log);
        let branches = view.state.endpoints()?.into_iter().map(|endpoint| endpoint.branch);
        Ok(named(&surveyed.project, branches))
    }

    /// Returns the operations of a branch that have not ended, oldest first.
    pub fn unfinished(&self, at: &BranchRef) -> Result<Vec<Operation>> {
        let Some(log) = self.directory().state.log_of(&at.project)? else { return Ok(Vec::new()) };
        let view: ProjectView = self.inner.store.view(log);
        Ok(view.state.unfinished(&at.branch)?)
    }

    /// Returns the endpoint of a branch, where it has one.
    pub fn find_endpoint(&self, at: &BranchRef) -> Result<Option<Endpoint>> {
        let Some(log) = self.directory().state.log_of(&at.project)? else { return Ok(None) };
        let view: ProjectView = self.inner.store.view(log);
        match view.state.branch(&at.branch)?.and_then(|branch| branch.endpoint) {
            None => Ok(None),
            Some(id) => Ok(view.state.endpoint(&id)?),
        }
    }

    /// Returns what the catalog wants of a branch now; nothing where its project is forgotten.
    pub fn assignment(&self, at: &BranchRef) -> Result<Option<Assignment>> {
        let Some(log) = self.directory().state.log_of(&at.project)? else { return Ok(None) };
        let view: ProjectView = self.inner.store.view(log);
        let Some(project) = view.state.project()? else { return Ok(None) };
        let branch = view.state.branch(&at.branch)?;
        let endpoint = match branch.as_ref().and_then(|branch| branch.endpoint.as_ref()) {
            None => None,
            Some(id) => view.state.endpoint(id)?,
        };
        let login = match &endpoint {
            Some(Endpoint { id, site: Site::Attached(attachment), .. }) => {
                Some(self.inner.vault.open(&login_context(id), &attachment.password)?)
            }
            Some(Endpoint { site: Site::Local { .. }, .. }) | None => None,
        };
        Ok(Some(Assignment {
            revision: view.moment.revision,
            pg_version: project.pg_version,
            roles: view.state.roles(&at.branch)?,
            databases: view.state.databases(&at.branch)?,
            orders: Orders::new(
                view.state.drift_policy(&at.branch)?,
                &view.state.drifts(&at.branch)?,
            ),
            unfinished: view.state.unfinished(&at.branch)?,
            branch,
            endpoint,
            login,
        }))
    }

    /// Notes what a pass left behind, and returns the operations that changed.
    pub async fn record_pass(&self, at: &BranchRef, report: Report) -> Result<Vec<Operation>> {
        let log = self.log_of(&at.project)?;
        let topic = Topic::Branch(at.branch.clone());
        let cause = Caller::offshoot().asks(Deed::RecordPass, topic);
        let note = move |state: &mut Catalog, moment| record(state, moment, &report);
        let (changed, _) = self.write(Writer::Offshoot, log, cause, note).await?;
        Ok(changed)
    }

    /// Ends the operations of a branch whose end was asked for, and returns them.
    pub async fn end_cancelled(&self, at: &BranchRef) -> Result<Vec<Operation>> {
        let log = self.log_of(&at.project)?;
        let branch = at.branch.clone();
        let cause = Caller::offshoot().asks(Deed::RecordPass, Topic::Branch(branch.clone()));
        let end = move |state: &mut Catalog, moment| end_cancelled(state, moment, &branch);
        Ok(self.write(Writer::Offshoot, log, cause, end).await?.0)
    }

    /// Forgets a deleted project whose work is done, and returns whether it did.
    pub async fn forget_project(&self, surveyed: &Surveyed) -> Result<bool> {
        let view: ProjectView = self.inner.store.view(surveyed.log);
        let is_deleted = view.state.project()?.is_some_and(|project| project.deleted_at.is_some());
        if !is_deleted || !view.state.branches_with_unfinished()?.is_empty() {
            return Ok(false);
        }
        let project = surveyed.project.clone();
        let cause = Caller::offshoot().asks(Deed::DeleteProject, Topic::Whole);
        let forget = move |directory: &mut Directory, _| Ok(directory.remove_project(&project)?);
        self.write(Writer::Offshoot, LogId::DIRECTORY, cause, forget).await?;
        Ok(true)
    }
}

fn named(project: &ProjectId, branches: impl IntoIterator<Item = BranchId>) -> Vec<BranchRef> {
    let named = |branch| BranchRef { project: project.clone(), branch };
    branches.into_iter().map(named).collect()
}
