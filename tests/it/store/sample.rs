//! A small store with one of everything that can be stored, always the same to the byte.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use offshoot::clock::ManualClock;
use offshoot::model::annotation::Annotation;
use offshoot::model::branch::PasswordPolicy;
use offshoot::model::cause::{Caller, Cause, Deed, Topic};
use offshoot::model::change::Change;
use offshoot::model::endpoint::{Attachment, EndpointState, Power, Site, TlsMode, Tuning};
use offshoot::model::fault::Fault;
use offshoot::model::id::BranchId;
use offshoot::model::key::KeyId;
use offshoot::model::lsn::Lsn;
use offshoot::model::merge::Choices;
use offshoot::model::name::BranchName;
use offshoot::model::operation::Subject;
use offshoot::model::progress::{StepEnd, Trace};
use offshoot::model::project::{PgVersion, Project, ProjectSettings};
use offshoot::model::revision::{Moment, Timestamp};
use offshoot::model::role::{Credential, Login};
use offshoot::model::rules::branches::{BranchChange, Cutoff, NewBranch};
use offshoot::model::rules::databases::DatabaseChange;
use offshoot::model::rules::endpoints::NewEndpoint;
use offshoot::model::rules::merge::{Asked, merge};
use offshoot::model::rules::passes::{Outcome, Problem, Report};
use offshoot::model::rules::passwords::Passwords;
use offshoot::model::rules::projects::NewProject;
use offshoot::model::rules::roles::{NewRole, OnOwned};
use offshoot::model::rules::{
    Seed, branches, databases, endpoints, operations, passes, projects, roles,
};
use offshoot::model::secret::{Sealed, Verifier};
use offshoot::model::state::{Denied, Mark, Read};
use offshoot::store::catalog::Catalog;
use offshoot::store::directory::Directory;
use offshoot::store::engine::LogId;
use offshoot::store::{Store, StoreError, transfer};
use uuid::Uuid;

use super::account;
use super::memory::Memory;
use super::support::{CACHE_BYTES, clock, time};
use super::{drifting, rotating};

/// The log of the sample's project.
pub const LOG: LogId = LogId(1);

/// The log of a project that was deleted.
pub const LOG_OF_DELETED: LogId = LogId(0x0102_0304_0506_0708);

pub fn of<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("a text that parses")
}

pub fn credential(number: u8, is_sealed: bool) -> Credential {
    Credential {
        verifier: Verifier::from_trusted(format!("SCRAM-SHA-256$4096:c2FsdA==${number}:key")),
        sealed: is_sealed.then(|| Sealed(Box::new([number; 30]))),
        branch: of("br-main"),
    }
}

fn annotation() -> Annotation {
    let texts = [("ref", "ünïcode"), ("tool", "")].map(|(key, text)| (key.into(), text.into()));
    Annotation::new(texts.into()).expect("a short one")
}

fn new_project(id: &str, branch: &str, endpoint: NewEndpoint) -> NewProject {
    NewProject {
        id: of(id),
        name: of("A sample, with ünïcode"),
        pg_version: PgVersion::DEFAULT,
        store_passwords: true,
        history_retention_seconds: Project::DEFAULT_RETENTION_SECONDS,
        password_policy: Some(PasswordPolicy::Fresh),
        settings: ProjectSettings::default(),
        endpoint_defaults: Tuning::default(),
        branch: of(branch),
        branch_name: of("main"),
        annotation: annotation(),
        database: of("neondb"),
        owner: of("neondb_owner"),
        credential: credential(1, true),
        has_system_role: true,
        endpoint,
    }
}

/// Returns a branch that has its parent's passwords, whatever its project would have.
fn inheriting(id: BranchId, name: BranchName, parent: BranchId, cutoff: Cutoff) -> NewBranch {
    let password_policy = Some(PasswordPolicy::Inherit);
    NewBranch { password_policy, ..NewBranch::new(id, name, parent, cutoff) }
}

fn local(id: &str, port: u16) -> NewEndpoint {
    NewEndpoint { id: of(id), site: Site::Local { port }, tuning: Tuning::default() }
}

fn attached(id: &str) -> NewEndpoint {
    let attachment = Attachment {
        host: "db.example.com".into(),
        port: 5432,
        database: "postgres".into(),
        user: "admin".into(),
        password: Sealed(Box::new([9; 30])),
        tls: TlsMode::VerifyFull,
    };
    let tuning =
        Tuning { min_cu_hundredths: 100, max_cu_hundredths: 400, suspend_timeout_seconds: -1 };
    NewEndpoint { id: of(id), site: Site::Attached(attachment), tuning }
}

/// The store while it is being made.
struct Maker {
    store: Store,
    clock: Arc<ManualClock>,
    commits: u8,
}

impl Maker {
    fn cause(&mut self, deed: Deed) -> Cause {
        self.clock.advance_micros(1_000_000);
        self.commits += 1;
        let address: [Option<IpAddr>; 3] =
            [None, Some([192, 0, 2, 7].into()), Some([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7].into())];
        let topics = [
            Topic::Whole,
            Topic::Branch(of("br-main")),
            Topic::Role(of("br-main"), of("app")),
            Topic::Database(of("br-main"), of("neondb")),
            Topic::Endpoint(of("br-main"), of("ep-main")),
        ];
        let caller = Caller {
            key_id: Some(KeyId(self.commits.into())),
            key: "ci".into(),
            request_id: Uuid::from_bytes([self.commits; 16]),
            address: address[usize::from(self.commits) % address.len()],
        };
        caller.asks(deed, topics[usize::from(self.commits) % topics.len()].clone())
    }

    async fn commit<T: Send + 'static>(
        &mut self,
        deed: Deed,
        mut rule: impl FnMut(&mut Catalog, Moment, Seed) -> Result<T, Denied<StoreError>>
        + Send
        + 'static,
    ) -> Moment {
        let cause = self.cause(deed);
        let seed = Seed(u64::from(self.commits) << 40);
        let decide = move |state: &mut Catalog, moment: Moment| rule(state, moment, seed);
        self.store.commit(LOG, cause, decide).await.expect("a commit").1
    }

    async fn pass(&mut self, branch: &'static str, read: Moment, outcome: Outcome) -> Moment {
        let rule = move |state: &mut Catalog, moment, _| {
            let branch = of(branch);
            let endpoint = state.branch(&branch)?.and_then(|branch| branch.endpoint);
            let outcome = outcome.clone();
            let report =
                Report { branch, endpoint, revision: read.revision, outcome, trace: trace() };
            passes::record(state, moment, &report)
        };
        self.commit(Deed::RecordPass, rule).await
    }

    async fn set_up(&mut self) {
        let cause = self.cause(Deed::SetUp);
        let decide = |directory: &mut Directory, moment: Moment| {
            directory.put_vault_mark([1, 2, 3, 4, 5, 6, 7, 8])?;
            directory.put_project(of("cool-sample-00000001"), LOG)?;
            directory.put_project(of("late-sample-00000002"), LOG_OF_DELETED)?;
            Ok(account::put(directory, moment)?)
        };
        self.store.commit(LogId::DIRECTORY, cause, decide).await.expect("a commit");
    }

    async fn deleted_project(&mut self) {
        let cause = self.cause(Deed::CreateProject);
        let create = |state: &mut Catalog, moment: Moment| {
            let new = new_project("late-sample-00000002", "br-late", local("ep-late", 5499));
            projects::create(state, moment, Seed(1), new)
        };
        self.store.commit(LOG_OF_DELETED, cause, create).await.expect("a commit");
        let cause = self.cause(Deed::DeleteProject);
        let delete = |state: &mut Catalog, moment: Moment| {
            projects::delete(state, moment, Seed(2), &of("late-sample-00000002"))
        };
        self.store.commit(LOG_OF_DELETED, cause, delete).await.expect("a commit");
    }

    /// A project, its first roles and databases, and a pass that applied them.
    async fn beginning(&mut self) -> Moment {
        let main = || of::<BranchId>("br-main");
        self.commit(Deed::CreateProject, |s, m, seed| {
            projects::create(
                s,
                m,
                seed,
                new_project("cool-sample-00000001", "br-main", local("ep-main", 5433)),
            )
        })
        .await;
        self.commit(Deed::CreateRole, move |s, m, seed| {
            let login = Login::Password(credential(2, false));
            roles::create(s, m, seed, &main(), NewRole::new(of("app \"quoted\" 🦀"), login))
        })
        .await;
        self.commit(Deed::CreateRole, move |s, m, seed| {
            let expires_at = Some(m.at + TimeDelta::days(1));
            let new = NewRole { name: of("readers"), login: Login::Unset, expires_at };
            roles::create(s, m, seed, &main(), new)
        })
        .await;
        let read = self
            .commit(Deed::CreateDatabase, move |s, m, seed| {
                databases::create(s, m, seed, &main(), of("shop"), of("neondb_owner"))
            })
            .await;
        let mark = Some(Mark { lsn: Lsn(0x0016_B374_D848), revision: read.revision });
        let left = Some(EndpointState::Active);
        self.pass(
            "br-main",
            read,
            Outcome::Done {
                left,
                mark,
                problems: vec![],
                delayed: vec![],
                next: Timestamp::UNIX_EPOCH,
            },
        )
        .await;
        read
    }

    /// Children: one with an endpoint at the head, one without in the past.
    async fn children(&mut self, past: Moment) {
        let born = self
            .commit(Deed::CreateBranch, |s, m, seed| {
                let endpoint = Some(attached("ep-preview"));
                let (id, parent) = (of("br-preview"), of("br-main"));
                let new = NewBranch::new(id, of("preview/1"), parent, Cutoff::Head);
                let (password_policy, passwords) = (Some(PasswordPolicy::None), Passwords::Unset);
                let new = NewBranch { endpoint, password_policy, passwords, ..new };
                branches::create(s, m, seed, new)
            })
            .await;
        let (error, next) = ("connection refused".into(), time(born.at.timestamp_micros() + 1));
        let failed = Outcome::Failed { error, fault: Fault::Down, next, left: None };
        self.pass("br-preview", born, failed).await;
        self.commit(Deed::CancelOperation, |s, m, _| {
            let unfinished = s.unfinished(&of("br-preview"))?;
            operations::cancel(s, m, unfinished[0].id)
        })
        .await;
        self.commit(Deed::ResetRolePassword, |s, m, seed| {
            roles::reset_password(
                s,
                m,
                seed,
                &of("br-main"),
                &of("neondb_owner"),
                credential(3, true),
            )
        })
        .await;
        self.commit(Deed::CreateBranch, move |s, m, seed| {
            let lsn = Some(Lsn(u64::MAX));
            let cutoff = Cutoff::Past { revision: past.revision, at: past.at, lsn };
            let (id, name, parent) = (of("br-past"), of("past"), of("br-main"));
            branches::create(s, m, seed, inheriting(id, name, parent, cutoff))
        })
        .await;
        self.commit(Deed::UpdateBranch, |s, m, _| {
            let change = BranchChange {
                name: Some(of("the past")),
                expires_at: Change::Set(m.at + TimeDelta::days(2)),
                password_policy: Change::Set(PasswordPolicy::None),
                protected: None,
            };
            branches::update(s, m, &of("br-past"), &change)
        })
        .await;
        let (choices, drawn) = (Choices::default(), BTreeMap::new());
        let asked = Asked { source: of("br-main"), target: of("br-preview"), choices, drawn };
        self.commit(Deed::MergeBranch, move |s, m, seed| merge(s, m, seed, &asked)).await;
    }

    /// An operation in every state, and endpoints that come and go.
    async fn operations(&mut self) {
        let main = || of::<BranchId>("br-main");
        let read = self
            .commit(Deed::DeleteRole, move |s, m, seed| {
                roles::delete(s, m, seed, (&main(), &of("readers")), OnOwned::Drop)
            })
            .await;
        let message = "role \"readers\" owns objects".into();
        let problem = Problem::new(Subject::Role(of("readers")), message);
        let left = Some(EndpointState::Active);
        self.pass(
            "br-main",
            read,
            Outcome::Done {
                left,
                mark: None,
                problems: vec![problem],
                delayed: vec![],
                next: Timestamp::UNIX_EPOCH,
            },
        )
        .await;
        self.commit(Deed::SuspendEndpoint, |s, m, seed| {
            endpoints::set_power(s, m, seed, &of("ep-main"), Power::Idle)
        })
        .await;
        self.commit(Deed::UpdateDatabase, move |s, m, seed| {
            let change =
                DatabaseChange { name: Some(of("store")), owner: Some(of("app \"quoted\" 🦀")) };
            databases::update(s, m, seed, &main(), &of("shop"), change)
        })
        .await;
        self.commit(Deed::CreateEndpoint, |s, m, seed| {
            endpoints::create(s, m, seed, &of("br-past"), local("ep-past", 5434))
        })
        .await;
        self.commit(Deed::DeleteEndpoint, |s, m, seed| {
            endpoints::delete(s, m, seed, &of("ep-past"))
        })
        .await;
        self.commit(Deed::UpdateProject, |s, m, _| {
            account::put_receipts(s, m)?;
            projects::update(s, m, &of("cool-sample-00000001"), account::project_change())
        })
        .await;
        self.commit(Deed::DeleteBranch, |s, m, seed| branches::delete(s, m, seed, &of("br-past")))
            .await;
        self.commit(Deed::DeleteDatabase, move |s, m, seed| {
            databases::delete(s, m, seed, &main(), &of("neondb"))
        })
        .await;
        self.commit(Deed::BeginRotation, rotating::begin).await;
        self.commit(Deed::AbortRotation, rotating::abort).await;
        self.commit(Deed::BeginRotation, rotating::begin).await;
        self.commit(Deed::RecordDrift, drifting::look).await;
        self.commit(Deed::SetDriftPolicy, drifting::set_policy).await;
    }
}

/// Returns what passes plan and do.
fn trace() -> Trace {
    let mut trace = Trace::default();
    trace.plans(Subject::Role(of("readers")), "retire role readers".into());
    trace.did(Subject::Whole, "apply", StepEnd::Failed, Some(7));
    trace.did(Subject::Role(of("readers")), "retire role readers", StepEnd::Delayed, None);
    trace
}

/// Returns the engine of the sample.
pub async fn engine() -> Arc<Memory> {
    let engine = Arc::new(Memory::default());
    let clock = clock();
    let store = Store::over(engine.clone(), CACHE_BYTES, Arc::clone(&clock) as _);
    let mut maker = Maker { store: store.expect("a store"), clock, commits: 0 };
    maker.set_up().await;
    let past = maker.beginning().await;
    maker.children(past).await;
    maker.operations().await;
    maker.deleted_project().await;
    maker.store.close().await;
    engine
}

/// Returns the export of the sample.
pub async fn export() -> Vec<u8> {
    let mut file = Vec::new();
    let engine = engine().await;
    transfer::export(&*engine, &mut file, |_| {}).expect("an export");
    file
}
