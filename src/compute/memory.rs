//! Memory: what one pass leaves to the next over the same server.
//!
//! That is what is known of servers in which nothing was left to be done, and the sessions of passes
//! that changed something. Such a session stays open for a moment: changes seldom come alone, and a
//! login takes longer than most of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::compute::Converged;
use crate::compute::converge;
use crate::compute::error::ComputeError;
use crate::compute::postgres::{Session, Target};
use crate::compute::settled::Settled;
use crate::model::id::BranchId;
use crate::model::progress::Trace;
use crate::plan::desired::Desired;

/// How long a session stays open. Who drops, renames or copies its database is made to wait by
/// Postgres, which gives up after five seconds.
const MAX_AGE: Duration = Duration::from_secs(3);

/// How many sessions stay open.
const MAX_SESSIONS: usize = 64;

/// What is known of servers between passes.
#[derive(Debug, Default)]
pub(super) struct Memory {
    settled: Settled,
    sessions: Mutex<HashMap<BranchId, Kept>>,
}

#[derive(Debug)]
struct Kept {
    session: Session,
    since: Instant,
}

impl Memory {
    /// Makes a pass over the server at `target`.
    pub(super) async fn converge(
        self: &Arc<Self>,
        target: &Target,
        desired: &Desired,
        trace: &mut Trace,
    ) -> Result<Converged, ComputeError> {
        let mut session = self.session(&desired.branch, target).await?;
        let converged = converge::converge(&mut session, desired, &self.settled, trace).await?;
        if session.is_worth_keeping() {
            self.keep(&desired.branch, session);
        }
        Ok(converged)
    }

    /// Opens a session with the server at `target`, or goes on with the one that is open.
    pub(super) async fn session(
        &self,
        branch: &BranchId,
        target: &Target,
    ) -> Result<Session, ComputeError> {
        let kept = self.sessions().remove(branch);
        if let Some(Kept { mut session, .. }) = kept
            && session.leads_to(target)
        {
            match session.renew().await {
                Ok(true) => return Ok(session),
                // Who does not answer in time would not answer in time again.
                Err(error) if session.is_asking() => return Err(error),
                Ok(false) | Err(_) => {}
            }
        }
        Session::connect(target).await
    }

    /// Keeps a session open for a moment.
    pub(super) fn keep(self: &Arc<Self>, branch: &BranchId, session: Session) {
        let mut sessions = self.sessions();
        if sessions.len() < MAX_SESSIONS {
            sessions.insert(branch.clone(), Kept { session, since: Instant::now() });
            let memory = Arc::downgrade(self);
            tokio::spawn(async move {
                sleep(MAX_AGE).await;
                if let Some(memory) = memory.upgrade() {
                    memory.sessions().retain(|_, kept| kept.since.elapsed() < MAX_AGE);
                }
            });
        }
    }

    /// Forgets the server of a branch.
    pub(super) fn forget(&self, branch: &BranchId) {
        self.settled.forget(branch);
        self.sessions().remove(branch);
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<BranchId, Kept>> {
        self.sessions.lock().expect("a lock that no panic poisons")
    }
}
