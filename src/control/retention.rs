//! Use cases of the trimmer: which history is kept, and what goes.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;

use crate::control::{Caller, ControlPlane, Result};
use crate::model::cause::{Deed, Topic};
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::project::Project;
use crate::model::revision::{Revision, Timestamp};
use crate::model::rules::operations;
use crate::model::state::Read;
use crate::room::Writer;
use crate::store::catalog::Catalog;
use crate::store::engine::LogId;
use crate::store::published::Extent;
use crate::store::{ProjectView, StoreError};

/// How much of its past the directory keeps. Nobody can ask for it; it says who did what.
const DIRECTORY_RETENTION: Duration = Duration::from_secs(Project::MAX_RETENTION_SECONDS as u64);

/// What is to become of a log's past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// All of it is kept.
    Nothing,
    /// It is kept from this revision on.
    Trim(Revision),
    /// Its project is gone, and so is all of it.
    Remove,
}

impl ControlPlane {
    /// Returns the logs of projects that never came to be, because a crash kept them from the
    /// directory. Later on a log that is not in the directory may be about to get there, so this is
    /// to be asked before any request is taken.
    pub fn abandoned_logs(&self) -> Result<HashSet<LogId>> {
        let listed: HashSet<LogId> =
            self.directory().state.projects()?.into_iter().map(|(_, log)| log).collect();
        let mut abandoned = HashSet::new();
        for extent in self.inner.store.extents() {
            let is_candidate = extent.log != LogId::DIRECTORY
                && !extent.is_closed()
                && !listed.contains(&extent.log);
            if is_candidate && self.deleted_at(extent.log)?.is_none() {
                abandoned.insert(extent.log);
            }
        }
        Ok(abandoned)
    }

    fn deleted_at(&self, log: LogId) -> Result<Option<Timestamp>> {
        let view: ProjectView = self.inner.store.view(log);
        Ok(view.state.project()?.and_then(|project| project.deleted_at))
    }

    /// Returns what is to become of a log's past now. What is younger than `grace` is kept whatever
    /// the project says: a request may still be reading it.
    pub fn due(&self, extent: Extent, grace: Duration) -> Result<Due> {
        let Extent { log, floor, head } = extent;
        if extent.is_closed() {
            return Ok(Due::Remove);
        }
        let mut answer = None;
        let retention = if log == LogId::DIRECTORY {
            DIRECTORY_RETENTION
        } else {
            let view: ProjectView = self.inner.store.view(log);
            let Some(project) = view.state.project()? else { return Ok(Due::Nothing) };
            let retention = Duration::from_secs(project.history_retention_seconds.into());
            let is_forgotten = project.deleted_at.is_some()
                && self.directory().state.log_of(&project.id)?.is_none();
            if is_forgotten && view.moment.at <= self.horizon_of(retention.max(grace)) {
                let is_told = self.unsent_from(extent, head)? == head;
                return Ok(if is_told { Due::Remove } else { Due::Nothing });
            }
            answer = self.oldest_answer(&view.state)?;
            retention
        };
        if floor == head {
            return Ok(Due::Nothing);
        }
        match self.inner.store.moment_at(log, self.horizon_of(retention.max(grace))) {
            Ok(Some(moment)) => {
                let to = answer.map_or(moment.revision, |answer| answer.min(moment.revision));
                let is_project = log != LogId::DIRECTORY;
                let to = if is_project { self.unsent_from(extent, to)? } else { to };
                Ok(if floor < to { Due::Trim(to) } else { Due::Nothing })
            }
            Ok(None) | Err(StoreError::BelowFloor { .. }) => Ok(Due::Nothing),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the oldest state of a project that can be asked for.
    pub(super) fn oldest(&self, log: LogId) -> Result<ProjectView> {
        let floor = self.inner.store.floor(log)?;
        let floor = floor.expect("a project is born in some commit");
        Ok(self.inner.store.view_at(log, floor.revision)?)
    }

    /// Returns `revision`, or where that is no longer kept, the oldest that is, if the Postgres of
    /// the branch had the same in both: it had applied all that it was to have by then.
    pub(super) fn same_or_oldest(
        &self,
        log: LogId,
        branch: &BranchId,
        revision: Revision,
    ) -> Result<Revision> {
        let oldest = self.oldest(log)?;
        let applied = oldest.state.mark_before(branch, Lsn(u64::MAX))?.map(|mark| mark.revision);
        let is_same = applied == Some(revision) && oldest.state.unfinished(branch)?.is_empty();
        Ok(if is_same { revision.max(oldest.moment.revision) } else { revision })
    }

    fn horizon_of(&self, retention: Duration) -> Timestamp {
        let retention = TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX);
        self.now().checked_sub_signed(retention).unwrap_or(Timestamp::MIN_UTC)
    }

    /// Forgets some of a project's operations that ended long ago, and returns how many.
    pub async fn forget_operations(&self, log: LogId) -> Result<usize> {
        let view: ProjectView = self.inner.store.view(log);
        if !operations::has_old(&view.state, self.now())? {
            return Ok(0);
        }
        let cause = Caller::offshoot().asks(Deed::ForgetOperations, Topic::Whole);
        let forget = |state: &mut Catalog, moment| operations::forget_old(state, moment);
        Ok(self.write(Writer::Offshoot, log, cause, forget).await?.0)
    }
}
