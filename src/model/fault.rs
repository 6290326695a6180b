//! Fault: of what kind a failure is. The kind says whether to try again, and for how long.

use crate::model::words::words;

/// After how many failed passes in a row an operation is given up. With the pause growing to a
/// minute, that is about a quarter of an hour. The catalog stands, and passes go on.
pub const MAX_FAILURES: u32 = 40;

/// After how many failed passes in a row an operation is given up that fails for a reason which
/// nobody foresaw.
pub const MAX_UNKNOWN_FAILURES: u32 = 3;

words! {
    /// Of what kind a failure is.
    Fault {
        /// Nobody answers, or the connection broke.
        Down = "down", 1;
        /// Postgres is starting up or shutting down.
        Starting = "starting", 2;
        /// It takes no writes now: a standby, or read-only.
        ReadOnly = "read_only", 3;
        /// Others were in the way.
        Busy = "busy", 4;
        /// It lacks memory, disk space or another resource.
        Resources = "resources", 5;
        /// The administrator cannot log in, or may not do what everything needs.
        Administrator = "administrator", 6;
        /// Something must be decided by people: what a role owns, or a name that is somebody else's.
        Blocked = "blocked", 7;
        /// Postgres does not take what it was asked for.
        BadInput = "bad_input", 8;
        /// Anything else.
        Unknown = "unknown", 9;
    }
}

impl Fault {
    /// Whether the same attempt may succeed later, with nothing changed by hand.
    #[must_use]
    pub fn is_passing(self) -> bool {
        self.patience().is_some()
    }

    /// Returns after how many failures in a row an operation is given up; none where the first is
    /// the last.
    #[must_use]
    pub fn patience(self) -> Option<u32> {
        match self {
            Self::Down | Self::Starting | Self::ReadOnly | Self::Busy | Self::Resources => {
                Some(MAX_FAILURES)
            }
            Self::Unknown => Some(MAX_UNKNOWN_FAILURES),
            Self::Administrator | Self::Blocked | Self::BadInput => None,
        }
    }
}
