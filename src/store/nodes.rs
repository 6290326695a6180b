//! The nodes of a log: the ones that were read lately, and the ones that are not durable yet.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

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
            let node = Arc::new(node);
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
            self.insert(log, NodeId::new(revision.0, index), Arc::new(node));
        }
        Ok(root)
    }
}

/// The nodes and states of commits that are decided and not durable yet. Only the committer sees
/// them.
#[derive(Clone, Default)]
pub struct PendingNodes(Arc<RwLock<Pending>>);

#[derive(Default)]
struct Pending {
    nodes: HashMap<NodeId, Arc<Node>>,
    heads: HashMap<Revision, Head>,
}

impl PendingNodes {
    /// Adds what a commit created.
    pub fn add(&self, head: Head, nodes: &[Node]) {
        let revision = head.moment.revision;
        let mut pending = self.0.write().expect("a lock that no panic poisons");
        pending.heads.insert(revision, head);
        for (index, node) in nodes.iter().enumerate() {
            pending.nodes.insert(NodeId::new(revision.0, index), Arc::new(node.clone()));
        }
    }

    /// Takes the nodes out.
    pub(super) fn drain(&self) -> Vec<(NodeId, Arc<Node>)> {
        self.0.write().expect("a lock that no panic poisons").nodes.drain().collect()
    }

    fn get(&self, id: NodeId) -> Option<Arc<Node>> {
        self.0.read().expect("a lock that no panic poisons").nodes.get(&id).cloned()
    }

    fn head(&self, revision: Revision) -> Option<Head> {
        self.0.read().expect("a lock that no panic poisons").heads.get(&revision).copied()
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
        let head = match self.pending.as_ref().and_then(|pending| pending.head(revision)) {
            Some(head) => head,
            None => self.published.head_at(self.log, revision)?,
        };
        Ok(head.root)
    }
}

impl Nodes for LogNodes {
    type Error = StoreError;

    fn node(&self, id: NodeId) -> Result<Arc<Node>, StoreError> {
        match self.pending.as_ref().and_then(|pending| pending.get(id)) {
            Some(node) => Ok(node),
            None => self.published.nodes.node(self.log, id),
        }
    }
}
