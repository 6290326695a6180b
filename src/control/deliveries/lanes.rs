//! Lanes: how far each webhook has looked through each log.
//!
//! What is remembered here follows from what is kept, and only saves looking again. A server that
//! begins anew looks again from the kept places on, or from a log's floor where that is above them:
//! nothing below it was still to be sent.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard};

use super::super::events::kinds_of;
use super::super::history::MAX_LOOKED_AT;
use crate::control::{ControlPlane, Result};
use crate::model::event::EventId;
use crate::model::revision::{Revision, Timestamp};
use crate::model::state::Read;
use crate::model::webhook::{Filter, LAG_MAX, Place, Queue, Webhook, WebhookId, WebhookState};
use crate::store::engine::LogId;
use crate::store::published::Extent;
use crate::store::{ProjectView, StoreError};

/// After how many commits without an event for a webhook it is kept that there was none.
const FAR: u64 = 10_000;

/// In how many logs that is kept at a time.
const MAX_FAR: usize = 100;

/// How far each webhook has looked.
#[derive(Default)]
pub(in crate::control) struct Lanes(Mutex<HashMap<WebhookId, Lane>>);

/// How far a webhook has looked through each log.
struct Lane {
    /// The epoch of its queue. In another it looks anew.
    epoch: Revision,
    logs: BTreeMap<LogId, Looked>,
}

/// How far a webhook has looked through a log.
#[derive(Clone, Copy)]
struct Looked {
    /// The place that is kept.
    kept: Place,
    /// There is nothing to be sent before this place.
    to: Place,
    /// The event at this place, if there is one.
    first: Option<First>,
}

/// An event that is to be sent, as much as is remembered of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct First {
    pub(super) event: EventId,
    pub(super) at: Timestamp,
}

/// Whether history is not kept any more for an event that was not sent.
pub(super) fn is_behind(at: Timestamp, now: Timestamp) -> bool {
    at < now - LAG_MAX
}

impl Lanes {
    fn lock(&self) -> MutexGuard<'_, HashMap<WebhookId, Lane>> {
        self.0.lock().expect("a lock that no panic poisons")
    }

    /// Returns what is remembered, where it is still so.
    fn looked(&self, id: WebhookId, epoch: Revision, log: LogId) -> Option<Looked> {
        let lanes = self.lock();
        let lane = lanes.get(&id).filter(|lane| lane.epoch == epoch)?;
        lane.logs.get(&log).copied()
    }

    fn remember(&self, id: WebhookId, epoch: Revision, log: LogId, looked: Looked) {
        let mut lanes = self.lock();
        let lane = lanes.entry(id).or_insert_with(|| Lane { epoch, logs: BTreeMap::new() });
        if lane.epoch != epoch {
            *lane = Lane { epoch, logs: BTreeMap::new() };
        }
        lane.logs.insert(log, looked);
    }

    /// Returns places in the logs in which there are some.
    fn places(
        &self,
        id: WebhookId,
        epoch: Revision,
        place: impl Fn(&Looked) -> Option<Place>,
    ) -> Vec<(LogId, Place)> {
        let lanes = self.lock();
        let lane = lanes.get(&id).filter(|lane| lane.epoch == epoch);
        let logs = lane.into_iter().flat_map(|lane| &lane.logs);
        logs.filter_map(|(log, looked)| Some((*log, place(looked)?))).collect()
    }

    /// Returns the places up to which much was looked through since one was kept.
    pub(super) fn far(&self, id: WebhookId, epoch: Revision) -> Vec<(LogId, Place)> {
        let is_far = |looked: &Looked| FAR <= looked.to.revision.0 - looked.kept.revision.0;
        let mut places =
            self.places(id, epoch, |looked| Some(looked.to).filter(|_| is_far(looked)));
        places.truncate(MAX_FAR);
        places
    }

    /// Has a log looked through anew, from the kept place on.
    pub(super) fn look_again(&self, id: WebhookId, log: LogId) {
        if let Some(lane) = self.lock().get_mut(&id) {
            lane.logs.remove(&log);
        }
    }

    /// Forgets a webhook that is gone.
    pub(in crate::control) fn forget_webhook(&self, id: WebhookId) {
        self.lock().remove(&id);
    }

    /// Forgets a log that is gone.
    pub(super) fn forget_log(&self, log: LogId) {
        for lane in self.lock().values_mut() {
            lane.logs.remove(&log);
        }
    }
}

impl ControlPlane {
    /// Returns the first event that is to be sent to a webhook, of all logs; or continues, where not
    /// all logs were looked through yet.
    pub(super) fn first_of_logs(
        &self,
        webhook: &Webhook,
        queue: &Queue,
    ) -> Result<ControlFlow<Option<First>>> {
        let mut rows = MAX_LOOKED_AT;
        let mut first: Option<First> = None;
        for extent in self.inner.store.extents() {
            if extent.log == LogId::DIRECTORY || extent.is_closed() || !self.is_told_of(extent)? {
                continue;
            }
            let looked = self.look(webhook, queue, extent, extent.head, &mut rows)?;
            let found = looked.first;
            if found.is_none() && looked.to.revision <= extent.head {
                return Ok(ControlFlow::Continue(()));
            }
            if let Some(found) = found
                && first.is_none_or(|first| (found.at, found.event) < (first.at, first.event))
            {
                first = Some(found);
            }
        }
        Ok(ControlFlow::Break(first))
    }

    /// Whether a log is a project's. The first commit of one stands before the directory has it, and
    /// may never get there.
    fn is_told_of(&self, Extent { log, head, .. }: Extent) -> Result<bool> {
        if Revision::FIRST < head {
            return Ok(true);
        }
        let view: ProjectView = self.inner.store.view(log);
        let Some(project) = view.state.project()? else { return Ok(false) };
        Ok(self.directory().state.log_of(&project.id)? == Some(log))
    }

    /// Looks on through a log, until an event is found, `until` is reached, or `rows` are read.
    fn look(
        &self,
        webhook: &Webhook,
        queue: &Queue,
        extent: Extent,
        until: Revision,
        rows: &mut usize,
    ) -> Result<Looked> {
        let lanes = &self.inner.lanes;
        let log = extent.log;
        let mut looked = if let Some(looked) = lanes.looked(webhook.id, queue.epoch, log) {
            looked
        } else {
            let to = self.start(webhook.id, extent)?;
            Looked { kept: to, to, first: None }
        };
        while looked.first.is_none() && looked.to.revision <= until && 0 < *rows {
            *rows -= 1;
            match self.first_in(log, looked.to, &webhook.filter)? {
                Some(first) => {
                    looked.to = at(first.event);
                    looked.first = Some(first);
                }
                None => looked.to = Place::after(looked.to.revision),
            }
        }
        lanes.remember(webhook.id, queue.epoch, log, looked);
        Ok(looked)
    }

    /// Returns where a webhook goes on in a log. One that was not there when it began is told of from
    /// its beginning.
    fn start(&self, webhook: WebhookId, extent: Extent) -> Result<Place> {
        let Extent { log, floor, .. } = extent;
        // What the commit at the floor did cannot be told: the state before it is gone.
        let is_whole = floor == Revision::FIRST;
        let lowest = Place::after(if is_whole { Revision::ZERO } else { floor });
        let kept = self.directory().state.place(webhook, log)?;
        Ok(kept.map_or(lowest, |kept| kept.max(lowest)))
    }

    /// Returns the places after all that there is.
    pub(in crate::control) fn ends_of_logs(&self) -> Vec<(LogId, Place)> {
        let heads = self.inner.store.heads().into_iter();
        let projects = heads.filter(|(log, _)| *log != LogId::DIRECTORY);
        projects.map(|(log, head)| (log, Place::after(head))).collect()
    }

    /// Returns the places after all that was there at a time, in logs that were.
    pub(in crate::control) fn places_after(&self, since: Timestamp) -> Result<Vec<(LogId, Place)>> {
        let mut places = Vec::new();
        for (log, _) in self.ends_of_logs() {
            match self.inner.store.moment_at(log, since) {
                Ok(Some(moment)) => places.push((log, Place::after(moment.revision))),
                Ok(None) | Err(StoreError::BelowFloor { .. } | StoreError::Removed { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(places)
    }

    /// Looks through all logs, and returns in each the place of the first event that is to be sent.
    pub(in crate::control) async fn looked_through(
        &self,
        webhook: &Webhook,
        queue: &Queue,
    ) -> Result<Vec<(LogId, Place)>> {
        // Each time that this goes on, it has looked at many rows more.
        while self.first_of_logs(webhook, queue)?.is_continue() {
            tokio::task::yield_now().await;
        }
        let moved = |looked: &Looked| Some(looked.to);
        Ok(self.inner.lanes.places(webhook.id, queue.epoch, moved))
    }

    /// Returns the first event of a commit, from a place on, that a filter wants.
    fn first_in(&self, log: LogId, from: Place, filter: &Filter) -> Result<Option<First>> {
        let commit = self.inner.store.read_commit(log, from.revision)?;
        let at = commit.moment.at;
        if !kinds_of(commit.cause.deed).any(|kind| filter.wants(kind)) {
            return Ok(None);
        }
        let events = self.events_of(log, from.revision)?.into_iter();
        let mut wanted = events
            .filter(|event| from.index <= u32::from(event.id.index) && filter.wants(event.kind));
        Ok(wanted.next().map(|event| First { event: event.id, at }))
    }

    /// Returns the newest revision up to which a log can be trimmed, of those up to `to`: the state
    /// before each event that is still to be sent is kept.
    pub(in crate::control) fn unsent_from(&self, extent: Extent, to: Revision) -> Result<Revision> {
        let (now, mut limit) = (self.now(), to);
        let mut rows = MAX_LOOKED_AT;
        for webhook in self.directory().state.webhooks()? {
            let WebhookState::Enabled(queue) = &webhook.state else { continue };
            let looked = self.look(&webhook, queue, extent, to, &mut rows)?;
            if looked.first.is_some_and(|first| is_behind(first.at, now)) {
                continue;
            }
            let in_trial = queue.trial.as_ref().map(|trial| trial.event);
            let in_trial = in_trial.filter(|event| event.log == extent.log.0);
            let Revision(number) =
                in_trial.map_or(looked.to.revision, |event| event.revision.min(looked.to.revision));
            limit = limit.min(Revision(number.saturating_sub(1)));
        }
        Ok(limit)
    }
}

/// Returns the place of an event.
pub(super) fn at(event: EventId) -> Place {
    Place { revision: event.revision, index: event.index.into() }
}
