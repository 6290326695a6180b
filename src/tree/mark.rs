//! Marking: which nodes a tree is made of.

use super::node::{Link, Node, NodeId, Nodes, Tree};

impl Tree {
    /// Shows `enter` the number of every kept node, parents before children. What is below a node is
    /// left out where `enter` says no, as it does to what it saw before.
    ///
    /// All leaves are equally deep, so they are known without being loaded, but for one.
    pub fn mark<N: Nodes>(
        &self,
        nodes: &N,
        enter: &mut impl FnMut(NodeId) -> bool,
    ) -> Result<(), N::Error> {
        let Some(root) = self.kept_root().filter(|root| enter(*root)) else { return Ok(()) };
        let mut waiting = vec![(root, height(nodes, root)?)];
        while let Some((id, height)) = waiting.pop() {
            if height == 0 {
                continue;
            }
            if let Node::Inner(children) = &*nodes.node(id)? {
                let entered = kept(children.iter().map(|(_, link)| link)).filter(|id| enter(*id));
                waiting.extend(entered.map(|id| (id, height - 1)));
            }
        }
        Ok(())
    }

    /// Does what [`Tree::mark`] does, and shows `visit` the entries of every leaf that was entered.
    pub fn mark_entries<N: Nodes>(
        &self,
        nodes: &N,
        enter: &mut impl FnMut(NodeId) -> bool,
        visit: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<(), N::Error> {
        let mut waiting: Vec<NodeId> = self.kept_root().into_iter().collect();
        while let Some(id) = waiting.pop() {
            if !enter(id) {
                continue;
            }
            match &*nodes.node(id)? {
                Node::Leaf(entries) => entries.iter().for_each(|(key, value)| visit(key, value)),
                Node::Inner(children) => {
                    waiting.extend(kept(children.iter().map(|(_, link)| link)));
                }
            }
        }
        Ok(())
    }
}

/// Returns how far the leaves are below a node.
fn height<N: Nodes>(nodes: &N, root: NodeId) -> Result<usize, N::Error> {
    let mut node = nodes.node(root)?;
    let mut height = 0;
    loop {
        let first = match &*node {
            Node::Inner(children) => kept(children.iter().map(|(_, link)| link)).next(),
            Node::Leaf(_) => None,
        };
        let Some(first) = first else { return Ok(height) };
        node = nodes.node(first)?;
        height += 1;
    }
}

/// Returns the numbers of the kept nodes among `links`; a tree that was kept has no others.
fn kept<'a>(links: impl Iterator<Item = &'a Link>) -> impl Iterator<Item = NodeId> {
    links.filter_map(|link| match link {
        Link::Kept(id) => Some(*id),
        Link::New(_) => None,
    })
}
