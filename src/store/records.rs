//! Records: a log's state as keys and values, read and edited.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::model::revision::Revision;
use crate::store::StoreError;
use crate::store::nodes::LogNodes;
use crate::store::stored::{Stored, decode};
use crate::tree::node::Bytes;
use crate::tree::{Node, NodeId, Tree};

/// What a log holds, as a type that knows what its keys and values mean.
pub trait Contents: Sized + 'static {
    /// Takes the records for this kind of contents.
    fn open(records: Records) -> Self;
    /// Keeps what was edited, and returns the root of the state.
    fn close(self, keeper: &mut Keeper) -> Result<Option<NodeId>, StoreError>;
}

/// Contents of any kind, neither read nor edited.
pub struct Nothing(Records);

impl Contents for Nothing {
    fn open(records: Records) -> Self {
        Self(records)
    }

    fn close(self, keeper: &mut Keeper) -> Result<Option<NodeId>, StoreError> {
        Ok(self.0.close(keeper))
    }
}

/// A log's state at one revision, and the edits that were made to it.
pub struct Records {
    nodes: LogNodes,
    base: Revision,
    root: Tree,
}

impl Records {
    /// Returns the records of the state under `root`, which is that of the revision `base`.
    #[must_use]
    pub fn new(nodes: LogNodes, base: Revision, root: Option<NodeId>) -> Self {
        Self { nodes, base, root: Tree::at(root) }
    }

    /// Returns the revision that is being read or edited.
    #[must_use]
    pub fn base(&self) -> Revision {
        self.base
    }

    /// Returns where the nodes are.
    #[must_use]
    pub fn nodes(&self) -> &LogNodes {
        &self.nodes
    }

    /// Returns the records of the same log at another revision.
    pub fn at(&self, revision: Revision) -> Result<Self, StoreError> {
        let root = self.nodes.root_at(revision)?;
        Ok(Self::new(self.nodes.clone(), revision, root))
    }

    /// Returns the tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.root
    }

    /// Returns the record under `key`.
    pub fn get<T: Stored>(&self, key: &[u8]) -> Result<Option<T::Model>, StoreError> {
        get::<T>(&self.nodes, &self.root, key)
    }

    /// Puts a record under `key`.
    pub fn put<T: Stored>(&mut self, key: &[u8], record: T::Model) -> Result<(), StoreError> {
        put::<T>(&self.nodes, &mut self.root, key, record)
    }

    /// Removes the record under `key`.
    pub fn remove(&mut self, key: &[u8]) -> Result<(), StoreError> {
        self.root.remove(&self.nodes, key).map(drop)
    }

    /// Returns the records whose keys begin with `prefix`, by key.
    pub fn list<T: Stored>(&self, prefix: &[u8]) -> Result<Vec<T::Model>, StoreError> {
        list::<T>(&self.nodes, &self.root, prefix)
    }

    /// Keeps what was edited, and returns the root.
    pub fn close(mut self, keeper: &mut Keeper) -> Option<NodeId> {
        self.root.keep(&mut |node| keeper.number(node))
    }
}

/// Returns the record under `key` of `tree`.
pub fn get<T: Stored>(
    nodes: &LogNodes,
    tree: &Tree,
    key: &[u8],
) -> Result<Option<T::Model>, StoreError> {
    tree.get(nodes, key)?.map(|value| decode::<T>(key, &value)).transpose()
}

/// Puts a record under `key` of `tree`.
pub fn put<T: Stored>(
    nodes: &LogNodes,
    tree: &mut Tree,
    key: &[u8],
    record: T::Model,
) -> Result<(), StoreError> {
    tree.insert(nodes, Bytes::from(key), T::to_bytes(record)?.into())
}

/// Returns the records of `tree` whose keys begin with `prefix`, by key.
pub fn list<T: Stored>(
    nodes: &LogNodes,
    tree: &Tree,
    prefix: &[u8],
) -> Result<Vec<T::Model>, StoreError> {
    let mut records = Vec::new();
    let mut read = Ok(());
    tree.scan(nodes, prefix, |key, value| {
        if !key.starts_with(prefix) {
            return ControlFlow::Break(());
        }
        match decode::<T>(key, value) {
            Ok(record) => records.push(record),
            Err(error) => {
                read = Err(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    read.map(|()| records)
}

/// Numbers the nodes that a commit creates.
pub struct Keeper {
    revision: Revision,
    nodes: Vec<Arc<Node>>,
}

impl Keeper {
    /// Returns the keeper of the commit `revision`.
    #[must_use]
    pub fn new(revision: Revision) -> Self {
        Self { revision, nodes: Vec::new() }
    }

    /// Numbers a node.
    pub fn number(&mut self, node: Arc<Node>) -> NodeId {
        let id = NodeId::new(self.revision.0, self.nodes.len());
        self.nodes.push(node);
        id
    }

    /// Returns the nodes, each in the place of its number.
    #[must_use]
    pub fn into_nodes(self) -> Vec<Arc<Node>> {
        self.nodes
    }
}
