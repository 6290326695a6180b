//! Use cases about passes that somebody asks for.

use crate::control::{Asker, BranchRef, ControlError, ControlPlane, Result, Told};
use crate::model::cause::{Deed, Topic};
use crate::model::operation::Operation;
use crate::model::planned::Planned;
use crate::model::refusal::Refusal;
use crate::model::rules;
use crate::model::state::Read;
use crate::store::catalog::Catalog;

impl ControlPlane {
    /// Returns what a pass over a branch's Postgres would do now, and does nothing. One that does not
    /// run is not woken.
    pub async fn foretell_pass(&self, at: &BranchRef) -> Result<Planned> {
        let (_, view) = self.view(&at.project)?;
        let branch = view.state.branch(&at.branch)?;
        let branch = branch.ok_or_else(|| Refusal::BranchMissing(at.branch.clone()))?;
        if branch.endpoint.is_none() {
            return Err(Refusal::BranchWithoutEndpoint(branch.id).into());
        }
        let starting = || ControlError::ComputeUnavailable("the server is starting".into());
        (self.inner.probes.get().ok_or_else(starting)?.plan)(at.clone()).await
    }

    /// Asks for a pass over a branch's Postgres, and returns the operations that it ends.
    pub async fn ask_for_pass(
        &self,
        asker: &Asker,
        at: &BranchRef,
    ) -> Result<Told<Vec<Operation>>> {
        if let Some(done) = self.done_before(asker, &at.project)? {
            return Ok(done.told(done.operations()?));
        }
        let (branch, seed) = (at.branch.clone(), self.seed());
        let what = (asker.asks(Deed::ReconcileBranch, Topic::Branch(branch.clone())), None);
        let ask = move |state: &mut Catalog, moment| {
            rules::endpoints::reconcile(state, moment, seed, &branch)
        };
        let done = self.carry_out(asker, &at.project, what, ask).await?;
        Ok(done.told(done.operations()?))
    }
}
