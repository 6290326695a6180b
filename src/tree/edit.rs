//! Editing a tree. Nodes that are kept, or shared with another tree, are copied once, when they are
//! first edited; the ones that an edit before has made for this tree alone are edited in place.

use std::sync::Arc;

use super::node::{Bytes, Link, MAX_CHILDREN, MAX_LEAF_ENTRIES, Node, NodeId, Nodes, Tree};
use super::read::child_for;

/// What part of a node must be filled, so that it is not worth joining with a neighbour.
const SMALL: usize = 4;

impl Tree {
    /// Puts `value` under `key`, in place of what was there.
    pub fn insert<N: Nodes>(
        &mut self,
        nodes: &N,
        key: Bytes,
        value: Bytes,
    ) -> Result<(), N::Error> {
        let Some(root) = &mut self.root else {
            self.root = Some(Link::new(Node::Leaf(vec![(key, value)])));
            return Ok(());
        };
        if let Some(rest) = insert(nodes, root, key, value)? {
            let smallest = root.load(nodes)?.smallest_key().clone();
            *root = Link::new(Node::Inner(vec![(smallest, root.clone()), rest]));
        }
        Ok(())
    }

    /// Removes what is under `key`, and returns whether there was anything.
    pub fn remove<N: Nodes>(&mut self, nodes: &N, key: &[u8]) -> Result<bool, N::Error> {
        // Else the nodes on the way would be copied for nothing.
        if self.get(nodes, key)?.is_none() {
            return Ok(false);
        }
        if let Some(root) = &mut self.root {
            remove(nodes, root, key)?;
            if root.load(nodes)?.is_empty() {
                self.root = None;
            } else {
                collapse(nodes, root)?;
            }
        }
        Ok(true)
    }

    /// Numbers the new nodes of this tree, children before parents, and returns the root's number;
    /// none where the tree is empty. `number` is given each new node once, with all its links kept.
    pub fn keep(&mut self, number: &mut impl FnMut(Arc<Node>) -> NodeId) -> Option<NodeId> {
        Some(keep(self.root.as_mut()?, number))
    }
}

/// A node and its smallest key, as its parent holds it.
type Part = (Bytes, Link);

impl Link {
    pub(super) fn new(node: Node) -> Self {
        Self::New(Arc::new(node))
    }

    /// Returns the node to be edited, which no other tree has.
    fn edit<N: Nodes>(&mut self, nodes: &N) -> Result<&mut Node, N::Error> {
        if let Self::Kept(id) = self {
            *self = Self::New(nodes.node(*id)?);
        }
        match self {
            Self::New(node) => Ok(Arc::make_mut(node)),
            Self::Kept(_) => unreachable!("it was made new"),
        }
    }
}

fn part(node: Node) -> Part {
    (node.smallest_key().clone(), Link::new(node))
}

/// Takes off what is too much for one node, after something was put at `place`: a half, or where
/// that was put at the end, only as much as is not worth joining again. Keys that ascend, as those
/// of operations do, so leave nearly full nodes behind, and halves would never be filled.
fn split<T>(items: &mut Vec<T>, max: usize, place: usize) -> Option<Vec<T>> {
    if items.len() <= max {
        return None;
    }
    let is_last = place + 1 == items.len();
    let off = if is_last { max / SMALL } else { items.len() / 2 };
    Some(items.split_off(items.len() - off))
}

/// Returns what did not fit into the node any more.
fn insert<N: Nodes>(
    nodes: &N,
    link: &mut Link,
    key: Bytes,
    value: Bytes,
) -> Result<Option<Part>, N::Error> {
    let rest = match link.edit(nodes)? {
        Node::Leaf(entries) => match entries.binary_search_by(|(k, _)| k.cmp(&key)) {
            Ok(place) => {
                entries[place].1 = value;
                None
            }
            Err(place) => {
                entries.insert(place, (key, value));
                split(entries, MAX_LEAF_ENTRIES, place).map(Node::Leaf)
            }
        },
        Node::Inner(children) => {
            let place = child_for(children, &key).unwrap_or(0);
            let (smallest, child) = &mut children[place];
            if key < *smallest {
                smallest.clone_from(&key);
            }
            match insert(nodes, child, key, value)? {
                None => None,
                Some(rest) => {
                    children.insert(place + 1, rest);
                    split(children, MAX_CHILDREN, place + 1).map(Node::Inner)
                }
            }
        }
    };
    Ok(rest.map(part))
}

/// Removes a key that is there. The node may be empty afterwards.
fn remove<N: Nodes>(nodes: &N, link: &mut Link, key: &[u8]) -> Result<(), N::Error> {
    match link.edit(nodes)? {
        Node::Leaf(entries) => entries.retain(|(k, _)| **k != *key),
        Node::Inner(children) => {
            let Some(place) = child_for(children, key) else { return Ok(()) };
            remove(nodes, &mut children[place].1, key)?;
            let child = children[place].1.load(nodes)?;
            if child.is_empty() {
                children.remove(place);
                return Ok(());
            }
            children[place].0.clone_from(child.smallest_key());
            if child.is_small() && 1 < children.len() {
                // Held, it would be copied once more.
                drop(child);
                join(nodes, children, place)?;
            }
        }
    }
    Ok(())
}

/// Joins the small child at `place` with a neighbour.
fn join<N: Nodes>(nodes: &N, children: &mut Vec<Part>, place: usize) -> Result<(), N::Error> {
    let left = place.min(children.len() - 2);
    let right = children.remove(left + 1).1.load(nodes)?;
    let rest = match (children[left].1.edit(nodes)?, &*right) {
        (Node::Leaf(entries), Node::Leaf(more)) => {
            entries.extend_from_slice(more);
            split(entries, MAX_LEAF_ENTRIES, 0).map(Node::Leaf)
        }
        (Node::Inner(links), Node::Inner(more)) => {
            links.extend_from_slice(more);
            split(links, MAX_CHILDREN, 0).map(Node::Inner)
        }
        (Node::Leaf(_), Node::Inner(_)) | (Node::Inner(_), Node::Leaf(_)) => {
            unreachable!("all leaves of a tree are equally deep")
        }
    };
    if let Some(rest) = rest {
        children.insert(left + 1, part(rest));
    }
    Ok(())
}

/// Takes a root that has but one child away, as often as that is so.
fn collapse<N: Nodes>(nodes: &N, root: &mut Link) -> Result<(), N::Error> {
    loop {
        let child = match &*root.load(nodes)? {
            Node::Inner(children) if children.len() == 1 => children[0].1.clone(),
            Node::Inner(_) | Node::Leaf(_) => return Ok(()),
        };
        *root = child;
    }
}

impl Node {
    fn len(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.len(),
            Self::Inner(children) => children.len(),
        }
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the node is under a quarter full, so that it is worth joining with a neighbour.
    fn is_small(&self) -> bool {
        match self {
            Self::Leaf(entries) => entries.len() < MAX_LEAF_ENTRIES / SMALL,
            Self::Inner(children) => children.len() < MAX_CHILDREN / SMALL,
        }
    }
}

fn keep(link: &mut Link, number: &mut impl FnMut(Arc<Node>) -> NodeId) -> NodeId {
    let node = match link {
        Link::Kept(id) => return *id,
        Link::New(node) => node,
    };
    if let Node::Inner(children) = Arc::make_mut(node) {
        for (_, child) in children {
            keep(child, number);
        }
    }
    let id = number(Arc::clone(node));
    *link = Link::Kept(id);
    id
}
