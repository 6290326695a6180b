//! Rules about branches.

use crate::model::branch::{Branch, BranchPoint, Lineage};
use crate::model::endpoint::Endpoint;
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::name::BranchName;
use crate::model::operation::{Action, Operation, Subject};
use crate::model::refusal::{Refusal, time_text};
use crate::model::revision::{Moment, Revision, Timestamp};
use crate::model::rules::endpoints::{self, NewEndpoint};
use crate::model::rules::{Seed, get_branch, refuse, schedule, supersede};
use crate::model::state::{Denied, Read, Write};

/// A branch that is to be created.
#[derive(Clone, Debug)]
pub struct NewBranch {
    /// Its id.
    pub id: BranchId,
    /// Its name.
    pub name: BranchName,
    /// The branch from which it branches.
    pub parent: BranchId,
    /// The last of the parent's revisions that it has.
    pub cutoff: Cutoff,
    /// Its endpoint, if it is to have one.
    pub endpoint: Option<NewEndpoint>,
}

/// The last of the parent's revisions that a child has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cutoff {
    /// The one before the commit that creates the child.
    Head,
    /// One in the past.
    Past {
        /// The revision.
        revision: Revision,
        /// The time that names it.
        at: Timestamp,
        /// The place in the log of the parent's Postgres, where one is known.
        lsn: Option<Lsn>,
    },
}

/// A branch as it was born. What is in its catalog is read when the commit is done: a rule that
/// listed it would hold up everybody's commits for as long as that takes.
#[derive(Clone, Debug)]
pub struct Born {
    /// The branch.
    pub branch: Branch,
    /// Its endpoint, where it has one.
    pub endpoint: Option<Endpoint>,
    /// What is left to do.
    pub operations: Vec<Operation>,
}

/// Creates a child branch: its catalog is its parent's at the cutoff.
pub fn create<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    new: NewBranch,
) -> Result<Born, Denied<S::Error>> {
    let parent = get_branch(state, &new.parent)?;
    if state.branch_named(&new.name)?.is_some() {
        return refuse(Refusal::BranchExists(new.name));
    }
    let point = match new.cutoff {
        Cutoff::Head => BranchPoint {
            parent: parent.id.clone(),
            cutoff: Revision(moment.revision.0 - 1),
            at: moment.at,
            lsn: state.mark_before(&parent.id, Lsn(u64::MAX))?.map(|mark| mark.lsn),
        },
        Cutoff::Past { revision, at, lsn } => {
            BranchPoint { parent: parent.id.clone(), cutoff: revision, at, lsn }
        }
    };
    let branch = Branch {
        id: new.id,
        name: new.name,
        lineage: Lineage::Child(point.clone()),
        endpoint: None,
        created_at: moment.at,
        updated_at: moment.at,
    };
    state.put_branch(branch.clone())?;
    if !state.copy_catalog(&branch.id, &parent.id, point.cutoff)? {
        return refuse(outside_history(&parent, point.at, moment.at));
    }
    let created = (Action::CreateBranch, Subject::Whole);
    let (branch, endpoint, work) = match new.endpoint {
        None => (branch, None, vec![created]),
        Some(new) => {
            let (branch, endpoint) = endpoints::put_new(state, moment, branch, new)?;
            let start = (Action::StartCompute, Subject::Whole);
            (branch, Some(endpoint), vec![created, start])
        }
    };
    let operations = schedule(state, moment, seed, &branch, &work)?;
    Ok(Born { branch, endpoint, operations })
}

/// Checks that `asked` lies in the history of `branch` as it is known at `now`.
pub fn check_time(branch: &Branch, asked: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    if branch.created_at <= asked && asked < now {
        Ok(())
    } else {
        Err(outside_history(branch, asked, now))
    }
}

fn outside_history(branch: &Branch, asked: Timestamp, now: Timestamp) -> Refusal {
    Refusal::TimeOutsideHistory {
        branch: branch.id.clone(),
        asked: time_text(asked),
        earliest: time_text(branch.created_at),
        latest: time_text(now),
    }
}

/// Finds the revision that the branch's Postgres had at `asked`. `newest` is where its log was
/// last seen to be, if it was looked at.
pub fn revision_at<S: Read>(
    state: &S,
    branch: &BranchId,
    asked: Lsn,
    newest: Option<Lsn>,
) -> Result<Revision, Denied<S::Error>> {
    let last = state.mark_before(branch, Lsn(u64::MAX))?;
    let (Some(first), Some(last)) = (state.first_mark(branch)?, last) else {
        return refuse(Refusal::LsnUnknown { branch: branch.clone(), asked });
    };
    let latest = newest.map_or(last.lsn, |newest| newest.max(last.lsn));
    let mark = state.mark_before(branch, asked)?.filter(|_| asked <= latest);
    mark.map(|mark| mark.revision).ok_or_else(|| {
        Denied::Refused(Refusal::LsnOutsideHistory {
            branch: branch.clone(),
            asked,
            earliest: first.lsn,
            latest,
        })
    })
}

/// Renames a branch.
pub fn rename<S: Write>(
    state: &mut S,
    moment: Moment,
    id: &BranchId,
    name: BranchName,
) -> Result<Branch, Denied<S::Error>> {
    let branch = get_branch(state, id)?;
    if branch.name == name {
        return refuse(Refusal::BranchNameUnchanged);
    }
    if state.branch_named(&name)?.is_some() {
        return refuse(Refusal::BranchExists(name));
    }
    let branch = Branch { name, updated_at: moment.at, ..branch };
    state.put_branch(branch.clone())?;
    Ok(branch)
}

/// Deletes a branch, its catalog, its endpoint and the data of its local compute. Nothing is
/// changed in an attached Postgres.
pub fn delete<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    id: &BranchId,
) -> Result<(Branch, Vec<Operation>), Denied<S::Error>> {
    let branch = get_branch(state, id)?;
    if state.project()?.is_some_and(|project| project.default_branch == *id) {
        return refuse(Refusal::BranchIsDefault(id.clone()));
    }
    let is_parent = |other: &&Branch| other.branch_point().is_some_and(|point| point.parent == *id);
    if let Some(child) = state.branches()?.iter().find(is_parent) {
        let child = child.id.clone();
        return refuse(Refusal::BranchHasChildren { branch: id.clone(), child });
    }
    let operations = remove(state, moment, seed, &branch)?;
    Ok((branch, operations))
}

/// Removes a branch and all that it has, and writes what is left to do about it.
pub(super) fn remove<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &Branch,
) -> Result<Vec<Operation>, Denied<S::Error>> {
    supersede(state, moment, &branch.id)?;
    let forget = (Action::DeleteTimeline, Subject::Whole);
    let operations = match &branch.endpoint {
        None => schedule(state, moment, seed, branch, &[forget])?,
        Some(endpoint) => {
            state.remove_endpoint(endpoint)?;
            let suspend = (Action::SuspendCompute, Subject::Whole);
            schedule(state, moment, seed, branch, &[suspend, forget])?
        }
    };
    state.remove_branch(&branch.id)?;
    Ok(operations)
}
