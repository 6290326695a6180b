//! The fleet: a worker for each branch that has an endpoint or work to do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::clock::Clock;
use crate::compute::Computes;
use crate::control::passes::Surveyed;
use crate::control::{BranchRef, ControlError, ControlPlane};
use crate::entropy::Entropy;
use crate::meter::Metered;
use crate::model::id::ProjectId;
use crate::model::revision::Revision;
use crate::reconcile::circuits::Circuits;
use crate::reconcile::meters::Meters;
use crate::reconcile::pace::Pace;
use crate::reconcile::probes::probes;
use crate::reconcile::schemas::Reader;
use crate::reconcile::turns::Turns;
use crate::reconcile::worker::{Shared, work};

/// How many Postgres servers that are out of reach may be probed at once. A probe of one whose
/// machine is gone waits for nothing but time.
const MAX_REACHES: usize = 256;

/// How many Postgres servers may be asked at once.
const MAX_PROBES: usize = 8;

/// How many Postgres servers may be read at once: each dump is another program.
const MAX_READS: usize = 4;

/// How long after a failure the projects are looked over again.
const PAUSE: Duration = Duration::from_secs(5);

/// How the projects were looked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    /// All of them, until something changes.
    Over,
    /// Not all; they are to be looked over again after a pause.
    Again,
}

/// With what a fleet works.
pub struct Setup {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// How often passes are made, and how many at once.
    pub pace: Pace,
    /// Is cancelled when the server stops.
    pub stop: CancellationToken,
}

/// The workers, and what tells them that there may be work.
pub struct Fleet {
    shared: Arc<Shared>,
    /// The revision at which each project was last looked over.
    seen: HashMap<ProjectId, Revision>,
    nudges: HashMap<BranchRef, Arc<Notify>>,
    workers: JoinSet<BranchRef>,
}

impl Fleet {
    /// Returns the fleet of a server, with no workers yet.
    #[must_use]
    pub fn new(control: ControlPlane, computes: Computes, setup: Setup) -> Self {
        let Setup { clock, entropy, pace, stop } = setup;
        let max_passes = pace.max_passes.get();
        let circuits = Arc::new(Circuits::default());
        let shared = Arc::new(Shared {
            control,
            computes,
            clock,
            entropy,
            pace,
            passes: Semaphore::new(max_passes),
            probes: Semaphore::new(MAX_PROBES),
            reaches: Semaphore::new(MAX_REACHES),
            reads: Semaphore::new(MAX_READS),
            turns: Turns::default(),
            meters: Arc::new(Meters::new(max_passes, Arc::clone(&circuits))),
            circuits,
            stop,
        });
        shared.control.set_probes(probes(&shared));
        shared.control.set_schema_reader(Box::new(Reader(Arc::downgrade(&shared))));
        Self { shared, seen: HashMap::new(), nudges: HashMap::new(), workers: JoinSet::new() }
    }

    /// Returns what the reconciler counts.
    #[must_use]
    pub fn meters(&self) -> Arc<dyn Metered> {
        Arc::clone(&self.shared.meters) as _
    }

    /// Keeps workers at work until the server stops, and then waits for the passes in hand.
    pub async fn run(mut self) {
        let mut changes = self.shared.control.store().changes();
        let stop = self.shared.stop.clone();
        while !stop.is_cancelled() {
            changes.mark_unchanged();
            let looked = self.look_over().await.unwrap_or_else(|error| {
                tracing::error!(%error, "the projects could not be looked over");
                Looked::Again
            });
            tokio::select! {
                news = changes.changed(), if looked == Looked::Over => {
                    news.expect("a store that outlives the fleet");
                }
                Some(ended) = self.workers.join_next() => self.ended(ended).await,
                () = tokio::time::sleep(PAUSE), if looked == Looked::Again => {}
                () = stop.cancelled() => {}
            }
        }
        while self.workers.join_next().await.is_some() {}
    }

    /// Sees to it that the branches of the projects that changed have their workers, and nudges
    /// those that have something to do.
    async fn look_over(&mut self) -> Result<Looked, ControlError> {
        let mut looked = Looked::Over;
        for surveyed in self.shared.control.survey()? {
            if self.seen.get(&surveyed.project) == Some(&surveyed.revision) {
                continue;
            }
            match self.look_at(&surveyed).await {
                Ok(()) => {}
                // The log is told of that elsewhere. There is room again without any commit.
                Err(ControlError::NoRoom(_)) => {
                    looked = Looked::Again;
                    continue;
                }
                // What is wrong with one project must not stop the others.
                Err(error) => {
                    let (project, error) = (&surveyed.project, Chain(&error));
                    tracing::error!(project.id = %project, "a project could not be looked at: {error}");
                }
            }
            let Surveyed { project, log: _, revision } = surveyed;
            self.seen.insert(project, revision);
        }
        Ok(looked)
    }

    async fn look_at(&mut self, surveyed: &Surveyed) -> Result<(), ControlError> {
        let busy = self.shared.control.busy_branches(surveyed)?;
        let has_workers = self.nudges.keys().any(|branch| branch.project == surveyed.project);
        if busy.is_empty() && !has_workers && self.shared.control.forget_project(surveyed).await? {
            return Ok(());
        }
        for branch in self.shared.control.served_branches(surveyed)? {
            self.employ(branch);
        }
        for branch in busy {
            self.employ(branch).notify_one();
        }
        Ok(())
    }

    /// Sees to it that a branch has its worker, and returns what nudges it.
    fn employ(&mut self, branch: BranchRef) -> Arc<Notify> {
        if let Some(nudge) = self.nudges.get(&branch) {
            return Arc::clone(nudge);
        }
        let nudge = Arc::new(Notify::new());
        self.nudges.insert(branch.clone(), Arc::clone(&nudge));
        let (shared, nudged) = (Arc::clone(&self.shared), Arc::clone(&nudge));
        self.workers.spawn(async move {
            work(shared, branch.clone(), nudged).await;
            branch
        });
        nudge
    }

    /// Forgets a worker that ended. Its branch may have got work in the same moment, so its
    /// project is looked over again.
    async fn ended(&mut self, ended: Result<BranchRef, tokio::task::JoinError>) {
        match ended {
            Ok(branch) => {
                self.nudges.remove(&branch);
                self.seen.remove(&branch.project);
            }
            Err(error) => {
                // A bug. Which worker it was is not known, so all that ended are started anew.
                tracing::error!(%error, "a worker panicked");
                tokio::time::sleep(PAUSE).await;
                self.nudges.retain(|_, nudge| 1 < Arc::strong_count(nudge));
                self.seen.clear();
            }
        }
    }
}
