//! A store with one project, and what is done to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use offshoot::clock::SystemClock;
use offshoot::model::annotation::Annotation;
use offshoot::model::cause::{Caller, Deed, Topic};
use offshoot::model::endpoint::{Site, Tuning};
use offshoot::model::id::BranchId;
use offshoot::model::name::RoleName;
use offshoot::model::origin::Origin;
use offshoot::model::project::{PgVersion, ProjectSettings};
use offshoot::model::revision::{Moment, Revision, Timestamp};
use offshoot::model::role::{Credential, Login, Role};
use offshoot::model::rules::branches::{Cutoff, NewBranch};
use offshoot::model::rules::endpoints::NewEndpoint;
use offshoot::model::rules::projects::NewProject;
use offshoot::model::rules::roles::NewRole;
use offshoot::model::rules::{Seed, branches, projects, roles};
use offshoot::model::secret::{Sealed, Verifier};
use offshoot::model::state::{Denied, Read, Write};
use offshoot::store::catalog::Catalog;
use offshoot::store::engine::{Engine, LogId};
use offshoot::store::{ProjectView, Store, StoreError};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub const LOG: LogId = LogId(1);

pub const CACHE_BYTES: u64 = 256 << 20;

/// A store with one project.
pub struct Plane {
    pub store: Store,
}

impl Plane {
    pub async fn over(engine: Arc<dyn Engine>) -> Self {
        let store = Store::over(engine, CACHE_BYTES, Arc::new(SystemClock)).expect("a store");
        let plane = Self { store };
        plane.create_project().await;
        plane
    }

    pub async fn create_project(&self) {
        let create = |s: &mut Catalog, m| projects::create(s, m, Seed(0), new_project());
        self.commit(Deed::CreateProject, create).await;
    }

    async fn commit<T: Send + 'static>(
        &self,
        deed: Deed,
        decide: impl FnMut(&mut Catalog, Moment) -> Result<T, Denied<StoreError>> + Send + 'static,
    ) -> Moment {
        let cause = Caller::offshoot().asks(deed, Topic::Whole);
        self.store.commit(LOG, cause, decide).await.expect("a commit").1
    }

    /// Creates roles as requests do, and returns how long that took.
    pub async fn create_roles(&self, round: usize, callers: usize, each: usize) -> Duration {
        let new = |caller, number| {
            let name = name(&format!("role-{round}-{caller}-{number}"));
            NewRole::new(name, login((round * callers + caller) * each + number))
        };
        let drawn: Vec<Vec<NewRole>> = (0..callers)
            .map(|caller| (0..each).map(|number| new(caller, number)).collect())
            .collect();
        let begun = Instant::now();
        let callers = drawn.into_iter().map(|drawn| async move {
            for new in drawn {
                let create = move |state: &mut Catalog, moment| {
                    roles::create(state, moment, Seed(7), &id("br-main"), new.clone())
                };
                self.commit(Deed::CreateRole, create).await;
            }
        });
        join_all(callers).await;
        begun.elapsed()
    }

    /// Puts `count` roles on a branch, `per_commit` of them in each commit.
    pub async fn load(&self, branch: &BranchId, count: usize, per_commit: usize) {
        for from in (0..count).step_by(per_commit) {
            let branch = branch.clone();
            let until = count.min(from + per_commit);
            let put = move |state: &mut Catalog, moment: Moment| {
                for number in from..until {
                    state.put_role(&branch, role(number, moment.at))?;
                }
                Ok(())
            };
            self.commit(Deed::CreateRole, put).await;
        }
    }

    /// Makes a child of `parent`.
    pub async fn branch(&self, parent: &BranchId, child: &BranchId) -> Moment {
        let name = child.as_str().parse().expect("a name");
        let new = NewBranch::new(child.clone(), name, parent.clone(), Cutoff::Head);
        let create = move |s: &mut Catalog, m| branches::create(s, m, Seed(7), new.clone());
        self.commit(Deed::CreateBranch, create).await
    }

    /// Makes a child of `parent` and lists its roles, as the answer to a request does.
    pub async fn branch_and_list(&self, parent: &BranchId, child: &BranchId) -> Moment {
        let moment = self.branch(parent, child).await;
        let view: ProjectView = self.store.view_at(LOG, moment.revision).expect("a state");
        assert!(!view.state.roles(child).expect("a state that reads").is_empty());
        moment
    }
}

fn new_project() -> NewProject {
    NewProject {
        id: "bench".parse().expect("an id"),
        name: "bench".parse().expect("a name"),
        pg_version: PgVersion::DEFAULT,
        store_passwords: true,
        history_retention_seconds: 0,
        password_policy: None,
        settings: ProjectSettings::default(),
        endpoint_defaults: Tuning::default(),
        branch: id("br-main"),
        branch_name: "main".parse().expect("a name"),
        annotation: Annotation::default(),
        database: "neondb".parse().expect("a name"),
        owner: "neondb_owner".parse().expect("a name"),
        credential: credential(0),
        has_system_role: false,
        endpoint: NewEndpoint {
            id: "ep-main".parse().expect("an id"),
            site: Site::Local { port: 5432 },
            tuning: Tuning::default(),
        },
    }
}

pub fn id(text: &str) -> BranchId {
    text.parse().expect("an id")
}

fn name(text: &str) -> RoleName {
    text.parse().expect("a name")
}

/// Returns the name of the role number `number` of those that are loaded.
pub fn loaded(number: usize) -> RoleName {
    name(&format!("loaded-{number:07}"))
}

fn role(number: usize, at: Timestamp) -> Role {
    Role {
        name: loaded(number),
        login: login(number),
        stands_for: None,
        protected: false,
        born: Revision(1),
        standing: None,
        origin: Origin { branch: id("br-main"), revision: Revision(1) },
        expires_at: None,
        deactivated_at: None,
        created_at: at,
        updated_at: at,
    }
}

fn login(number: usize) -> Login {
    Login::Password(credential(u64::try_from(number).expect("a number far below 2^64")))
}

/// Returns a credential that compresses no better than a real one.
fn credential(seed: u64) -> Credential {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut bytes = [0; 136];
    rng.fill(&mut bytes[..]);
    let (salt, rest) = bytes.split_at(16);
    let (stored, rest) = rest.split_at(32);
    let (server, sealed) = rest.split_at(32);
    let [salt, stored, server] = [salt, stored, server].map(|bytes| STANDARD.encode(bytes));
    let verifier = format!("SCRAM-SHA-256$4096:{salt}${stored}:{server}");
    let branch = id("br-main");
    Credential {
        branch,
        verifier: Verifier::from_trusted(verifier),
        sealed: Some(Sealed(sealed.into())),
    }
}
