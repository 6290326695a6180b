//! Why a compute could not do what was asked of it.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::fault::Fault;
use crate::model::id::BranchId;
use crate::model::revision::Revision;

/// A compute could not do what was asked of it.
///
/// These words are shown to operators, and to clients in the error of an operation: they say what
/// to do, and hold no secret. The cause is for the log.
#[derive(Debug, thiserror::Error)]
pub enum ComputeError {
    /// Nobody answers, or the connection broke.
    #[error("no Postgres answers at {address}; check that it runs and can be reached from here")]
    Unreachable {
        /// Where nobody answers.
        address: String,
        /// What went wrong.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Postgres is starting up or shutting down.
    #[error("Postgres at {address} is not ready to take connections yet")]
    NotReady {
        /// Where it is.
        address: String,
    },
    /// The connection could not be encrypted as was asked.
    #[error(
        "the connection to Postgres at {address} could not be encrypted; check its certificate, or \
         choose another TLS mode"
    )]
    Tls {
        /// Where it is.
        address: String,
        /// What went wrong.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The administrator's name or password is not accepted.
    #[error(
        "Postgres at {address} refuses the login of its administrator `{user}`; check the name, \
         the password and pg_hba.conf"
    )]
    LoginRefused {
        /// Where it is.
        address: String,
        /// Who was refused.
        user: String,
    },
    /// There is no such database to connect to.
    #[error("Postgres at {address} has no database `{database}` to connect to; name another")]
    NoDatabase {
        /// Where it is.
        address: String,
        /// The database's name.
        database: String,
    },
    /// It is not one that Offshoot knows how to speak to.
    #[error("Postgres at {address} cannot be used: {reason}")]
    Unsupported {
        /// Where it is.
        address: String,
        /// Why, and what to do about it.
        reason: String,
    },
    /// The administrator lacks a right that everything needs.
    #[error("the administrator `{user}` may not do what is needed: {message}")]
    NotPermitted {
        /// The administrator.
        user: String,
        /// What Postgres said.
        message: String,
    },
    /// It takes no writes: it is a standby, or read-only.
    #[error("Postgres at {address} takes no writes now: it is a standby, or read-only")]
    ReadOnly {
        /// Where it is.
        address: String,
    },
    /// It was given a newer catalog of the branch before.
    #[error(
        "this Postgres has seen a newer catalog of branch {branch} (revision {}; the catalog is at \
         {}), so nothing was changed: the store was restored from an older export; restore the \
         newer store, or attach this Postgres to a new branch",
        applied.0,
        revision.0
    )]
    OlderCatalog {
        /// The branch.
        branch: BranchId,
        /// The revision that was applied.
        applied: Revision,
        /// The revision that the catalog is at.
        revision: Revision,
    },
    /// Another session of Offshoot is at work on the same branch.
    #[error("another session of Offshoot is at work on this branch; trying again")]
    Locked,
    /// It lacks memory, disk space or another resource.
    #[error("Postgres lacks something: {message}; give it more, or wait until it has enough again")]
    Exhausted {
        /// What Postgres said.
        message: String,
    },
    /// Others were in the way, or there was no connection to be had.
    #[error("Postgres could not do it now: {message}")]
    Busy {
        /// What Postgres said.
        message: String,
    },
    /// It said something unexpected.
    #[error("Postgres failed: {message} (SQLSTATE {code})")]
    Failed {
        /// What Postgres said.
        message: String,
        /// The error's code.
        code: String,
    },
    /// The program that writes schemas down failed.
    #[error("the schema could not be read: {message}")]
    DumpFailed {
        /// What it said.
        message: String,
    },
    /// The schema is longer than an answer can be.
    #[error("the schema has more than {max}; read it with pg_dump --schema-only")]
    SchemaTooLarge {
        /// How much an answer can have.
        max: String,
    },
    /// It did not come to an end in time.
    #[error("the pass took longer than {} seconds; trying again", time.as_secs())]
    TookTooLong {
        /// How long it may take.
        time: Duration,
    },
    /// It was told to stop, because somebody asked for its end or for the compute's.
    #[error("the pass was broken off on request; what it had done stays done")]
    Interrupted,
    /// It was not read to its end in time.
    #[error("reading the schema took longer than {} seconds", time.as_secs())]
    ReadTookTooLong {
        /// How long it may take.
        time: Duration,
    },
    /// Nobody knows whether the last change took effect.
    #[error("Postgres did not confirm the last change; looking again")]
    Unconfirmed,
    /// There was still drift after as many rounds as one attempt makes.
    #[error("somebody else keeps changing the same roles or databases; trying again")]
    Restless,
    /// It does not run.
    #[error("the compute is not running; start its endpoint")]
    NotRunning,
    /// There are no binaries to run it with.
    #[error("{reason}")]
    NoBinaries {
        /// Which, and what to do about it.
        reason: String,
    },
    /// Another program has its port.
    #[error(
        "port {port} is used by another program; stop that one, or delete the endpoint and create \
         it again to get another port"
    )]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// Postgres was started and did not come up.
    #[error("Postgres did not start: {log}")]
    DidNotStart {
        /// The last lines of its log.
        log: String,
    },
    /// Postgres was told to stop and did not.
    #[error("Postgres (process {pid}) does not stop; end that process")]
    DidNotStop {
        /// The process.
        pid: u32,
    },
    /// The machine is not set up to run computes.
    #[error("this machine cannot run computes: {reason}")]
    Machine {
        /// Why, and what to do about it.
        reason: String,
    },
    /// A file or directory of a local compute could not be used.
    #[error("failed to {what} `{}`", path.display())]
    Files {
        /// What was to be done with it.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
}

impl ComputeError {
    /// Returns of what kind the failure is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unreachable { .. }
            | Self::NotRunning
            | Self::PortInUse { .. }
            | Self::DidNotStart { .. }
            | Self::DidNotStop { .. }
            | Self::Files { .. } => Fault::Down,
            Self::NotReady { .. } => Fault::Starting,
            Self::ReadOnly { .. } => Fault::ReadOnly,
            Self::Locked
            | Self::Busy { .. }
            | Self::TookTooLong { .. }
            | Self::ReadTookTooLong { .. }
            | Self::Interrupted
            | Self::Unconfirmed
            | Self::Restless => Fault::Busy,
            Self::Exhausted { .. } => Fault::Resources,
            Self::Failed { .. } | Self::DumpFailed { .. } => Fault::Unknown,
            Self::Tls { .. }
            | Self::LoginRefused { .. }
            | Self::NoDatabase { .. }
            | Self::Unsupported { .. }
            | Self::NotPermitted { .. }
            | Self::NoBinaries { .. }
            | Self::Machine { .. } => Fault::Administrator,
            Self::OlderCatalog { .. } => Fault::Blocked,
            Self::SchemaTooLarge { .. } => Fault::BadInput,
        }
    }

    /// Whether Postgres was not reached at all.
    #[must_use]
    pub fn is_out_of_reach(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NotReady { .. })
    }

    /// Whether the same attempt may succeed later, with nothing changed by hand.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.fault().is_passing()
    }
}
