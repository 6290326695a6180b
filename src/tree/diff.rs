//! The difference of two trees, read from the nodes that they do not share.
//!
//! Two cursors go through the trees in the order of the keys, each standing at a node or at an
//! entry. Where both stand at the same node, both go on without opening it. That alone would be
//! right; what makes it fast is never to open a node at which the other cursor is still to arrive:
//!
//! * Of two places, the one with the smaller key is opened or passed first. The other cursor is
//!   beyond that key, so it does not come to a node that begins with it.
//! * Of two nodes that begin with the same key, the one nearer to its root is opened first. That is
//!   the one with the greater number, because nodes are numbered after their children; so nobody
//!   needs to know how high a tree is.
//! * The roots are opened at once, because no parent says with which key they begin. No edit makes
//!   the root of one tree a lower node of another.
//!
//! So a node that both trees have is not loaded, another is loaded once, and only the nodes on two
//! paths are held at a time. Where a span begins inside the trees, the nodes on the path there may be
//! shared and loaded all the same: no parent says how far its last node reaches.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::node::{Link, Node, Nodes, Tree};

/// How the entry under a key differs between two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Only the second tree has one, with this value.
    Inserted(&'a [u8]),
    /// Both have one, with different values.
    Replaced {
        /// The first tree's value.
        before: &'a [u8],
        /// The second tree's value.
        after: &'a [u8],
    },
    /// Only the first tree has one, with this value.
    Removed(&'a [u8]),
}

/// The keys that a difference is about: those that begin with a prefix, from some place on.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    prefix: &'a [u8],
    after: Option<&'a [u8]>,
}

impl<'a> Span<'a> {
    /// All keys.
    pub const ALL: Span<'static> = Span::under(b"");

    /// Returns the span of the keys that begin with `prefix`.
    #[must_use]
    pub const fn under(prefix: &'a [u8]) -> Self {
        Self { prefix, after: None }
    }

    /// Returns those of the keys that come after `key`, where a page before this one ended.
    #[must_use]
    pub const fn after(self, key: &'a [u8]) -> Self {
        Self { after: Some(key), ..self }
    }

    fn begins_after(&self, key: &[u8]) -> bool {
        key < self.prefix || self.after.is_some_and(|after| key <= after)
    }

    fn ends_before(&self, key: &[u8]) -> bool {
        self.prefix < key && !key.starts_with(self.prefix)
    }
}

impl Tree {
    /// Shows `visit` what has to be changed in this tree to have what `other` has, in ascending
    /// order of the keys in `span`, until it breaks. Both trees are kept in `nodes`.
    pub fn diff<N: Nodes>(
        &self,
        other: &Self,
        nodes: &N,
        span: Span<'_>,
        mut visit: impl FnMut(&[u8], Change<'_>) -> ControlFlow<()>,
    ) -> Result<(), N::Error> {
        if let (Some(before), Some(after)) = (&self.root, &other.root)
            && is_same(before, after)
        {
            return Ok(());
        }
        let mut before = Cursor::in_root(self, nodes, span)?;
        let mut after = Cursor::in_root(other, nodes, span)?;
        while let Some(order) = order(&before, &after) {
            let flow = match order {
                Ordering::Less => before.pass(|key, value| visit(key, Change::Removed(value)))?,
                Ordering::Greater => {
                    after.pass(|key, value| visit(key, Change::Inserted(value)))?
                }
                Ordering::Equal => pass_both(&mut before, &mut after, &mut visit)?,
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Returns which cursor is at the smaller key; nothing where both are at their ends.
fn order<N: Nodes>(before: &Cursor<'_, N>, after: &Cursor<'_, N>) -> Option<Ordering> {
    match (before.here(), after.here()) {
        (None, None) => None,
        (Some(_), None) => Some(Ordering::Less),
        (None, Some(_)) => Some(Ordering::Greater),
        (Some((before, _)), Some((after, _))) => Some(before.cmp(after)),
    }
}

/// Takes two cursors that are at the same key one step on.
fn pass_both<N: Nodes>(
    before: &mut Cursor<'_, N>,
    after: &mut Cursor<'_, N>,
    visit: &mut impl FnMut(&[u8], Change<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, N::Error> {
    let (Some((key, old)), Some((_, new))) = (before.here(), after.here()) else {
        unreachable!("cursors at the same key are not at their ends")
    };
    match (old, new) {
        (Place::Entry(old), Place::Entry(new)) => {
            let is_same = old == new;
            let change = Change::Replaced { before: old, after: new };
            let flow = if is_same { ControlFlow::Continue(()) } else { visit(key, change) };
            before.go_on();
            after.go_on();
            return Ok(flow);
        }
        (Place::Entry(_), Place::Node(_)) => after.open()?,
        (Place::Node(_), Place::Entry(_)) => before.open()?,
        (Place::Node(old), Place::Node(new)) if is_same(old, new) => {
            before.go_on();
            after.go_on();
        }
        (Place::Node(old), Place::Node(new)) => match (old, new) {
            (Link::Kept(old), Link::Kept(new)) if new < old => before.open()?,
            (Link::Kept(_), _) => after.open()?,
            // New nodes are over kept ones, and cost nothing to open.
            (Link::New(_), _) => before.open()?,
        },
    }
    Ok(ControlFlow::Continue(()))
}

fn is_same(a: &Link, b: &Link) -> bool {
    match (a, b) {
        (Link::Kept(a), Link::Kept(b)) => a == b,
        (Link::New(a), Link::New(b)) => Arc::ptr_eq(a, b),
        (Link::Kept(_), Link::New(_)) | (Link::New(_), Link::Kept(_)) => false,
    }
}

/// Where a cursor stands.
enum Place<'a> {
    /// Before all that is in a node.
    Node(&'a Link),
    /// At the entry with this value.
    Entry(&'a [u8]),
}

/// A place in a tree, which moves on in the order of the keys.
struct Cursor<'a, N> {
    nodes: &'a N,
    span: Span<'a>,
    /// The opened nodes, from the root down, and where in each the cursor is.
    path: Vec<(Arc<Node>, usize)>,
}

impl<'a, N: Nodes> Cursor<'a, N> {
    fn in_root(tree: &Tree, nodes: &'a N, span: Span<'a>) -> Result<Self, N::Error> {
        let mut cursor = Self { nodes, span, path: Vec::new() };
        if let Some(root) = &tree.root {
            cursor.enter(root.load(nodes)?);
        }
        Ok(cursor)
    }

    /// Returns the key and the place at which the cursor is; nothing at the end of the span.
    fn here(&self) -> Option<(&[u8], Place<'_>)> {
        let (node, at) = self.path.last()?;
        let (key, place) = match &**node {
            Node::Leaf(entries) => (&entries[*at].0, Place::Entry(&entries[*at].1)),
            Node::Inner(children) => (&children[*at].0, Place::Node(&children[*at].1)),
        };
        (!self.span.ends_before(key)).then_some((key, place))
    }

    /// Opens the node at which the cursor is, or shows the entry and goes on.
    fn pass(
        &mut self,
        visit: impl FnOnce(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, N::Error> {
        let Some((key, Place::Entry(value))) = self.here() else {
            return self.open().map(ControlFlow::Continue);
        };
        let flow = visit(key, value);
        self.go_on();
        Ok(flow)
    }

    /// Goes into the node at which the cursor is.
    fn open(&mut self) -> Result<(), N::Error> {
        let Some((_, Place::Node(link))) = self.here() else {
            unreachable!("only a node is opened")
        };
        self.enter(link.load(self.nodes)?);
        Ok(())
    }

    /// Goes to the first place in a node that may be in the span.
    fn enter(&mut self, node: Arc<Node>) {
        let start = match &*node {
            Node::Leaf(entries) => entries.partition_point(|(key, _)| self.span.begins_after(key)),
            // The child before may have keys on both sides of where the span begins.
            Node::Inner(children) => {
                children.partition_point(|(key, _)| self.span.begins_after(key)).saturating_sub(1)
            }
        };
        if start < width(&node) {
            self.path.push((node, start));
        } else {
            self.go_on();
        }
    }

    /// Goes to what comes after the node or the entry at which the cursor is.
    fn go_on(&mut self) {
        while let Some((node, at)) = self.path.last_mut() {
            *at += 1;
            if *at < width(node) {
                break;
            }
            self.path.pop();
        }
    }
}

/// Returns how many entries or children a node has.
fn width(node: &Node) -> usize {
    match node {
        Node::Leaf(entries) => entries.len(),
        Node::Inner(children) => children.len(),
    }
}
