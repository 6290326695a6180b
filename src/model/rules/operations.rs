//! Rules about operations that ended long ago.

use chrono::TimeDelta;

use crate::model::revision::{Moment, Timestamp};
use crate::model::state::{Denied, Read, Write};

/// How long an operation is kept after it ended: half a year.
pub const KEPT: TimeDelta = TimeDelta::days(183);

/// How many operations one commit looks at.
pub const MAX_FORGOTTEN: usize = 64;

/// Whether there is an operation that may have to be forgotten at `now`.
pub fn has_old<S: Read>(state: &S, now: Timestamp) -> Result<bool, S::Error> {
    let oldest = state.oldest_operations(1)?;
    Ok(oldest.first().is_some_and(|operation| operation.updated_at < now - KEPT))
}

/// Forgets the oldest of the operations that ended long ago, and returns how many that were. The
/// past keeps them for as long as it is kept itself.
pub fn forget_old<S: Write>(state: &mut S, moment: Moment) -> Result<usize, Denied<S::Error>> {
    let horizon = moment.at - KEPT;
    let mut forgotten = 0;
    for operation in state.oldest_operations(MAX_FORGOTTEN)? {
        if operation.status.has_ended() && operation.updated_at < horizon {
            state.remove_operation(operation.id)?;
            forgotten += 1;
        }
    }
    Ok(forgotten)
}
