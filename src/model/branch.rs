//! Branch: one line of a project's history, with its own catalog.

use crate::model::id::{BranchId, EndpointId};
use crate::model::lsn::Lsn;
use crate::model::name::BranchName;
use crate::model::revision::{Revision, Timestamp};

/// A branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its id.
    pub id: BranchId,
    /// Its name, unique within the project.
    pub name: BranchName,
    /// Where its catalog began.
    pub lineage: Lineage,
    /// The endpoint that serves it, where it has one.
    pub endpoint: Option<EndpointId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed: its name, its roles or its databases.
    pub updated_at: Timestamp,
}

impl Branch {
    /// Returns the point at which a child began.
    #[must_use]
    pub fn branch_point(&self) -> Option<&BranchPoint> {
        match &self.lineage {
            Lineage::Root => None,
            Lineage::Child(point) => Some(point),
        }
    }
}

/// Where a branch's catalog began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lineage {
    /// Empty, with the project.
    Root,
    /// As the parent's stood at a point.
    Child(BranchPoint),
}

/// The point on a parent from which a child branched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchPoint {
    /// The branch from which the child branched.
    pub parent: BranchId,
    /// The last revision of the parent that the child has.
    pub cutoff: Revision,
    /// The time of the point: as requested, or that of the cutoff.
    pub at: Timestamp,
    /// The place in the log of the parent's Postgres, where one is known.
    pub lsn: Option<Lsn>,
}
