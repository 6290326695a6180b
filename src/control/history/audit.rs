//! The audit: all that was done in a project, to be searched.

use std::ops::ControlFlow;

use uuid::Uuid;

use super::{HistoryPage, MAX_LOOKED_AT, Onward, below};
use crate::control::past::Past;
use crate::control::{ControlError, ControlPlane, Result};
use crate::model::cause::{Cause, Deed, Topic};
use crate::model::id::{BranchId, ProjectId};
use crate::model::key::KeyId;
use crate::model::name::RoleName;
use crate::model::revision::{Revision, Timestamp};
use crate::store::commits::Stretch;

/// What to look for. What is absent matches everything.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// About this branch or something of it.
    pub branch: Option<BranchId>,
    /// About a role of this name.
    pub role: Option<RoleName>,
    /// One of these deeds; any but passes where there are none.
    pub deeds: Vec<Deed>,
    /// Asked for with this key.
    pub key_id: Option<KeyId>,
    /// Asked for by this request.
    pub request_id: Option<Uuid>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Not after this time.
    pub until: Option<Timestamp>,
    /// From this revision down, where the page before this one ended.
    pub cursor: Option<Revision>,
    /// How many entries.
    pub limit: usize,
}

impl ControlPlane {
    /// Returns what was done in a project, newest first.
    pub fn audit(&self, project: &ProjectId, query: &AuditQuery) -> Result<HistoryPage<Revision>> {
        self.past(project)?.audit(query)
    }
}

impl Past {
    /// Returns what was done, newest first.
    pub fn audit(&self, query: &AuditQuery) -> Result<HistoryPage<Revision>> {
        let (floor, head) = (self.floor()?.revision, self.head().revision);
        let mut entries = Vec::new();
        let until = match query.until {
            None => head,
            Some(until) => self
                .store
                .moment_at(self.log, until)?
                .map_or(Revision::ZERO, |found| found.revision),
        };
        let newest = query.cursor.unwrap_or(head).min(until);
        let stretch = Stretch { newest, oldest: floor, max_rows: MAX_LOOKED_AT };
        let mut is_before_since = false;
        let rest = self.store.scan_commits(self.log, stretch, |commit| {
            if query.since.is_some_and(|since| commit.moment.at < since) {
                is_before_since = true;
                return Ok::<_, ControlError>(ControlFlow::Break(()));
            }
            if query.matches(&commit.cause) {
                entries.push(self.entry(commit)?);
            }
            let is_full = entries.len() == query.limit;
            Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        let onward = match rest {
            _ if is_before_since => Onward::Beginning,
            Some(revision) => Onward::At(revision),
            None => below(floor),
        };
        Ok(HistoryPage { entries, onward })
    }
}

impl AuditQuery {
    fn matches(&self, cause: &Cause) -> bool {
        let is = |deed: Deed| {
            if self.deeds.is_empty() {
                deed != Deed::RecordPass
            } else {
                self.deeds.contains(&deed)
            }
        };
        let names = |role: &RoleName| matches!(&cause.topic, Topic::Role(_, name) if name == role);
        is(cause.deed)
            && self.branch.as_ref().is_none_or(|branch| cause.topic.branch() == Some(branch))
            && self.role.as_ref().is_none_or(names)
            && self.key_id.is_none_or(|key_id| cause.caller.key_id == Some(key_id))
            && self.request_id.is_none_or(|request_id| cause.caller.request_id == request_id)
    }
}
