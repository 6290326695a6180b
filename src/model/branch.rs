//! Branch: one line of a project's history, with its own catalog.

use crate::model::annotation::Annotation;
use crate::model::id::{BranchId, EndpointId};
use crate::model::lsn::Lsn;
use crate::model::name::BranchName;
use crate::model::revision::{Moment, Revision, Timestamp};

/// A branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its id.
    pub id: BranchId,
    /// Its name, unique within the project.
    pub name: BranchName,
    /// The revision that created it. No other branch of its project was born in the same.
    pub born: Revision,
    /// From which branch it descends.
    pub lineage: Lineage,
    /// How its catalog began: with its creation, or with the last restore.
    pub began: Beginning,
    /// The endpoint that serves it, where it has one.
    pub endpoint: Option<EndpointId>,
    /// Whether it is kept from being deleted or restored, and its passwords from its children.
    pub protected: bool,
    /// When it is deleted by itself, if it is.
    pub expiry: Option<Expiry>,
    /// What it does with the passwords that come with a catalog; what its parent calls for, where
    /// nobody said.
    pub password_policy: Option<PasswordPolicy>,
    /// What its maker noted about it.
    pub annotation: Annotation,
    /// The branches that were merged into it since it began, oldest merge first.
    pub merges: Vec<Merge>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed: its name, its roles or its databases.
    pub updated_at: Timestamp,
}

impl Branch {
    /// Returns a branch that is born as `began` says, with nothing set.
    #[must_use]
    pub fn new(id: BranchId, name: BranchName, lineage: Lineage, began: Beginning) -> Self {
        let Moment { revision: born, at } = began.moment;
        Self {
            id,
            name,
            born,
            lineage,
            began,
            endpoint: None,
            protected: false,
            expiry: None,
            password_policy: None,
            annotation: Annotation::default(),
            merges: Vec::new(),
            created_at: at,
            updated_at: at,
        }
    }

    /// Returns the point at which a child began.
    #[must_use]
    pub fn branch_point(&self) -> Option<&BranchPoint> {
        match &self.lineage {
            Lineage::Root => None,
            Lineage::Child(point) => Some(point),
        }
    }

    /// Returns when it was last restored or reset, if it was.
    #[must_use]
    pub fn reset_at(&self) -> Option<Timestamp> {
        (self.began.moment.at != self.created_at).then_some(self.began.moment.at)
    }
}

/// From which branch a branch descends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lineage {
    /// From none.
    Root,
    /// From its parent, as that stood at a point.
    Child(BranchPoint),
}

/// How a branch's catalog began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// The commit with which it did.
    pub moment: Moment,
    /// Whose catalog it was then; none where it began empty.
    pub source: Option<Source>,
}

/// A catalog from which another was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The branch.
    pub branch: BranchId,
    /// The last of its revisions that was copied.
    pub cutoff: Revision,
}

/// A merge of a branch's changes into another. What the branch had then is kept: the next merge
/// between the two begins there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The branch whose changes were taken.
    pub source: BranchId,
    /// The commit that took them.
    pub revision: Revision,
}

/// When a branch is deleted by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The time.
    pub at: Timestamp,
    /// How long that was, in seconds, when it was set. A reset starts it again.
    pub ttl_seconds: u32,
}

/// What a branch does with the passwords that come with a catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordPolicy {
    /// Its roles have the passwords of the branch from which they come.
    Inherit,
    /// Its roles get passwords of their own, and keep them.
    Fresh,
    /// Its roles have no passwords until they are given some, which they keep.
    None,
}

impl PasswordPolicy {
    /// Every policy, and its name in the API.
    pub const ALL: &[(Self, &str)] =
        &[(Self::Inherit, "inherit"), (Self::Fresh, "fresh"), (Self::None, "none")];

    /// Returns its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inherit => "inherit",
            Self::Fresh => "fresh",
            Self::None => "none",
        }
    }
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
