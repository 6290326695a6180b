//! A reconciler at work on projects of its own.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use offshoot::clock::SystemClock;
use offshoot::compute::Computes;
use offshoot::compute::simulated::{SimulatedCompute, SimulatedComputes};
use offshoot::control::{
    Asker, BranchRef, ControlPlane, EndpointRef, Machine, ProjectRequest, RoleRequest, Settings,
};
use offshoot::entropy::SeededEntropy;
use offshoot::meter::{Metered, Value};
use offshoot::model::endpoint::Endpoint;
use offshoot::model::id::OperationId;
use offshoot::model::operation::Operation;
use offshoot::ports::Ports;
use offshoot::reconcile::fleet::{Fleet, Setup};
use offshoot::reconcile::pace::Pace;
use offshoot::room::{FileSystem, Room};
use offshoot::store::Store;
use offshoot::store::engine::Engine;
use offshoot::vault::{KEY_BYTES, Vault};
use tokio_util::sync::CancellationToken;

use crate::store::memory::Memory;
use crate::store::support::CACHE_BYTES;

/// How often something is looked at before it must have come about, and how long after each look.
const LOOKS: usize = 6000;
const POLL: Duration = Duration::from_millis(5);

/// How long it is to nothing that a test waits for.
const PERIOD: Duration = Duration::from_secs(3600);

/// How many passes are under way at once at the most.
pub const MAX_PASSES: usize = 8;

/// A reconciler, and a project whose endpoint runs.
pub struct Plane {
    pub control: ControlPlane,
    pub main: BranchRef,
    computes: SimulatedComputes,
    meters: Arc<dyn Metered>,
    stop: CancellationToken,
}

/// Waits until something is so.
pub async fn eventually(mut is_so: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        tokio::time::sleep(POLL).await;
    }
    panic!("it never came about");
}

impl Plane {
    pub async fn new() -> Self {
        Self::with_period(PERIOD).await
    }

    /// Returns one that makes passes as often where nothing changes.
    pub async fn with_period(period: Duration) -> Self {
        Self::over(control_over(Arc::new(Memory::default()), CACHE_BYTES).await, period).await
    }

    /// Returns one whose catalogs are these.
    pub async fn over(control: ControlPlane, period: Duration) -> Self {
        let clock = Arc::new(SystemClock);
        let (computes, stop) = (SimulatedComputes::new(1, 0), CancellationToken::new());
        let max_passes = NonZeroUsize::new(MAX_PASSES).expect("more than none");
        let pace = Pace { max_passes, period };
        let entropy = Arc::new(SeededEntropy::new(2));
        let setup = Setup { clock, entropy, pace, stop: stop.clone() };
        let fleet = Fleet::new(control.clone(), Computes::simulated(computes.clone()), setup);
        let meters = fleet.meters();
        tokio::spawn(fleet.run());
        let main = create_project(&control).await;
        let plane = Self { control, main, computes, meters, stop };
        plane.settle(&plane.main).await;
        plane
    }

    /// Returns the branch of another project, whose endpoint runs.
    pub async fn another(&self) -> BranchRef {
        let main = create_project(&self.control).await;
        self.settle(&main).await;
        main
    }

    async fn settle(&self, at: &BranchRef) {
        eventually(|| self.control.unfinished(at).expect("a look").is_empty()).await;
    }

    pub fn compute(&self) -> SimulatedCompute {
        self.compute_of(&self.main)
    }

    pub fn compute_of(&self, at: &BranchRef) -> SimulatedCompute {
        self.computes.get(&at.branch)
    }

    /// Asks for a role, and returns the operation that waits for it.
    pub async fn create_role(&self, name: &str) -> OperationId {
        self.create_role_on(&self.main, name).await
    }

    pub async fn create_role_on(&self, at: &BranchRef, name: &str) -> OperationId {
        create_role(&self.control, at, name).await
    }

    pub async fn cancel(&self, id: OperationId) -> Operation {
        let (asker, project) = (Asker::offshoot(), &self.main.project);
        let told = self.control.cancel_operation(&asker, project, id).await;
        told.expect("an operation").answer
    }

    pub async fn retry(&self, id: OperationId) -> Operation {
        let (asker, project) = (Asker::offshoot(), &self.main.project);
        let told = self.control.retry_operation(&asker, project, id).await;
        told.expect("an operation").answer
    }

    /// Asks for the endpoint to stop, and returns the operation that waits for it.
    pub async fn suspend(&self) -> Operation {
        let at = EndpointRef { project: self.main.project.clone(), endpoint: self.endpoint().id };
        let asked = self.control.suspend_endpoint(&Asker::offshoot(), &at).await;
        asked.expect("an endpoint").answer.1.remove(0)
    }

    pub fn endpoint(&self) -> Endpoint {
        let found = self.control.find_endpoint(&self.main).expect("a look");
        found.expect("an endpoint")
    }

    pub fn operation(&self, id: OperationId) -> Operation {
        self.control.get_operation(&self.main.project, id).expect("an operation")
    }

    /// Lets everybody else do what they have to do.
    pub async fn rest(&self) {
        for _ in 0..50 {
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits for an operation's end.
    pub async fn end_of(&self, id: OperationId) -> Operation {
        let patience = POLL * u32::try_from(LOOKS).expect("a small number");
        let waited = self.control.wait_for_operation(&self.main.project, id, patience).await;
        let operation = waited.expect("an operation");
        assert!(operation.status.has_ended(), "{operation:?} does not end");
        operation
    }

    /// Returns how many passes were made.
    pub fn passes(&self) -> u64 {
        let Value::Counters { counts, .. } = self.metric("offshoot_passes") else {
            panic!("passes are counted by how they ended");
        };
        counts.iter().map(|(_, count)| count).sum()
    }

    /// Returns how many passes are under way.
    pub fn in_flight(&self) -> u64 {
        self.gauge("offshoot_passes_in_flight")
    }

    pub fn gauge(&self, name: &str) -> u64 {
        let Value::Gauge(level) = self.metric(name) else { panic!("{name} is no level") };
        level
    }

    fn metric(&self, name: &str) -> Value {
        let mut metrics = self.meters.metrics().into_iter();
        metrics.find(|metric| metric.name == name).expect("a metric").value
    }
}

/// Returns the catalogs that an engine keeps.
pub async fn control_over(engine: Arc<dyn Engine>, cache_bytes: u64) -> ControlPlane {
    let clock = Arc::new(SystemClock);
    let store = Store::over(engine, cache_bytes, clock.clone());
    let machine = Machine {
        clock,
        entropy: Arc::new(SeededEntropy::new(1)),
        vault: Vault::new(&[7; KEY_BYTES]),
        ports: Ports::new(42_000..=44_999),
        room: Arc::new(Room::new(Box::new(FileSystem(std::env::temp_dir())), 0)),
    };
    let control = ControlPlane::open(store.expect("a store"), machine, Settings::default());
    control.await.expect("a new store")
}

/// Asks for a role, and returns the operation that waits for it.
pub async fn create_role(control: &ControlPlane, at: &BranchRef, name: &str) -> OperationId {
    let name = name.parse().expect("a name");
    let request = RoleRequest { name, no_login: false, expires_at: None };
    let created = control.create_role(&Asker::offshoot(), at, request).await;
    created.expect("a role").answer.operations[0].id
}

pub async fn create_project(control: &ControlPlane) -> BranchRef {
    let created = control.create_project(&Asker::offshoot(), ProjectRequest::default()).await;
    let created = created.expect("a project").answer;
    BranchRef { project: created.project.id, branch: created.branch.id }
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
