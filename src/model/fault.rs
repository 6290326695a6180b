//! Fault: of what kind a failure is. The kind says whether to try again, and for how long.

/// After how many failed passes in a row an operation is given up. With the pause growing to a
/// minute, that is about a quarter of an hour. The catalog stands, and passes go on.
pub const MAX_FAILURES: u32 = 40;

/// After how many failed passes in a row an operation is given up that fails for a reason which
/// nobody foresaw.
pub const MAX_UNKNOWN_FAILURES: u32 = 3;

/// The kinds of failures, with their names in the API and their numbers in the store.
macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $number:literal;)*) => {
        /// Of what kind a failure is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$doc])* $variant,)*
        }

        impl Fault {
            /// Every kind, and its number in the store. A number is never used again for another.
            pub const ALL: &[(Self, u8)] = &[$((Self::$variant, $number),)*];

            /// Returns its name in the API.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// Returns its number in the store.
            #[must_use]
            pub fn number(self) -> u8 {
                match self {
                    $(Self::$variant => $number,)*
                }
            }
        }
    };
}

faults! {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_has_a_name_and_a_number_of_its_own() {
        let names: BTreeSet<_> = Fault::ALL.iter().map(|(fault, _)| fault.as_str()).collect();
        let numbers: BTreeSet<_> = Fault::ALL.iter().map(|(_, number)| number).collect();
        assert_eq!((names.len(), numbers.len()), (Fault::ALL.len(), Fault::ALL.len()));
    }
}
