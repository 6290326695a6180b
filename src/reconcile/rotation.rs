//! Rotations, moved from stage to stage: each stage is a commit, so that a server which is killed
//! between two finds the rotation where it was.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::clock::Clock;
use crate::compute::{Compute, Computes};
use crate::control::{BranchRef, ControlError, ControlPlane};
use crate::model::revision::Timestamp;
use crate::model::rotation::{Drain, Rotation, RotationId, Stage};
use crate::model::rules::rotations::Seen;
use crate::model::session::count_of;
use crate::reconcile::site;

/// How often it is looked whether a rotation can move on.
const PERIOD: Duration = Duration::from_millis(500);

/// For how long nobody must have been seen connected with a credential before it is believed that
/// nobody uses it: an application that connects for each request is not there between two.
pub const QUIET: TimeDelta = TimeDelta::seconds(10);

/// How long a Postgres may take to cut sessions.
const CUT_TIME: Duration = Duration::from_secs(5);

/// Moves rotations on for as long as the server runs.
pub struct Rotator {
    control: ControlPlane,
    computes: Computes,
    clock: Arc<dyn Clock>,
    /// Since when nobody was seen. A server that begins anew begins to look anew.
    quiet_since: HashMap<RotationId, Timestamp>,
}

impl Rotator {
    /// Returns a rotator that has looked at nothing yet.
    #[must_use]
    pub fn new(control: ControlPlane, computes: Computes, clock: Arc<dyn Clock>) -> Self {
        Self { control, computes, clock, quiet_since: HashMap::new() }
    }

    /// Looks again and again until the server stops.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.look().await {
                tracing::error!(error = %Chain(&error), "the rotations could not be looked over");
            }
            tokio::select! {
                () = tokio::time::sleep(PERIOD) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Moves every rotation on by one stage, where it is time for that.
    pub async fn look(&mut self) -> Result<(), ControlError> {
        let mut open = Vec::new();
        for surveyed in self.control.survey()? {
            open.extend(self.control.rotations_under_way(&surveyed)?);
        }
        self.quiet_since.retain(|id, _| open.iter().any(|(_, rotation)| rotation.id == *id));
        for (at, rotation) in open {
            let branch = &at.branch;
            match self.look_at(&at, &rotation).await {
                Ok(None) => {}
                Ok(Some(moved)) => {
                    let stage = moved.stage.as_str();
                    tracing::info!(branch.id = %branch, rotation.id = %moved.id, "rotation of {branch} is {stage}");
                }
                // What is wrong with one branch must not stop the others.
                Err(error) => {
                    tracing::error!(branch.id = %branch, error = %Chain(&error), "a rotation could not be moved on");
                }
            }
        }
        Ok(())
    }

    async fn look_at(
        &mut self,
        at: &BranchRef,
        rotation: &Rotation,
    ) -> Result<Option<Rotation>, ControlError> {
        let is_watched = [Stage::Draining, Stage::LoginRevoked].contains(&rotation.stage);
        let seen = if is_watched { self.seen(at, rotation).await } else { Seen::Somebody };
        let is_cut = rotation.drain == Drain::Terminate && rotation.stage == Stage::LoginRevoked;
        if is_cut && seen == Seen::Somebody {
            self.cut(at, rotation).await?;
        }
        self.control.advance_rotation(at, rotation.id, seen).await
    }

    /// Looks who is connected as the credential that goes.
    async fn seen(&mut self, at: &BranchRef, rotation: &Rotation) -> Seen {
        let sessions = self.control.sessions_as(at, &rotation.from.name).await;
        let is_quiet =
            sessions.is_some_and(|sessions| count_of(&sessions, &rotation.from.name) == 0);
        if !is_quiet {
            self.quiet_since.remove(&rotation.id);
            return Seen::Somebody;
        }
        let now = self.clock.now();
        let since = *self.quiet_since.entry(rotation.id).or_insert(now);
        // Without a login nobody comes back.
        let is_shut = rotation.stage == Stage::LoginRevoked;
        if is_shut || since + QUIET <= now { Seen::Nobody } else { Seen::Somebody }
    }

    /// Cuts the sessions of the credential that has lost its login. Where that fails, the next look
    /// tries again.
    async fn cut(&self, at: &BranchRef, rotation: &Rotation) -> Result<(), ControlError> {
        let Some(assignment) = self.control.assignment(at)? else { return Ok(()) };
        let compute = self.computes.get(&at.branch, site(&assignment));
        let cut = compute.end_sessions(&rotation.from.name);
        match tokio::time::timeout(CUT_TIME, cut).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(branch.id = %at.branch, error = %Chain(&error), "sessions could not be cut");
            }
            Err(_) => tracing::warn!(branch.id = %at.branch, "sessions were not cut in time"),
        }
        Ok(())
    }
}
