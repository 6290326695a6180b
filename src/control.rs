//! What can be asked: the use cases. The only layer that knows rules and storage.
//!
//! A use case that changes something is one durable commit, and answers when that is kept; one that
//! reads holds one revision. What is left to do is in the commit, as operations; the reconciler
//! sees to them, at once or after a crash.

pub mod branches;
pub mod connection;
pub mod credentials;
pub mod databases;
pub mod deletions;
pub mod deliveries;
pub mod diff;
pub mod draw;
pub mod drift;
pub mod endpoints;
pub mod error;
pub mod events;
pub mod expiry;
pub mod history;
pub mod instances;
pub mod keys;
pub mod left_out;
pub mod merge;
pub mod once;
pub mod operations;
pub mod passes;
pub mod past;
pub mod permissions;
pub mod points;
pub mod projects;
pub mod reconcile;
pub mod restore;
pub mod retention;
pub mod roles;
pub mod rotations;
pub mod schema;
mod secrets;
pub mod webhooks;

use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;

use crate::clock::Clock;
use crate::control::deliveries::Lanes;
use crate::control::schema::SchemaReader;
use crate::entropy::{self, Entropy};
use crate::model::cause::{Cause, Deed, Topic};
use crate::model::circuit::Circuit;
use crate::model::drift::Deviation;
use crate::model::endpoint::Site;
use crate::model::id::{BranchId, EndpointId, ProjectId};
use crate::model::lsn::Lsn;
use crate::model::name::RoleName;
use crate::model::planned::Planned;
use crate::model::preview::{Effect, Exchange, Holding};
use crate::model::project::{PgVersion, Project};
use crate::model::refusal::Refusal;
use crate::model::revision::{Moment, Timestamp};
use crate::model::rules::Seed;
use crate::model::session::Sessions;
use crate::model::state::{Denied, Read};
use crate::ports::Ports;
use crate::reach::Reach;
use crate::room::{Room, Writer};
use crate::store::catalog::Catalog;
use crate::store::directory::Directory;
use crate::store::engine::LogId;
use crate::store::records::Contents;
use crate::store::{ProjectView, Store, StoreError};
use crate::vault::Vault;

pub use crate::model::cause::Caller;
pub use branches::{BranchRequest, ChangedBranch, CreatedBranch};
pub use connection::{Connection, ConnectionQuery};
pub use deletions::Deletion;
pub use diff::{Diff, DiffQuery, DiffSide};
pub use endpoints::{AttachRequest, EndpointRequest};
pub use error::{ControlError, Result};
pub use keys::KeyOwner;
pub use left_out::{LeftOut, Missed, Why};
pub use merge::{MergeAnswer, MergeRequest};
pub use once::{Asker, Told};
pub use operations::OperationQuery;
pub use past::{BranchAt, Past, ProjectAt};
pub use points::History;
pub use projects::{CreatedProject, ProjectPage, ProjectQuery, ProjectRequest};
pub use restore::RestoreRequest;
pub use roles::{Activity, Owned, RoleRequest, ShownRole};

/// The use cases. Cloning it makes another handle to the same ones.
#[derive(Clone)]
pub struct ControlPlane {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    vault: Vault,
    ports: Ports,
    room: Arc<Room>,
    settings: Settings,
    lanes: Lanes,
    probes: OnceLock<Probes>,
    schema_reader: OnceLock<Box<dyn SchemaReader>>,
}

/// Asks the Postgres of a branch for something; nothing where it sleeps or does not answer.
pub type Probe<T> = Box<dyn Fn(BranchRef) -> BoxFuture<'static, Option<T>> + Send + Sync>;

/// Asks what an exchange of credentials would do to a branch's Postgres.
pub type EffectProbe =
    Box<dyn Fn(BranchRef, Exchange) -> BoxFuture<'static, Option<Effect>> + Send + Sync>;

/// Asks what a role of a branch's Postgres owns and was granted.
pub type HoldingsProbe =
    Box<dyn Fn(BranchRef, RoleName) -> BoxFuture<'static, Option<Vec<Holding>>> + Send + Sync>;

/// Asks what a pass over a branch's Postgres would do.
pub type PlanProbe = Box<dyn Fn(BranchRef) -> BoxFuture<'static, Result<Planned>> + Send + Sync>;

/// Asks what differs in a branch's Postgres from its catalog.
pub type DriftProbe =
    Box<dyn Fn(BranchRef) -> BoxFuture<'static, Result<Vec<Deviation>>> + Send + Sync>;

/// Tells whether a branch's Postgres can be reached, as far as is known.
pub type CircuitProbe = Box<dyn Fn(&BranchRef) -> Circuit + Send + Sync>;

/// What can be asked of a branch's Postgres. The reconciler does, since nobody else talks to one.
pub struct Probes {
    /// Where its log is now.
    pub lsn: Probe<Lsn>,
    /// Who is connected.
    pub sessions: Probe<Vec<Sessions>>,
    /// What an exchange of credentials would do.
    pub effect: EffectProbe,
    /// What a role owns and was granted.
    pub holdings: HoldingsProbe,
    /// What a pass would do.
    pub plan: PlanProbe,
    /// Whether a branch's Postgres can be reached, as far as is known.
    pub circuit: CircuitProbe,
    /// What differs.
    pub drift: DriftProbe,
}

/// What the operator decides about new projects, and about webhooks.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The name of the role that owns a new project's database; without one, it is named after the
    /// database. With one, projects are born with the system's role too, as Neon's once were.
    pub account: Option<RoleName>,
    /// The versions of PostgreSQL that are installed on this machine, oldest first.
    pub installed: Vec<PgVersion>,
    /// The one that a new project gets where its request says none.
    pub preferred: Option<PgVersion>,
    /// Where events may be sent.
    pub reach: Arc<Reach>,
}

/// A branch, named inside its project: no branch is ever found outside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchRef {
    /// The project.
    pub project: ProjectId,
    /// The branch.
    pub branch: BranchId,
}

#[cfg(test)]
impl BranchRef {
    /// Returns one of a project of its own.
    #[must_use]
    pub fn example(number: usize) -> Self {
        let project = format!("winter-smoke-{number:08}").parse().expect("an id");
        Self { project, branch: "br-late-rice-a5cf06kb".parse().expect("an id") }
    }
}

/// An endpoint, named inside its project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointRef {
    /// The project.
    pub project: ProjectId,
    /// The endpoint.
    pub endpoint: EndpointId,
}

/// What the machine gives: the use cases themselves have neither time nor chance.
pub struct Machine {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// What keeps secrets.
    pub vault: Vault,
    /// The ports of local computes.
    pub ports: Ports,
    /// How much more can be kept.
    pub room: Arc<Room>,
}

impl ControlPlane {
    /// Opens the use cases over a store, which is set up where it is new.
    pub async fn open(store: Store, machine: Machine, settings: Settings) -> Result<Self> {
        let Machine { clock, entropy, vault, ports, room } = machine;
        check_vault(&store, &vault).await?;
        let inner = Inner {
            store,
            clock,
            entropy,
            vault,
            ports,
            room,
            settings,
            lanes: Lanes::default(),
            probes: OnceLock::new(),
            schema_reader: OnceLock::new(),
        };
        let control = Self { inner: Arc::new(inner) };
        for (_, log) in control.directory().state.projects()? {
            for endpoint in control.inner.store.view::<Catalog>(log).state.endpoints()? {
                if let Site::Local { port } = endpoint.site {
                    control.inner.ports.take(port);
                }
            }
        }
        Ok(control)
    }

    /// Says how to ask a branch's Postgres. Without that, only what was recorded is known.
    pub fn set_probes(&self, probes: Probes) {
        assert!(self.inner.probes.set(probes).is_ok(), "the probes are set once");
    }

    /// Asks who is connected to a branch's Postgres; nothing where it sleeps or does not answer.
    async fn sessions(&self, at: &BranchRef) -> Option<Vec<Sessions>> {
        (self.inner.probes.get()?.sessions)(at.clone()).await
    }

    /// Returns whether a branch's Postgres can be reached, as far as is known.
    #[must_use]
    pub fn circuit(&self, at: &BranchRef) -> Option<Circuit> {
        Some((self.inner.probes.get()?.circuit)(at))
    }

    /// Returns the store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Returns what says where events may be sent.
    #[must_use]
    pub fn reach(&self) -> Arc<Reach> {
        Arc::clone(&self.inner.settings.reach)
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    fn entropy(&self) -> &dyn Entropy {
        &*self.inner.entropy
    }

    fn seed(&self) -> Seed {
        Seed(entropy::bits(self.entropy()))
    }

    fn directory(&self) -> crate::store::View<Directory> {
        self.inner.store.view(LogId::DIRECTORY)
    }

    fn log_of(&self, project: &ProjectId) -> Result<LogId> {
        let found = self.directory().state.log_of(project)?;
        found.ok_or_else(|| Refusal::ProjectMissing(project.clone()).into())
    }

    /// Returns the newest state of a project that exists and is not deleted.
    fn view(&self, project: &ProjectId) -> Result<(Project, ProjectView)> {
        let view: ProjectView = self.inner.store.view(self.log_of(project)?);
        match view.state.project()? {
            Some(found) if found.deleted_at.is_none() => Ok((found, view)),
            Some(_) | None => Err(Refusal::ProjectMissing(project.clone()).into()),
        }
    }

    /// Returns the newest state of a project that has the branch.
    fn view_branch(&self, at: &BranchRef) -> Result<(Project, ProjectView)> {
        let (project, view) = self.view(&at.project)?;
        if view.state.branch(&at.branch)?.is_none() {
            return Err(Refusal::BranchMissing(at.branch.clone()).into());
        }
        Ok((project, view))
    }

    /// Commits what a rule makes of a project because a request asks for it.
    async fn commit<T: Send + 'static>(
        &self,
        cause: Cause,
        project: &ProjectId,
        rule: impl FnMut(&mut Catalog, Moment) -> std::result::Result<T, Denied<StoreError>>
        + Send
        + 'static,
    ) -> Result<T> {
        Ok(self.commit_as(Writer::Request, cause, project, rule).await?.0)
    }

    /// Commits what a rule makes of a project in the name of a writer, and says when.
    async fn commit_as<T: Send + 'static>(
        &self,
        writer: Writer,
        cause: Cause,
        project: &ProjectId,
        mut rule: impl FnMut(&mut Catalog, Moment) -> std::result::Result<T, Denied<StoreError>>
        + Send
        + 'static,
    ) -> Result<(T, Moment)> {
        let log = self.log_of(project)?;
        let id = project.clone();
        let checked = move |state: &mut Catalog, moment| {
            // A project may have been deleted while the command waited.
            crate::model::rules::projects::get(state, &id)?;
            rule(state, moment)
        };
        self.write(writer, log, cause, checked).await
    }

    /// Commits what a rule makes of a log, if there is room for what `writer` writes. Every commit
    /// of a use case passes here.
    async fn write<C: Contents, T: Send + 'static>(
        &self,
        writer: Writer,
        log: LogId,
        cause: Cause,
        rule: impl FnMut(&mut C, Moment) -> std::result::Result<T, Denied<StoreError>> + Send + 'static,
    ) -> Result<(T, Moment)> {
        self.inner.room.admit(writer)?;
        Ok(self.inner.store.commit(log, cause, rule).await?)
    }
}

/// Notes with which key the store's secrets are sealed, and refuses another one.
async fn check_vault(store: &Store, vault: &Vault) -> Result<()> {
    let fingerprint = vault.fingerprint();
    let cause = Caller::offshoot().asks(Deed::SetUp, Topic::Whole);
    let note = move |directory: &mut Directory, _| {
        if let Some(known) = directory.vault_mark()? {
            return Ok(known == fingerprint);
        }
        directory.put_vault_mark(fingerprint)?;
        Ok(true)
    };
    match store.commit(LogId::DIRECTORY, cause, note).await? {
        (true, _) => Ok(()),
        (false, _) => Err(ControlError::WrongVaultKey),
    }
}
