//! Use cases of what goes by itself: what is due, and its end.

use std::collections::BTreeSet;

use crate::control::{BranchRef, Caller, ControlError, ControlPlane, Result};
use crate::model::cause::{Deed, Topic};
use crate::model::id::{BranchId, ProjectId};
use crate::model::name::RoleName;
use crate::model::operation::Operation;
use crate::model::refusal::Refusal;
use crate::model::revision::Timestamp;
use crate::model::rules::expiry;
use crate::model::state::Read;
use crate::room::Writer;
use crate::store::ProjectView;
use crate::store::engine::LogId;

/// Something that goes by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// The branch that goes, or one of whose roles does.
    pub branch: BranchId,
    /// The role; none where the branch goes.
    pub role: Option<RoleName>,
}

impl ControlPlane {
    /// Returns when something goes first in the project that `log` keeps.
    pub fn next_due(&self, log: LogId) -> Result<Option<Timestamp>> {
        let view: ProjectView = self.inner.store.view(log);
        Ok(view.state.next_due()?.map(|(at, _)| at))
    }

    /// Returns what is to go by `until` in the project that `log` keeps, and is not set `aside`.
    pub fn first_due(
        &self,
        log: LogId,
        until: Timestamp,
        aside: &BTreeSet<Due>,
    ) -> Result<Option<Due>> {
        let view: ProjectView = self.inner.store.view(log);
        // Among so many, one at least is not aside.
        let limit = aside.len() + 1;
        for branch in view.state.due_branches(until, limit)? {
            let expiry = view.state.branch(&branch)?.and_then(|branch| branch.expiry);
            let itself = expiry.map(|expiry| (expiry.at, None)).filter(|(at, _)| *at <= until);
            let roles = view.state.due_roles(&branch, until, limit)?.into_iter();
            let roles = roles.filter_map(|role| Some((role.expires_at?, Some(role.name))));
            let due = |(at, role)| Due { at, branch: branch.clone(), role };
            let found = itself.into_iter().chain(roles).map(due).find(|due| !aside.contains(due));
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Deletes what was due, and returns what is left to do; nothing where there was nothing to
    /// delete any more, or its time was changed meanwhile.
    pub async fn expire(&self, project: &ProjectId, due: &Due) -> Result<Option<Vec<Operation>>> {
        let expired = match &due.role {
            None => self.expire_branch(project, &due.branch).await,
            Some(role) => self.expire_role(project, &due.branch, role).await,
        };
        match expired {
            Err(ControlError::Refused(Refusal::ProjectMissing(_) | Refusal::BranchMissing(_))) => {
                Ok(None)
            }
            expired => expired,
        }
    }

    async fn expire_branch(
        &self,
        project: &ProjectId,
        branch: &BranchId,
    ) -> Result<Option<Vec<Operation>>> {
        let (seed, branch) = (self.seed(), branch.clone());
        let at = BranchRef { project: project.clone(), branch: branch.clone() };
        let endpoints = self.list_branch_endpoints(&at)?;
        let cause = Caller::offshoot().asks(Deed::ExpireBranch, Topic::Branch(branch.clone()));
        let (expired, _) = self
            .commit_as(Writer::Offshoot, cause, project, move |state, moment| {
                expiry::expire_branch(state, moment, seed, &branch)
            })
            .await?;
        let Some((_, operations)) = expired else { return Ok(None) };
        for endpoint in &endpoints {
            self.give_back_port(endpoint);
        }
        Ok(Some(operations))
    }

    async fn expire_role(
        &self,
        project: &ProjectId,
        branch: &BranchId,
        role: &RoleName,
    ) -> Result<Option<Vec<Operation>>> {
        let (seed, branch, role) = (self.seed(), branch.clone(), role.clone());
        let topic = Topic::Role(branch.clone(), role.clone());
        let cause = Caller::offshoot().asks(Deed::ExpireRole, topic);
        let (expired, _) = self
            .commit_as(Writer::Offshoot, cause, project, move |state, moment| {
                expiry::expire_role(state, moment, seed, &branch, &role)
            })
            .await?;
        Ok(expired.map(|(_, operations)| operations))
    }
}
