//! The history of a branch: of itself, its roles, its databases and its endpoint.

use std::ops::ControlFlow;

use super::told::{Before, of_record};
use super::{Changes, Entry, HistoryPage, MAX_LOOKED_AT, Onward, Place, below};
use crate::control::past::Past;
use crate::control::{BranchRef, ControlError, ControlPlane, Result};
use crate::model::cause::{Deed, Topic};
use crate::model::id::BranchId;
use crate::model::point::Point;
use crate::model::refusal::Refusal;
use crate::model::state::Read;
use crate::store::commits::{Commit, Stretch};

/// Which part of a branch's history.
#[derive(Clone, Debug)]
pub struct BranchHistoryQuery {
    /// From which point back.
    pub point: Point,
    /// What is told that is not always.
    pub include: Include,
    /// Where the page before this one ended.
    pub cursor: Option<Place>,
    /// How many entries.
    pub limit: usize,
}

/// What is told that is not always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Include {
    /// The passes of the reconciler.
    pub passes: bool,
    /// What happened on the branch from which this one was copied, before that.
    pub inherited: bool,
}

impl ControlPlane {
    /// Returns what happened to a branch, newest first.
    pub async fn branch_history(
        &self,
        at: &BranchRef,
        query: &BranchHistoryQuery,
    ) -> Result<HistoryPage<Place>> {
        let (past, place) = self.history_place(at, query.point, query.cursor.as_ref()).await?;
        past.branch_history(place, query.include, query.limit)
    }
}

impl Past {
    /// Returns what happened to a branch up to a place, newest first.
    pub fn branch_history(
        &self,
        place: Place,
        include: Include,
        limit: usize,
    ) -> Result<HistoryPage<Place>> {
        let floor = self.floor()?.revision;
        let mut left = MAX_LOOKED_AT;
        let mut entries = Vec::new();
        let mut onward = Onward::At(place);
        while let Onward::At(Place { branch, revision }) = &onward {
            if entries.len() == limit || left == 0 {
                break;
            }
            if *revision < floor {
                onward = below(floor);
                break;
            }
            let found = self.view(*revision)?.state.branch(branch)?;
            let record = found.ok_or_else(|| Refusal::BranchMissing(branch.clone()))?;
            let birth = self.birth(&record)?;
            let oldest = birth.unwrap_or(floor);
            let stretch = Stretch { newest: *revision, oldest, max_rows: left };
            let rest = self.store.scan_commits(self.log, stretch, |commit| {
                left -= 1;
                entries.extend(self.branch_entry(branch, include, commit)?);
                let is_full = entries.len() == limit;
                let flow = if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
                Ok::<_, ControlError>(flow)
            })?;
            onward = match (rest, birth) {
                (Some(revision), _) => Onward::At(Place { branch: branch.clone(), revision }),
                (None, None) => Onward::Trimmed,
                (None, Some(_)) => match self.source_at_birth(&record)? {
                    Some(source) if include.inherited => {
                        Onward::At(Place { branch: source.branch, revision: source.cutoff })
                    }
                    Some(_) | None => Onward::Beginning,
                },
            };
        }
        Ok(HistoryPage { entries, onward })
    }

    /// Returns what a commit did to a branch, if anything that is to be told.
    fn branch_entry(
        &self,
        id: &BranchId,
        include: Include,
        commit: Commit,
    ) -> Result<Option<Entry>> {
        if commit.cause.deed == Deed::RecordPass && !include.passes {
            return Ok(None);
        }
        if commit.cause.topic.branch() == Some(id) {
            return self.entry(commit).map(Some);
        }
        if !commit.cause.deed.may_change_other_branches() {
            return Ok(None);
        }
        let Before::Known(before) = self.before(commit.moment.revision)? else { return Ok(None) };
        let after = self.view(commit.moment.revision)?.state;
        let changes = of_record(before.as_ref(), &after, id)?;
        if changes.is_empty() {
            return Ok(None);
        }
        let topic = Topic::Branch(id.clone());
        self.entry_about(commit, topic, Some(Changes::whole(changes))).map(Some)
    }
}
