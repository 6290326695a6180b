//! Endpoint: the address of a branch's compute.

use crate::model::id::{BranchId, EndpointId};
use crate::model::revision::Timestamp;
use crate::model::secret::Sealed;

/// Where the computes that Offshoot runs itself listen.
pub const LOCAL_HOST: &str = "127.0.0.1";

/// An endpoint. A branch has at most one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// The branch whose catalog its Postgres is made to agree with.
    pub branch: BranchId,
    /// Where its Postgres comes from.
    pub site: Site,
    /// Whether it should be running.
    pub desired: Power,
    /// Whether it was running when the reconciler last left it.
    pub state: EndpointState,
    /// What clients may tune and read back.
    pub tuning: Tuning,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was last started.
    pub started_at: Option<Timestamp>,
    /// When it was last suspended.
    pub suspended_at: Option<Timestamp>,
}

/// Returns a host and a port as URIs have them: an IPv6 address stands in brackets.
#[must_use]
pub fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Where an endpoint's Postgres comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// Offshoot runs it on this machine, on this TCP port of the loopback address.
    Local {
        /// The TCP port, kept for the endpoint's life so that connection strings stay.
        port: u16,
    },
    /// It runs somewhere already.
    Attached(Attachment),
}

/// How to reach a Postgres that already runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its host name or address.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// The database to which the administrator connects, and where Offshoot keeps its marks.
    pub database: String,
    /// The administrator's name.
    pub user: String,
    /// The administrator's password, encrypted at rest.
    pub password: Sealed,
    /// Whether and how the connection is encrypted.
    pub tls: TlsMode,
}

/// Whether and how a connection is encrypted; libpq's `sslmode` has the same words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Never. This trusts the network: whoever answers is taken for the server, and is given the
    /// password in the way that it asks for, in clear text if it does.
    Disable,
    /// Always, whatever certificate the server shows. It must then prove by SCRAM with channel
    /// binding that it knows the password's verifier; every other way to log in is refused.
    Require,
    /// Always, and the certificate must be trusted and name the host. That server is then given the
    /// password in the way that it asks for.
    VerifyFull,
}

impl TlsMode {
    /// Returns libpq's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// Whether an endpoint should be running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Running, and started again when it is found stopped.
    Active,
    /// Stopped, but for as long as a change takes to apply.
    Idle,
}

/// Whether an endpoint was running when the reconciler last left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointState {
    /// It never ran.
    Init,
    /// It was.
    Active,
    /// It was not.
    Idle,
}

/// What clients may tune. Offshoot keeps it and gives it back; a local compute's size follows the
/// machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// The least compute units, in hundredths.
    pub min_cu_hundredths: u32,
    /// The most compute units, in hundredths.
    pub max_cu_hundredths: u32,
    /// After how many idle seconds to suspend; 0 is the default, -1 is never.
    pub suspend_timeout_seconds: i32,
}

/// What is to change about what clients tune; what is absent stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TuningChange {
    /// The least compute units, in hundredths.
    pub min_cu_hundredths: Option<u32>,
    /// The most compute units, in hundredths.
    pub max_cu_hundredths: Option<u32>,
    /// After how many idle seconds to suspend; 0 is the default, -1 is never.
    pub suspend_timeout_seconds: Option<i32>,
}

impl Tuning {
    /// Returns it with a change, unless the most would be less than the least. A limit that is not
    /// changed gives way to the other.
    #[must_use]
    pub fn with(self, change: TuningChange) -> Option<Self> {
        let TuningChange { min_cu_hundredths: min, max_cu_hundredths: max, .. } = change;
        if min.zip(max).is_some_and(|(min, max)| max < min) {
            return None;
        }
        let (old_min, old_max) = (self.min_cu_hundredths, self.max_cu_hundredths);
        Some(Self {
            min_cu_hundredths: min.unwrap_or_else(|| max.map_or(old_min, |max| old_min.min(max))),
            max_cu_hundredths: max.unwrap_or_else(|| min.map_or(old_max, |min| old_max.max(min))),
            suspend_timeout_seconds: change
                .suspend_timeout_seconds
                .unwrap_or(self.suspend_timeout_seconds),
        })
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self { min_cu_hundredths: 25, max_cu_hundredths: 25, suspend_timeout_seconds: 0 }
    }
}
