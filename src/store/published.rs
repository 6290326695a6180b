//! What is published: the newest revision of each log, and the oldest one that can be asked for.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

use crate::model::revision::{Moment, Revision, Timestamp};
use crate::store::engine::{Engine, LogId};
use crate::store::meters::Meters;
use crate::store::nodes::{NewNodes, NodeCache};
use crate::store::{StoreError, read_row};
use crate::tree::NodeId;

/// The last commit of a log, and the root of the state that it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The commit.
    pub moment: Moment,
    /// The root; none where the state is empty.
    pub root: Option<NodeId>,
}

impl Head {
    /// Before the first commit.
    pub const EMPTY: Self =
        Self { moment: Moment { revision: Revision::ZERO, at: Timestamp::UNIX_EPOCH }, root: None };
}

/// A commit that is to be published.
pub struct NewCommit {
    /// The log.
    pub log: LogId,
    /// What it leaves.
    pub head: Head,
    /// The nodes that it created.
    pub nodes: NewNodes,
}

/// What there is of a log: the rows from its floor to its head, and older ones for their nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The log.
    pub log: LogId,
    /// The oldest row whose state can be asked for.
    pub floor: Revision,
    /// The newest row.
    pub head: Revision,
}

impl Extent {
    /// Whether the log is being removed, so that nothing of it can be asked for.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // A log that has no commit yet has the first one for its floor.
        Revision::FIRST < self.floor && self.head < self.floor
    }
}

#[derive(Clone, Copy)]
struct Span {
    floor: Revision,
    head: Head,
}

#[derive(Default)]
struct Logs {
    spans: HashMap<LogId, Span>,
    /// How many read all that there is, so that nothing of it may go.
    pins: usize,
}

/// What everybody may see.
pub struct Published {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) nodes: NodeCache,
    pub(super) meters: Meters,
    logs: RwLock<Logs>,
    changes: watch::Sender<u64>,
}

impl Published {
    /// Loads the newest row of every log that `engine` has.
    pub fn load(engine: Arc<dyn Engine>, cache_bytes: u64) -> Result<Self, StoreError> {
        let mut spans = HashMap::new();
        for log in engine.logs()? {
            let head = load_head(&*engine, log, engine.head(log)?)?;
            spans.insert(log, Span { floor: engine.floor(log)?, head });
        }
        let nodes = NodeCache::new(Arc::clone(&engine), cache_bytes);
        let logs = RwLock::new(Logs { spans, pins: 0 });
        let meters = Meters::default();
        Ok(Self { engine, nodes, meters, logs, changes: watch::channel(0).0 })
    }

    fn read(&self) -> RwLockReadGuard<'_, Logs> {
        self.logs.read().expect("a lock that no panic poisons")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Logs> {
        self.logs.write().expect("a lock that no panic poisons")
    }

    /// Returns the last commit of a log.
    pub fn head(&self, log: LogId) -> Head {
        self.read().spans.get(&log).map_or(Head::EMPTY, |span| span.head)
    }

    /// Returns what there is of a log; nothing where it has no commit.
    pub fn extent(&self, log: LogId) -> Option<Extent> {
        self.read().spans.get(&log).map(|span| span.extent(log))
    }

    /// Returns what there is of every log, by log.
    pub fn extents(&self) -> Vec<Extent> {
        self.read().extents()
    }

    /// Returns a commit of a log. One that is not published is missing, though the engine may have
    /// it already: it may not be durable yet.
    pub fn head_at(&self, log: LogId, revision: Revision) -> Result<Head, StoreError> {
        let head = self.head(log);
        let floor = self.check(log)?;
        if revision < floor && Revision::FIRST < floor {
            return Err(StoreError::BelowFloor { log, floor: self.moment(log, floor)? });
        }
        match revision.cmp(&head.moment.revision) {
            Ordering::Less => load_head(&*self.engine, log, revision),
            Ordering::Equal => Ok(head),
            Ordering::Greater => Err(StoreError::RowMissing { log, revision }),
        }
    }

    /// Returns a log's floor, unless the log is being removed.
    pub fn check(&self, log: LogId) -> Result<Revision, StoreError> {
        match self.extent(log) {
            Some(extent) if extent.is_closed() => Err(StoreError::Removed { log }),
            Some(Extent { floor, .. }) => Ok(floor),
            None => Ok(Revision::FIRST),
        }
    }

    /// Returns the oldest commit of a log whose state can be asked for; none where there is none.
    pub fn floor(&self, log: LogId) -> Result<Option<Moment>, StoreError> {
        let floor = self.check(log)?;
        if self.head(log) == Head::EMPTY {
            return Ok(None);
        }
        self.moment(log, floor).map(Some)
    }

    fn moment(&self, log: LogId, revision: Revision) -> Result<Moment, StoreError> {
        Ok(load_head(&*self.engine, log, revision)?.moment)
    }

    /// Publishes what another process has committed to a log.
    pub fn refresh(&self, log: LogId) -> Result<(), StoreError> {
        let head = load_head(&*self.engine, log, self.engine.head(log)?)?;
        let floor = self.engine.floor(log)?;
        self.publish(&[NewCommit { log, head, nodes: NewNodes::default() }]);
        self.raise_floor(log, floor);
        Ok(())
    }

    /// Returns the last commit of a log at or before `at`; none where the log began later.
    pub fn moment_at(&self, log: LogId, at: Timestamp) -> Result<Option<Moment>, StoreError> {
        let head = self.head(log).moment;
        let Some(floor) = self.floor(log)? else { return Ok(None) };
        if head.at <= at {
            return Ok(Some(head));
        }
        if at < floor.at {
            let is_whole = floor.revision == Revision::FIRST;
            return if is_whole { Ok(None) } else { Err(StoreError::BelowFloor { log, floor }) };
        }
        // The commits up to `found` are at or before the time, those from `after` on are later.
        let (mut found, mut after) = (floor, head.revision);
        while found.revision.next() < after {
            let middle = found.revision.0 + (after.0 - found.revision.0) / 2;
            let moment = self.moment(log, Revision(middle))?;
            if moment.at <= at {
                found = moment;
            } else {
                after = moment.revision;
            }
        }
        Ok(Some(found))
    }

    /// Returns the newest revision of every log.
    pub fn revisions(&self) -> HashMap<LogId, Revision> {
        self.read().spans.iter().map(|(log, span)| (*log, span.head.moment.revision)).collect()
    }

    /// Returns a receiver that is told each time that commits were published.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Makes durable commits visible.
    pub fn publish(&self, commits: &[NewCommit]) {
        // Nobody can reach the nodes before there is a head that leads to them.
        for NewCommit { log, head, nodes } in commits {
            for (index, node) in nodes.iter().enumerate() {
                let id = NodeId::new(head.moment.revision.0, index);
                self.nodes.insert(*log, id, Arc::clone(node));
            }
        }
        let mut logs = self.write();
        for NewCommit { log, head, nodes: _ } in commits {
            logs.set_head(*log, *head);
        }
        drop(logs);
        self.changes.send_modify(|count| *count += 1);
    }

    /// Makes a durable floor visible.
    pub fn raise_floor(&self, log: LogId, floor: Revision) {
        if let Some(span) = self.write().spans.get_mut(&log) {
            span.floor = floor.max(span.floor);
        }
    }

    /// Forgets a log that was removed.
    pub fn forget(&self, log: LogId) {
        self.write().spans.remove(&log);
    }

    /// Whether anybody reads all that there is.
    pub fn is_pinned(&self) -> bool {
        0 < self.read().pins
    }
}

impl Logs {
    fn set_head(&mut self, log: LogId, head: Head) {
        self.spans.entry(log).or_insert(Span { floor: Revision::FIRST, head }).head = head;
    }

    fn extents(&self) -> Vec<Extent> {
        let mut extents: Vec<_> = self.spans.iter().map(|(log, span)| span.extent(*log)).collect();
        extents.sort_by_key(|extent| extent.log);
        extents
    }
}

impl Span {
    fn extent(&self, log: LogId) -> Extent {
        Extent { log, floor: self.floor, head: self.head.moment.revision }
    }
}

/// All logs as they stood at one moment. While it is held, nothing is trimmed.
pub struct Pin {
    published: Arc<Published>,
    extents: Vec<Extent>,
}

impl Pin {
    /// Holds what there is now.
    pub fn new(published: &Arc<Published>) -> Self {
        let mut logs = published.write();
        logs.pins += 1;
        let extents = logs.extents();
        drop(logs);
        Self { published: Arc::clone(published), extents }
    }

    /// Returns what there is of each log, by log.
    #[must_use]
    pub fn extents(&self) -> &[Extent] {
        &self.extents
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.published.write().pins -= 1;
    }
}

fn load_head(engine: &dyn Engine, log: LogId, revision: Revision) -> Result<Head, StoreError> {
    if revision == Revision::ZERO {
        return Ok(Head::EMPTY);
    }
    let row = read_row(engine, log, revision)?;
    Ok(Head { moment: Moment { revision, at: row.at }, root: row.root })
}
