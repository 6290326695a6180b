//! Use cases of what goes by itself: what is due, and its end.

use crate::control::{BranchRef, Caller, ControlPlane, Result};
use crate::model::cause::{Deed, Topic};
use crate::model::id::{BranchId, ProjectId};
use crate::model::name::RoleName;
use crate::model::operation::Operation;
use crate::model::revision::Timestamp;
use crate::model::rules::expiry;
use crate::model::state::Read;
use crate::room::Writer;
use crate::store::ProjectView;
use crate::store::engine::LogId;

/// Something that goes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// The branch that goes, or one of whose roles does.
    pub branch: BranchId,
    /// The role; none where the branch goes.
    pub role: Option<RoleName>,
}

impl ControlPlane {
    /// Returns what goes first in the project that `log` keeps.
    pub fn next_due(&self, log: LogId) -> Result<Option<Due>> {
        let view: ProjectView = self.inner.store.view(log);
        let Some((at, branch)) = view.state.next_due()? else { return Ok(None) };
        let expiry = view.state.branch(&branch)?.and_then(|branch| branch.expiry);
        let role = match expiry {
            Some(expiry) if expiry.at == at => None,
            Some(_) | None => view.state.first_expiring(&branch)?.map(|role| role.name),
        };
        Ok(Some(Due { at, branch, role }))
    }

    /// Deletes what was due, and returns what is left to do; none where nothing happened, because
    /// its time was changed meanwhile.
    pub async fn expire(&self, project: &ProjectId, due: &Due) -> Result<Option<Vec<Operation>>> {
        let Due { at: _, branch, role } = due.clone();
        let seed = self.seed();
        let caller = Caller::offshoot();
        let Some(role) = role else {
            let at = BranchRef { project: project.clone(), branch: branch.clone() };
            let endpoints = self.list_branch_endpoints(&at)?;
            let cause = caller.asks(Deed::ExpireBranch, Topic::Branch(branch.clone()));
            let (expired, _) = self
                .commit_as(Writer::Offshoot, cause, project, move |state, moment| {
                    expiry::expire_branch(state, moment, seed, &branch)
                })
                .await?;
            let Some((_, operations)) = expired else { return Ok(None) };
            for endpoint in &endpoints {
                self.give_back_port(endpoint);
            }
            return Ok(Some(operations));
        };
        let cause = caller.asks(Deed::ExpireRole, Topic::Role(branch.clone(), role.clone()));
        let (expired, _) = self
            .commit_as(Writer::Offshoot, cause, project, move |state, moment| {
                expiry::expire_role(state, moment, seed, &branch, &role)
            })
            .await?;
        Ok(expired.map(|(_, operations)| operations))
    }
}
