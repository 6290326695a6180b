//! What goes by itself: that it does on a disk that is too full for requests, and that it is counted.

use std::sync::atomic::Ordering;

use offshoot::control::{Asker, BranchRequest, ControlError, RoleRequest};
use offshoot::meter::{Metered, Value};
use offshoot::model::revision::Timestamp;
use offshoot::model::rules::operations::KEPT;
use offshoot::model::state::Read;
use offshoot::reconcile::expiry::Reaper;
use offshoot::store::catalog::Catalog;

use super::{Plane, ROOM};

/// Offshoot's own writes go on down to this part of the room that is left free.
const RESERVE: u64 = ROOM / 4;

impl Plane {
    fn reaper(&self) -> Reaper {
        Reaper::new(self.control.clone(), self.clock.clone())
    }

    fn leave(&self, free: u64) {
        self.disk.0.store(free, Ordering::SeqCst);
    }

    async fn create_role(&self, expires_at: Option<Timestamp>) -> Result<(), ControlError> {
        let request =
            RoleRequest { name: "late".parse().expect("a name"), no_login: true, expires_at };
        self.control.create_role(&Asker::offshoot(), &self.main, request).await.map(drop)
    }

    fn has_role(&self) -> bool {
        let name = "late".parse().expect("a name");
        let view = self.control.store().view::<Catalog>(self.log());
        view.state.role(&self.main.branch, &name).expect("a state that reads").is_some()
    }
}

fn value(metered: &dyn Metered, name: &str) -> Value {
    let found = metered.metrics().into_iter().find(|metric| metric.name == name);
    found.expect("a metric").value
}

fn expired(branches: u64, roles: u64) -> Value {
    Value::Counters { label: "kind", counts: vec![("branch", branches), ("role", roles)] }
}

#[tokio::test]
async fn what_expires_is_deleted_when_its_time_has_come_and_counted() {
    let plane = Plane::new(3600).await;
    let mut reaper = plane.reaper();
    let due = plane.clock_in(60);
    plane.create_role(Some(due)).await.expect("a role");
    let request = BranchRequest { expires_at: Some(due), ..BranchRequest::default() };
    let project = &plane.main.project;
    let child = plane.control.create_branch(&Asker::offshoot(), project, request).await;
    child.expect("a branch");
    plane.pass_time(59);
    reaper.look().await.expect("a look");
    assert_eq!(value(&*reaper.meters(), "offshoot_expired"), expired(0, 0));
    assert!(plane.has_role());
    plane.pass_time(1);
    for _ in 0..2 {
        reaper.look().await.expect("a look");
        // The child's role went with it.
        assert_eq!(value(&*reaper.meters(), "offshoot_expired"), expired(1, 1));
    }
    assert!(!plane.has_role());
}

#[tokio::test]
async fn what_goes_by_itself_goes_on_where_requests_are_refused_and_stops_before_the_disk_is_full()
{
    let mut plane = Plane::new(3600).await;
    plane.create_roles(20, 1).await;
    plane.pass(1).await;
    plane.pass_time(KEPT.num_seconds() + 3600);
    plane.create_role(Some(plane.clock_in(60))).await.expect("a role");
    plane.pass_time(60);
    let mut reaper = plane.reaper();

    plane.leave(RESERVE - 1);
    reaper.look().await.expect("a look");
    assert!(plane.has_role(), "nothing is written");
    assert_eq!(plane.round().await.operations_forgotten, 0);

    plane.leave(RESERVE);
    let refused = plane.create_role(None).await.expect_err("a disk that is too full");
    assert!(matches!(refused, ControlError::NoRoom(_)), "{refused:?}");
    plane.reaper().look().await.expect("a look");
    assert!(!plane.has_role());
    assert!(0 < plane.round().await.operations_forgotten);
}

#[tokio::test]
async fn what_the_trimmer_counts_is_shown() {
    let mut plane = Plane::new(3600).await;
    plane.create_roles(150, 60).await;
    plane.pass_time(KEPT.num_seconds());
    let counters = plane.round().await;
    let shown = plane.trimmer.counters();
    let seconds = |at: Timestamp| u64::try_from(at.timestamp()).expect("a time after 1970");
    assert!(0 < counters.rows_trimmed && 0 < counters.rows_kept, "{counters:?}");
    for (name, expected) in [
        ("offshoot_trim_rows_deleted", Value::Counter(counters.rows_trimmed)),
        ("offshoot_trim_rows_kept", Value::Gauge(counters.rows_kept)),
        ("offshoot_trim_logs_removed", Value::Counter(0)),
        ("offshoot_trim_operations_forgotten", Value::Counter(counters.operations_forgotten)),
        ("offshoot_trim_oldest_floor_timestamp_seconds", Value::Gauge(seconds(plane.floor().at))),
        ("offshoot_trim_last_run_timestamp_seconds", Value::Gauge(seconds(plane.clock_in(0)))),
    ] {
        assert_eq!(value(&shown, name), expected, "{name}");
    }
}
