//! Use cases about branches.

use chrono::TimeDelta;

use crate::control::{BranchRef, Caller, Connection, ControlPlane, Result};
use crate::model::branch::Branch;
use crate::model::cause::Deed;
use crate::model::database::Database;
use crate::model::endpoint::{Endpoint, Site, Tuning};
use crate::model::id::{BranchId, ProjectId};
use crate::model::lsn::Lsn;
use crate::model::name::BranchName;
use crate::model::operation::Operation;
use crate::model::point::Point;
use crate::model::project::Project;
use crate::model::refusal::Refusal;
use crate::model::revision::{Moment, Timestamp};
use crate::model::role::Role;
use crate::model::rules;
use crate::model::rules::branches::{Born, Cutoff, NewBranch, check_time, revision_at};
use crate::model::rules::endpoints::NewEndpoint;
use crate::model::state::Read;
use crate::store::ProjectView;
use crate::store::catalog::Catalog;

/// What a request says about a new branch.
#[derive(Clone, Debug)]
pub struct BranchRequest {
    /// Its name; its id where there is none.
    pub name: Option<BranchName>,
    /// Its parent; the default branch where none is named.
    pub parent: Option<BranchId>,
    /// Where on the parent it begins.
    pub point: Point,
    /// What the request tunes about its endpoint; none where it is to have no endpoint.
    pub endpoint: Option<Tuning>,
}

/// A branch as it was born.
#[derive(Debug)]
pub struct CreatedBranch {
    /// The project, as it is now.
    pub project: Project,
    /// The branch.
    pub branch: Branch,
    /// Its endpoint, where it has one.
    pub endpoint: Option<Endpoint>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Its databases.
    pub databases: Vec<Database>,
    /// What is left to do.
    pub operations: Vec<Operation>,
    /// How to connect, where there is an endpoint and but one role and database to choose.
    pub connection: Option<Connection>,
}

/// The points on a branch from which others can branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// The earliest time.
    pub earliest: Timestamp,
    /// The latest time.
    pub latest: Timestamp,
    /// The earliest and the latest place in its Postgres's log, where one is known.
    pub lsn: Option<(Lsn, Lsn)>,
}

impl ControlPlane {
    /// Creates a branch: its roles and databases are its parent's at the point.
    pub async fn create_branch(
        &self,
        caller: &Caller,
        id: &ProjectId,
        request: BranchRequest,
    ) -> Result<CreatedBranch> {
        let (project, view) = self.view(id)?;
        let parent = request.parent.unwrap_or_else(|| project.default_branch.clone());
        let cutoff = self.cutoff(&project, &view, &parent, request.point).await?;
        let branch = self.draw_branch_id();
        let endpoint = match request.endpoint {
            None => None,
            Some(tuning) => {
                let site = self.draw_site()?;
                Some(NewEndpoint { id: self.draw_endpoint_id(), site, tuning })
            }
        };
        let port = endpoint.as_ref().map(|endpoint| endpoint.site.clone());
        let new = NewBranch {
            name: request
                .name
                .unwrap_or_else(|| branch.as_str().parse().expect("an id is short enough")),
            id: branch,
            parent,
            cutoff,
            endpoint,
        };
        let seed = self.seed();
        let created = self
            .commit_at(caller, Deed::CreateBranch, id, move |state, moment| {
                rules::branches::create(state, moment, seed, new.clone())
            })
            .await;
        let (born, moment) = created.inspect_err(|_| {
            if let Some(Site::Local { port }) = port {
                self.inner.ports.give_back(port);
            }
        })?;
        self.created(project, born, moment)
    }

    fn created(&self, project: Project, born: Born, moment: Moment) -> Result<CreatedBranch> {
        let Born { branch, endpoint, operations } = born;
        let log = self.log_of(&project.id)?;
        let view: ProjectView = self.inner.store.view_at(log, moment.revision)?;
        let roles = view.state.roles(&branch.id)?;
        let databases = view.state.databases(&branch.id)?;
        let mut logins = roles.iter().filter(|role| role.login.credential().is_some());
        let only = (logins.next(), logins.next(), &databases[..], &endpoint);
        let connection = match only {
            (Some(role), None, [database], Some(endpoint)) => {
                Some(self.connect(&project, endpoint, role, database.name.clone())?)
            }
            _ => None,
        };
        Ok(CreatedBranch { project, branch, endpoint, roles, databases, operations, connection })
    }

    /// Finds the last of the parent's revisions that a child at `point` has. What is found stays
    /// true: every commit that is not seen yet is later than any time that is asked for.
    async fn cutoff(
        &self,
        project: &Project,
        view: &ProjectView,
        parent: &BranchId,
        point: Point,
    ) -> Result<Cutoff> {
        let found = view.state.branch(parent)?;
        let branch = found.ok_or_else(|| Refusal::BranchMissing(parent.clone()))?;
        let log = self.log_of(&project.id)?;
        match point {
            Point::Head => Ok(Cutoff::Head),
            Point::Time(at) => {
                check_time(&branch, at, self.horizon(view))?;
                self.inner.store.settle(log).await?;
                let moment = self.inner.store.moment_at(log, at)?;
                let Moment { revision, .. } = moment.expect("a branch is born in some commit");
                let past = self.inner.store.view_at::<Catalog>(log, revision)?;
                let mark = past.state.mark_before(parent, Lsn(u64::MAX))?;
                Ok(Cutoff::Past { revision, at, lsn: mark.map(|mark| mark.lsn) })
            }
            Point::Lsn(lsn) => {
                let newest = self.newest_lsn(&project.id, parent).await;
                // The look took time, in which marks may have been made.
                let view: ProjectView = self.inner.store.view(log);
                let revision = revision_at(&view.state, parent, lsn, newest)?;
                let revision = self.same_or_oldest(log, parent, revision)?;
                let at = self.inner.store.view_at::<Catalog>(log, revision)?.moment.at;
                Ok(Cutoff::Past { revision, at, lsn: Some(lsn) })
            }
        }
    }

    /// Returns the time before which the past is known: no later commit gets an earlier time, even
    /// where the machine's clock was set back.
    fn horizon(&self, view: &ProjectView) -> Timestamp {
        self.now().max(view.moment.at + TimeDelta::microseconds(1))
    }

    async fn newest_lsn(&self, project: &ProjectId, branch: &BranchId) -> Option<Lsn> {
        self.inner.lsn_probe.get()?(project.clone(), branch.clone()).await
    }

    /// Returns the points on a branch from which others can branch; on the default branch where
    /// none is named.
    pub fn history(&self, id: &ProjectId, branch: Option<&BranchId>) -> Result<History> {
        let (project, view) = self.view(id)?;
        let branch = branch.unwrap_or(&project.default_branch);
        let found = view.state.branch(branch)?;
        let found = found.ok_or_else(|| Refusal::BranchMissing(branch.clone()))?;
        let oldest = self.oldest(self.log_of(id)?)?;
        let first = match oldest.state.mark_before(branch, Lsn(u64::MAX))? {
            Some(mark) => Some(mark),
            None => view.state.first_mark(branch)?,
        };
        let last = view.state.mark_before(branch, Lsn(u64::MAX))?;
        Ok(History {
            earliest: found.created_at.max(oldest.moment.at),
            latest: self.horizon(&view),
            lsn: first.zip(last).map(|(first, last)| (first.lsn, last.lsn)),
        })
    }

    /// Lists the branches of a project, by id.
    pub fn list_branches(&self, id: &ProjectId) -> Result<(Project, Vec<Branch>)> {
        let (project, view) = self.view(id)?;
        Ok((project, view.state.branches()?))
    }

    /// Returns a branch.
    pub fn get_branch(&self, at: &BranchRef) -> Result<(Project, Branch)> {
        let (project, view) = self.view(&at.project)?;
        let branch = view.state.branch(&at.branch)?;
        Ok((project, branch.ok_or_else(|| Refusal::BranchMissing(at.branch.clone()))?))
    }

    /// Renames a branch.
    pub async fn rename_branch(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: BranchName,
    ) -> Result<(Project, Branch)> {
        let id = at.branch.clone();
        let branch = self
            .commit(caller, Deed::RenameBranch, &at.project, move |state, moment| {
                rules::branches::rename(state, moment, &id, name.clone())
            })
            .await?;
        Ok((self.get_project(&at.project)?, branch))
    }

    /// Deletes a branch with its catalog, its endpoint and the data of its local compute.
    pub async fn delete_branch(
        &self,
        caller: &Caller,
        at: &BranchRef,
    ) -> Result<(Project, Branch, Vec<Operation>)> {
        let (id, seed) = (at.branch.clone(), self.seed());
        let endpoints = self.list_branch_endpoints(at)?;
        let (branch, operations) = self
            .commit(caller, Deed::DeleteBranch, &at.project, move |state, moment| {
                rules::branches::delete(state, moment, seed, &id)
            })
            .await?;
        for endpoint in &endpoints {
            self.give_back_port(endpoint);
        }
        Ok((self.get_project(&at.project)?, branch, operations))
    }
}
