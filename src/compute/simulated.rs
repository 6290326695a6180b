//! Simulated: computes in memory, with faults drawn from a seed. For tests.
//!
//! A request fails before or after it took effect. The second kind finds the bugs.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use crate::compute::converge::{self, Reach};
use crate::compute::error::ComputeError;
use crate::compute::postgres::{Glance, Seen};
use crate::compute::settled::Settled;
use crate::compute::simulated::world::World;
use crate::compute::{Compute, ComputeStatus, Converged, Foretold};
use crate::entropy::{self, Entropy, SeededEntropy};
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::planned::Statement;
use crate::model::preview::Holding;
use crate::model::progress::Trace;
use crate::model::rules::passes::Problem;
use crate::model::schema::Table;
use crate::model::session::Sessions;
use crate::plan::desired::Desired;
use crate::plan::observed::Observed;
use crate::plan::sql::statements_without_marks;
use crate::plan::step::{Stage, Step};
use crate::plan::{Aside, Until};

pub mod world;

/// How much a commit adds to the write-ahead log.
const COMMIT_BYTES: u64 = 64;

/// All computes of a simulation.
#[derive(Clone, Debug)]
pub struct SimulatedComputes {
    computes: Arc<Mutex<BTreeMap<BranchId, Machine>>>,
    faults: Arc<Faults>,
    moods: Arc<Notify>,
}

/// One compute's Postgres, running or not.
#[derive(Clone, Debug)]
struct Machine {
    world: World,
    status: ComputeStatus,
    lsn: u64,
    starts: usize,
    /// How often it was observed for a pass.
    observed: usize,
    /// How often it was reached for.
    reaches: usize,
    mood: Mood,
    sessions: Vec<Sessions>,
}

/// How a compute takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    Willing,
    /// Its Postgres is not reached. It can be started and stopped.
    Away,
    /// It answers a pass when it is willing again.
    Silent,
}

/// When requests fail.
#[derive(Debug)]
struct Faults {
    dice: SeededEntropy,
    /// How many of 100 requests fail.
    percent: Mutex<u64>,
}

/// Whether a request fails, and whether it still takes effect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Succeeds,
    FailsBefore,
    FailsAfter,
}

impl SimulatedComputes {
    /// Returns computes of whose requests `percent` of 100 fail, as `seed` decides.
    #[must_use]
    pub fn new(seed: u64, percent: u64) -> Self {
        let faults = Faults { dice: SeededEntropy::new(seed), percent: Mutex::new(percent) };
        Self { computes: Arc::default(), faults: Arc::new(faults), moods: Arc::default() }
    }

    /// Changes how many of 100 requests fail.
    pub fn set_faults(&self, percent: u64) {
        *self.faults.percent.lock().expect("a lock that no panic poisons") = percent;
    }

    /// Returns the compute of `branch`, which at first is stopped.
    #[must_use]
    pub fn get(&self, branch: &BranchId) -> SimulatedCompute {
        SimulatedCompute { all: self.clone(), branch: branch.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BranchId, Machine>> {
        self.computes.lock().expect("a lock that no panic poisons")
    }
}

impl Faults {
    fn fate(&self) -> Fate {
        let percent = *self.percent.lock().expect("a lock that no panic poisons");
        let drawn = entropy::bits(&self.dice as &dyn Entropy);
        if percent <= drawn % 100 {
            Fate::Succeeds
        } else if (drawn / 100).is_multiple_of(2) {
            Fate::FailsBefore
        } else {
            Fate::FailsAfter
        }
    }

    /// Makes a request, which may fail.
    fn request<T>(
        &self,
        effect: impl FnOnce() -> Result<T, ComputeError>,
    ) -> Result<T, ComputeError> {
        let fate = self.fate();
        if fate == Fate::FailsBefore {
            return Err(lost());
        }
        let answer = effect();
        if fate == Fate::FailsAfter { Err(lost()) } else { answer }
    }
}

fn no_database(database: &DatabaseName) -> ComputeError {
    ComputeError::NoDatabase {
        address: "a simulated address".into(),
        database: database.to_string(),
    }
}

fn lost() -> ComputeError {
    ComputeError::Unreachable {
        address: "a simulated address".into(),
        source: "a fault was drawn".into(),
    }
}

/// A compute in memory.
#[derive(Clone, Debug)]
pub struct SimulatedCompute {
    all: SimulatedComputes,
    branch: BranchId,
}

impl SimulatedCompute {
    /// Looks into its Postgres, or changes it by hand, whether it runs or not.
    pub fn by_hand<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        self.with(|machine| act(&mut machine.world))
    }

    /// Says who is connected.
    pub fn set_sessions(&self, sessions: Vec<Sessions>) {
        self.with(|machine| machine.sessions = sessions);
    }

    /// Changes how it takes requests.
    pub fn set_mood(&self, mood: Mood) {
        self.with(|machine| machine.mood = mood);
        self.all.moods.notify_waiters();
    }

    /// Returns how often it was observed for a pass. A pass that changes something observes twice.
    #[must_use]
    pub fn observed(&self) -> usize {
        self.with(|machine| machine.observed)
    }

    /// Returns how often it was reached for without a pass.
    #[must_use]
    pub fn reaches(&self) -> usize {
        self.with(|machine| machine.reaches)
    }

    /// Waits for as long as it is silent.
    async fn listen(&self) {
        loop {
            let mut changed = pin!(self.all.moods.notified());
            changed.as_mut().enable();
            if self.with(|machine| machine.mood != Mood::Silent) {
                return;
            }
            changed.await;
        }
    }

    /// Returns how often it was started.
    #[must_use]
    pub fn starts(&self) -> usize {
        self.with(|machine| machine.starts)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> T {
        let mut computes = self.all.lock();
        let machine = computes.entry(self.branch.clone()).or_insert_with(|| Machine {
            world: World::new(),
            status: ComputeStatus::Stopped,
            lsn: 0,
            starts: 0,
            observed: 0,
            reaches: 0,
            mood: Mood::Willing,
            sessions: Vec::new(),
        });
        act(machine)
    }

    fn request<T>(
        &self,
        effect: impl FnOnce(&mut Machine) -> Result<T, ComputeError>,
    ) -> Result<T, ComputeError> {
        self.all.faults.request(|| self.with(effect))
    }

    fn request_running<T>(
        &self,
        effect: impl FnOnce(&mut Machine) -> Result<T, ComputeError>,
    ) -> Result<T, ComputeError> {
        self.request(|machine| match (machine.status, machine.mood) {
            (ComputeStatus::Stopped, _) => Err(ComputeError::NotRunning),
            (ComputeStatus::Running, Mood::Away) => Err(lost()),
            (ComputeStatus::Running, Mood::Willing | Mood::Silent) => effect(machine),
        })
    }
}

impl Machine {
    /// Applies steps in one transaction, and returns those that are refused.
    fn transact(&mut self, desired: &Desired, steps: &[Step]) -> Vec<Aside> {
        self.lsn += COMMIT_BYTES;
        self.world.note_revision(desired.revision);
        steps.iter().filter_map(|step| self.try_step(step)).collect()
    }

    fn foretell(&self, branch: &BranchId, step: &Step) -> Vec<Statement> {
        if !self.world.is_needed(step) {
            return Vec::new();
        }
        let database = if let Step::CleanUp { database, .. } = step {
            database.clone()
        } else {
            self.world.observe().maintenance
        };
        let statements = statements_without_marks(&step.redacted(), branch).into_iter();
        statements.map(|sql| Statement { database: database.clone(), sql }).collect()
    }

    fn try_step(&mut self, step: &Step) -> Option<Aside> {
        let mut after = self.world.clone();
        let refused = match after.apply(step) {
            Ok(()) => {
                self.world = after;
                return None;
            }
            Err(refused) => refused,
        };
        let problem = Problem::new(step.subject(), refused.to_string());
        Some(Aside { stage: step.stage(), problem, until: Until::Mended })
    }
}

impl Reach for SimulatedCompute {
    async fn observe(&mut self, _desired: &Desired) -> Result<Observed, ComputeError> {
        self.listen().await;
        self.request_running(|machine| {
            machine.observed += 1;
            Ok(machine.world.observe())
        })
    }

    async fn apply(
        &mut self,
        desired: &Desired,
        steps: &[Step],
    ) -> Result<Vec<Aside>, ComputeError> {
        let together = steps.iter().take_while(|step| step.stage() <= Stage::Change).count();
        let (together, alone) = steps.split_at(together);
        let mut aside = self.request_running(|machine| Ok(machine.transact(desired, together)))?;
        for step in alone {
            if !self.with(|machine| machine.world.is_needed(step)) {
                continue;
            }
            aside.extend(self.request_running(|machine| Ok(machine.try_step(step)))?);
        }
        Ok(aside)
    }

    async fn lsn(&mut self) -> Result<Lsn, ComputeError> {
        self.request_running(|machine| Ok(Lsn(machine.lsn)))
    }

    async fn glance(&mut self, _: Option<&Glance>) -> Result<Option<Seen>, ComputeError> {
        Ok(None)
    }

    async fn release(&mut self) {}
}

impl Compute for SimulatedCompute {
    async fn status(&self) -> Result<ComputeStatus, ComputeError> {
        self.request(|machine| Ok(machine.status))
    }

    async fn start(&self) -> Result<(), ComputeError> {
        self.request(|machine| {
            if machine.status == ComputeStatus::Stopped {
                machine.starts += 1;
            }
            machine.status = ComputeStatus::Running;
            Ok(())
        })
    }

    async fn suspend(&self) -> Result<(), ComputeError> {
        self.request(|machine| {
            machine.status = ComputeStatus::Stopped;
            Ok(())
        })
    }

    async fn destroy(&self) -> Result<(), ComputeError> {
        self.all.faults.request(|| {
            self.all.lock().remove(&self.branch);
            Ok(())
        })
    }

    async fn observe(&self, _branch: &BranchId) -> Result<Observed, ComputeError> {
        self.request_running(|machine| Ok(machine.world.observe()))
    }

    async fn foretell(&self, branch: &BranchId, steps: &[Step]) -> Result<Foretold, ComputeError> {
        self.request_running(|machine| {
            let foretold = steps.iter().map(|step| machine.foretell(branch, step)).collect();
            Ok(Foretold { statements: foretold, problems: Vec::new() })
        })
    }

    async fn reach(&self) -> Result<(), ComputeError> {
        self.request(|machine| {
            machine.reaches += 1;
            if machine.mood == Mood::Away { Err(lost()) } else { Ok(()) }
        })
    }

    async fn converge(
        &self,
        desired: &Desired,
        trace: &mut Trace,
    ) -> Result<Converged, ComputeError> {
        converge::converge(&mut self.clone(), desired, &Settled::default(), trace).await
    }

    async fn holdings(&self, role: &RoleName) -> Result<Vec<Holding>, ComputeError> {
        self.request_running(|machine| Ok(machine.world.holdings(role.as_str())))
    }

    async fn end_sessions(&self, role: &RoleName) -> Result<(), ComputeError> {
        self.request_running(|machine| {
            machine.sessions.retain(|sessions| sessions.role != role.as_str());
            Ok(())
        })
    }

    async fn sessions(&self) -> Result<Vec<Sessions>, ComputeError> {
        self.request_running(|machine| Ok(machine.sessions.clone()))
    }

    async fn dump(&self, database: &DatabaseName) -> Result<String, ComputeError> {
        self.request_running(|machine| {
            machine.world.schema(database.as_str()).ok_or_else(|| no_database(database))
        })
    }

    async fn tables(&self, database: &DatabaseName) -> Result<Vec<Table>, ComputeError> {
        // No step makes any.
        self.dump(database).await.map(|_| Vec::new())
    }

    async fn lsn(&self) -> Result<Lsn, ComputeError> {
        self.request_running(|machine| Ok(Lsn(machine.lsn)))
    }
}
