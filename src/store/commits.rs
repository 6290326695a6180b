//! Commits without their states: who did what, and when.
//!
//! Only the headers of rows are decoded, so a look at many commits costs little more than reading
//! their bytes.

use std::ops::ControlFlow;

use crate::model::cause::Cause;
use crate::model::revision::{Moment, Revision};
use crate::store::StoreError;
use crate::store::engine::LogId;
use crate::store::published::Published;
use crate::store::row::RowHeader;

/// A commit, without its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its revision and its time.
    pub moment: Moment,
    /// Who asked for what.
    pub cause: Cause,
}

/// A part of a log that is to be looked at, from its newest commit down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its newest commit.
    pub newest: Revision,
    /// Its oldest commit.
    pub oldest: Revision,
    /// How many commits are read at the most.
    pub max_rows: usize,
}

/// Returns a commit that is published. Another may not be durable yet.
pub(super) fn read(
    published: &Published,
    log: LogId,
    revision: Revision,
) -> Result<Commit, StoreError> {
    let missing = StoreError::RowMissing { log, revision };
    if published.head(log).moment.revision < revision {
        return Err(missing);
    }
    let bytes = published.engine.row(log, revision)?.ok_or(missing)?;
    let header = RowHeader::decode(&bytes);
    let RowHeader { at, cause, root: _ } =
        header.map_err(|source| StoreError::RowDamaged { log, revision, source })?;
    Ok(Commit { moment: Moment { revision, at }, cause })
}

/// See [`crate::store::Store::scan_commits`].
pub(super) fn scan<E: From<StoreError>>(
    published: &Published,
    log: LogId,
    Stretch { newest, oldest, max_rows }: Stretch,
    mut visit: impl FnMut(Commit) -> Result<ControlFlow<()>, E>,
) -> Result<Option<Revision>, E> {
    let mut rest = (oldest.0..=newest.0).rev();
    for number in rest.by_ref().take(max_rows) {
        if visit(read(published, log, Revision(number))?)?.is_break() {
            break;
        }
    }
    Ok(rest.next().map(Revision))
}
