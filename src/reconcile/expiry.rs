//! What goes by itself, deleted when its time has come.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::clock::Clock;
use crate::control::expiry::Due;
use crate::control::passes::Surveyed;
use crate::control::{ControlError, ControlPlane};
use crate::meter::Metered;
use crate::model::id::ProjectId;
use crate::model::revision::{Revision, Timestamp};
use crate::reconcile::meters::Expired;

/// How often it is looked what is due.
const PERIOD: Duration = Duration::from_secs(1);

/// How long after a failure a project that does not change is looked at again.
const PAUSE: TimeDelta = TimeDelta::minutes(1);

/// How many things of one project go in one look. The others wait for the next.
const MAX_PER_LOOK: usize = 64;

/// Deletes what expires, for as long as the server runs.
pub struct Reaper {
    control: ControlPlane,
    clock: Arc<dyn Clock>,
    expired: Arc<Expired>,
    /// When the first thing of each project is due, and at which revision that was read.
    known: HashMap<ProjectId, (Revision, Option<Timestamp>)>,
}

impl Reaper {
    /// Returns a reaper that has looked at nothing yet.
    #[must_use]
    pub fn new(control: ControlPlane, clock: Arc<dyn Clock>) -> Self {
        Self { control, clock, expired: Arc::default(), known: HashMap::new() }
    }

    /// Returns what is counted about what went.
    #[must_use]
    pub fn meters(&self) -> Arc<dyn Metered> {
        Arc::clone(&self.expired) as _
    }

    /// Looks again and again until the server stops.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.look().await {
                tracing::error!(error = %Chain(&error), "what expires could not be looked over");
            }
            tokio::select! {
                () = tokio::time::sleep(PERIOD) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Deletes what is due in every project.
    pub async fn look(&mut self) -> Result<(), ControlError> {
        let surveyed = self.control.survey()?;
        let there: HashSet<_> = surveyed.iter().map(|surveyed| &surveyed.project).collect();
        self.known.retain(|id, _| there.contains(id));
        for surveyed in &surveyed {
            let Surveyed { project, log: _, revision } = surveyed;
            if let Err(error) = self.look_at(surveyed).await {
                // What is wrong with one project must not keep the others' things alive.
                let error = Chain(&error);
                tracing::error!(project.id = %project, %error, "what expires could not be deleted");
                let again = self.clock.now() + PAUSE;
                self.known.insert(project.clone(), (*revision, Some(again)));
            }
        }
        Ok(())
    }

    async fn look_at(&mut self, surveyed: &Surveyed) -> Result<(), ControlError> {
        let Surveyed { project, log, revision } = surveyed;
        let now = self.clock.now();
        if let Some((seen, first)) = self.known.get(project)
            && seen == revision
            && first.is_none_or(|first| now < first)
        {
            return Ok(());
        }
        for _ in 0..MAX_PER_LOOK {
            let due = self.control.next_due(*log)?;
            let is_due = due.as_ref().is_some_and(|due| due.at <= now);
            let Some(due) = due.as_ref().filter(|_| is_due) else {
                self.known.insert(project.clone(), (*revision, due.map(|due| due.at)));
                return Ok(());
            };
            if self.control.expire(project, due).await?.is_some() {
                self.note(due);
            }
        }
        Ok(())
    }

    fn note(&self, Due { at: _, branch, role }: &Due) {
        match role {
            None => {
                self.expired.branches.count();
                tracing::info!(branch.id = %branch, "branch {branch} has expired");
            }
            Some(role) => {
                self.expired.roles.count();
                tracing::info!(branch.id = %branch, "role {role} of branch {branch} has expired");
            }
        }
    }
}
