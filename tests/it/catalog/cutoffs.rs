//! What a child has of its parent, said in plain words.

use std::sync::Arc;

use offshoot::clock::ManualClock;
use offshoot::model::id::BranchId;
use offshoot::model::name::RoleName;
use offshoot::model::revision::{Moment, Revision};
use offshoot::model::role::Login;
use offshoot::model::rules::Seed;
use offshoot::model::rules::branches::{Cutoff, NewBranch};
use offshoot::model::state::Read;
use offshoot::store::Store;
use offshoot::store::catalog::Catalog;
use offshoot::store::engine::Engine;

use super::command::{Command, credential, id, name};
use super::world::bulk;
use crate::store::memory::Memory;
use crate::store::support::{CACHE_BYTES, LOG, cause, clock};

/// A store with a project, and verbs for what is done to it.
struct Plane {
    engine: Arc<Memory>,
    store: Store,
    clock: Arc<ManualClock>,
}

impl Plane {
    async fn new() -> Self {
        let (engine, clock) = (Arc::new(Memory::default()), clock());
        let store = Store::over(engine.clone(), CACHE_BYTES, clock.clone() as _).expect("a store");
        let plane = Self { engine, store, clock };
        plane.run(Command::CreateProject).await;
        plane
    }

    async fn run(&self, command: Command) -> Moment {
        self.clock.advance_micros(1_000_000);
        let deed = command.deed();
        let decide =
            move |state: &mut Catalog, moment: Moment| command.run(state, moment, Seed(1 << 20));
        self.store.commit(LOG, cause(deed), decide).await.expect("a commit").1
    }

    async fn create(&self, branch: usize, role: &str, password: u64) -> Moment {
        let (branch, login) = (id(branch), Login::Password(credential(password)));
        self.run(Command::CreateRole { branch, name: text(role), login }).await
    }

    async fn reset(&self, branch: usize, role: &str, password: u64) -> Moment {
        let credential = credential(password);
        self.run(Command::ResetPassword { branch: id(branch), name: text(role), credential }).await
    }

    async fn drop_role(&self, branch: usize, role: &str) -> Moment {
        self.run(Command::DropRole { branch: id(branch), name: text(role) }).await
    }

    async fn branch(&self, parent: usize, child: usize, cutoff: Option<Moment>) -> Moment {
        let past = |Moment { revision, at }| Cutoff::Past { revision, at, lsn: None };
        let cutoff = cutoff.map_or(Cutoff::Head, past);
        let new = NewBranch::new(id(child), name(child), id(parent), cutoff);
        self.run(Command::Branch { new, asked: None }).await
    }

    /// Returns the number of the role's password on the branch, at its newest revision.
    fn password(&self, branch: usize, role: &str) -> Option<String> {
        let state = self.store.view::<Catalog>(LOG).state;
        let role = state.role(&id(branch), &text(role)).expect("a state that reads")?;
        let verifier = role.login.credential().expect("a password").verifier.reveal().to_owned();
        verifier.split(['$', ':']).nth(3).map(ToOwned::to_owned)
    }

    /// Returns how many bytes the row of a commit has.
    fn row_bytes(&self, moment: Moment) -> usize {
        self.engine.row(LOG, moment.revision).expect("a read").expect("a row").len()
    }
}

fn text(role: &str) -> RoleName {
    role.parse().expect("a name")
}

#[tokio::test]
async fn a_child_has_what_its_parent_had_at_the_cutoff_and_nothing_later() {
    let plane = Plane::new().await;
    plane.create(0, "dropped", 1).await;
    plane.create(0, "reset", 2).await;
    let cutoff = plane.create(0, "last", 3).await;
    plane.create(0, "late", 4).await;
    plane.reset(0, "reset", 5).await;
    plane.drop_role(0, "dropped").await;
    plane.branch(0, 1, Some(cutoff)).await;
    let of_child = ["dropped", "reset", "last", "late"].map(|role| plane.password(1, role));
    assert_eq!(of_child, [Some("1".into()), Some("2".into()), Some("3".into()), None]);
    let of_parent = ["dropped", "reset", "last", "late"].map(|role| plane.password(0, role));
    assert_eq!(of_parent, [None, Some("5".into()), Some("3".into()), Some("4".into())]);
}

#[tokio::test]
async fn what_happens_after_the_branching_stays_on_its_side() {
    let plane = Plane::new().await;
    plane.create(0, "app", 1).await;
    let born = plane.branch(0, 1, None).await;
    plane.reset(0, "app", 2).await;
    plane.create(0, "parents", 3).await;
    plane.create(1, "childs", 4).await;
    plane.drop_role(1, "app").await;
    assert_eq!(plane.password(0, "app"), Some("2".into()));
    assert_eq!(plane.password(0, "childs"), None);
    assert_eq!(plane.password(1, "app"), None);
    assert_eq!(plane.password(1, "parents"), None);
    let then = plane.store.view_at::<Catalog>(LOG, born.revision).expect("a view").state;
    for branch in [0, 1] {
        let names: Vec<_> =
            then.roles(&id(branch)).expect("roles").into_iter().map(|r| r.name).collect();
        assert_eq!(
            names,
            ["app", "neondb_owner", "web_access"]
                .map(|n| { RoleName::parse_existing(n).expect("a name") })
        );
    }
}

#[tokio::test]
async fn a_grandchild_can_begin_at_a_time_when_its_parent_was_just_born() {
    let plane = Plane::new().await;
    plane.create(0, "app", 1).await;
    let born = plane.branch(0, 1, None).await;
    plane.reset(1, "app", 2).await;
    plane.branch(1, 2, Some(born)).await;
    assert_eq!(plane.password(2, "app"), Some("1".into()));
}

#[tokio::test]
async fn a_role_that_was_dropped_and_made_again_is_another_role() {
    let plane = Plane::new().await;
    let first = plane.create(0, "app", 1).await;
    plane.branch(0, 1, None).await;
    plane.drop_role(0, "app").await;
    let second = plane.create(0, "app", 2).await;
    let state = plane.store.view::<Catalog>(LOG).state;
    let born =
        |branch: BranchId| state.role(&branch, &text("app")).expect("a read").expect("a role").born;
    assert_eq!((born(id(0)), born(id(1))), (second.revision, first.revision));
}

#[tokio::test]
async fn branching_writes_one_row_of_the_same_size_whatever_the_parent_has() {
    let plane = Plane::new().await;
    let few = plane.create(0, "app", 1).await;
    let names = (0..3000).map(bulk).collect();
    plane.run(Command::CreateRoles { branch: id(0), names, credential: credential(1) }).await;
    let small = plane.branch(0, 1, Some(few)).await;
    let large = plane.branch(0, 2, None).await;
    assert_eq!((small.revision, large.revision), (Revision(4), Revision(5)));
    let bytes = [small, large].map(|moment| plane.row_bytes(moment));
    assert!(bytes[0].abs_diff(bytes[1]) < 300 && bytes[1] < 4096, "{bytes:?}");
}
