//! Use cases of merges.

use std::collections::BTreeMap;

use crate::control::once::Done;
use crate::control::{Asker, BranchRef, ControlError, ControlPlane, Result, Told};
use crate::model::branch::Branch;
use crate::model::cause::{Deed, Topic};
use crate::model::id::BranchId;
use crate::model::merge::{Choices, Conflict, Taken};
use crate::model::operation::Operation;
use crate::model::project::Project;
use crate::model::refusal::Refusal;
use crate::model::revision::{Moment, Revision};
use crate::model::rules::merge::{Asked, Foretold, foretell, merge};
use crate::model::state::{Denied, Read};
use crate::store::ProjectView;
use crate::store::catalog::Catalog;

/// How often passwords are drawn for one merge: while they are, the source may get more roles.
const MAX_DRAWS: usize = 4;

/// What a request says about a merge.
#[derive(Clone, Debug)]
pub struct MergeRequest {
    /// The branch that takes the changes.
    pub into: BranchId,
    /// Which side decides where the two disagree.
    pub choices: Choices,
}

/// A merge that was made, or that would be.
#[derive(Debug)]
pub struct MergeAnswer {
    /// The project.
    pub project: Project,
    /// The branch that takes the changes.
    pub branch: Branch,
    /// What is taken; nothing where there are conflicts.
    pub taken: Vec<Taken>,
    /// What cannot be taken as it is.
    pub conflicts: Vec<Conflict>,
    /// What is left to do.
    pub operations: Vec<Operation>,
}

impl ControlPlane {
    /// Says what a merge of a branch's changes into another would come to, and changes nothing.
    pub fn foretell_merge(&self, at: &BranchRef, request: MergeRequest) -> Result<MergeAnswer> {
        let (project, view) = self.view(&at.project)?;
        let asked = asked(at, request);
        let moment = Moment { revision: view.moment.revision.next(), at: self.now() };
        let Foretold { taken, conflicts, .. } = foretell(&view.state, moment, &asked)?;
        let branch = view.state.branch(&asked.target)?.expect("a branch that was just read");
        Ok(MergeAnswer { project, branch, taken, conflicts, operations: Vec::new() })
    }

    /// Takes a branch's changes into another: all of them, or none where the two disagree.
    pub async fn merge_branch(
        &self,
        asker: &Asker,
        at: &BranchRef,
        request: MergeRequest,
    ) -> Result<Told<MergeAnswer>> {
        let (mut wanted, seed) = (asked(at, request), self.seed());
        if let Some(done) = self.done_before(asker, &at.project)? {
            return self.merged(&done, wanted, None).await;
        }
        for _ in 0..MAX_DRAWS {
            let (project, view) = self.view(&at.project)?;
            let moment = Moment { revision: view.moment.revision.next(), at: self.now() };
            self.draw_for_merge(&project, &view, moment, &mut wanted).await?;
            let cause = asker.asks(Deed::MergeBranch, Topic::Branch(wanted.target.clone()));
            let now = wanted.clone();
            let rule = move |state: &mut Catalog, moment| {
                let merged = merge(state, moment, seed, &now)?;
                // The source got more roles meanwhile.
                merged.map_err(|_| Denied::Refused(Refusal::PasswordPolicyMoved))
            };
            match self.carry_out_and_tell(asker, &at.project, (cause, None), rule).await {
                Err(ControlError::Refused(Refusal::PasswordPolicyMoved)) => {}
                Err(error) => return Err(error),
                Ok((done, merged)) => {
                    return self.merged(&done, wanted, merged.map(|merged| merged.taken)).await;
                }
            }
        }
        Err(ControlError::Busy)
    }

    /// Draws the passwords that a merge needs.
    async fn draw_for_merge(
        &self,
        project: &Project,
        view: &ProjectView,
        moment: Moment,
        asked: &mut Asked,
    ) -> Result<()> {
        let Foretold { undrawn, .. } = foretell(&view.state, moment, asked)?;
        let taker = BranchRef { project: project.id.clone(), branch: asked.target.clone() };
        // Nobody is shown these: they are no part of what is told.
        let secrets = self.draw_secrets();
        let drawn =
            self.draw_credentials(&secrets, taker, project.store_passwords, undrawn).await?;
        asked.drawn.extend(drawn);
        Ok(())
    }

    /// Tells what a merge came to. What it has `taken` is found again from the state before it, where
    /// an earlier attempt took it.
    async fn merged(
        &self,
        done: &Done<Catalog>,
        mut asked: Asked,
        taken: Option<Vec<Taken>>,
    ) -> Result<Told<MergeAnswer>> {
        let project = done.project()?;
        let taken = if let Some(taken) = taken {
            taken
        } else {
            let moment = done.view.moment;
            let before = Revision(moment.revision.0 - 1);
            let before = self.inner.store.view_at(self.log_of(&project.id)?, before)?;
            self.draw_for_merge(&project, &before, moment, &mut asked).await?;
            foretell(&before.state, moment, &asked)?.taken
        };
        let branch = done.view.state.branch(&asked.target)?;
        Ok(done.told(MergeAnswer {
            branch: branch.expect("a branch that the commit left"),
            taken,
            conflicts: Vec::new(),
            operations: done.operations()?,
            project,
        }))
    }
}

fn asked(at: &BranchRef, MergeRequest { into, choices }: MergeRequest) -> Asked {
    Asked { source: at.branch.clone(), target: into, choices, drawn: BTreeMap::new() }
}
