//! Revision: the number of a commit in a project's log.

use std::fmt;

use chrono::{DateTime, Utc};

/// The number of a commit in one log: the first is 1, and there is no gap. A project's state at a
/// revision never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

impl Revision {
    /// Before the first commit: nothing exists.
    pub const ZERO: Self = Self(0);

    /// The first commit of a log.
    pub const FIRST: Self = Self(1);

    /// Returns the revision after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A time, in UTC, to the microsecond.
pub type Timestamp = DateTime<Utc>;

/// The commit that a rule is deciding about: its revision, and its time. Within a log, times
/// increase strictly with revisions, so a time names one revision: the last at or before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The commit's number.
    pub revision: Revision,
    /// The commit's time.
    pub at: Timestamp,
}
