//! Use cases about branches.

use std::collections::BTreeMap;

use crate::control::endpoints::tuning_of_new;
use crate::control::once::Done;
use crate::control::past::{BranchAt, ProjectAt};
use crate::control::restore::Copying;
use crate::control::{Asker, BranchRef, Caller, Connection, ControlPlane, LeftOut, Result, Told};
use crate::model::annotation::Annotation;
use crate::model::branch::{Branch, PasswordPolicy};
use crate::model::cause::{Deed, Topic};
use crate::model::database::Database;
use crate::model::endpoint::{Endpoint, TuningChange};
use crate::model::id::{BranchId, ProjectId};
use crate::model::name::{BranchName, RoleName};
use crate::model::operation::Operation;
use crate::model::point::Point;
use crate::model::project::Project;
use crate::model::refusal::Refusal;
use crate::model::revision::Timestamp;
use crate::model::role::Role;
use crate::model::rules;
use crate::model::rules::branches::{BranchChange, NewBranch};
use crate::model::rules::endpoints::NewEndpoint;
use crate::model::rules::passwords::{self, own_of};
use crate::model::secret::Password;
use crate::model::state::Read;
use crate::store::catalog::Catalog;

/// What a request says about a new branch.
#[derive(Clone, Debug, Default)]
pub struct BranchRequest {
    /// Its name; its id where there is none.
    pub name: Option<BranchName>,
    /// Its parent; the default branch where none is named.
    pub parent: Option<BranchId>,
    /// Where on the parent it begins.
    pub point: Point,
    /// Whether it is protected.
    pub protected: bool,
    /// When it is to go by itself, if it is.
    pub expires_at: Option<Timestamp>,
    /// What it does with the passwords that come with a catalog; what its project or its parent
    /// calls for, where nothing is said.
    pub password_policy: Option<PasswordPolicy>,
    /// What is noted about it.
    pub annotation: Annotation,
    /// What the request tunes about its endpoint, where the project's defaults do not do; none where
    /// it is to have no endpoint.
    pub endpoint: Option<TuningChange>,
}

/// A branch as it was born.
#[derive(Debug)]
pub struct CreatedBranch {
    /// The project, as it was left.
    pub project: Project,
    /// The branch.
    pub branch: Branch,
    /// Its endpoint, where it has one.
    pub endpoint: Option<Endpoint>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// The passwords that were drawn for it. They are shown once.
    pub passwords: BTreeMap<RoleName, Password>,
    /// Its databases.
    pub databases: Vec<Database>,
    /// What is left to do.
    pub operations: Vec<Operation>,
    /// How to connect, where there is an endpoint and but one role and database to choose.
    pub connection: Option<Connection>,
    /// What the cutoff left out.
    pub left_out: Option<LeftOut>,
}

/// A branch that was changed.
#[derive(Debug)]
pub struct ChangedBranch {
    /// The project, as it was left.
    pub project: Project,
    /// The branch.
    pub branch: Branch,
    /// What is left to do.
    pub operations: Vec<Operation>,
}

impl ControlPlane {
    /// Creates a branch: its roles and databases are its parent's at the point.
    pub async fn create_branch(
        &self,
        asker: &Asker,
        id: &ProjectId,
        request: BranchRequest,
    ) -> Result<Told<CreatedBranch>> {
        if let Some(done) = self.done_before(asker, id)? {
            return self.created(done);
        }
        let (project, view) = self.view(id)?;
        let parent = request.parent.unwrap_or_else(|| project.default_branch.clone());
        let source = view.state.branch(&parent)?;
        let source = source.ok_or_else(|| Refusal::BranchMissing(parent.clone()))?;
        let cutoff = self.cutoff(&project, &source, request.point).await?;
        let policy = passwords::policy_of_new(request.password_policy, &project, &source);
        let branch = self.draw_branch_id();
        let copying =
            Copying { project: &project, view: &view, taker: &branch, source: &parent, cutoff };
        let secrets = self.draw_secrets();
        let (cutoff, passwords) = self.passwords(&secrets, copying, policy).await?;
        let endpoint = match request.endpoint {
            None => None,
            Some(change) => {
                let (site, tuning) = (self.draw_site()?, tuning_of_new(&project, change));
                Some(NewEndpoint { id: self.draw_endpoint_id(), site, tuning })
            }
        };
        let site = endpoint.as_ref().map(|endpoint| endpoint.site.clone());
        let new = NewBranch {
            name: request
                .name
                .unwrap_or_else(|| branch.as_str().parse().expect("an id is short enough")),
            id: branch,
            parent,
            cutoff,
            protected: request.protected,
            expires_at: request.expires_at,
            password_policy: request.password_policy,
            annotation: request.annotation,
            passwords,
            endpoint,
        };
        let seed = self.seed();
        let cause = asker.asks(Deed::CreateBranch, Topic::Branch(new.id.clone()));
        let create = move |state: &mut Catalog, moment| {
            rules::branches::create(state, moment, seed, new.clone())
        };
        let done = self.carry_out(asker, id, (cause, Some(secrets)), create).await;
        self.settle_site(site.as_ref(), &done);
        self.created(done?)
    }

    /// Returns the branch that a request created, as it was born.
    fn created(&self, done: Done<Catalog>) -> Result<Told<CreatedBranch>> {
        let (project, operations) = (done.project()?, done.operations()?);
        let is_again = done.is_again;
        let secrets = done.secrets().clone();
        let id = branch_of(&done).clone();
        let at = BranchRef { project: project.id.clone(), branch: id.clone() };
        let seen = ProjectAt { project: project.clone(), view: done.view };
        let seen = BranchAt { at: seen, asked: id.clone(), branch: id };
        let (branch, roles, databases) = (seen.record()?, seen.roles()?, seen.databases()?);
        let endpoint = match &branch.endpoint {
            None => None,
            Some(id) => seen.at.view.state.endpoint(id)?,
        };
        // What it has of others' passwords is for those who look at the others.
        let drawn = roles.iter().filter(|role| own_of(&branch.id, role).is_some());
        let passwords: BTreeMap<_, _> =
            drawn.map(|role| (role.name.clone(), secrets.password(&at, &role.name))).collect();
        let mut logins = roles.iter().filter(|role| role.login.credential().is_some());
        let only = (logins.next(), logins.next(), &databases[..], &endpoint);
        let connection = match only {
            (Some(role), None, [database], Some(endpoint)) => {
                let connection = self.connect(&project, endpoint, role, database.name.clone())?;
                // One that was drawn is shown now, whether it is stored or not.
                let password = passwords.get(&role.name).cloned().or(connection.password);
                Some(Connection { password, ..connection })
            }
            _ => None,
        };
        let left_out = seen.left_out()?;
        let answer = CreatedBranch {
            project,
            branch,
            endpoint,
            roles,
            passwords,
            databases,
            operations,
            connection,
            left_out,
        };
        Ok(Told { answer, is_again })
    }

    /// Checks that a branch is there.
    pub fn check_branch(&self, at: &BranchRef) -> Result<()> {
        self.view_branch(at).map(drop)
    }

    /// Changes a branch's settings.
    pub async fn update_branch(
        &self,
        caller: &Caller,
        at: &BranchRef,
        change: BranchChange,
    ) -> Result<(Project, Branch)> {
        let id = at.branch.clone();
        let cause = caller.asks(Deed::UpdateBranch, Topic::Branch(id.clone()));
        let branch = self
            .commit(cause, &at.project, move |state, moment| {
                rules::branches::update(state, moment, &id, &change)
            })
            .await?;
        Ok((self.get_project(&at.project)?, branch))
    }

    /// Makes a branch the one that is meant when none is named.
    pub async fn set_default_branch(
        &self,
        asker: &Asker,
        at: &BranchRef,
    ) -> Result<Told<ChangedBranch>> {
        if let Some(done) = self.done_before(asker, &at.project)? {
            return changed(&done);
        }
        let id = at.branch.clone();
        let cause = asker.asks(Deed::SetDefaultBranch, Topic::Branch(id.clone()));
        let set =
            move |state: &mut Catalog, moment| rules::branches::set_default(state, moment, &id);
        changed(&self.carry_out(asker, &at.project, (cause, None), set).await?)
    }

    /// Deletes a branch with its catalog, its endpoint and the data of its local compute.
    pub async fn delete_branch(
        &self,
        caller: &Caller,
        at: &BranchRef,
    ) -> Result<(Project, Branch, Vec<Operation>)> {
        let (id, seed) = (at.branch.clone(), self.seed());
        let endpoints = self.list_branch_endpoints(at)?;
        let topic = Topic::Branch(id.clone());
        let (branch, operations) = self
            .commit(caller.asks(Deed::DeleteBranch, topic), &at.project, move |state, moment| {
                rules::branches::delete(state, moment, seed, &id)
            })
            .await?;
        for endpoint in &endpoints {
            self.give_back_port(endpoint);
        }
        Ok((self.get_project(&at.project)?, branch, operations))
    }
}

fn branch_of(done: &Done<Catalog>) -> &BranchId {
    let Topic::Branch(id) = &done.topic else {
        unreachable!("the request was about a branch");
    };
    id
}

/// Returns the branch that a request changed.
pub(super) fn changed(done: &Done<Catalog>) -> Result<Told<ChangedBranch>> {
    let branch = done.view.state.branch(branch_of(done))?.expect("a branch that the commit left");
    let (project, operations) = (done.project()?, done.operations()?);
    Ok(done.told(ChangedBranch { project, branch, operations }))
}
