//! The nodes of a log: the ones that were read lately, and the ones that are not durable yet.

use std::collections::VecDeque;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::model::revision::Revision;
use crate::store::engine::{Engine, LogId};
use crate::store::meters::CacheUse;
use crate::store::published::{Head, Published};
use crate::store::row::Row;
use crate::store::{StoreError, read_row};
use crate::tree::node::Bytes;
use crate::tree::{Node, NodeId, Nodes};

/// Kept nodes, and the ones among them that were read lately. They never change, so what is here
/// is good for ever.
pub struct NodeCache {
    engine: Arc<dyn Engine>,
    cache: Cache<(LogId, NodeId), Arc<Node>, NodeWeight>,
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

impl NodeCache {
    /// Returns the nodes that `engine` keeps, none of them read yet.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, cache_bytes: u64) -> Self {
        let usual = usize::try_from(cache_bytes / USUAL_NODE_BYTES).unwrap_or(usize::MAX);
        Self { engine, cache: Cache::with_weighter(usual, cache_bytes, NodeWeight) }
    }

    /// Adds a node that is durable.
    pub fn insert(&self, log: LogId, id: NodeId, node: Arc<Node>) {
        self.cache.insert((log, id), node);
    }

    /// Returns how the cache is used.
    #[must_use]
    pub fn cache_use(&self) -> CacheUse {
        let cache = &self.cache;
        CacheUse { bytes: cache.weight(), hits: cache.hits(), misses: cache.misses() }
    }

    /// Returns a node.
    pub fn node(&self, log: LogId, id: NodeId) -> Result<Arc<Node>, StoreError> {
        if let Some(node) = self.cache.get(&(log, id)) {
            return Ok(node);
        }
        let revision = Revision(id.revision());
        let mut wanted = None;
        // What one commit created is mostly wanted together.
        for (index, node) in read_row(&*self.engine, log, revision)?.nodes.into_iter().enumerate() {
            if index == id.index() {
                wanted = Some(Arc::clone(&node));
            }
            self.insert(log, NodeId::new(revision.0, index), node);
        }
        wanted.ok_or(StoreError::NodeMissing { log, id })
    }

    /// Reads the nodes of a row, and returns the root of its state.
    pub fn root(&self, log: LogId, revision: Revision) -> Result<Option<NodeId>, StoreError> {
        let Row { root, nodes, .. } = read_row(&*self.engine, log, revision)?;
        for (index, node) in nodes.into_iter().enumerate() {
            self.insert(log, NodeId::new(revision.0, index), node);
        }
        Ok(root)
    }
}

/// The nodes that a commit created, each in the place of its number.
pub type NewNodes = Arc<[Arc<Node>]>;

/// The nodes and states of a log's commits that are decided and not durable yet. Only the committer
/// sees them.
#[derive(Clone, Default)]
pub struct PendingNodes {
    /// How many commits there were before the first of these.
    before: Revision,
    /// What each left and created; their revisions are dense.
    commits: Arc<VecDeque<(Head, NewNodes)>>,
}

impl PendingNodes {
    /// Returns none, to which those of the commits after `before` can be added.
    #[must_use]
    pub fn after(before: Revision) -> Self {
        Self { before, commits: Arc::default() }
    }

    /// Adds what the next commit left and created.
    pub fn add(&mut self, head: Head, nodes: NewNodes) {
        Arc::make_mut(&mut self.commits).push_back((head, nodes));
    }

    /// Forgets the commits up to `revision`.
    pub fn forget_until(&mut self, revision: Revision) {
        let commits = Arc::make_mut(&mut self.commits);
        while self.before < revision && commits.pop_front().is_some() {
            self.before = self.before.next();
        }
    }

    fn commit(&self, revision: Revision) -> Option<&(Head, NewNodes)> {
        let after = revision.0.checked_sub(self.before.next().0)?;
        self.commits.get(usize::try_from(after).ok()?)
    }

    fn get(&self, id: NodeId) -> Option<&Arc<Node>> {
        let (_, nodes) = self.commit(Revision(id.revision()))?;
        nodes.get(id.index())
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

    /// Returns the root of the log's state at a revision.
    pub fn root_at(&self, revision: Revision) -> Result<Option<NodeId>, StoreError> {
        match self.pending.as_ref().and_then(|pending| pending.commit(revision)) {
            Some((head, _)) => Ok(head.root),
            None => Ok(self.published.head_at(self.log, revision)?.root),
        }
    }
}

impl Nodes for LogNodes {
    type Error = StoreError;

    fn node(&self, id: NodeId) -> Result<Arc<Node>, StoreError> {
        match self.pending.as_ref().and_then(|pending| pending.get(id)) {
            Some(node) => Ok(Arc::clone(node)),
            None => self.published.nodes.node(self.log, id),
        }
    }
}
