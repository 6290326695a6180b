//! What a project keeps of its history, and what goes, round by round of a clock that tests move.

mod expiry;
mod receipts;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use offshoot::clock::{Clock, ManualClock};
use offshoot::config::Trimming;
use offshoot::control::passes::Surveyed;
use offshoot::control::{
    Asker, BranchRef, BranchRequest, Caller, ControlError, ControlPlane, Machine, ProjectRequest,
    RoleRequest, Settings,
};
use offshoot::entropy::SeededEntropy;
use offshoot::model::cause::Deed;
use offshoot::model::endpoint::EndpointState;
use offshoot::model::lsn::Lsn;
use offshoot::model::operation::Operation;
use offshoot::model::point::Point;
use offshoot::model::progress::Trace;
use offshoot::model::project::PgVersion;
use offshoot::model::refusal::Refusal;
use offshoot::model::revision::{Moment, Revision, Timestamp};
use offshoot::model::rules::operations::{KEPT, MAX_FORGOTTEN};
use offshoot::model::rules::passes::{Outcome, Report};
use offshoot::model::rules::projects::ProjectChange;
use offshoot::model::state::{Mark, Read};
use offshoot::ports::Ports;
use offshoot::retention::{Counters, Trimmer};
use offshoot::room::{Disk, Room, Space};
use offshoot::store::Store;
use offshoot::store::catalog::Catalog;
use offshoot::store::directory::Directory;
use offshoot::store::engine::{Engine, LogId};
use offshoot::vault::{KEY_BYTES, Vault};
use tokio_util::sync::CancellationToken;

use crate::store::memory::Memory;
use crate::store::reach::{kept, needed};
use crate::store::support::{CACHE_BYTES, cause, clock};

const GRACE: Duration = Duration::from_secs(60);

/// How much of the disk is left free.
const ROOM: u64 = 1 << 20;

/// A server without a network or computes, one project, and a trimmer whose rounds the test makes.
struct Plane {
    engine: Arc<Memory>,
    clock: Arc<ManualClock>,
    disk: Told,
    control: ControlPlane,
    trimmer: Trimmer,
    main: BranchRef,
    roles: usize,
}

/// A disk that has as much free space as it is told.
#[derive(Clone)]
struct Told(Arc<AtomicU64>);

impl Disk for Told {
    fn space(&self) -> io::Result<Space> {
        Ok(Space { free: self.0.load(Ordering::SeqCst), size: 1 << 40 })
    }
}

async fn open(
    engine: &Arc<Memory>,
    clock: &Arc<ManualClock>,
    disk: &Told,
) -> (ControlPlane, Trimmer) {
    let store = Store::over(engine.clone(), CACHE_BYTES, clock.clone()).expect("a store");
    let machine = Machine {
        clock: clock.clone(),
        entropy: Arc::new(SeededEntropy::new(1)),
        vault: Vault::new(&[7; KEY_BYTES]),
        ports: Ports::new(42_000..=42_099),
        room: Arc::new(Room::new(Box::new(disk.clone()), ROOM)),
    };
    let settings = Settings { installed: vec![PgVersion::DEFAULT], ..Settings::default() };
    let control = ControlPlane::open(store, machine, settings).await.expect("use cases");
    let pace = Trimming { every: Duration::from_secs(60), grace: GRACE };
    let trimmer = Trimmer::new(control.clone(), clock.clone(), pace, CancellationToken::new());
    (control, trimmer.expect("a trimmer"))
}

impl Plane {
    async fn new(retention_seconds: u32) -> Self {
        let (engine, clock) = (Arc::new(Memory::default()), clock());
        let disk = Told(Arc::new(AtomicU64::new(u64::MAX)));
        let (control, trimmer) = open(&engine, &clock, &disk).await;
        let request = ProjectRequest {
            history_retention_seconds: Some(retention_seconds),
            ..ProjectRequest::default()
        };
        let created = control.create_project(&Asker::offshoot(), request).await;
        let created = created.expect("a project").answer;
        let main = BranchRef { project: created.project.id, branch: created.branch.id };
        Self { engine, clock, disk, control, trimmer, main, roles: 0 }
    }

    /// Goes on as after a restart.
    async fn restart(self) -> Self {
        self.control.store().close().await;
        let (control, trimmer) = open(&self.engine, &self.clock, &self.disk).await;
        Self { control, trimmer, ..self }
    }

    fn pass_time(&self, seconds: i64) {
        self.clock.advance_micros(seconds * 1_000_000);
    }

    fn clock_in(&self, seconds: i64) -> Timestamp {
        self.clock.now() + TimeDelta::seconds(seconds)
    }

    /// Creates `count` roles, each so many seconds after the one before.
    async fn create_roles(&mut self, count: usize, seconds: i64) {
        for _ in 0..count {
            self.pass_time(seconds);
            let name = format!("role-{}", self.roles).parse().expect("a name");
            self.roles += 1;
            let asker = Asker::offshoot();
            let request = RoleRequest { name, no_login: true, expires_at: None };
            let created = self.control.create_role(&asker, &self.main, request).await;
            created.expect("a role");
        }
    }

    async fn round(&mut self) -> Counters {
        self.trimmer.round().await;
        *self.trimmer.counters().borrow()
    }

    fn log(&self) -> LogId {
        self.surveyed().log
    }

    fn surveyed(&self) -> Surveyed {
        let mut survey = self.control.survey().expect("projects");
        survey.pop().expect("a project")
    }

    fn floor(&self) -> Moment {
        self.control.store().floor(self.log()).expect("a floor").expect("a commit")
    }

    fn head(&self) -> Revision {
        self.control.store().extent(self.log()).expect("a log").head
    }

    async fn branch(&self, point: Point) -> Result<Revision, ControlError> {
        let parent = Some(self.main.branch.clone());
        let request = BranchRequest { parent, point, ..BranchRequest::default() };
        let created =
            self.control.create_branch(&Asker::offshoot(), &self.main.project, request).await?;
        Ok(created.answer.branch.branch_point().expect("a parent").cutoff)
    }

    /// Records that everything was applied, at that place of the Postgres's log.
    async fn pass(&self, lsn: u64) {
        let revision = self.head();
        let outcome = Outcome::Done {
            left: Some(EndpointState::Active),
            mark: Some(Mark { lsn: Lsn(lsn), revision }),
            problems: vec![],
            delayed: vec![],
            next: Timestamp::UNIX_EPOCH,
        };
        let branch = self.main.branch.clone();
        let assignment = self.control.assignment(&self.main).expect("a look").expect("a project");
        let endpoint = assignment.endpoint.map(|endpoint| endpoint.id);
        let report = Report { branch, endpoint, revision, outcome, trace: Trace::default() };
        self.control.record_pass(&self.main, report).await.expect("a record");
    }

    fn operations(&self) -> Vec<Operation> {
        let view = self.control.store().view::<Catalog>(self.log());
        view.state.oldest_operations(usize::MAX).expect("operations")
    }

    fn assert_tidy(&self) {
        assert_eq!(kept(&*self.engine, self.log()), needed(&*self.engine, self.log()));
    }
}

fn begins(error: ControlError) -> String {
    let ControlError::Refused(
        Refusal::PointOutsideHistory { earliest: begins, .. } | Refusal::HistoryTrimmed { begins },
    ) = error
    else {
        panic!("{error:?}");
    };
    begins
}

#[tokio::test]
async fn a_project_keeps_the_history_that_it_asks_for() {
    let mut plane = Plane::new(3600).await;
    let born = plane.floor();
    plane.create_roles(58, 60).await;
    assert_eq!(plane.round().await.rows_trimmed, 0);
    assert_eq!(plane.floor(), born);
    plane.create_roles(100, 60).await;
    let counters = plane.round().await;
    let horizon = plane.clock.now() - TimeDelta::seconds(3600);
    let floor = plane.floor();
    assert!(floor.at <= horizon && horizon < floor.at + TimeDelta::seconds(60), "{floor:?}");
    assert!(30 < counters.rows_trimmed, "{counters:?}");
    assert_eq!(counters.rows_kept, kept(&*plane.engine, plane.log()).len() as u64);
    assert_eq!(counters.oldest_floor, Some(floor.at));
    assert_eq!(counters.last_run, Some(plane.clock.now()));
    plane.assert_tidy();
    let error = plane.branch(Point::Time(floor.at - TimeDelta::microseconds(1))).await;
    let begins = begins(error.expect_err("a point that is gone"));
    assert_eq!(begins.parse::<Timestamp>().expect("a time"), floor.at);
    let cutoff = plane.branch(Point::Time(floor.at)).await.expect("a branch at the floor");
    assert_eq!(cutoff, floor.revision);
    let history = plane.control.history(&plane.main.project, None).expect("a history");
    assert_eq!(history.earliest, floor.at);
}

#[tokio::test]
async fn a_project_that_keeps_no_history_keeps_its_newest_state_and_what_is_young() {
    let mut plane = Plane::new(0).await;
    plane.create_roles(100, 1).await;
    plane.round().await;
    let age = plane.clock.now() - plane.floor().at;
    assert_eq!(age.to_std().expect("a time that has passed"), GRACE);
    plane.pass_time(3600);
    plane.round().await;
    assert_eq!(plane.floor().revision, plane.head());
    plane.assert_tidy();
    let view = plane.control.store().view::<Catalog>(plane.log());
    assert_eq!(view.state.roles(&plane.main.branch).expect("roles").len(), 101);
    assert_eq!(plane.round().await.rows_trimmed, plane.round().await.rows_trimmed);
}

#[tokio::test]
async fn little_that_could_go_waits_until_marking_is_worth_it() {
    let mut plane = Plane::new(100).await;
    plane.create_roles(200, 1).await;
    plane.round().await;
    let floor = plane.floor();
    plane.create_roles(5, 1).await;
    plane.round().await;
    assert_eq!(plane.floor(), floor);
    plane.create_roles(20, 1).await;
    plane.round().await;
    assert_eq!(plane.floor().revision, Revision(floor.revision.0 + 25));
}

#[tokio::test]
async fn what_the_last_server_did_not_come_to_the_next_one_does() {
    let mut plane = Plane::new(0).await;
    plane.create_roles(100, 1).await;
    plane.pass_time(3600);
    // The floor is durable, and the machine stops.
    plane.engine.trim(plane.log(), plane.head(), &[]).expect("a floor");
    plane = plane.restart().await;
    assert!(0 < plane.round().await.rows_trimmed);
    plane.assert_tidy();
}

#[tokio::test]
async fn a_deleted_project_goes_whole_when_its_retention_has_passed() {
    let mut plane = Plane::new(3600).await;
    plane.create_roles(10, 1).await;
    let (log, surveyed) = (plane.log(), plane.surveyed());
    plane
        .control
        .delete_project(&Caller::offshoot(), &plane.main.project)
        .await
        .expect("a deletion");
    assert!(!plane.control.forget_project(&surveyed).await.expect("a look"), "work is left");
    plane.pass_time(7200);
    plane.round().await;
    assert!(plane.control.store().extent(log).is_some(), "work is left");
    plane.pass(1).await;
    assert!(plane.control.forget_project(&surveyed).await.expect("a look"));
    plane.pass_time(3599);
    plane = plane.restart().await;
    plane.round().await;
    assert!(plane.control.store().extent(log).is_some(), "it is kept for its retention");
    plane.pass_time(1);
    let counters = plane.round().await;
    assert_eq!((counters.logs_removed, plane.control.store().extent(log)), (1, None));
    assert!(plane.engine.rows().keys().all(|(of, _)| *of == LogId::DIRECTORY));
}

/// As it is between the two commits of a project's creation.
#[tokio::test]
async fn a_log_that_the_directory_does_not_have_yet_goes_only_after_a_restart() {
    let mut plane = Plane::new(0).await;
    plane.create_roles(3, 1).await;
    let (project, log) = (plane.main.project.clone(), plane.log());
    let unlist = move |directory: &mut Directory, _| Ok(directory.remove_project(&project)?);
    let cause = cause(Deed::SetUp);
    plane.control.store().commit(LogId::DIRECTORY, cause, unlist).await.expect("a commit");
    plane.pass_time(3600);
    plane.round().await;
    assert!(plane.control.store().extent(log).is_some(), "the second commit may still come");
    plane = plane.restart().await;
    assert_eq!(plane.round().await.logs_removed, 1);
    assert_eq!(plane.control.store().extent(log), None);
}

#[tokio::test]
async fn operations_that_ended_long_ago_are_forgotten_a_few_in_each_commit() {
    let mut plane = Plane::new(3600).await;
    plane.create_roles(150, 1).await;
    plane.pass(1).await;
    plane.create_roles(1, 1).await;
    let unfinished = plane.operations().pop().expect("an operation");
    plane.pass_time(KEPT.num_seconds() - 3600);
    plane.round().await;
    assert_eq!(plane.operations().len(), 153);
    plane.pass_time(7200);
    let before = plane.head();
    let counters = plane.round().await;
    assert_eq!(plane.operations(), [unfinished]);
    assert_eq!(counters.operations_forgotten, 152);
    let commits = 152_u64.div_ceil(MAX_FORGOTTEN as u64);
    assert_eq!(plane.head(), Revision(before.0 + commits));
    plane.round().await;
    assert_eq!(plane.head(), Revision(before.0 + commits), "nothing more is written");
}

#[tokio::test]
async fn an_lsn_stays_good_while_the_postgres_has_the_oldest_state_there() {
    let mut plane = Plane::new(0).await;
    plane.create_roles(3, 1).await;
    plane.pass(100).await;
    plane.create_roles(3, 1).await;
    plane.pass(200).await;
    plane.pass_time(3600);
    plane.round().await;
    let floor = plane.floor();
    let cutoff = plane.branch(Point::Lsn(Lsn(200))).await.expect("a branch");
    assert_eq!(cutoff, floor.revision, "the Postgres has had the oldest state since");
    begins(plane.branch(Point::Lsn(Lsn(199))).await.expect_err("a state that is gone"));
    // Now the oldest state has a role that the Postgres did not have at that place.
    plane.create_roles(1, 1).await;
    plane.pass_time(3600);
    plane.round().await;
    begins(plane.branch(Point::Lsn(Lsn(200))).await.expect_err("a state that is gone"));
}

#[tokio::test]
async fn what_is_wrong_with_one_log_does_not_keep_the_others() {
    let mut plane = Plane::new(0).await;
    let healthy = plane.log();
    let request = ProjectRequest { history_retention_seconds: Some(0), ..Default::default() };
    let other = plane.control.create_project(&Asker::offshoot(), request).await;
    let other = other.expect("a project").answer.project.id;
    let logs = plane.control.survey().expect("projects");
    let damaged = logs.iter().find(|found| found.project == other).expect("the project").log;
    plane.create_roles(20, 1).await;
    let update = ProjectChange { history_retention_seconds: Some(1), ..Default::default() };
    plane.control.update_project(&Caller::offshoot(), &other, update).await.expect("a change");
    plane.engine.rows().get_mut(&(damaged, Revision(1))).expect("a row")[9] ^= 1;
    plane.pass_time(3600);
    plane.round().await;
    let extent = plane.control.store().extent(healthy).expect("a log");
    assert_eq!(extent.floor, extent.head);
}
