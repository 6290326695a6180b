//! Catalogs as they were at one time, looked at and compared: what two of them share is not read.

use std::ops::ControlFlow;

use super::Catalog;
use crate::model::branch::{Branch, Merge};
use crate::model::operation::Operation;
use crate::model::revision::Moment;
use crate::model::state::{Differences, Held, Place};
use crate::store::records::{Contents, get};
use crate::store::stored::{BranchRecord, Stored, StoredOperation, decode};
use crate::store::{StoreError, keys};
use crate::tree::diff::{Change, Span};
use crate::tree::{NodeId, Tree};

/// All that a branch's catalog had at one time.
pub struct Inventory(Tree);

impl Catalog {
    pub(super) fn inventory_at(&self, place: &Place) -> Result<Option<Inventory>, StoreError> {
        let Place { branch, at, held } = place;
        if let Some(at) = at {
            let then = Place { at: None, ..place.clone() };
            return Self::open(self.project.at(*at)?).inventory_at(&then);
        }
        let Some(record) = self.edited_record(branch)? else {
            return Ok(None);
        };
        let tree = match held {
            Held::Now => Some(self.catalog(branch)?),
            Held::Source => Some(Tree::at(record.catalogs.source)),
            Held::Start => Some(Tree::at(record.catalogs.start)),
            Held::Merged(source) => {
                let merge = record.branch.merges.iter().rfind(|merge| merge.source == *source);
                merge.and_then(|merge| record.merged(merge))
            }
        };
        Ok(tree.map(Inventory))
    }

    /// Returns the roots of what was merged into a branch. Of what was merged just now, that is
    /// what it had before this commit.
    pub(super) fn merged(
        &self,
        branch: &Branch,
        before: Option<&BranchRecord>,
    ) -> Result<Vec<Option<NodeId>>, StoreError> {
        let root = |merge: &Merge| {
            let tree = match before.and_then(|before| before.merged(merge)) {
                Some(known) => Some(known),
                None => self.kept_catalog(&merge.source)?,
            };
            Ok(tree.and_then(|tree| tree.kept_root()))
        };
        branch.merges.iter().map(root).collect()
    }

    pub(super) fn record_of<T: Stored>(
        &self,
        Inventory(tree): &Inventory,
        key: &[u8],
    ) -> Result<Option<T::Model>, StoreError> {
        get::<T>(self.project.nodes(), tree, key)
    }

    pub(super) fn compare<T: Stored>(
        &self,
        [Inventory(before), Inventory(after)]: [&Inventory; 2],
        prefix: &[u8],
        from: Option<&[u8]>,
        limit: usize,
    ) -> Result<Differences<T::Model>, StoreError> {
        let mut found = Vec::new();
        let mut has_more = false;
        let span = Span::under(prefix);
        let span = from.map_or(span, |from| span.after(from));
        before.diff(after, self.project.nodes(), span, |key, change| {
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
