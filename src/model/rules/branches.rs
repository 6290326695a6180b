//! Rules about branches.

use std::collections::BTreeMap;

use crate::model::annotation::Annotation;
use crate::model::branch::{Beginning, Branch, BranchPoint, Lineage, PasswordPolicy, Source};
use crate::model::change::Change;
use crate::model::endpoint::Endpoint;
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::name::BranchName;
use crate::model::operation::{Action, Operation, Subject};
use crate::model::project::Project;
use crate::model::refusal::{Refusal, time_text};
use crate::model::revision::{Moment, Revision, Timestamp};
use crate::model::rules::endpoints::{self, NewEndpoint};
use crate::model::rules::passwords::{self, Passwords};
use crate::model::rules::{Seed, expiry, get_branch, projects, refuse, schedule, supersede};
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
    /// Whether it is protected.
    pub protected: bool,
    /// When it is to go by itself, if it is.
    pub expires_at: Option<Timestamp>,
    /// What the request says that it is to do with the passwords that come with a catalog.
    pub password_policy: Option<PasswordPolicy>,
    /// What is noted about it.
    pub annotation: Annotation,
    /// What becomes of the passwords now.
    pub passwords: Passwords,
    /// Its endpoint, if it is to have one.
    pub endpoint: Option<NewEndpoint>,
}

impl NewBranch {
    /// Returns a branch that asks for nothing else.
    #[must_use]
    pub fn new(id: BranchId, name: BranchName, parent: BranchId, cutoff: Cutoff) -> Self {
        Self {
            id,
            name,
            parent,
            cutoff,
            protected: false,
            expires_at: None,
            password_policy: None,
            annotation: Annotation::default(),
            passwords: Passwords::Inherited,
            endpoint: None,
        }
    }
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

impl Cutoff {
    /// Returns the point on `branch` that it is, for the commit at `moment`.
    pub(super) fn on<S: Read>(
        self,
        state: &S,
        branch: &Branch,
        moment: Moment,
    ) -> Result<BranchPoint, S::Error> {
        let parent = branch.id.clone();
        Ok(match self {
            Self::Head => BranchPoint {
                cutoff: Revision(moment.revision.0 - 1),
                at: moment.at,
                lsn: state.mark_before(&parent, Lsn(u64::MAX))?.map(|mark| mark.lsn),
                parent,
            },
            Self::Past { revision, at, lsn } => BranchPoint { parent, cutoff: revision, at, lsn },
        })
    }
}

/// What is to change about a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BranchChange {
    /// Its new name, if it is to have one.
    pub name: Option<BranchName>,
    /// Whether it is protected, if that changes.
    pub protected: Option<bool>,
    /// When it goes by itself, if that changes.
    pub expires_at: Change<Timestamp>,
    /// Its password policy, if that changes.
    pub password_policy: Change<PasswordPolicy>,
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
    expiry::check_lasting(&parent, "have child branches").map_err(Denied::Refused)?;
    let expiry = match new.expires_at {
        Some(_) if new.protected => {
            let why = "is protected";
            return refuse(Refusal::BranchCannotExpire { branch: new.id, why });
        }
        Some(at) => Some(expiry::of_branch(at, moment).map_err(Denied::Refused)?),
        None => None,
    };
    let project = projects::current(state)?;
    let password_policy = passwords::policy_of_new(new.password_policy, &project, &parent);
    passwords::check(password_policy, &new.passwords)?;
    let point = new.cutoff.on(state, &parent, moment)?;
    let (cutoff, at) = (point.cutoff, point.at);
    let began = Beginning { moment, source: Some(Source { branch: parent.id.clone(), cutoff }) };
    let branch = Branch {
        protected: new.protected,
        expiry,
        password_policy,
        annotation: new.annotation,
        ..Branch::new(new.id, new.name, Lineage::Child(point), began)
    };
    state.put_branch(branch.clone())?;
    if !state.copy_catalog(&branch.id, &parent.id, cutoff)? {
        return refuse(outside_history(&parent, at, moment.at));
    }
    passwords::settle(state, moment, &branch.id, &new.passwords, &BTreeMap::new())?;
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

pub(super) fn outside_history(branch: &Branch, asked: Timestamp, now: Timestamp) -> Refusal {
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

/// Changes a branch's settings.
pub fn update<S: Write>(
    state: &mut S,
    moment: Moment,
    id: &BranchId,
    change: &BranchChange,
) -> Result<Branch, Denied<S::Error>> {
    let mut branch = get_branch(state, id)?;
    let BranchChange { name, protected, expires_at, password_policy } = change;
    if let Some(name) = name {
        if branch.name == *name {
            return refuse(Refusal::BranchNameUnchanged);
        }
        if state.branch_named(name)?.is_some() {
            return refuse(Refusal::BranchExists(name.clone()));
        }
        branch.name = name.clone();
    }
    branch.expiry = match expires_at {
        Change::Keep => branch.expiry,
        Change::Clear => None,
        Change::Set(at) => Some(expiry::of_branch(*at, moment).map_err(Denied::Refused)?),
    };
    if let Some(protected) = protected {
        branch.protected = *protected;
    }
    branch.password_policy = password_policy.of(branch.password_policy);
    if *protected == Some(true) && *expires_at == Change::Keep {
        expiry::check_lasting(&branch, "be protected").map_err(Denied::Refused)?;
    }
    if branch.expiry.is_some() {
        let project = projects::current(state)?;
        expiry::check_branch(state, &project, &branch)?;
    }
    branch.updated_at = moment.at;
    state.put_branch(branch.clone())?;
    Ok(branch)
}

/// Makes a branch the one that is meant when none is named.
pub fn set_default<S: Write>(
    state: &mut S,
    moment: Moment,
    id: &BranchId,
) -> Result<Branch, Denied<S::Error>> {
    let branch = get_branch(state, id)?;
    expiry::check_lasting(&branch, "become the default branch").map_err(Denied::Refused)?;
    let project = projects::current(state)?;
    if project.default_branch != *id {
        let default_branch = id.clone();
        state.put_project(Project { default_branch, updated_at: moment.at, ..project })?;
    }
    Ok(branch)
}

/// Returns the children of a branch.
pub(super) fn children<S: Read>(state: &S, id: &BranchId) -> Result<Vec<Branch>, Denied<S::Error>> {
    let is_child = |other: &Branch| other.branch_point().is_some_and(|point| point.parent == *id);
    Ok(state.branches()?.into_iter().filter(is_child).collect())
}

/// Returns a child of a branch, where it has any.
pub(super) fn first_child<S: Read>(
    state: &S,
    id: &BranchId,
) -> Result<Option<BranchId>, Denied<S::Error>> {
    Ok(children(state, id)?.into_iter().next().map(|child| child.id))
}

/// A branch that was deleted, and what is left to do about it.
pub type Deleted = (Branch, Vec<Operation>);

/// Deletes a branch, its catalog, its endpoint and the data of its local compute. Nothing is
/// changed in an attached Postgres.
pub fn delete<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    id: &BranchId,
) -> Result<Deleted, Denied<S::Error>> {
    let branch = get_branch(state, id)?;
    if state.project()?.is_some_and(|project| project.default_branch == *id) {
        return refuse(Refusal::BranchIsDefault(id.clone()));
    }
    if branch.protected {
        return refuse(Refusal::BranchProtected(id.clone()));
    }
    if let Some(child) = first_child(state, id)? {
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
