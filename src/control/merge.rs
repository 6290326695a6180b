//! Use cases of merges.

use std::collections::BTreeMap;

use crate::control::{BranchRef, Caller, ControlError, ControlPlane, Result};
use crate::model::branch::Branch;
use crate::model::cause::{Deed, Topic};
use crate::model::id::BranchId;
use crate::model::merge::{Choices, Conflict, Taken};
use crate::model::operation::Operation;
use crate::model::project::Project;
use crate::model::revision::Moment;
use crate::model::rules::merge::{Asked, Foretold, Merged, foretell, merge};
use crate::model::state::Read;

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
        caller: &Caller,
        at: &BranchRef,
        request: MergeRequest,
    ) -> Result<MergeAnswer> {
        let (mut asked, seed) = (asked(at, request), self.seed());
        for _ in 0..MAX_DRAWS {
            let cause = caller.asks(Deed::MergeBranch, Topic::Branch(asked.target.clone()));
            let now = asked.clone();
            let merged = self
                .commit(cause, &at.project, move |state, moment| merge(state, moment, seed, &now))
                .await?;
            let project = self.get_project(&at.project)?;
            let is_stored = project.store_passwords;
            match merged {
                Ok(Merged { branch, taken, operations }) => {
                    let conflicts = Vec::new();
                    return Ok(MergeAnswer { project, branch, taken, conflicts, operations });
                }
                Err(undrawn) => {
                    let (project, target) = (project.id, asked.target.clone());
                    let taker = BranchRef { project, branch: target };
                    let drawn = self.draw_credentials(taker, is_stored, undrawn).await?;
                    asked.drawn.extend(drawn.into_iter().map(|(name, new)| (name, new.credential)));
                }
            }
        }
        Err(ControlError::Busy)
    }
}

fn asked(at: &BranchRef, MergeRequest { into, choices }: MergeRequest) -> Asked {
    Asked { source: at.branch.clone(), target: into, choices, drawn: BTreeMap::new() }
}
