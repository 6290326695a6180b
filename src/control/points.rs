//! Points in a branch's past, and the revisions that they name.

use chrono::TimeDelta;

use crate::control::{ControlPlane, Result};
use crate::model::branch::Branch;
use crate::model::id::{BranchId, ProjectId};
use crate::model::lsn::Lsn;
use crate::model::point::Point;
use crate::model::project::Project;
use crate::model::refusal::Refusal;
use crate::model::revision::{Moment, Timestamp};
use crate::model::rules::branches::{Cutoff, check_time, revision_at};
use crate::model::state::Read;
use crate::store::ProjectView;
use crate::store::catalog::Catalog;

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
    /// Finds the last revision of `branch` that is at `point`. What is found stays
    /// true: every commit that is not seen yet is later than any time that is asked for.
    pub(super) async fn cutoff(
        &self,
        project: &Project,
        view: &ProjectView,
        branch: &Branch,
        point: Point,
    ) -> Result<Cutoff> {
        let parent = &branch.id;
        let log = self.log_of(&project.id)?;
        match point {
            Point::Head => Ok(Cutoff::Head),
            Point::Time(at) => {
                check_time(branch, at, self.horizon(view))?;
                self.inner.store.settle(log).await?;
                let moment = self.inner.store.moment_at(log, at)?;
                let Moment { revision, .. } = moment.expect("a branch is born in some commit");
                let past = self.inner.store.view_at::<Catalog>(log, revision)?;
                let mark = past.state.mark_before(parent, Lsn(u64::MAX))?;
                Ok(Cutoff::Past { revision, at, lsn: mark.map(|mark| mark.lsn) })
            }
            Point::Lsn(lsn) => {
                let newest = self.newest_lsn(&project.id, parent).await;
                // The look took time, in which marks may have been made.
                let view: ProjectView = self.inner.store.view(log);
                let revision = revision_at(&view.state, parent, lsn, newest)?;
                let revision = self.same_or_oldest(log, parent, revision)?;
                let at = self.inner.store.view_at::<Catalog>(log, revision)?.moment.at;
                Ok(Cutoff::Past { revision, at, lsn: Some(lsn) })
            }
        }
    }

    /// Returns the time before which the past is known: no later commit gets an earlier time, even
    /// where the machine's clock was set back.
    fn horizon(&self, view: &ProjectView) -> Timestamp {
        self.now().max(view.moment.at + TimeDelta::microseconds(1))
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
            latest: self.horizon(&view),
            lsn: first.zip(last).map(|(first, last)| (first.lsn, last.lsn)),
        })
    }
}
