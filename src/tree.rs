//! How it is shared: a persistent map of bytes to bytes, as a copy-on-write B+tree.
//!
//! A node never changes. An edit builds new nodes along one path, in memory, and shares all others
//! with the tree that it came from; [`Tree::keep`] then numbers what is new, once, so that nodes
//! which a later edit of the same commit superseded never cost a number or a byte.
//!
//! # Invariants
//!
//! * Keys are strictly ascending; the key under which an inner node holds a child is the smallest
//!   key in that child.
//! * A node's number is greater than those of all nodes below it.
//! * All leaves are equally deep. No node is empty or over its limit, and no root has one child.
//! * Nothing here knows what a key or a value means, or where nodes are kept.

pub mod diff;
pub mod edit;
pub mod encoding;
pub mod node;
pub mod read;

pub use diff::{Change, Span};
pub use node::{Link, Node, NodeId, Nodes, Tree};

#[cfg(test)]
mod tests;
