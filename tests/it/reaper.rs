//! What expires goes at its time, whatever the clock does and whatever else cannot go.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use offshoot::clock::{Clock, ManualClock};
use offshoot::control::{
    Asker, BranchRef, BranchRequest, Caller, ControlPlane, Machine, ProjectRequest, RoleRequest,
    Settings,
};
use offshoot::entropy::SeededEntropy;
use offshoot::model::annotation::Annotation;
use offshoot::model::cause::{Deed, Topic};
use offshoot::model::change::Change;
use offshoot::model::id::ProjectId;
use offshoot::model::operation::Action;
use offshoot::model::point::Point;
use offshoot::model::revision::{Moment, Timestamp};
use offshoot::model::role::Role;
use offshoot::model::rules::branches::BranchChange;
use offshoot::model::state::{Read, Write};
use offshoot::ports::Ports;
use offshoot::reconcile::expiry::Reaper;
use offshoot::room::{FileSystem, Room};
use offshoot::store::Store;
use offshoot::store::catalog::Catalog;
use offshoot::vault::{KEY_BYTES, Vault};

use crate::store::memory::Memory;
use crate::store::support::{CACHE_BYTES, clock};

/// More than go in one look.
const MANY: usize = 150;

/// The use cases, a clock and a reaper; and a project, whose default branch is `main`.
struct Plane {
    control: ControlPlane,
    clock: Arc<ManualClock>,
    reaper: Reaper,
    main: BranchRef,
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
        let reaper = Reaper::new(control.clone(), clock.clone());
        let main = create_project(&control).await;
        Self { control, clock, reaper, main }
    }

    fn after(&self, seconds: i64) -> Timestamp {
        self.clock.now() + TimeDelta::seconds(seconds)
    }

    fn wait(&self, seconds: i64) {
        self.clock.advance_micros(seconds * 1_000_000);
    }

    async fn add_role(&self, at: &BranchRef, name: &str, expires_at: Timestamp) {
        let request = RoleRequest {
            name: name.parse().expect("a name"),
            no_login: true,
            expires_at: Some(expires_at),
        };
        self.control.create_role(&Asker::offshoot(), at, request).await.expect("a role");
    }

    async fn add_branch(&self, expires_at: Timestamp) -> BranchRef {
        let request = BranchRequest {
            name: None,
            parent: None,
            point: Point::Head,
            protected: false,
            expires_at: Some(expires_at),
            password_policy: None,
            annotation: Annotation::default(),
            endpoint: None,
        };
        let asker = Asker::offshoot();
        let created = self.control.create_branch(&asker, &self.main.project, request).await;
        let branch = created.expect("a branch").answer.branch.id;
        BranchRef { project: self.main.project.clone(), branch }
    }

    async fn look(&mut self) {
        self.reaper.look().await.expect("a look");
    }

    /// Returns the names of the roles that expire.
    fn expiring(&self, at: &BranchRef) -> Vec<String> {
        let roles = self.state(at).roles(&at.branch).expect("roles").into_iter();
        roles.filter(|role| role.expires_at.is_some()).map(|role| role.name.to_string()).collect()
    }

    fn state(&self, at: &BranchRef) -> Catalog {
        let mut surveyed = self.control.survey().expect("projects").into_iter();
        let found = surveyed.find(|surveyed| surveyed.project == at.project).expect("a project");
        self.control.store().view::<Catalog>(found.log).state
    }

    fn is_there(&self, at: &BranchRef) -> bool {
        self.state(at).branch(&at.branch).expect("a state that reads").is_some()
    }
}

async fn create_project(control: &ControlPlane) -> BranchRef {
    let created = control.create_project(&Asker::offshoot(), ProjectRequest::default()).await;
    let created = created.expect("a project").answer;
    BranchRef { project: created.project.id, branch: created.branch.id }
}

#[tokio::test]
async fn what_expires_goes_at_its_time_and_not_before() {
    let mut plane = Plane::new().await;
    let branch = plane.add_branch(plane.after(100)).await;
    plane.add_role(&branch, "early", plane.after(50)).await;
    plane.add_role(&branch, "late", plane.after(500)).await;
    plane.add_role(&plane.main, "a", plane.after(100)).await;
    plane.add_role(&plane.main, "b", plane.after(101)).await;
    plane.look().await;
    for (seconds, of_main, of_branch) in [
        (49, vec!["a", "b"], Some(vec!["early", "late"])),
        (1, vec!["a", "b"], Some(vec!["late"])),
        (49, vec!["a", "b"], Some(vec!["late"])),
        (1, vec!["b"], None),
        (1, vec![], None),
    ] {
        plane.wait(seconds);
        plane.look().await;
        assert_eq!(plane.expiring(&plane.main), of_main);
        assert_eq!(plane.is_there(&branch), of_branch.is_some());
        if let Some(expected) = of_branch {
            assert_eq!(plane.expiring(&branch), expected);
        }
    }
    let actions = |at| {
        let unfinished = plane.control.unfinished(at).expect("operations").into_iter();
        unfinished.map(|operation| operation.action).collect::<Vec<_>>()
    };
    let mut of_main = vec![Action::StartCompute];
    // Each of the two roles came and went.
    of_main.extend([Action::ApplyConfig; 4]);
    assert_eq!(actions(&plane.main), of_main);
    assert_eq!(actions(&branch), [Action::DeleteTimeline]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_lets_nothing_go_early_and_nothing_stay() {
    let mut plane = Plane::new().await;
    plane.add_role(&plane.main, "a", plane.after(100)).await;
    plane.wait(50);
    plane.look().await;
    plane.wait(-1000);
    plane.look().await;
    plane.wait(1000);
    plane.look().await;
    assert_eq!(plane.expiring(&plane.main), ["a"]);
    plane.wait(50);
    plane.look().await;
    assert!(plane.expiring(&plane.main).is_empty());

    // One that went ahead, and was set right again.
    plane.add_role(&plane.main, "b", plane.after(100)).await;
    plane.wait(99);
    plane.look().await;
    plane.wait(-60);
    plane.look().await;
    plane.wait(60);
    plane.look().await;
    assert_eq!(plane.expiring(&plane.main), ["b"]);
    plane.wait(1);
    plane.look().await;
    assert!(plane.expiring(&plane.main).is_empty());
}

#[tokio::test]
async fn many_that_are_due_at_once_all_go_in_a_few_looks() {
    let mut plane = Plane::new().await;
    let other = create_project(&plane.control).await;
    for number in 0..MANY {
        plane.add_role(&plane.main, &format!("role-{number}"), plane.after(100)).await;
    }
    plane.add_role(&other, "of_another_project", plane.after(100)).await;
    // As after a long sleep of the machine.
    plane.wait(1_000_000);
    plane.look().await;
    assert!(plane.expiring(&other).is_empty(), "the others do not wait for the first");
    assert!(!plane.expiring(&plane.main).is_empty());
    plane.look().await;
    plane.look().await;
    assert!(plane.expiring(&plane.main).is_empty());
}

/// Gives a role an end, which no rule would.
async fn force_end(plane: &Plane, name: &str, at: Timestamp) {
    let surveyed = plane.control.survey().expect("projects");
    let log = surveyed.iter().find(|it| it.project == plane.main.project).expect("a project").log;
    let (branch, name) = (plane.main.branch.clone(), name.parse().expect("a name"));
    let force = move |state: &mut Catalog, _: Moment| {
        let role = state.role(&branch, &name)?.expect("a role");
        state.put_role(&branch, Role { expires_at: Some(at), ..role })?;
        Ok(())
    };
    let cause = Caller::offshoot().asks(Deed::UpdateRole, Topic::Whole);
    plane.control.store().commit(log, cause, force).await.expect("a commit");
}

#[tokio::test]
async fn what_cannot_go_keeps_nothing_else_and_is_tried_again() {
    let mut plane = Plane::new().await;
    // It owns a database.
    force_end(&plane, "neondb_owner", plane.after(1)).await;
    let branch = plane.add_branch(plane.after(10)).await;
    plane.add_role(&plane.main, "a", plane.after(20)).await;
    plane.wait(10);
    plane.look().await;
    assert_eq!(plane.expiring(&plane.main), ["a", "neondb_owner"]);
    assert!(!plane.is_there(&branch));
    plane.wait(10);
    plane.look().await;
    assert_eq!(plane.expiring(&plane.main), ["neondb_owner"]);

    let (caller, database) = (Caller::offshoot(), "neondb".parse().expect("a name"));
    let deleted = plane.control.delete_database(&caller, &plane.main, &database).await;
    deleted.expect("a deletion");
    plane.look().await;
    assert_eq!(plane.expiring(&plane.main), ["neondb_owner"], "it was tried a moment ago");
    plane.wait(60);
    plane.look().await;
    assert!(plane.expiring(&plane.main).is_empty());
}

#[tokio::test]
async fn what_is_gone_or_got_another_time_meanwhile_is_left_alone() {
    let mut plane = Plane::new().await;
    let branch = plane.add_branch(plane.after(100)).await;
    let other = create_project(&plane.control).await;
    plane.add_role(&other, "a", plane.after(100)).await;
    plane.wait(100);
    let due = |project: &ProjectId| {
        let surveyed = plane.control.survey().expect("projects");
        let log = surveyed.iter().find(|it| it.project == *project).expect("a project").log;
        let due = plane.control.first_due(log, plane.clock.now(), &BTreeSet::new());
        due.expect("a store that reads").expect("something that is due")
    };
    let (of_main, of_other) = (due(&plane.main.project), due(&other.project));
    let expires_at = Change::Set(plane.after(1));
    let change = BranchChange { expires_at, ..BranchChange::default() };
    let caller = Caller::offshoot();
    plane.control.update_branch(&caller, &branch, change).await.expect("a change");
    plane.control.delete_project(&caller, &other.project).await.expect("a deletion");
    for (project, due) in [(&plane.main.project, of_main), (&other.project, of_other)] {
        let expired = plane.control.expire(project, &due).await.expect("no error");
        assert_eq!(expired, None);
    }
    plane.look().await;
    assert!(plane.is_there(&branch));
    plane.wait(1);
    plane.look().await;
    assert!(!plane.is_there(&branch));
}
