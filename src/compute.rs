//! What runs: one branch's Postgres, wherever it comes from.
//!
//! # Invariants
//!
//! * Nobody but the reconciler talks to a compute.
//! * No password is ever sent but the administrator's own; roles are given verifiers. To a server
//!   whose certificate is not verified it is not sent either: it is proven in a SCRAM exchange that
//!   is bound to the connection. Only without TLS, and to a server that was verified, is it given
//!   in the way that the server asks for.
//! * `tokio_postgres` is named in `compute::postgres` and nowhere else.

use std::fmt;
use std::future::Future;

use crate::model::drift::Deviation;
use crate::model::endpoint::TlsMode;
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::name::DatabaseName;
use crate::model::name::RoleName;
use crate::model::planned::Statement;
use crate::model::preview::Holding;
use crate::model::progress::Trace;
use crate::model::rules::passes::Problem;
use crate::model::schema::Table;
use crate::model::secret::Password;
use crate::model::session::Sessions;
use crate::plan::desired::Desired;
use crate::plan::observed::Observed;
use crate::plan::step::Step;

pub mod attached;
pub mod error;
pub mod local;
pub mod simulated;

mod converge;
mod memory;
mod postgres;
mod settled;

pub use crate::compute::converge::check_revision;
pub use crate::compute::converge::timed;
pub use crate::compute::postgres::DumpPrograms;

use crate::compute::attached::AttachedCompute;
use crate::compute::error::ComputeError;
use crate::compute::local::{LocalCompute, LocalComputes, LocalConfig};
use crate::compute::simulated::{SimulatedCompute, SimulatedComputes};

/// Whether a compute runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComputeStatus {
    /// It takes connections.
    Running,
    /// It does not run, and can be started.
    Stopped,
}

/// What converging came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converged {
    /// The place in the write-ahead log at which Postgres had what was desired.
    pub lsn: Lsn,
    /// What could not be done, and no retry would mend.
    pub problems: Vec<Problem>,
    /// What could not be done now, because others were in the way; another attempt may. Everything
    /// else was.
    pub delayed: Vec<Problem>,
    /// What somebody changed by hand, and is still so.
    pub deviations: Vec<Deviation>,
    /// How many steps were applied. None means that there was nothing to do.
    pub steps: usize,
}

impl Converged {
    /// There was nothing to do.
    fn nothing(lsn: Lsn, deviations: Vec<Deviation>) -> Self {
        Self { lsn, problems: Vec::new(), delayed: Vec::new(), deviations, steps: 0 }
    }
}

/// What Postgres would be told for the steps of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foretold {
    /// The statements of each step, in the steps' order.
    pub statements: Vec<Vec<Statement>>,
    /// What would not be done, as far as that shows before it is tried.
    pub problems: Vec<Problem>,
}

/// One branch's Postgres.
pub trait Compute: fmt::Debug + Send + Sync {
    /// Says whether it runs.
    fn status(&self) -> impl Future<Output = Result<ComputeStatus, ComputeError>> + Send;

    /// Starts it, where that is ours to do. Returns when it takes connections.
    fn start(&self) -> impl Future<Output = Result<(), ComputeError>> + Send;

    /// Stops it, where that is ours to do. Returns when it has stopped.
    fn suspend(&self) -> impl Future<Output = Result<(), ComputeError>> + Send;

    /// Stops it and removes the branch's data, where those are ours.
    fn destroy(&self) -> impl Future<Output = Result<(), ComputeError>> + Send;

    /// Reads what it has.
    fn observe(
        &self,
        branch: &BranchId,
    ) -> impl Future<Output = Result<Observed, ComputeError>> + Send;

    /// Returns what Postgres would be told for the steps of a plan, and changes nothing. It must be
    /// running.
    fn foretell(
        &self,
        branch: &BranchId,
        steps: &[Step],
    ) -> impl Future<Output = Result<Foretold, ComputeError>> + Send;

    /// Reaches for it, as cheaply as can be: fails where a pass would fail before it had looked.
    fn reach(&self) -> impl Future<Output = Result<(), ComputeError>> + Send;

    /// Makes one attempt to bring it to what is desired, and notes what that takes. It must be
    /// running.
    ///
    /// # Errors
    ///
    /// What was applied before the failure stays. The next attempt observes again and goes on from
    /// there.
    fn converge(
        &self,
        desired: &Desired,
        trace: &mut Trace,
    ) -> impl Future<Output = Result<Converged, ComputeError>> + Send;

    /// Reads who is connected.
    fn sessions(&self) -> impl Future<Output = Result<Vec<Sessions>, ComputeError>> + Send;

    /// Reads what a role owns and was granted, in every database.
    fn holdings(
        &self,
        role: &RoleName,
    ) -> impl Future<Output = Result<Vec<Holding>, ComputeError>> + Send;

    /// Ends every session of a role.
    fn end_sessions(
        &self,
        role: &RoleName,
    ) -> impl Future<Output = Result<(), ComputeError>> + Send;

    /// Returns the schema of a database as SQL. It must be running.
    fn dump(
        &self,
        database: &DatabaseName,
    ) -> impl Future<Output = Result<String, ComputeError>> + Send;

    /// Returns the tables of a database. It must be running.
    fn tables(
        &self,
        database: &DatabaseName,
    ) -> impl Future<Output = Result<Vec<Table>, ComputeError>> + Send;

    /// Returns the place that its write-ahead log has reached.
    fn lsn(&self) -> impl Future<Output = Result<Lsn, ComputeError>> + Send;
}

/// Where a branch's compute is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComputeSite {
    /// Offshoot runs it, on this TCP port of the loopback address.
    Local {
        /// The TCP port.
        port: u16,
        /// The major version of Postgres that new data is made with. Data that exists keeps its
        /// own.
        pg_version: u32,
    },
    /// It runs somewhere already.
    Attached(Address),
}

/// How to reach a Postgres that already runs, as its administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its host name or address.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// The database to connect to, and where Offshoot keeps its marks.
    pub database: String,
    /// The administrator's name.
    pub user: String,
    /// The administrator's password.
    pub password: Password,
    /// Whether and how the connection is encrypted.
    pub tls: TlsMode,
}

/// Finds the compute of a branch.
#[derive(Clone, Debug)]
pub struct Computes {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Real(LocalComputes),
    Simulated(SimulatedComputes),
}

impl Computes {
    /// Returns the computes of this machine and of others, and takes possession of the directory in
    /// which the local ones live.
    pub fn new(config: LocalConfig) -> Result<Self, ComputeError> {
        Ok(Self { source: Source::Real(LocalComputes::open(config)?) })
    }

    /// Returns computes that exist in memory only, whatever their sites say.
    #[must_use]
    pub fn simulated(computes: SimulatedComputes) -> Self {
        Self { source: Source::Simulated(computes) }
    }

    /// Returns the compute of `branch`. That does not reach for it yet.
    #[must_use]
    pub fn get(&self, branch: &BranchId, site: ComputeSite) -> AnyCompute {
        match (&self.source, site) {
            (Source::Simulated(computes), _) => AnyCompute::Simulated(computes.get(branch)),
            (Source::Real(local), ComputeSite::Local { port, pg_version }) => {
                AnyCompute::Local(local.get(branch, port, pg_version))
            }
            (Source::Real(local), ComputeSite::Attached(address)) => {
                let programs = local.dump_programs();
                let compute = AttachedCompute::new(branch.clone(), address, programs);
                AnyCompute::Attached(compute.known_by(local.memory()))
            }
        }
    }

    /// Stops all local computes.
    pub async fn stop_all(&self) -> Result<(), ComputeError> {
        match &self.source {
            Source::Real(local) => local.stop_all().await,
            Source::Simulated(_) => Ok(()),
        }
    }

    /// Returns the major version of Postgres that new computes get where nobody says one.
    #[must_use]
    pub fn preferred_version(&self) -> Option<u32> {
        match &self.source {
            Source::Real(local) => local.preferred_version(),
            Source::Simulated(_) => local::binaries::SUPPORTED_VERSIONS.last(),
        }
    }

    /// Returns the major versions of Postgres of which this machine can run computes, oldest first.
    #[must_use]
    pub fn installed_versions(&self) -> Vec<u32> {
        match &self.source {
            Source::Real(local) => local.installed_versions(),
            Source::Simulated(_) => local::binaries::SUPPORTED_VERSIONS.collect(),
        }
    }
}

/// A compute of any kind.
#[derive(Clone, Debug)]
pub enum AnyCompute {
    /// It runs somewhere already.
    Attached(AttachedCompute),
    /// Offshoot runs it.
    Local(LocalCompute),
    /// It exists in memory only.
    Simulated(SimulatedCompute),
}

macro_rules! each {
    ($self:ident, $compute:ident => $call:expr) => {
        match $self {
            Self::Attached($compute) => $call,
            Self::Local($compute) => $call,
            Self::Simulated($compute) => $call,
        }
    };
}

impl Compute for AnyCompute {
    async fn status(&self) -> Result<ComputeStatus, ComputeError> {
        each!(self, compute => compute.status().await)
    }

    async fn start(&self) -> Result<(), ComputeError> {
        each!(self, compute => compute.start().await)
    }

    async fn suspend(&self) -> Result<(), ComputeError> {
        each!(self, compute => compute.suspend().await)
    }

    async fn destroy(&self) -> Result<(), ComputeError> {
        each!(self, compute => compute.destroy().await)
    }

    async fn observe(&self, branch: &BranchId) -> Result<Observed, ComputeError> {
        each!(self, compute => compute.observe(branch).await)
    }

    async fn foretell(&self, branch: &BranchId, steps: &[Step]) -> Result<Foretold, ComputeError> {
        each!(self, compute => compute.foretell(branch, steps).await)
    }

    async fn reach(&self) -> Result<(), ComputeError> {
        each!(self, compute => compute.reach().await)
    }

    async fn converge(
        &self,
        desired: &Desired,
        trace: &mut Trace,
    ) -> Result<Converged, ComputeError> {
        each!(self, compute => compute.converge(desired, trace).await)
    }

    async fn sessions(&self) -> Result<Vec<Sessions>, ComputeError> {
        each!(self, compute => compute.sessions().await)
    }

    async fn holdings(&self, role: &RoleName) -> Result<Vec<Holding>, ComputeError> {
        each!(self, compute => compute.holdings(role).await)
    }

    async fn end_sessions(&self, role: &RoleName) -> Result<(), ComputeError> {
        each!(self, compute => compute.end_sessions(role).await)
    }

    async fn dump(&self, database: &DatabaseName) -> Result<String, ComputeError> {
        each!(self, compute => compute.dump(database).await)
    }

    async fn tables(&self, database: &DatabaseName) -> Result<Vec<Table>, ComputeError> {
        each!(self, compute => compute.tables(database).await)
    }

    async fn lsn(&self) -> Result<Lsn, ComputeError> {
        each!(self, compute => compute.lsn().await)
    }
}
