//! What is published: the newest revision of each log, and the nodes that were read lately.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::watch;

use crate::model::revision::{Moment, Revision, Timestamp};
use crate::store::engine::{Engine, LogId};
use crate::store::meters::{CacheUse, Meters};
use crate::store::{StoreError, read_row};
use crate::tree::node::Bytes;
use crate::tree::{Node, NodeId, Nodes};

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

/// What everybody may see.
pub struct Published {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) meters: Meters,
    cache: Cache<(LogId, NodeId), Arc<Node>, NodeWeight>,
    heads: RwLock<HashMap<LogId, Head>>,
    changes: watch::Sender<u64>,
}

#[derive(Clone)]
struct NodeWeight;

impl Weighter<(LogId, NodeId), Arc<Node>> for NodeWeight {
    fn weight(&self, _: &(LogId, NodeId), node: &Arc<Node>) -> u64 {
        // What an entry takes besides its bytes: two shared slices and their counts.
        const ENTRY_BYTES: usize = 64;
        let entry = |key: &Bytes, rest: usize| ENTRY_BYTES + key.len() + rest;
        let bytes: usize = match &**node {
            Node::Leaf(entries) => entries.iter().map(|(key, value)| entry(key, value.len())).sum(),
            Node::Inner(children) => children.iter().map(|(key, _)| entry(key, 0)).sum(),
        };
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// The size of a usual node, from which the cache guesses how many it will hold.
const USUAL_NODE_BYTES: u64 = 1024;

impl Published {
    /// Loads the newest row of every log that `engine` has.
    pub fn load(engine: Arc<dyn Engine>, cache_bytes: u64) -> Result<Self, StoreError> {
        let mut heads = HashMap::new();
        for log in engine.logs()? {
            heads.insert(log, load_head(&*engine, log, engine.head(log)?)?);
        }
        let usual = usize::try_from(cache_bytes / USUAL_NODE_BYTES).unwrap_or(usize::MAX);
        let cache = Cache::with_weighter(usual, cache_bytes, NodeWeight);
        let (meters, heads) = (Meters::default(), RwLock::new(heads));
        Ok(Self { engine, meters, cache, heads, changes: watch::channel(0).0 })
    }

    /// Returns the last commit of a log.
    pub fn head(&self, log: LogId) -> Head {
        let heads = self.heads.read().expect("a lock that no panic poisons");
        heads.get(&log).copied().unwrap_or(Head::EMPTY)
    }

    /// Returns a commit of a log. One that is not published is missing, though the engine may have
    /// it already: it may not be durable yet.
    pub fn head_at(&self, log: LogId, revision: Revision) -> Result<Head, StoreError> {
        let head = self.head(log);
        match revision.cmp(&head.moment.revision) {
            Ordering::Less => load_head(&*self.engine, log, revision),
            Ordering::Equal => Ok(head),
            Ordering::Greater => Err(StoreError::RowMissing { log, revision }),
        }
    }

    /// Publishes what another process has committed to a log.
    pub fn refresh(&self, log: LogId) -> Result<(), StoreError> {
        let head = load_head(&*self.engine, log, self.engine.head(log)?)?;
        self.publish([(log, head, PendingNodes::default())]);
        Ok(())
    }

    /// Returns the last commit of a log at or before `at`.
    pub fn moment_at(&self, log: LogId, at: Timestamp) -> Result<Option<Moment>, StoreError> {
        let head = self.head(log).moment;
        if head.at <= at {
            return Ok((head.revision != Revision::ZERO).then_some(head));
        }
        // The commits up to `low` are at or before the time, those from `high` on are after it.
        let (mut low, mut high) = (0, head.revision.0);
        let mut found = None;
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            let moment = load_head(&*self.engine, log, Revision(middle))?.moment;
            if moment.at <= at {
                low = middle;
                found = Some(moment);
            } else {
                high = middle;
            }
        }
        Ok(found)
    }

    /// Returns the newest revision of every log.
    pub fn revisions(&self) -> HashMap<LogId, Revision> {
        let heads = self.heads.read().expect("a lock that no panic poisons");
        heads.iter().map(|(log, head)| (*log, head.moment.revision)).collect()
    }

    /// Returns a receiver that is told each time that commits were published.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Makes durable commits visible.
    pub fn publish(&self, commits: impl IntoIterator<Item = (LogId, Head, PendingNodes)>) {
        let mut heads = self.heads.write().expect("a lock that no panic poisons");
        for (log, head, nodes) in commits {
            for (id, node) in nodes.drain() {
                self.cache.insert((log, id), node);
            }
            heads.insert(log, head);
        }
        drop(heads);
        self.changes.send_modify(|count| *count += 1);
    }

    /// Returns how the cache is used.
    pub fn cache_use(&self) -> CacheUse {
        let cache = &self.cache;
        CacheUse { bytes: cache.weight(), hits: cache.hits(), misses: cache.misses() }
    }

    fn node(&self, log: LogId, id: NodeId) -> Result<Arc<Node>, StoreError> {
        if let Some(node) = self.cache.get(&(log, id)) {
            return Ok(node);
        }
        let revision = Revision(id.revision());
        let mut wanted = None;
        // What one commit created is mostly wanted together.
        for (index, node) in read_row(&*self.engine, log, revision)?.nodes.into_iter().enumerate() {
            let node = Arc::new(node);
            if index == id.index() {
                wanted = Some(Arc::clone(&node));
            }
            self.cache.insert((log, NodeId::new(revision.0, index)), node);
        }
        wanted.ok_or(StoreError::NodeMissing { log, id })
    }
}

fn load_head(engine: &dyn Engine, log: LogId, revision: Revision) -> Result<Head, StoreError> {
    if revision == Revision::ZERO {
        return Ok(Head::EMPTY);
    }
    let row = read_row(engine, log, revision)?;
    Ok(Head { moment: Moment { revision, at: row.at }, root: row.root })
}

/// The nodes of commits that are decided and not durable yet. Only the committer sees them.
#[derive(Clone, Default)]
pub struct PendingNodes(Arc<RwLock<HashMap<NodeId, Arc<Node>>>>);

impl PendingNodes {
    /// Adds the nodes of a commit.
    pub fn add(&self, revision: Revision, nodes: &[Node]) {
        let mut pending = self.0.write().expect("a lock that no panic poisons");
        for (index, node) in nodes.iter().enumerate() {
            pending.insert(NodeId::new(revision.0, index), Arc::new(node.clone()));
        }
    }

    fn get(&self, id: NodeId) -> Option<Arc<Node>> {
        self.0.read().expect("a lock that no panic poisons").get(&id).cloned()
    }

    fn drain(&self) -> Vec<(NodeId, Arc<Node>)> {
        self.0.write().expect("a lock that no panic poisons").drain().collect()
    }
}

/// The nodes of one log.
#[derive(Clone)]
pub struct LogNodes {
    published: Arc<Published>,
    log: LogId,
    pending: Option<PendingNodes>,
}

impl LogNodes {
    /// The nodes that everybody may see.
    pub fn published(published: Arc<Published>, log: LogId) -> Self {
        Self { published, log, pending: None }
    }

    /// These, and the ones of commits that are not durable yet.
    pub fn pending(published: Arc<Published>, log: LogId, pending: PendingNodes) -> Self {
        Self { published, log, pending: Some(pending) }
    }

    /// Returns the root of the log's state at a published revision.
    pub fn root_at(&self, revision: Revision) -> Result<Option<NodeId>, StoreError> {
        Ok(self.published.head_at(self.log, revision)?.root)
    }
}

impl Nodes for LogNodes {
    type Error = StoreError;

    fn node(&self, id: NodeId) -> Result<Arc<Node>, StoreError> {
        match self.pending.as_ref().and_then(|pending| pending.get(id)) {
            Some(node) => Ok(node),
            None => self.published.node(self.log, id),
        }
    }
}
