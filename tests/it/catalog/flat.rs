//! What does not grow: a branch is created, reset and restored by one small row, however many roles
//! it has and however deep it lies.

use std::sync::Arc;

use offshoot::clock::ManualClock;
use offshoot::model::annotation::Annotation;
use offshoot::model::cause::Deed;
use offshoot::model::endpoint::{Site, Tuning};
use offshoot::model::id::BranchId;
use offshoot::model::origin::Origin;
use offshoot::model::project::{PgVersion, ProjectSettings};
use offshoot::model::revision::{Moment, Revision, Timestamp};
use offshoot::model::role::{Credential, Login, Role};
use offshoot::model::rules::branches::{Cutoff, NewBranch};
use offshoot::model::rules::endpoints::NewEndpoint;
use offshoot::model::rules::passwords::Passwords;
use offshoot::model::rules::projects::NewProject;
use offshoot::model::rules::restore::{Restoration, restore};
use offshoot::model::rules::{Seed, branches, projects};
use offshoot::model::secret::{Sealed, Verifier};
use offshoot::model::state::{Denied, Read, Write};
use offshoot::store::catalog::Catalog;
use offshoot::store::{Store, StoreError};

use super::shelf::{self, Graft, Shelf};
use crate::store::memory::Memory;
use crate::store::support::{CACHE_BYTES, LOG, cause, clock};

/// The largest row, in bytes, of a branch that is created, reset or restored.
const MAX_ROW_BYTES: usize = 2048;

const ROLES_PER_COMMIT: usize = 5_000;

struct Plane {
    engine: Arc<Memory>,
    store: Store,
    clock: Arc<ManualClock>,
}

/// An id as long as those that are drawn.
fn id(number: usize) -> BranchId {
    format!("br-solitary-resonance-{number:08}").parse().expect("an id")
}

fn credential() -> Credential {
    let verifier =
        format!("SCRAM-SHA-256$4096:{}${}:{}", "s".repeat(24), "k".repeat(44), "v".repeat(44));
    Credential {
        verifier: Verifier::from_trusted(verifier),
        sealed: Some(Sealed(vec![7; 56].into())),
        branch: id(0),
    }
}

fn role(number: usize) -> Role {
    let revision = Revision(2);
    Role {
        name: format!("role-{number:07}").parse().expect("a name"),
        login: Login::Password(credential()),
        stands_for: None,
        protected: false,
        born: revision,
        standing: None,
        origin: Origin { branch: id(0), revision },
        expires_at: None,
        deactivated_at: None,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

impl Plane {
    async fn new() -> Self {
        let (engine, clock) = (Arc::new(Memory::default()), clock());
        let store = Store::over(engine.clone(), CACHE_BYTES, clock.clone() as _).expect("a store");
        let plane = Self { engine, store, clock };
        let new = || NewProject {
            id: "solitary-resonance-00000000".parse().expect("an id"),
            name: "shop".parse().expect("a name"),
            pg_version: PgVersion::DEFAULT,
            store_passwords: true,
            history_retention_seconds: 86_400,
            settings: ProjectSettings::default(),
            endpoint_defaults: Tuning::default(),
            password_policy: None,
            branch: id(0),
            branch_name: "main".parse().expect("a name"),
            annotation: Annotation::default(),
            database: "neondb".parse().expect("a name"),
            owner: "neondb_owner".parse().expect("a name"),
            credential: credential(),
            has_system_role: false,
            endpoint: NewEndpoint {
                id: "ep-solitary-resonance-00000000".parse().expect("an id"),
                site: Site::Local { port: 5433 },
                tuning: Tuning::default(),
            },
        };
        plane.commit(move |s, m| projects::create(s, m, Seed(1), new()).map(drop)).await;
        plane
    }

    async fn commit(
        &self,
        decide: impl FnMut(&mut Catalog, Moment) -> Result<(), Denied<StoreError>> + Send + 'static,
    ) -> Moment {
        self.clock.advance_micros(1_000_000);
        self.store.commit(LOG, cause(Deed::CreateBranch), decide).await.expect("a commit").1
    }

    async fn load(&self, count: usize) {
        for from in (0..count).step_by(ROLES_PER_COMMIT) {
            let until = count.min(from + ROLES_PER_COMMIT);
            self.commit(move |state, _| {
                for number in from..until {
                    state.put_role(&id(0), role(number))?;
                }
                Ok(())
            })
            .await;
        }
    }

    /// Gives the first branch a million roles, and returns where they are.
    async fn load_million(&mut self) -> Arc<Shelf> {
        self.store.close().await;
        let million = Arc::new(Shelf::after_first_row(Arc::clone(&self.engine), LOG, role));
        let clock = self.clock.clone();
        self.store = Store::over(million.clone(), CACHE_BYTES, clock as _).expect("a store");
        let root = million.root();
        let graft = move |state: &mut Graft, _| {
            state.give(id(0), root);
            Ok(())
        };
        self.clock.advance_micros(1_000_000);
        self.store.commit(LOG, cause(Deed::CreateRole), graft).await.expect("a commit");
        million
    }

    async fn branch(&self, parent: usize, child: usize, cutoff: Cutoff) -> Moment {
        let name = format!("preview/{child:06}").parse().expect("a name");
        let new = NewBranch::new(id(child), name, id(parent), cutoff);
        self.commit(move |s, m| branches::create(s, m, Seed(2), new.clone()).map(drop)).await
    }

    async fn restore(&self, target: usize, source: usize, cutoff: Cutoff) -> Moment {
        let preserve = (target == source)
            .then(|| (id(9_000_000 + target), format!("old/{target}").parse().expect("a name")));
        let asked = Restoration {
            target: id(target),
            source: id(source),
            cutoff,
            preserve,
            passwords: Passwords::Inherited,
        };
        self.commit(move |s, m| restore(s, m, Seed(3), &asked).map(drop)).await
    }

    fn row_bytes(&self, moment: Moment) -> usize {
        self.engine.rows()[&(LOG, moment.revision)].len()
    }
}

async fn check_rows(plane: &Plane, depth: usize) {
    for child in 1..depth {
        plane.branch(child - 1, child, Cutoff::Head).await;
    }
    let created = plane.branch(depth - 1, depth, Cutoff::Head).await;
    let past = Cutoff::Past { revision: Revision(created.revision.0), at: created.at, lsn: None };
    let reset = plane.restore(depth, depth - 1, Cutoff::Head).await;
    let restored = plane.restore(depth, depth, past).await;
    for (what, moment) in [("create", created), ("reset", reset), ("restore", restored)] {
        let bytes = plane.row_bytes(moment);
        assert!(bytes <= MAX_ROW_BYTES, "{what} at depth {depth}: {bytes} bytes");
    }
}

#[tokio::test]
async fn a_branch_is_created_reset_and_restored_by_one_small_row() {
    for (roles, depth) in [(10, 1), (10_000, 1), (10, 1_000), (10_000, 1_000)] {
        let plane = Plane::new().await;
        plane.load(roles).await;
        check_rows(&plane, depth).await;
    }
}

#[tokio::test]
async fn a_branch_of_a_million_roles_is_as_well_and_one_row_of_them_is_read_at_the_most() {
    for depth in [1, 1_000] {
        let mut plane = Plane::new().await;
        let million = plane.load_million().await;
        check_rows(&plane, depth).await;
        assert!(million.take_read() <= 1, "what expires first is all that is looked for");
        let state = plane.store.view::<Catalog>(LOG).state;
        for number in [0, 1_999, 2_000, 617_283, shelf::ROLES - 1] {
            let asked = role(number);
            let found = state.role(&id(depth), &asked.name).expect("a state that reads");
            assert_eq!(found, Some(asked), "the branch has them all");
        }
        let next = state.role(&id(depth), &role(shelf::ROLES).name).expect("a state that reads");
        assert_eq!(next, None);
    }
}
