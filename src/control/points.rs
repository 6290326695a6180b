//! Points in a branch's past, and the revisions that they name.

use chrono::TimeDelta;

use crate::control::past::Past;
use crate::control::{BranchRef, ControlPlane, Result};
use crate::model::branch::Branch;
use crate::model::id::{BranchId, ProjectId};
use crate::model::lsn::Lsn;
use crate::model::point::Point;
use crate::model::project::Project;
use crate::model::refusal::Refusal;
use crate::model::revision::{Moment, Revision, Timestamp};
use crate::model::rules::branches::{Cutoff, check_time, revision_at};
use crate::model::state::Read;
use crate::store::ProjectView;

/// The points on a branch from which others can branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// The earliest time.
    pub earliest: Timestamp,
    /// The latest time.
    pub latest: Timestamp,
    /// The earliest and the latest place in its Postgres's log, where one is known.
    pub lsn: Option<(Lsn, Lsn)>,
}

impl ControlPlane {
    /// Finds the last revision of `branch` that is at `point`, from which others can branch.
    pub(super) async fn cutoff(
        &self,
        project: &Project,
        branch: &Branch,
        point: Point,
    ) -> Result<Cutoff> {
        let past = self.past(&project.id)?;
        let at = BranchRef { project: project.id.clone(), branch: branch.id.clone() };
        match point {
            Point::Head => return Ok(Cutoff::Head),
            Point::Time(time) => check_time(branch, time, self.horizon(past.head()))?,
            Point::Revision(_) | Point::Lsn(_) => {}
        }
        let revision = self.revision_of(&past, &at, point).await?;
        let ProjectView { moment, state } = past.view(revision)?;
        let newest = || state.mark_before(&branch.id, Lsn(u64::MAX));
        let (at, lsn) = match point {
            Point::Time(time) => (time, newest()?.map(|mark| mark.lsn)),
            Point::Lsn(lsn) => (moment.at, Some(lsn)),
            Point::Head | Point::Revision(_) => (moment.at, newest()?.map(|mark| mark.lsn)),
        };
        Ok(Cutoff::Past { revision, at, lsn })
    }

    /// Finds the revision that a branch's Postgres had at a place in its log. The branch may be
    /// deleted.
    pub(super) async fn revision_at_lsn(
        &self,
        past: &Past,
        at: &BranchRef,
        lsn: Lsn,
    ) -> Result<Revision> {
        let newest = self.newest_lsn(&at.project, &at.branch).await;
        // The look took time, in which marks may have been made.
        let ProjectView { state, moment: _ } = past.view_head();
        if state.branch(&at.branch)?.is_none() && state.first_mark(&at.branch)?.is_none() {
            return Err(Refusal::BranchMissing(at.branch.clone()).into());
        }
        let revision = revision_at(&state, &at.branch, lsn, newest)?;
        self.same_or_oldest(past.log, &at.branch, revision)
    }

    /// Returns the time before which the past is known: no later commit gets an earlier time, even
    /// where the machine's clock was set back.
    pub(super) fn horizon(&self, head: Moment) -> Timestamp {
        self.now().max(head.at + TimeDelta::microseconds(1))
    }

    async fn newest_lsn(&self, project: &ProjectId, branch: &BranchId) -> Option<Lsn> {
        self.inner.lsn_probe.get()?(project.clone(), branch.clone()).await
    }

    /// Returns the points on a branch from which others can branch; on the default branch where
    /// none is named.
    pub fn history(&self, id: &ProjectId, branch: Option<&BranchId>) -> Result<History> {
        let (project, view) = self.view(id)?;
        let branch = branch.unwrap_or(&project.default_branch);
        let found = view.state.branch(branch)?;
        let found = found.ok_or_else(|| Refusal::BranchMissing(branch.clone()))?;
        let oldest = self.oldest(self.log_of(id)?)?;
        let first = match oldest.state.mark_before(branch, Lsn(u64::MAX))? {
            Some(mark) => Some(mark),
            None => view.state.first_mark(branch)?,
        };
        let last = view.state.mark_before(branch, Lsn(u64::MAX))?;
        Ok(History {
            earliest: found.created_at.max(oldest.moment.at),
            latest: self.horizon(view.moment),
            lsn: first.zip(last).map(|(first, last)| (first.lsn, last.lsn)),
        })
    }
}
