//! Point: a moment in a branch's past, as requests name it.

use crate::model::lsn::Lsn;
use crate::model::revision::{Revision, Timestamp};

/// A moment in a branch's past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Point {
    /// The newest state.
    #[default]
    Head,
    /// A revision.
    Revision(Revision),
    /// The last revision at or before this time.
    Time(Timestamp),
    /// The last revision that the branch's Postgres had at this place in its log.
    Lsn(Lsn),
}
