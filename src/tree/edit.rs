//! Editing a tree: every edit makes another tree, which shares what it did not change.

use std::sync::Arc;

use super::node::{Bytes, Link, MAX_CHILDREN, MAX_LEAF_ENTRIES, Node, NodeId, Nodes, Tree};
use super::read::child_for;

impl Tree {
    /// Puts `value` under `key`, in place of what was there.
    pub fn insert<N: Nodes>(
        &mut self,
        nodes: &N,
        key: Bytes,
        value: Bytes,
    ) -> Result<(), N::Error> {
        let parts = match &self.root {
            None => leaves(vec![(key, value)]),
            Some(root) => insert(nodes, root, key, value)?,
        };
        self.root = root_over(parts);
        Ok(())
    }

    /// Removes what is under `key`, and returns whether there was anything.
    pub fn remove<N: Nodes>(&mut self, nodes: &N, key: &[u8]) -> Result<bool, N::Error> {
        let Some(root) = &self.root else { return Ok(false) };
        let Some(parts) = remove(nodes, root, key)? else { return Ok(false) };
        self.root = collapse(nodes, root_over(parts))?;
        Ok(true)
    }

    /// Numbers the new nodes of this tree, children before parents, and returns the root's number;
    /// none where the tree is empty. `number` is given each new node once, with all its links kept.
    pub fn keep(&mut self, number: &mut impl FnMut(Node) -> NodeId) -> Option<NodeId> {
        let root = keep(self.root.as_ref()?, number);
        self.root = Some(Link::Kept(root));
        Some(root)
    }
}

/// A node and its smallest key, as its parent holds it.
type Part = (Bytes, Link);

fn part(node: Node) -> Part {
    (node.smallest_key().clone(), Link::New(Arc::new(node)))
}

fn leaves(entries: Vec<(Bytes, Bytes)>) -> Vec<Part> {
    halves(entries, MAX_LEAF_ENTRIES).map(|entries| part(Node::Leaf(entries))).collect()
}

fn inners(children: Vec<Part>) -> Vec<Part> {
    halves(children, MAX_CHILDREN).map(|children| part(Node::Inner(children))).collect()
}

/// Returns `items` as they are, in two halves where there are more than `max`, and not at all
/// where there are none.
fn halves<T>(mut items: Vec<T>, max: usize) -> impl Iterator<Item = Vec<T>> {
    let rest = (max < items.len()).then(|| items.split_off(items.len() / 2));
    [Some(items), rest].into_iter().flatten().filter(|half| !half.is_empty())
}

fn root_over(mut parts: Vec<Part>) -> Option<Link> {
    match parts.len() {
        0 => None,
        1 => parts.pop().map(|(_, link)| link),
        _ => Some(Link::New(Arc::new(Node::Inner(parts)))),
    }
}

/// Takes a root that has but one child away, as often as that is so.
fn collapse<N: Nodes>(nodes: &N, root: Option<Link>) -> Result<Option<Link>, N::Error> {
    let Some(mut root) = root else { return Ok(None) };
    loop {
        let child = match &*root.load(nodes)? {
            Node::Inner(children) if children.len() == 1 => children[0].1.clone(),
            Node::Inner(_) | Node::Leaf(_) => break,
        };
        root = child;
    }
    Ok(Some(root))
}

fn insert<N: Nodes>(
    nodes: &N,
    link: &Link,
    key: Bytes,
    value: Bytes,
) -> Result<Vec<Part>, N::Error> {
    match &*link.load(nodes)? {
        Node::Leaf(entries) => {
            let mut entries = entries.clone();
            match entries.binary_search_by(|(k, _)| k.cmp(&key)) {
                Ok(place) => entries[place].1 = value,
                Err(place) => entries.insert(place, (key, value)),
            }
            Ok(leaves(entries))
        }
        Node::Inner(children) => {
            let place = child_for(children, &key).unwrap_or(0);
            let parts = insert(nodes, &children[place].1, key, value)?;
            let mut children = children.clone();
            children.splice(place..=place, parts);
            Ok(inners(children))
        }
    }
}

/// Returns what is left of the node; nothing where the key was not in it.
fn remove<N: Nodes>(nodes: &N, link: &Link, key: &[u8]) -> Result<Option<Vec<Part>>, N::Error> {
    match &*link.load(nodes)? {
        Node::Leaf(entries) => {
            let Ok(place) = entries.binary_search_by(|(k, _)| (**k).cmp(key)) else {
                return Ok(None);
            };
            let mut entries = entries.clone();
            entries.remove(place);
            Ok(Some(leaves(entries)))
        }
        Node::Inner(children) => {
            let Some(place) = child_for(children, key) else { return Ok(None) };
            let Some(parts) = remove(nodes, &children[place].1, key)? else { return Ok(None) };
            let mut children = children.clone();
            let is_small = match parts.first() {
                None => false,
                Some((_, link)) => link.load(nodes)?.is_small(),
            };
            children.splice(place..=place, parts);
            if is_small && 1 < children.len() {
                join(nodes, &mut children, place)?;
            }
            Ok(Some(inners(children)))
        }
    }
}

/// Joins the small child at `place` with a neighbour.
fn join<N: Nodes>(nodes: &N, children: &mut Vec<Part>, place: usize) -> Result<(), N::Error> {
    let left = place.min(children.len() - 2);
    let pair = (children[left].1.load(nodes)?, children[left + 1].1.load(nodes)?);
    let joined = match (&*pair.0, &*pair.1) {
        (Node::Leaf(left), Node::Leaf(right)) => leaves([&left[..], right].concat()),
        (Node::Inner(left), Node::Inner(right)) => inners([&left[..], right].concat()),
        (Node::Leaf(_), Node::Inner(_)) | (Node::Inner(_), Node::Leaf(_)) => {
            unreachable!("all leaves of a tree are equally deep")
        }
    };
    children.splice(left..=left + 1, joined);
    Ok(())
}

impl Node {
    /// Whether the node is under a quarter full, so that it is worth joining with a neighbour.
    fn is_small(&self) -> bool {
        match self {
            Self::Leaf(entries) => entries.len() < MAX_LEAF_ENTRIES / 4,
            Self::Inner(children) => children.len() < MAX_CHILDREN / 4,
        }
    }
}

fn keep(link: &Link, number: &mut impl FnMut(Node) -> NodeId) -> NodeId {
    let node = match link {
        Link::Kept(id) => return *id,
        Link::New(node) => node,
    };
    let node = match &**node {
        Node::Leaf(entries) => Node::Leaf(entries.clone()),
        Node::Inner(children) => Node::Inner(
            children
                .iter()
                .map(|(key, child)| (key.clone(), Link::Kept(keep(child, number))))
                .collect(),
        ),
    };
    number(node)
}
