//! Branches that were edited, whose records are written when all is done.

use super::Catalog;
use crate::model::id::{BranchId, OperationId};
use crate::model::name::RoleName;
use crate::model::operation::Operation;
use crate::model::revision::Timestamp;
use crate::model::state::Read;
use crate::store::records::{get, list, put};
use crate::store::stored::{BranchRecord, Stored, StoredBranch};
use crate::store::{StoreError, keys};
use crate::tree::Tree;

/// A branch that was edited.
pub(super) struct Edited {
    /// The branch as it is, and as it was before: the root of its catalog, and when it was due.
    pub(super) record: BranchRecord,
    pub(super) catalog: Tree,
    /// What the catalog was copied from, if it was.
    pub(super) copied: Option<Tree>,
}

impl From<BranchRecord> for Edited {
    fn from(record: BranchRecord) -> Self {
        Self { catalog: Tree::at(record.catalogs.now), copied: None, record }
    }
}

impl Catalog {
    /// Returns when something of a branch, or it itself, expires first.
    pub(super) fn first_due(&self, edited: &Edited) -> Result<Option<Timestamp>, StoreError> {
        let role = self.first_expiring_in(&edited.catalog)?.and_then(|role| role.expires_at);
        Ok([edited.record.branch.expiry.map(|expiry| expiry.at), role].into_iter().flatten().min())
    }

    pub(super) fn record(&self, branch: &BranchId) -> Result<Option<BranchRecord>, StoreError> {
        self.project.get::<StoredBranch>(&keys::branch(branch))
    }

    /// Returns the record of a branch, as it was edited.
    pub(super) fn edited_record(
        &self,
        branch: &BranchId,
    ) -> Result<Option<BranchRecord>, StoreError> {
        match self.edited.get(branch) {
            Some(edited) => Ok(Some(edited.record.clone())),
            None => self.record(branch),
        }
    }

    /// Returns a branch that is there, to be edited.
    pub(super) fn edit(&mut self, branch: &BranchId) -> Result<&mut Edited, StoreError> {
        if !self.edited.contains_key(branch) {
            let missing = || StoreError::Dangling { key: keys::branch(branch) };
            let record = self.record(branch)?.ok_or_else(missing)?;
            self.edited.insert(branch.clone(), record.into());
        }
        Ok(self.edited.get_mut(branch).expect("a branch that was just inserted"))
    }

    pub(super) fn get_operation(&self, id: OperationId) -> Result<Operation, StoreError> {
        self.operation(id)?.ok_or_else(|| StoreError::Dangling { key: keys::operation(id) })
    }

    /// Returns the root of a branch's catalog, as it was before any edit.
    pub(super) fn kept_catalog(&self, branch: &BranchId) -> Result<Option<Tree>, StoreError> {
        Ok(self.record(branch)?.map(|record| Tree::at(record.catalogs.now)))
    }

    pub(super) fn catalog(&self, branch: &BranchId) -> Result<Tree, StoreError> {
        match self.edited.get(branch) {
            Some(edited) => Ok(edited.catalog.clone()),
            None => Ok(self.kept_catalog(branch)?.unwrap_or_default()),
        }
    }

    pub(super) fn get_in<T: Stored>(
        &self,
        branch: &BranchId,
        key: &[u8],
    ) -> Result<Option<T::Model>, StoreError> {
        get::<T>(self.project.nodes(), &self.catalog(branch)?, key)
    }

    pub(super) fn list_in<T: Stored>(
        &self,
        branch: &BranchId,
        prefix: &[u8],
    ) -> Result<Vec<T::Model>, StoreError> {
        list::<T>(self.project.nodes(), &self.catalog(branch)?, prefix)
    }

    pub(super) fn put_in<T: Stored>(
        &mut self,
        branch: &BranchId,
        key: &[u8],
        record: T::Model,
    ) -> Result<(), StoreError> {
        let nodes = self.project.nodes().clone();
        put::<T>(&nodes, &mut self.edit(branch)?.catalog, key, record)
    }

    pub(super) fn forget_expiry(
        &mut self,
        branch: &BranchId,
        name: &RoleName,
        was: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        match was {
            Some(at) => self.drop_in(branch, &keys::expiry(at, name)),
            None => Ok(()),
        }
    }

    pub(super) fn drop_in(&mut self, branch: &BranchId, key: &[u8]) -> Result<(), StoreError> {
        let nodes = self.project.nodes().clone();
        self.edit(branch)?.catalog.remove(&nodes, key).map(drop)
    }
}
