//! What a tree is made of.

use std::fmt;
use std::sync::Arc;

/// How many entries a leaf has at the most. An edit writes one leaf anew, so this is what a small
/// change costs.
pub const MAX_LEAF_ENTRIES: usize = 8;

/// How many children an inner node has at the most.
pub const MAX_CHILDREN: usize = 16;

/// A key or a value. Shared, because a node that is written anew keeps most of its entries.
pub type Bytes = Arc<[u8]>;

/// The number of a kept node. A node's number says where it is kept: the revision of the commit
/// that created it, and its place among that commit's nodes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u64);

impl NodeId {
    const INDEX_BITS: u32 = 16;

    /// How many nodes one commit can create.
    pub const MAX_PER_REVISION: usize = 1 << Self::INDEX_BITS;

    /// Returns the number of the node at `index` among those of `revision`.
    #[must_use]
    pub fn new(revision: u64, index: usize) -> Self {
        let index = u64::try_from(index).expect("an index below the limit");
        Self(revision << Self::INDEX_BITS | index)
    }

    /// Returns the number that `raw` stands for.
    #[must_use]
    pub fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// Returns the number as it is stored.
    #[must_use]
    pub fn raw(self) -> u64 {
        self.0
    }

    /// Returns the revision whose commit created the node.
    #[must_use]
    pub fn revision(self) -> u64 {
        self.0 >> Self::INDEX_BITS
    }

    /// Returns the node's place among those of its commit.
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0 & ((1 << Self::INDEX_BITS) - 1)).expect("sixteen bits")
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.revision(), self.index())
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Keys and their values.
    Leaf(Vec<(Bytes, Bytes)>),
    /// The smallest keys of the children, and the children.
    Inner(Vec<(Bytes, Link)>),
}

/// How a node is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// It is kept under this number.
    Kept(NodeId),
    /// It is new, and not kept yet.
    New(Arc<Node>),
}

/// Where kept nodes are found.
pub trait Nodes {
    /// Why a node cannot be had.
    type Error;

    /// Returns the node that is kept under `id`.
    fn node(&self, id: NodeId) -> Result<Arc<Node>, Self::Error>;
}

/// A map, held by its root. Cloning it costs nothing, whatever its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    pub(super) root: Option<Link>,
}

impl Tree {
    /// Returns the tree whose root is kept under `root`; the empty one where there is none.
    #[must_use]
    pub fn at(root: Option<NodeId>) -> Self {
        Self { root: root.map(Link::Kept) }
    }

    /// Returns the number of the root, if the tree has one and it is kept.
    #[must_use]
    pub fn kept_root(&self) -> Option<NodeId> {
        match self.root {
            Some(Link::Kept(id)) => Some(id),
            Some(Link::New(_)) | None => None,
        }
    }
}

impl Link {
    pub(super) fn load<N: Nodes>(&self, nodes: &N) -> Result<Arc<Node>, N::Error> {
        match self {
            Self::Kept(id) => nodes.node(*id),
            Self::New(node) => Ok(Arc::clone(node)),
        }
    }
}

impl Node {
    pub(super) fn smallest_key(&self) -> &Bytes {
        let key = match self {
            Self::Leaf(entries) => entries.first().map(|(key, _)| key),
            Self::Inner(children) => children.first().map(|(key, _)| key),
        };
        key.expect("no node of a tree is empty")
    }
}
