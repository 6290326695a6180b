//! Sessions: who is connected to a Postgres, as it was when somebody looked.

use std::net::IpAddr;

use crate::model::name::RoleName;
use crate::model::revision::Timestamp;

/// The open sessions of one role in one database, of one application, from one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// The name of the role that logged in; whatever it acts as since.
    pub role: String,
    /// The database to which they are connected.
    pub database: String,
    /// What the application calls itself.
    pub application: String,
    /// From where it came; none over a socket of the machine, or where that is not told.
    pub address: Option<IpAddr>,
    /// How many there are.
    pub count: u32,
    /// When the oldest of them began; none where that is not told.
    pub oldest: Option<Timestamp>,
}

/// Returns how many sessions of a role are open.
#[must_use]
pub fn count_of(all: &[Sessions], role: &RoleName) -> u32 {
    all.iter().filter(|sessions| sessions.role == role.as_str()).map(|found| found.count).sum()
}
