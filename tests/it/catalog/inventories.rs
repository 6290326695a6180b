//! What the first oracle holds of a branch besides what it has, and how two copies differ.

use std::collections::{BTreeMap, BTreeSet};

use offshoot::model::branch::Branch;
use offshoot::model::state::{Differences, Held, Page, Place};

use super::copies::{Copies, Copy, State};

/// What a branch's record holds besides what it has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    pub source: Copy,
    /// As it began.
    pub start: Copy,
    /// Whether it begins with the commit that is being decided.
    pub is_beginning: bool,
    /// What was merged, in the order of the branch's merges.
    pub merged: Vec<Copy>,
}

impl State {
    /// Notes of the branches that begin with this commit how they do.
    pub fn begin(&mut self) {
        for (id, kept) in self.kept.iter_mut().filter(|(_, kept)| kept.is_beginning) {
            kept.is_beginning = false;
            kept.start = self.catalogs.get(id).cloned().unwrap_or_default();
        }
    }

    /// Returns what is held at a place, in this state whatever the place says.
    pub fn find(&self, place: &Place) -> Option<Copy> {
        let (kept, branch) = (self.kept.get(&place.branch)?, self.branches.get(&place.branch)?);
        match &place.held {
            Held::Now => self.catalogs.get(&place.branch).cloned(),
            Held::Source => Some(kept.source.clone()),
            Held::Start => Some(kept.start.clone()),
            Held::Merged(source) => {
                let last = branch.merges.iter().rposition(|merge| merge.source == *source)?;
                Some(kept.merged[last].clone())
            }
        }
    }
}

impl Copies {
    /// Returns what was merged into a branch that is being put.
    pub fn merged(&self, branch: &Branch) -> Vec<Copy> {
        let known = self.now.branches.get(&branch.id);
        let held = self.now.kept.get(&branch.id);
        let merged = branch.merges.iter().map(|merge| {
            let place = known.and_then(|known| known.merges.iter().position(|m| m == merge));
            let is_new = || self.state_at(self.head()).catalogs.get(&merge.source).cloned();
            match place.zip(held) {
                Some((place, held)) => held.merged[place].clone(),
                None => is_new().unwrap_or_default(),
            }
        });
        merged.collect()
    }
}

/// Compares two maps by looking at all that either has.
pub fn compare<N: Ord, T: Clone + PartialEq>(
    [before, after]: [&BTreeMap<N, T>; 2],
    page: &Page<'_, N>,
) -> Differences<T> {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut differing = names
        .into_iter()
        .filter(|name| page.after.is_none_or(|after| after < name))
        .map(|name| (before.get(name).cloned(), after.get(name).cloned()))
        .filter(|(before, after)| before != after);
    let found = differing.by_ref().take(page.limit).collect();
    Differences { found, has_more: differing.next().is_some() }
}
