//! Reading a tree.

use std::ops::ControlFlow;

use super::node::{Bytes, Link, Node, Nodes, Tree};

impl Tree {
    /// Returns the value under `key`.
    pub fn get<N: Nodes>(&self, nodes: &N, key: &[u8]) -> Result<Option<Bytes>, N::Error> {
        let Some(root) = &self.root else { return Ok(None) };
        let mut node = root.load(nodes)?;
        loop {
            let child = match &*node {
                Node::Leaf(entries) => {
                    let place = entries.binary_search_by(|(k, _)| (**k).cmp(key));
                    return Ok(place.ok().map(|place| entries[place].1.clone()));
                }
                Node::Inner(children) => match child_for(children, key) {
                    Some(place) => children[place].1.load(nodes)?,
                    None => return Ok(None),
                },
            };
            node = child;
        }
    }

    /// Returns the last entry whose key is at or before `key`.
    pub fn last_until<N: Nodes>(
        &self,
        nodes: &N,
        key: &[u8],
    ) -> Result<Option<(Bytes, Bytes)>, N::Error> {
        let Some(root) = &self.root else { return Ok(None) };
        let mut node = root.load(nodes)?;
        loop {
            let child = match &*node {
                Node::Leaf(entries) => {
                    let after = entries.partition_point(|(k, _)| **k <= *key);
                    return Ok(after.checked_sub(1).map(|place| entries[place].clone()));
                }
                // The smallest key of this child is at or before `key`, so the entry is in it.
                Node::Inner(children) => match child_for(children, key) {
                    Some(place) => children[place].1.load(nodes)?,
                    None => return Ok(None),
                },
            };
            node = child;
        }
    }

    /// Shows `visit` the entries from the key `from` on, in ascending order, until it breaks.
    pub fn scan<N: Nodes>(
        &self,
        nodes: &N,
        from: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), N::Error> {
        match &self.root {
            None => Ok(()),
            Some(root) => scan(nodes, root, from, &mut visit).map(drop),
        }
    }

    /// Shows `visit` the entries before the key `before`, in descending order, until it breaks.
    pub fn scan_back<N: Nodes>(
        &self,
        nodes: &N,
        before: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), N::Error> {
        match &self.root {
            None => Ok(()),
            Some(root) => scan_back(nodes, root, before, &mut visit).map(drop),
        }
    }
}

fn scan<N: Nodes>(
    nodes: &N,
    link: &Link,
    from: &[u8],
    visit: &mut impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, N::Error> {
    match &*link.load(nodes)? {
        Node::Leaf(entries) => {
            let start = entries.partition_point(|(key, _)| **key < *from);
            Ok(entries[start..].iter().try_for_each(|(key, value)| visit(key, value)))
        }
        Node::Inner(children) => {
            let start = child_for(children, from).unwrap_or(0);
            for (_, child) in &children[start..] {
                if scan(nodes, child, from, visit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        }
    }
}

fn scan_back<N: Nodes>(
    nodes: &N,
    link: &Link,
    before: &[u8],
    visit: &mut impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, N::Error> {
    match &*link.load(nodes)? {
        Node::Leaf(entries) => {
            let end = entries.partition_point(|(key, _)| **key < *before);
            Ok(entries[..end].iter().rev().try_for_each(|(key, value)| visit(key, value)))
        }
        Node::Inner(children) => {
            let end = children.partition_point(|(key, _)| **key < *before);
            for (_, child) in children[..end].iter().rev() {
                if scan_back(nodes, child, before, visit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        }
    }
}

/// Returns the place of the one child that can hold `key`; none where the key is before them all.
pub(super) fn child_for(children: &[(Bytes, Link)], key: &[u8]) -> Option<usize> {
    children.partition_point(|(smallest, _)| **smallest <= *key).checked_sub(1)
}
