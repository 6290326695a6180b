//! Branches, stored.

use bincode::{Decode, Encode};

use super::{Invalid, Stored, decode, time};
use crate::model::branch::{Branch, BranchPoint, Lineage};
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::revision::Revision;
use crate::store::StoreError;
use crate::tree::NodeId;

/// A branch and the root of its catalog.
#[derive(Encode, Decode)]
pub struct StoredBranch {
    id: String,
    name: String,
    point: Option<StoredPoint>,
    endpoint: Option<String>,
    created_at: i64,
    updated_at: i64,
    /// 0 where the catalog is empty.
    catalog: u64,
}

#[derive(Encode, Decode)]
struct StoredPoint {
    parent: String,
    cutoff: u64,
    at: i64,
    lsn: Option<u64>,
}

impl Stored for StoredBranch {
    type Model = (Branch, Option<NodeId>);

    fn from_model((branch, catalog): Self::Model) -> Self {
        let Branch { id, name, lineage, endpoint, created_at, updated_at } = branch;
        let point = match lineage {
            Lineage::Root => None,
            Lineage::Child(BranchPoint { parent, cutoff, at, lsn }) => Some(StoredPoint {
                parent: parent.to_string(),
                cutoff: cutoff.0,
                at: time::store(at),
                lsn: lsn.map(|lsn| lsn.0),
            }),
        };
        Self {
            id: id.to_string(),
            name: name.to_string(),
            point,
            endpoint: endpoint.map(|id| id.to_string()),
            created_at: time::store(created_at),
            updated_at: time::store(updated_at),
            catalog: catalog.map_or(0, NodeId::raw),
        }
    }

    fn into_model(self) -> Result<Self::Model, Invalid> {
        let Self { id, name, point, endpoint, created_at, updated_at, catalog } = self;
        let lineage = match point {
            None => Lineage::Root,
            Some(StoredPoint { parent, cutoff, at, lsn }) => Lineage::Child(BranchPoint {
                parent: parent.parse()?,
                cutoff: Revision(cutoff),
                at: time::load(at)?,
                lsn: lsn.map(Lsn),
            }),
        };
        let branch = Branch {
            id: id.parse()?,
            name: name.parse()?,
            lineage,
            endpoint: endpoint.map(|id| id.parse()).transpose()?,
            created_at: time::load(created_at)?,
            updated_at: time::load(updated_at)?,
        };
        Ok((branch, (catalog != 0).then(|| NodeId::from_raw(catalog))))
    }
}

impl StoredBranch {
    /// Returns the roots of the trees that the record found under `key` keeps alive.
    pub fn roots(key: &[u8], bytes: &[u8]) -> Result<Vec<NodeId>, StoreError> {
        let (_, catalog) = decode::<Self>(key, bytes)?;
        Ok(catalog.into_iter().collect())
    }
}

/// The id of a branch, under its name.
#[derive(Encode, Decode)]
pub struct StoredBranchId(String);

impl Stored for StoredBranchId {
    type Model = BranchId;

    fn from_model(id: BranchId) -> Self {
        Self(id.to_string())
    }

    fn into_model(self) -> Result<BranchId, Invalid> {
        Ok(self.0.parse()?)
    }
}
