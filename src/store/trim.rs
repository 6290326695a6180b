//! Trimming: what lies below a log's floor, and no state above it needs, goes.
//!
//! The floor is made durable and published first, so that nobody finds a state below it any more.
//! Then the rows from the floor to the head are marked from: each commit can only share nodes with
//! states that can still be asked for, so commits that come in meanwhile need no other rows. The
//! rows below the floor that hold no marked node are deleted, few at a time, between commits.
//!
//! Nothing is remembered between runs. A crash leaves rows that the next run deletes, and a run
//! after one that came to its end deletes nothing.
//!
//! Marking reads each row from the floor on once, and of the states below it each node once, but the
//! leaves of catalogs not at all. It keeps about twenty bytes for each of these nodes: some 5 MiB
//! for a million roles.

use std::collections::HashSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::model::revision::Revision;
use crate::store::committer::{Committer, Until};
use crate::store::engine::{EngineError, LogId};
use crate::store::nodes::NodeCache;
use crate::store::published::{Extent, Published};
use crate::store::stored::StoredBranch;
use crate::store::{StoreError, keys};
use crate::tree::{Node, NodeId, Nodes, Tree};

/// How many rows are looked at, and at the most deleted, between commits.
const GROUP: usize = 128;

/// How much memory marking gives to the nodes that it reads.
const CACHE_BYTES: u64 = 8 << 20;

/// What trimming a log did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// How many rows it deleted.
    pub deleted: u64,
    /// How many rows below the floor it left, for their nodes.
    pub kept: u64,
}

/// A log was not trimmed to the end. What was deleted until then was needed by nobody.
#[derive(Debug, thiserror::Error)]
pub enum TrimError {
    /// Somebody reads all that there is, and nothing may go meanwhile.
    #[error("an export is under way; the log is trimmed when it is done")]
    Pinned,
    /// The caller, or the whole store, stops.
    #[error("trimming was stopped")]
    Stopped,
    /// The log could not be read.
    #[error("failed to read the log")]
    Unreadable(#[from] StoreError),
    /// The disk failed.
    #[error("the store has failed")]
    Failed,
}

impl From<EngineError> for TrimError {
    fn from(error: EngineError) -> Self {
        Self::Unreadable(error.into())
    }
}

/// Trims a log. It blocks, and looks at `stop` often.
pub(super) fn trim(
    published: &Published,
    committer: &Committer,
    log: LogId,
    until: Until,
    stop: &CancellationToken,
) -> Result<Trimmed, TrimError> {
    let Some(Extent { floor, head, .. }) = committer.trim(log, until, Vec::new())? else {
        return Ok(Trimmed::default());
    };
    let needed = if head < floor {
        HashSet::new()
    } else {
        Mark::new(published, log, floor, stop).run(head)?
    };
    let mut trimmed = Trimmed::default();
    let mut before = floor;
    loop {
        if stop.is_cancelled() {
            return Err(TrimError::Stopped);
        }
        let rows = published.engine.rows(log, before, GROUP)?;
        let Some(last) = rows.last() else { return Ok(trimmed) };
        before = *last;
        let (kept, gone): (Vec<_>, Vec<_>) = rows.iter().partition(|row| needed.contains(row));
        trimmed.kept += count(&kept);
        if !gone.is_empty() {
            trimmed.deleted += count(&gone);
            committer.trim(log, until, gone)?;
        }
    }
}

fn count(rows: &[Revision]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}

/// A mark that is being made.
struct Mark<'a> {
    log: LogId,
    floor: Revision,
    nodes: MarkNodes<'a>,
    /// The nodes below the floor that were reached.
    seen: HashSet<NodeId>,
    /// The nodes of the row that is being marked from.
    seen_here: HashSet<NodeId>,
}

impl<'a> Mark<'a> {
    fn new(
        published: &Published,
        log: LogId,
        floor: Revision,
        stop: &'a CancellationToken,
    ) -> Self {
        // A cache of its own: the nodes that requests read are to stay in theirs.
        let cache = NodeCache::new(Arc::clone(&published.engine), CACHE_BYTES);
        let nodes = MarkNodes { cache, log, stop };
        Self { log, floor, nodes, seen: HashSet::new(), seen_here: HashSet::new() }
    }

    /// Returns the rows below the floor that hold a node which a state up to `head` reaches.
    fn run(mut self, head: Revision) -> Result<HashSet<Revision>, TrimError> {
        for number in self.floor.0..=head.0 {
            self.row(Revision(number))?;
        }
        Ok(self.seen.iter().map(|id| Revision(id.revision())).collect())
    }

    /// Marks what the state of one row reaches and no row before did.
    fn row(&mut self, revision: Revision) -> Result<(), TrimError> {
        let Self { log, floor, nodes, seen, seen_here } = self;
        seen_here.clear();
        let mut enter = |id: NodeId| {
            let of = Revision(id.revision());
            if of < *floor {
                seen.insert(id)
            } else {
                // What an earlier row from the floor on created was marked with that row.
                of == revision && seen_here.insert(id)
            }
        };
        let root = nodes.cache.root(*log, revision)?;
        let mut catalogs = Vec::new();
        let mut unread = None;
        Tree::at(root).mark_entries(
            nodes,
            &mut enter,
            &mut |key, value| match roots(key, value) {
                Ok(roots) => catalogs.extend(roots),
                Err(error) => unread = Some(error),
            },
        )?;
        if let Some(error) = unread {
            return Err(error.into());
        }
        for root in catalogs {
            Tree::at(Some(root)).mark(nodes, &mut enter)?;
        }
        Ok(())
    }
}

/// Returns the roots of other trees that a record of a log's own tree names.
fn roots(key: &[u8], value: &[u8]) -> Result<Vec<NodeId>, StoreError> {
    if key.starts_with(keys::BRANCHES) { StoredBranch::roots(key, value) } else { Ok(Vec::new()) }
}

struct MarkNodes<'a> {
    cache: NodeCache,
    log: LogId,
    stop: &'a CancellationToken,
}

impl Nodes for MarkNodes<'_> {
    type Error = TrimError;

    fn node(&self, id: NodeId) -> Result<Arc<Node>, TrimError> {
        if self.stop.is_cancelled() {
            return Err(TrimError::Stopped);
        }
        Ok(self.cache.node(self.log, id)?)
    }
}
