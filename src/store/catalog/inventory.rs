//! Catalogs compared: what two of them do not share, read without reading what they do.

use std::ops::ControlFlow;

use super::Catalog;
use crate::model::database::Database;
use crate::model::id::BranchId;
use crate::model::operation::Operation;
use crate::model::revision::Moment;
use crate::model::role::Role;
use crate::store::stored::{
    Stored, StoredBranch, StoredDatabase, StoredOperation, StoredRole, decode,
};
use crate::store::{StoreError, keys};
use crate::tree::Tree;
use crate::tree::diff::{Change, Span};

/// All that a branch's catalog had at one time, to be compared with another of the same project.
pub struct Inventory(Tree);

/// What differs between two inventories, by name.
#[derive(Clone, Debug)]
pub struct Differences<T> {
    /// Each thing as the first has it and as the second does; at least one of them does.
    pub found: Vec<(Option<T>, Option<T>)>,
    /// Whether there are more.
    pub has_more: bool,
}

impl Catalog {
    /// Returns what a branch has.
    pub fn inventory(&self, branch: &BranchId) -> Result<Option<Inventory>, StoreError> {
        Ok(self.kept_catalog(branch)?.map(Inventory))
    }

    /// Returns what a branch's source had at the cutoff, when the branch last began.
    pub fn copied_inventory(&self, branch: &BranchId) -> Result<Option<Inventory>, StoreError> {
        let found = self.project.get::<StoredBranch>(&keys::branch(branch))?;
        Ok(found.map(|record| Inventory(Tree::at(record.catalogs.source))))
    }

    /// Returns up to `limit` roles that differ between two inventories.
    pub fn compare_roles(
        &self,
        before: &Inventory,
        after: &Inventory,
        limit: usize,
    ) -> Result<Differences<Role>, StoreError> {
        self.compare::<StoredRole>(before, after, keys::ROLES, limit)
    }

    /// Returns up to `limit` databases that differ between two inventories.
    pub fn compare_databases(
        &self,
        before: &Inventory,
        after: &Inventory,
        limit: usize,
    ) -> Result<Differences<Database>, StoreError> {
        self.compare::<StoredDatabase>(before, after, keys::DATABASES, limit)
    }

    fn compare<T: Stored>(
        &self,
        Inventory(before): &Inventory,
        Inventory(after): &Inventory,
        prefix: &[u8],
        limit: usize,
    ) -> Result<Differences<T::Model>, StoreError> {
        let mut found = Vec::new();
        let mut has_more = false;
        before.diff(after, self.project.nodes(), Span::under(prefix), |key, change| {
            if found.len() == limit {
                has_more = true;
                return ControlFlow::Break(());
            }
            let (before, after) = match change {
                Change::Inserted(after) => (None, Some(after)),
                Change::Replaced { before, after } => (Some(before), Some(after)),
                Change::Removed(before) => (Some(before), None),
            };
            let read =
                |value: Option<&[u8]>| value.map(|value| decode::<T>(key, value)).transpose();
            found.push(read(before).and_then(|before| Ok((before, read(after)?))));
            ControlFlow::Continue(())
        })?;
        Ok(Differences { found: found.into_iter().collect::<Result<_, _>>()?, has_more })
    }

    /// Returns up to `limit` operations that the commit at `moment` wrote, as they stand in this
    /// state.
    pub fn operations_of(
        &self,
        moment: Moment,
        limit: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        let mut found = Vec::new();
        let (first, last) = keys::operations_at(moment.at);
        self.project.tree().scan(self.project.nodes(), &first, |key, value| {
            if *last < *key || found.len() == limit {
                return ControlFlow::Break(());
            }
            found.push(decode::<StoredOperation>(key, value));
            ControlFlow::Continue(())
        })?;
        found.into_iter().collect()
    }
}
