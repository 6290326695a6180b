//! Branches, stored.

use bincode::{Decode, Encode};

use super::{Invalid, Stored, decode, time};
use crate::model::annotation::Annotation;
use crate::model::branch::{
    Beginning, Branch, BranchPoint, Expiry, Lineage, Merge, PasswordPolicy, Source,
};
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::revision::{Moment, Revision, Timestamp};
use crate::store::StoreError;
use crate::tree::{NodeId, Tree};

/// A branch, and what the store knows of it.
#[derive(Encode, Decode)]
pub struct StoredBranch {
    id: String,
    name: String,
    born: u64,
    point: Option<StoredPoint>,
    began: StoredBeginning,
    endpoint: Option<String>,
    protected: bool,
    expiry: Option<(i64, u32)>,
    password_policy: Option<StoredPolicy>,
    created_at: i64,
    updated_at: i64,
    catalogs: StoredCatalogs,
    merges: Vec<StoredMerge>,
    due: Option<i64>,
    annotation: Vec<(String, String)>,
}

#[derive(Encode, Decode)]
struct StoredPoint {
    parent: String,
    cutoff: u64,
    at: i64,
    lsn: Option<u64>,
}

#[derive(Encode, Decode)]
struct StoredBeginning {
    revision: u64,
    at: i64,
    source: Option<(String, u64)>,
}

/// Roots of catalogs. 0 is that of an empty one.
#[derive(Encode, Decode)]
struct StoredCatalogs {
    now: u64,
    source: u64,
    start: u64,
}

/// A merge, and the root of what its source had.
#[derive(Encode, Decode)]
struct StoredMerge {
    source: String,
    revision: u64,
    root: u64,
}

/// A password policy.
#[derive(Clone, Copy, Encode, Decode)]
pub enum StoredPolicy {
    /// See [`PasswordPolicy::Inherit`].
    Inherit,
    /// See [`PasswordPolicy::Fresh`].
    Fresh,
    /// See [`PasswordPolicy::None`].
    None,
}

impl StoredPolicy {
    /// Returns the stored shape of a policy.
    #[must_use]
    pub fn of(policy: PasswordPolicy) -> Self {
        match policy {
            PasswordPolicy::Inherit => Self::Inherit,
            PasswordPolicy::Fresh => Self::Fresh,
            PasswordPolicy::None => Self::None,
        }
    }

    /// Returns the policy.
    #[must_use]
    pub fn policy(self) -> PasswordPolicy {
        match self {
            Self::Inherit => PasswordPolicy::Inherit,
            Self::Fresh => PasswordPolicy::Fresh,
            Self::None => PasswordPolicy::None,
        }
    }
}

/// What is kept of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchRecord {
    /// The branch.
    pub branch: Branch,
    /// The roots of its catalogs.
    pub catalogs: Catalogs,
    /// When something of it, or it itself, is to be deleted next.
    pub due: Option<Timestamp>,
}

/// The roots of a branch's catalog, now and as it began. The old ones are kept alive for as long as
/// the branch is: a merge compares with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogs {
    /// As it is.
    pub now: Option<NodeId>,
    /// The one from which it was copied.
    pub source: Option<NodeId>,
    /// As it began: the source's, but for the passwords.
    pub start: Option<NodeId>,
    /// What the branches had that were merged into it, in the order of those merges.
    pub merged: Vec<Option<NodeId>>,
}

impl Catalogs {
    /// Returns every root.
    pub fn roots(&self) -> impl Iterator<Item = NodeId> {
        let Self { now, source, start, merged } = self;
        [now, source, start].into_iter().chain(merged).flatten().copied()
    }
}

impl BranchRecord {
    /// Returns what the source of a merge had, where the record knows that merge.
    #[must_use]
    pub fn merged(&self, merge: &Merge) -> Option<Tree> {
        let place = self.branch.merges.iter().position(|known| known == merge)?;
        self.catalogs.merged.get(place).copied().map(Tree::at)
    }
}

fn store_root(root: Option<NodeId>) -> u64 {
    root.map_or(0, NodeId::raw)
}

fn load_root(raw: u64) -> Option<NodeId> {
    (raw != 0).then(|| NodeId::from_raw(raw))
}

impl StoredPoint {
    fn from_model(lineage: Lineage) -> Option<Self> {
        match lineage {
            Lineage::Root => None,
            Lineage::Child(BranchPoint { parent, cutoff, at, lsn }) => Some(Self {
                parent: parent.to_string(),
                cutoff: cutoff.0,
                at: time::store(at),
                lsn: lsn.map(|lsn| lsn.0),
            }),
        }
    }

    fn into_model(self) -> Result<BranchPoint, Invalid> {
        let Self { parent, cutoff, at, lsn } = self;
        Ok(BranchPoint {
            parent: parent.try_into()?,
            cutoff: Revision(cutoff),
            at: time::load(at)?,
            lsn: lsn.map(Lsn),
        })
    }
}

impl StoredBeginning {
    fn from_model(Beginning { moment, source }: Beginning) -> Self {
        let source = source.map(|Source { branch, cutoff }| (branch.to_string(), cutoff.0));
        Self { revision: moment.revision.0, at: time::store(moment.at), source }
    }

    fn into_model(self) -> Result<Beginning, Invalid> {
        let Self { revision, at, source } = self;
        let source = match source {
            None => None,
            Some((branch, cutoff)) => {
                Some(Source { branch: branch.try_into()?, cutoff: Revision(cutoff) })
            }
        };
        let moment = Moment { revision: Revision(revision), at: time::load(at)? };
        Ok(Beginning { moment, source })
    }
}

impl Stored for StoredBranch {
    type Model = BranchRecord;

    fn from_model(BranchRecord { branch, catalogs, due }: BranchRecord) -> Self {
        let Branch {
            id,
            name,
            born,
            lineage,
            began,
            endpoint,
            protected,
            expiry,
            password_policy,
            annotation,
            merges,
            created_at,
            updated_at,
        } = branch;
        let Catalogs { now, source, start, merged } = catalogs;
        let merges = merges.into_iter().zip(merged).map(|(Merge { source, revision }, root)| {
            let (source, revision) = (source.to_string(), revision.0);
            StoredMerge { source, revision, root: store_root(root) }
        });
        Self {
            id: id.to_string(),
            name: name.to_string(),
            born: born.0,
            point: StoredPoint::from_model(lineage),
            began: StoredBeginning::from_model(began),
            endpoint: endpoint.map(|id| id.to_string()),
            protected,
            expiry: expiry.map(|Expiry { at, ttl_seconds }| (time::store(at), ttl_seconds)),
            password_policy: password_policy.map(StoredPolicy::of),
            created_at: time::store(created_at),
            updated_at: time::store(updated_at),
            catalogs: StoredCatalogs {
                now: store_root(now),
                source: store_root(source),
                start: store_root(start),
            },
            merges: merges.collect(),
            due: due.map(time::store),
            annotation: annotation.texts().map(|(key, text)| (key.into(), text.into())).collect(),
        }
    }

    fn into_model(self) -> Result<BranchRecord, Invalid> {
        let Self {
            id,
            name,
            born,
            point,
            began,
            endpoint,
            protected,
            expiry,
            password_policy,
            created_at,
            updated_at,
            catalogs: StoredCatalogs { now, source, start },
            merges: stored_merges,
            due,
            annotation,
        } = self;
        let (mut merges, mut roots) = (Vec::new(), Vec::new());
        for StoredMerge { source, revision, root } in stored_merges {
            merges.push(Merge { source: source.parse()?, revision: Revision(revision) });
            roots.push(load_root(root));
        }
        let expiry = match expiry {
            None => None,
            Some((at, ttl_seconds)) => Some(Expiry { at: time::load(at)?, ttl_seconds }),
        };
        let branch = Branch {
            id: id.try_into()?,
            name: name.parse()?,
            born: Revision(born),
            lineage: match point {
                None => Lineage::Root,
                Some(point) => Lineage::Child(point.into_model()?),
            },
            began: began.into_model()?,
            endpoint: endpoint.map(TryInto::try_into).transpose()?,
            protected,
            expiry,
            password_policy: password_policy.map(StoredPolicy::policy),
            annotation: Annotation::new(annotation.into_iter().collect())?,
            merges,
            created_at: time::load(created_at)?,
            updated_at: time::load(updated_at)?,
        };
        let (now, source, start) = (load_root(now), load_root(source), load_root(start));
        let catalogs = Catalogs { now, source, start, merged: roots };
        Ok(BranchRecord { branch, catalogs, due: due.map(time::load).transpose()? })
    }
}

impl StoredBranch {
    /// Returns the roots of the trees that the record found under `key` keeps alive.
    pub fn roots(key: &[u8], bytes: &[u8]) -> Result<Vec<NodeId>, StoreError> {
        Ok(decode::<Self>(key, bytes)?.catalogs.roots().collect())
    }
}

/// The id of a branch, under its name or its time.
#[derive(Encode, Decode)]
pub struct StoredBranchId(String);

impl Stored for StoredBranchId {
    type Model = BranchId;

    fn from_model(id: BranchId) -> Self {
        Self(id.to_string())
    }

    fn into_model(self) -> Result<BranchId, Invalid> {
        Ok(self.0.try_into()?)
    }
}
