//! What goes by itself, deleted when its time has come.

use std::collections::{BTreeSet, HashMap, HashSet};
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

/// How long after a failure what failed is tried again.
const PAUSE: TimeDelta = TimeDelta::minutes(1);

/// How many things of one project are tried in one look. The others wait for the next.
const MAX_PER_LOOK: usize = 64;

/// Deletes what expires, for as long as the server runs.
pub struct Reaper {
    control: ControlPlane,
    clock: Arc<dyn Clock>,
    expired: Arc<Expired>,
    watched: HashMap<ProjectId, Watched>,
    /// When it last looked.
    last: Option<Timestamp>,
}

/// What is known of a project.
#[derive(Default)]
struct Watched {
    /// The revision at which it was looked at.
    seen: Revision,
    /// When the next look is due, if nothing changes; none where nothing expires.
    next: Option<Timestamp>,
    /// What could not be deleted. It must not keep the rest from going.
    aside: BTreeSet<Due>,
    /// When that is tried again; none where nothing failed.
    again: Option<Timestamp>,
}

impl Watched {
    fn put_aside(&mut self, due: Due, now: Timestamp) {
        self.aside.insert(due);
        self.again.get_or_insert(now + PAUSE);
    }
}

impl Reaper {
    /// Returns a reaper that has looked at nothing yet.
    #[must_use]
    pub fn new(control: ControlPlane, clock: Arc<dyn Clock>) -> Self {
        Self { control, clock, expired: Arc::default(), watched: HashMap::new(), last: None }
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
        let now = self.clock.now();
        let surveyed = self.control.survey()?;
        let there: HashSet<_> = surveyed.iter().map(|surveyed| &surveyed.project).collect();
        // What was to be done at a later time that was read from a wrong clock may be due now.
        let is_set_back = self.last.is_some_and(|last| now < last);
        self.watched.retain(|id, _| there.contains(id) && !is_set_back);
        self.last = Some(now);
        for surveyed in &surveyed {
            let Surveyed { project, log: _, revision } = surveyed;
            let watched = self.watched.remove(project);
            let is_good = |watched: &Watched| watched.again.is_none_or(|again| now < again);
            let mut watched = watched.filter(is_good).unwrap_or_default();
            let is_idle = watched.next.is_none_or(|next| now < next);
            if watched.seen != *revision || !is_idle {
                if let Err(error) = self.look_at(surveyed, now, &mut watched).await {
                    // What is wrong with one project must not keep the others' things alive.
                    let error = Chain(&error);
                    tracing::error!(project.id = %project, %error, "what expires could not be looked at");
                    watched.again = Some(now + PAUSE);
                    watched.next = watched.again;
                }
                watched.seen = *revision;
            }
            self.watched.insert(project.clone(), watched);
        }
        Ok(())
    }

    /// Deletes what is due in a project.
    async fn look_at(
        &mut self,
        surveyed: &Surveyed,
        now: Timestamp,
        watched: &mut Watched,
    ) -> Result<(), ControlError> {
        let Surveyed { project, log, revision: _ } = surveyed;
        for _ in 0..MAX_PER_LOOK {
            let Some(due) = self.control.first_due(*log, now, &watched.aside)? else {
                // What is aside comes first in that order, and hides what comes next.
                let is_hidden = !watched.aside.is_empty();
                watched.next = if is_hidden { Some(now) } else { self.control.next_due(*log)? };
                return Ok(());
            };
            let Due { at: _, branch, role } = &due;
            match (self.control.expire(project, &due).await, role) {
                (Ok(Some(_)), None) => {
                    self.expired.branches.count();
                    tracing::info!(branch.id = %branch, "branch {branch} has expired");
                }
                (Ok(Some(_)), Some(role)) => {
                    self.expired.roles.count();
                    tracing::info!(branch.id = %branch, "role {role} of branch {branch} has expired");
                }
                (Ok(None), _) => watched.put_aside(due, now),
                (Err(ControlError::Refused(refusal)), _) => {
                    tracing::error!(branch.id = %branch, "what has expired cannot be deleted: {refusal}");
                    watched.put_aside(due, now);
                }
                (Err(error), _) => return Err(error),
            }
        }
        watched.next = Some(now);
        Ok(())
    }
}
