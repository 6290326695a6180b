//! Rotations that a server moves on, over simulated computes and a clock in the test's hand.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use offshoot::clock::ManualClock;
use offshoot::compute::Computes;
use offshoot::compute::simulated::SimulatedComputes;
use offshoot::control::rotations::RotationRequest;
use offshoot::control::{Asker, BranchRef, ControlPlane, Machine, ProjectRequest, Settings};
use offshoot::entropy::SeededEntropy;
use offshoot::model::rotation::{Drain, Rotation};
use offshoot::model::session::Sessions;
use offshoot::ports::Ports;
use offshoot::reconcile::fleet::{Fleet, Setup};
use offshoot::reconcile::pace::Pace;
use offshoot::reconcile::rotation::{QUIET, Rotator};
use offshoot::room::{FileSystem, Room};
use offshoot::store::Store;
use offshoot::vault::{KEY_BYTES, Vault};
use tokio_util::sync::CancellationToken;

use crate::store::memory::Memory;
use crate::store::support::{CACHE_BYTES, clock};

/// How often a rotation is looked at before it must have moved.
const LOOKS: usize = 400;

struct Plane {
    control: ControlPlane,
    simulated: SimulatedComputes,
    clock: Arc<ManualClock>,
    rotator: Rotator,
    main: BranchRef,
    stop: CancellationToken,
}

impl Plane {
    async fn new() -> Self {
        let clock = clock();
        let store = Store::over(Arc::new(Memory::default()), CACHE_BYTES, clock.clone());
        let machine = Machine {
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            vault: Vault::new(&[7; KEY_BYTES]),
            ports: Ports::new(42_000..=42_999),
            room: Arc::new(Room::new(Box::new(FileSystem(std::env::temp_dir())), 0)),
        };
        let control = ControlPlane::open(store.expect("a store"), machine, Settings::default());
        let control = control.await.expect("a new store");
        let simulated = SimulatedComputes::new(1, 0);
        let computes = Computes::simulated(simulated.clone());
        let (entropy, stop) = (Arc::new(SeededEntropy::new(2)), CancellationToken::new());
        let (max_passes, period) = (NonZeroUsize::MIN, Duration::from_secs(60));
        let pace = Pace { max_passes, period };
        let setup = Setup { clock: clock.clone(), entropy, pace, stop: stop.clone() };
        let fleet = Fleet::new(control.clone(), computes.clone(), setup);
        tokio::spawn(fleet.run());
        let rotator = Rotator::new(control.clone(), computes, clock.clone());
        let created = control.create_project(&Asker::offshoot(), ProjectRequest::default()).await;
        let created = created.expect("a project").answer;
        let main = BranchRef { project: created.project.id, branch: created.branch.id };
        let plane = Self { control, simulated, clock, rotator, main, stop };
        plane.settle().await;
        plane
    }

    async fn begin(&self, drain: Drain) -> Rotation {
        let request = RotationRequest { username: None, drain, grace_seconds: 3600, reason: None };
        let begun = self.control.begin_rotation(&Asker::offshoot(), &self.main, request).await;
        begun.expect("a rotation").answer.rotation
    }

    /// Waits until Postgres has followed.
    async fn settle(&self) {
        for _ in 0..LOOKS {
            if self.control.unfinished(&self.main).expect("operations").is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("operations that do not end");
    }

    /// Says how many sessions a credential has open.
    fn connect(&self, rotation: &Rotation, count: u32) {
        let sessions = Sessions {
            role: rotation.from.name.to_string(),
            database: "neondb".into(),
            application: "app".into(),
            address: None,
            count,
            oldest: None,
        };
        let sessions = if count == 0 { Vec::new() } else { vec![sessions] };
        self.simulated.get(&self.main.branch).set_sessions(sessions);
    }

    /// Looks until nothing moves any more, and returns where the rotation is then.
    async fn look(&mut self, rotation: &Rotation) -> &'static str {
        let mut last = "none";
        for _ in 0..LOOKS {
            self.settle().await;
            self.rotator.look().await.expect("a look");
            let found = self.control.get_rotation(&self.main, rotation.id).await;
            let now = found.expect("a rotation").0.stage.as_str();
            if now == last {
                return now;
            }
            last = now;
        }
        panic!("a rotation that does not rest");
    }

    fn wait(&self, time: chrono::TimeDelta) {
        self.clock.advance_micros(time.num_microseconds().expect("a short time"));
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn the_login_goes_when_nobody_has_been_connected_for_a_while() {
    let mut plane = Plane::new().await;
    let first = plane.begin(Drain::Wait).await;
    plane.connect(&first, 2);
    assert_eq!(plane.look(&first).await, "draining");
    plane.wait(QUIET * 2);
    assert_eq!(plane.look(&first).await, "draining", "somebody is connected");
    plane.connect(&first, 0);
    assert_eq!(plane.look(&first).await, "draining", "they may come back");
    plane.wait(QUIET / 2);
    plane.connect(&first, 1);
    plane.look(&first).await;
    plane.connect(&first, 0);
    plane.wait(QUIET / 2);
    assert_eq!(plane.look(&first).await, "draining", "they did");
    plane.wait(QUIET);
    assert_eq!(plane.look(&first).await, "login_revoked");
    let second = plane.begin(Drain::Wait).await;
    assert_eq!(plane.look(&second).await, "draining");
    plane.wait(QUIET);
    assert_eq!(plane.look(&second).await, "dropped");
    let listed = plane.control.list_credentials(&plane.main).await.expect("credentials");
    let names: Vec<_> = listed.iter().map(|it| &it.role.name).collect();
    assert_eq!(names, [&second.to.name]);
}

#[tokio::test]
async fn at_the_deadline_sessions_are_cut_only_where_that_was_asked_for() {
    for (drain, expected, left) in
        [(Drain::Wait, "login_revoked", 1), (Drain::Terminate, "dropped", 0)]
    {
        let mut plane = Plane::new().await;
        let original = plane.begin(Drain::Wait).await;
        plane.look(&original).await;
        plane.wait(QUIET);
        assert_eq!(plane.look(&original).await, "login_revoked");
        let rotation = plane.begin(drain).await;
        plane.connect(&rotation, 1);
        assert_eq!(plane.look(&rotation).await, "draining");
        plane.wait(chrono::TimeDelta::minutes(61));
        plane.look(&rotation).await;
        assert_eq!(plane.look(&rotation).await, expected);
        let sessions = plane.control.sessions_as(&plane.main, &rotation.from.name).await;
        assert_eq!(sessions.map(|sessions| sessions.len()), Some(left), "{drain:?}");
    }
}

#[tokio::test]
async fn a_rotation_goes_on_under_another_server_from_every_stage() {
    let mut plane = Plane::new().await;
    let original = plane.begin(Drain::Wait).await;
    plane.look(&original).await;
    plane.wait(QUIET);
    plane.look(&original).await;
    let rotation = plane.begin(Drain::Wait).await;
    let mut stages = vec!["planned"];
    for _ in 0..LOOKS {
        plane.settle().await;
        let computes = Computes::simulated(plane.simulated.clone());
        // Each server takes one look, and is forgotten with all that it knows.
        let mut server = Rotator::new(plane.control.clone(), computes, plane.clock.clone());
        server.look().await.expect("a look");
        plane.wait(QUIET);
        server.look().await.expect("a look");
        let found = plane.control.get_rotation(&plane.main, rotation.id).await;
        let found = found.expect("a rotation").0;
        stages.push(found.stage.as_str());
        if found.ended_at.is_some() {
            break;
        }
    }
    assert_eq!(stages.last(), Some(&"dropped"), "{stages:?}");
}
