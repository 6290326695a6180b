//! What is looked up in a project's state besides what rules read.

use std::ops::ControlFlow;

use super::Catalog;
use crate::model::id::{BranchId, OperationId};
use crate::model::name::RoleName;
use crate::model::operation::Operation;
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::Role;
use crate::store::records::{Records, get};
use crate::store::stored::{
    Stored, StoredBranch, StoredBranchId, StoredOperation, StoredRole, StoredRoleName,
    StoredUnfinished, decode,
};
use crate::store::{StoreError, keys};
use crate::tree::Tree;

/// Operations, newest first, and whether there are more.
pub type OperationPage = (Vec<Operation>, bool);

impl Catalog {
    /// Returns up to `limit` operations before `before`, newest first.
    pub fn operations(
        &self,
        before: Option<OperationId>,
        limit: usize,
    ) -> Result<OperationPage, StoreError> {
        // The key after all keys of operations.
        let end = || keys::OPERATIONS.iter().map(|byte| byte + 1).collect();
        let before = before.map_or_else(end, keys::operation);
        let mut found = Vec::new();
        self.project.tree().scan_back(self.project.nodes(), &before, |key, value| {
            if !key.starts_with(keys::OPERATIONS) || limit < found.len() {
                return ControlFlow::Break(());
            }
            found.push(decode::<StoredOperation>(key, value));
            ControlFlow::Continue(())
        })?;
        let has_more = limit < found.len();
        found.truncate(limit);
        Ok((found.into_iter().collect::<Result<_, _>>()?, has_more))
    }

    /// Returns the branches that have unfinished operations; some of them may be deleted.
    pub fn branches_with_unfinished(&self) -> Result<Vec<BranchId>, StoreError> {
        let ids = self.project.list::<StoredUnfinished>(keys::UNFINISHED)?;
        let mut branches = Vec::new();
        for id in ids {
            branches.push(self.get_operation(id)?.branch);
        }
        branches.sort();
        branches.dedup();
        Ok(branches)
    }

    /// Returns the branches of which a rotation has not ended.
    pub fn rotating_branches(&self) -> Result<Vec<BranchId>, StoreError> {
        self.project.list::<StoredBranchId>(keys::ROTATING)
    }

    /// Returns the branch that was born in a revision.
    pub fn branch_born(&self, revision: Revision) -> Result<Option<BranchId>, StoreError> {
        self.project.get::<StoredBranchId>(&keys::birth(revision))
    }

    /// Returns the branch of which something, or which itself, expires first, and when.
    pub fn next_due(&self) -> Result<Option<(Timestamp, BranchId)>, StoreError> {
        let Some(id) = first::<StoredBranchId>(&self.project, self.project.tree(), keys::DUES)?
        else {
            return Ok(None);
        };
        let found = self.project.get::<StoredBranch>(&keys::branch(&id))?;
        let due = found.and_then(|record| record.due);
        due.map(|at| (at, id))
            .ok_or_else(|| StoreError::Dangling { key: keys::DUES.into() })
            .map(Some)
    }

    /// Returns the branches of which something, or which themselves, expire by `until`: the first
    /// of them first, and at most `limit`.
    pub fn due_branches(
        &self,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<BranchId>, StoreError> {
        let end = keys::end_of_expiring(keys::DUES, until);
        let until = Until { first: keys::DUES, end: &end, limit };
        list_until::<StoredBranchId>(&self.project, self.project.tree(), &until)
    }

    /// Returns the roles of a branch that expire by `until`: the first of them first, and at most
    /// `limit`.
    pub fn due_roles(
        &self,
        branch: &BranchId,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Role>, StoreError> {
        let end = keys::end_of_expiring(keys::EXPIRIES, until);
        let until = Until { first: keys::EXPIRIES, end: &end, limit };
        let catalog = self.catalog(branch)?;
        let names = list_until::<StoredRoleName>(&self.project, &catalog, &until)?;
        names.into_iter().map(|name| self.get_role(&catalog, &name)).collect()
    }

    /// Returns the role of a branch that expires first.
    pub fn first_expiring(&self, branch: &BranchId) -> Result<Option<Role>, StoreError> {
        self.first_expiring_in(&self.catalog(branch)?)
    }

    pub(super) fn first_expiring_in(&self, catalog: &Tree) -> Result<Option<Role>, StoreError> {
        let Some(name) = first::<StoredRoleName>(&self.project, catalog, keys::EXPIRIES)? else {
            return Ok(None);
        };
        self.get_role(catalog, &name).map(Some)
    }

    fn get_role(&self, catalog: &Tree, name: &RoleName) -> Result<Role, StoreError> {
        let key = keys::role(name);
        let role = get::<StoredRole>(self.project.nodes(), catalog, &key)?;
        role.ok_or(StoreError::Dangling { key })
    }
}

/// The records from a key on, and before another.
struct Until<'a> {
    first: &'a [u8],
    end: &'a [u8],
    limit: usize,
}

fn list_until<T: Stored>(
    records: &Records,
    tree: &Tree,
    until: &Until<'_>,
) -> Result<Vec<T::Model>, StoreError> {
    let mut found = Vec::new();
    tree.scan(records.nodes(), until.first, |key, value| {
        if until.end <= key || until.limit <= found.len() {
            return ControlFlow::Break(());
        }
        found.push(decode::<T>(key, value));
        ControlFlow::Continue(())
    })?;
    found.into_iter().collect()
}

/// Returns the first record of `tree` whose key begins with `prefix`.
pub(super) fn first<T: Stored>(
    records: &Records,
    tree: &Tree,
    prefix: &[u8],
) -> Result<Option<T::Model>, StoreError> {
    let mut first = None;
    tree.scan(records.nodes(), prefix, |key, value| {
        first = key.starts_with(prefix).then(|| decode::<T>(key, value));
        ControlFlow::Break(())
    })?;
    first.transpose()
}
