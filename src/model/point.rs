//! Point: a moment in a branch's past, as requests name it.

use crate::model::lsn::Lsn;
use crate::model::revision::Timestamp;

/// Where on its parent a branch is to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Point {
    /// At the parent's newest state.
    #[default]
    Head,
    /// At the last revision at or before this time.
    Time(Timestamp),
    /// At the last revision that the parent's Postgres had at this place in its log.
    Lsn(Lsn),
}
