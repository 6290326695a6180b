//! One type for each kind of id, so that none can be taken for another.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::model::revision::Timestamp;

/// The text is not an id of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the id of {kind}")]
pub struct IdError {
    text: String,
    kind: &'static str,
}

/// The longest id that is accepted, as in Neon's own definition.
pub const MAX_ID_BYTES: usize = 60;

fn is_id(text: &str, prefix: &str) -> bool {
    text.len() <= MAX_ID_BYTES
        && text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.to_owned().try_into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                if is_id(&text, $prefix) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError { text: text.chars().take(MAX_ID_BYTES).collect(), kind: $kind })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A project: a tree of branches.
    ProjectId, "a project", ""
);
id!(
    /// A branch: one line of a project's history, with its own role catalog.
    BranchId, "a branch", "br-"
);
id!(
    /// An endpoint: the address of a branch's compute.
    EndpointId, "an endpoint", "ep-"
);

/// An operation: work that an accepted request left to do. The ids of later operations sort after
/// those of earlier ones (UUID version 7), which is the order in which operations are listed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub Uuid);

impl OperationId {
    /// Returns the id of the operation number `index` of the commit at `at`: its time in
    /// microseconds and the index, so that ids sort as commits do, and `seed` for the rest.
    #[must_use]
    pub fn at(at: Timestamp, index: u8, seed: u64) -> Self {
        let micros = u64::try_from(at.timestamp_micros()).unwrap_or_default();
        let (millis, rest) = (micros / 1000, micros % 1000);
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        let within = 0x7000 | u16::try_from(rest << 2).unwrap_or_default() | u16::from(index & 3);
        bytes[6..8].copy_from_slice(&within.to_be_bytes());
        bytes[8..].copy_from_slice(&seed.to_be_bytes());
        bytes[8] = bytes[8] & 0x3F | 0x80;
        Self(Uuid::from_bytes(bytes))
    }
}

impl FromStr for OperationId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError {
            text: text.chars().take(MAX_ID_BYTES).collect(),
            kind: "an operation",
        })
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_one_kind_is_not_one_of_another() {
        assert!("br-cool-dawn-a5child1".parse::<BranchId>().is_ok());
        assert!("br-cool-dawn-a5child1".parse::<EndpointId>().is_err());
    }

    #[test]
    fn the_ids_of_later_operations_sort_after_those_of_earlier_ones() {
        let at = |micros| Timestamp::from_timestamp_micros(micros).expect("a time");
        let ids = [
            OperationId::at(at(1_700_000_000_000_999), 3, u64::MAX),
            OperationId::at(at(1_700_000_000_001_000), 0, 0),
            OperationId::at(at(1_700_000_000_001_000), 1, 0),
            OperationId::at(at(1_700_000_000_001_001), 0, 0),
        ];
        assert!(ids.is_sorted());
        assert_eq!(ids[0].0.get_version_num(), 7);
    }

    #[test]
    fn an_id_has_only_lower_case_letters_digits_and_hyphens() {
        for text in ["", "br-", "br-A", "br-a/b", "br-a b", "br-ä", &"a".repeat(61)] {
            assert!(text.parse::<BranchId>().is_err(), "{text:?}");
        }
        assert!("".parse::<ProjectId>().is_err());
        assert!("winter-smoke-11077351".parse::<ProjectId>().is_ok());
    }
}
