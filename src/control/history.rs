//! Histories: who did what, when, and what it changed. All of it is read from the commits
//! themselves, which nobody can alter.
//!
//! A page looks at a bounded number of commits, so it may come back short, or even empty, and say
//! where to go on.

mod audit;
mod branch;
mod role;
mod told;

use crate::model::cause::{Cause, Topic};
use crate::model::changes::AttributeChange;
use crate::model::id::BranchId;
use crate::model::operation::{Operation, Subject};
use crate::model::revision::{Moment, Revision};

pub use audit::AuditQuery;
pub use branch::{BranchHistoryQuery, Include};
pub use role::RoleHistoryQuery;

/// How many commits are looked at for one page at the most.
pub const MAX_LOOKED_AT: usize = 2000;

/// How many roles, and how many databases, a commit is told to have changed at the most.
pub const MAX_CHANGED: usize = 100;

/// How many operations of one commit are told at the most. Only the end of a project has more than
/// a few.
const MAX_OPERATIONS: usize = 16;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The commit's revision and time.
    pub moment: Moment,
    /// Who asked for what.
    pub cause: Cause,
    /// What is told: what the commit was about, or what else it changed.
    pub topic: Topic,
    /// What it left to do, as far as it is remembered, and how that stands now.
    pub operations: Vec<Operation>,
    /// What it changed; none where the state before it is forgotten.
    pub changes: Option<Changes>,
}

/// What a commit changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The changes.
    pub found: Vec<Change>,
    /// Whether there were more.
    pub has_more: bool,
}

/// A change of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Of what: the entry's topic as a whole, or one of the roles and databases in it.
    pub of: Subject,
    /// The change.
    pub attribute: AttributeChange,
}

/// Some of a history, newest first.
#[derive(Clone, Debug)]
pub struct HistoryPage<P> {
    /// What happened.
    pub entries: Vec<Entry>,
    /// What comes before it.
    pub onward: Onward<P>,
}

/// What comes before a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Onward<P> {
    /// There may be more, from this place on.
    At(P),
    /// Nothing: this was the beginning.
    Beginning,
    /// What the project does not keep any more.
    Trimmed,
}

/// Where a history goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// On which branch.
    pub branch: BranchId,
    /// From which revision down.
    pub revision: Revision,
}

impl Place {
    /// Returns the place just before `revision` of a branch.
    fn before(branch: &BranchId, revision: Revision) -> Self {
        Self { branch: branch.clone(), revision: Revision(revision.0 - 1) }
    }
}

/// Returns what lies below the floor of a log.
fn below<P>(floor: Revision) -> Onward<P> {
    if floor == Revision::ZERO.next() { Onward::Beginning } else { Onward::Trimmed }
}
