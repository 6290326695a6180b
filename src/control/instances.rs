//! Branches of all projects, each as the one Postgres that it is to those who know no projects.

use crate::control::credentials::first_of;
use crate::control::{BranchRef, ControlPlane, Result};
use crate::model::alias::Alias;
use crate::model::branch::Branch;
use crate::model::id::BranchId;
use crate::model::instance::Instance;
use crate::model::key::Scope;
use crate::model::project::Project;
use crate::model::revision::Revision;
use crate::model::role::default_of;
use crate::model::state::Read;
use crate::store::ProjectView;
use crate::store::engine::LogId;

impl ControlPlane {
    /// Returns the branch that has an alias, if a key opens it.
    pub fn find_by_alias(&self, scope: &Scope, alias: Alias) -> Result<Option<BranchRef>> {
        let log = LogId(alias.log);
        if log == LogId::DIRECTORY || self.inner.store.extent(log).is_none() {
            return Ok(None);
        }
        let view: ProjectView = self.inner.store.view(log);
        let project = view.state.project()?.filter(|project| project.deleted_at.is_none());
        let branch = view.state.branch_born(alias.born)?;
        let found = project.zip(branch);
        let found = found.map(|(project, branch)| BranchRef { project: project.id, branch });
        Ok(found.filter(|at| self.admit(scope, &at.project).is_ok()))
    }

    /// Returns the branch that has an id, in whichever project a key opens. The id does not say in
    /// which, so each is asked.
    pub fn find_by_branch(&self, scope: &Scope, branch: &BranchId) -> Result<Option<BranchRef>> {
        for (project, log) in self.directory().state.projects()? {
            let view: ProjectView = self.inner.store.view(log);
            if self.admit(scope, &project).is_ok() && view.state.branch(branch)?.is_some() {
                let at = BranchRef { project, branch: branch.clone() };
                return Ok(self.view(&at.project).is_ok().then_some(at));
            }
        }
        Ok(None)
    }

    /// Returns a branch as a Postgres.
    pub fn get_instance(&self, at: &BranchRef) -> Result<Instance> {
        let (project, view) = self.view_branch(at)?;
        let branch = view.state.branch(&at.branch)?.expect("a branch that was just there");
        instance(&view, self.log_of(&at.project)?, project, branch)
    }

    /// Lists the branches of all projects that a key opens, in the order of their aliases: those after
    /// `after` that are wanted, and at most `limit`.
    pub fn list_instances(
        &self,
        scope: &Scope,
        after: Option<Alias>,
        limit: usize,
        is_wanted: impl Fn(&Instance) -> bool,
    ) -> Result<Vec<Instance>> {
        let mut projects = self.directory().state.projects()?;
        projects.retain(|(project, _)| self.admit(scope, project).is_ok());
        projects.sort_by_key(|(_, LogId(log))| *log);
        let first = after.map_or(0, |after| after.log);
        let mut found = Vec::new();
        for (_, log) in projects.into_iter().filter(|(_, LogId(log))| first <= *log) {
            let view: ProjectView = self.inner.store.view(log);
            let Some(project) = view.state.project()?.filter(|it| it.deleted_at.is_none()) else {
                continue;
            };
            let since = after.filter(|after| after.log == log.0).map(|after| after.born);
            let since = since.unwrap_or(Revision::ZERO);
            let mut branches = view.state.branches()?;
            branches.retain(|branch| since < branch.born);
            branches.sort_by_key(|branch| branch.born);
            for branch in branches {
                let instance = instance(&view, log, project.clone(), branch)?;
                if is_wanted(&instance) {
                    found.push(instance);
                }
                if limit <= found.len() {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }
}

fn instance(
    view: &ProjectView,
    LogId(log): LogId,
    project: Project,
    branch: Branch,
) -> Result<Instance> {
    let parent = match branch.branch_point() {
        None => None,
        Some(point) => view.state.branch(&point.parent)?,
    };
    let endpoint = match &branch.endpoint {
        None => None,
        Some(id) => view.state.endpoint(id)?,
    };
    let roles = view.state.roles(&branch.id)?;
    let databases = view.state.databases(&branch.id)?;
    Ok(Instance {
        alias: Alias { log, born: branch.born },
        parent: parent.map(|parent| Alias { log, born: parent.born }),
        endpoint,
        database: first_of(&databases).map(|database| database.name.clone()),
        user: default_of(&roles).map(|role| role.name.clone()),
        project,
        branch,
    })
}
