//! Nodes as bytes.
//!
//! ```text
//! node   kind u8, count varint, then
//!        leaf  (0): count times  key length varint, key, value length varint, value
//!        inner (1): count times  key length varint, smallest key of the child, child's number u64
//! varint seven bits a byte, lowest first, the top bit set on all but the last
//! ```
//!
//! The layout is a promise: a change needs another format number in the store.

use super::node::{Bytes, Link, MAX_CHILDREN, MAX_LEAF_ENTRIES, Node, NodeId};

const LEAF: u8 = 0;
const INNER: u8 = 1;

/// The bytes are not those of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// They end too early.
    #[error("the node is cut short")]
    Short,
    /// They hold something that no node has.
    #[error("the node is malformed")]
    Malformed,
}

/// Appends `node`, whose links are all kept, to `bytes`.
///
/// # Panics
///
/// If a link is new: then the node cannot be told to anybody yet.
pub fn encode(node: &Node, bytes: &mut Vec<u8>) {
    match node {
        Node::Leaf(entries) => {
            bytes.push(LEAF);
            put_length(bytes, entries.len());
            for (key, value) in entries {
                put_bytes(bytes, key);
                put_bytes(bytes, value);
            }
        }
        Node::Inner(children) => {
            bytes.push(INNER);
            put_length(bytes, children.len());
            for (key, child) in children {
                put_bytes(bytes, key);
                match child {
                    Link::Kept(id) => bytes.extend(id.raw().to_be_bytes()),
                    Link::New(_) => panic!("a node is kept after its children"),
                }
            }
        }
    }
}

/// Takes a node off the front of `bytes`.
pub fn decode(bytes: &mut &[u8]) -> Result<Node, NodeError> {
    let kind = take(bytes, 1)?[0];
    let count = take_length(bytes)?;
    match kind {
        LEAF if (1..=MAX_LEAF_ENTRIES).contains(&count) => {
            let entries = (0..count).map(|_| Ok((take_bytes(bytes)?, take_bytes(bytes)?)));
            Ok(Node::Leaf(entries.collect::<Result<_, _>>()?))
        }
        INNER if (1..=MAX_CHILDREN).contains(&count) => {
            let children = (0..count).map(|_| Ok((take_bytes(bytes)?, take_link(bytes)?)));
            Ok(Node::Inner(children.collect::<Result<_, _>>()?))
        }
        _ => Err(NodeError::Malformed),
    }
}

fn put_length(bytes: &mut Vec<u8>, mut length: usize) {
    while 0x80 <= length {
        bytes.push(u8::try_from(length & 0x7F).expect("seven bits") | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).expect("seven bits"));
}

fn put_bytes(bytes: &mut Vec<u8>, text: &[u8]) {
    put_length(bytes, text.len());
    bytes.extend_from_slice(text);
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], NodeError> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(NodeError::Short)?;
    *bytes = rest;
    Ok(taken)
}

fn take_length(bytes: &mut &[u8]) -> Result<usize, NodeError> {
    // Four bytes are 28 bits: more than any row has.
    const MAX_BYTES: usize = 4;
    let mut length = 0;
    for place in 0..MAX_BYTES {
        let byte = take(bytes, 1)?[0];
        length |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(NodeError::Malformed)
}

fn take_bytes(bytes: &mut &[u8]) -> Result<Bytes, NodeError> {
    let length = take_length(bytes)?;
    Ok(take(bytes, length)?.into())
}

fn take_link(bytes: &mut &[u8]) -> Result<Link, NodeError> {
    let raw = take(bytes, 8)?.try_into().expect("eight bytes");
    Ok(Link::Kept(NodeId::from_raw(u64::from_be_bytes(raw))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Bytes> {
        // Lengths around the place where the length takes a second byte.
        prop_oneof![0..3usize, 126..130usize]
            .prop_flat_map(|length| prop::collection::vec(any::<u8>(), length))
            .prop_map(Bytes::from)
    }

    fn link() -> impl Strategy<Value = Link> {
        any::<u64>().prop_map(|raw| Link::Kept(NodeId::from_raw(raw)))
    }

    fn node() -> impl Strategy<Value = Node> {
        prop_oneof![
            prop::collection::vec((bytes(), bytes()), 1..=MAX_LEAF_ENTRIES).prop_map(Node::Leaf),
            prop::collection::vec((bytes(), link()), 1..=MAX_CHILDREN).prop_map(Node::Inner),
        ]
    }

    proptest! {
        #[test]
        fn a_node_reads_back_as_it_was_written(node in node(), rest in bytes()) {
            let mut encoded = Vec::new();
            encode(&node, &mut encoded);
            encoded.extend_from_slice(&rest);
            let mut left = &encoded[..];
            prop_assert_eq!(decode(&mut left), Ok(node));
            prop_assert_eq!(left, &*rest);
        }

        #[test]
        fn a_node_that_is_cut_short_is_refused(node in node(), keep in 0.0..1.0f64) {
            let mut encoded = Vec::new();
            encode(&node, &mut encoded);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                clippy::cast_sign_loss,
                reason = "any place within the node will do"
            )]
            let length = (encoded.len() as f64 * keep) as usize;
            prop_assert!(decode(&mut &encoded[..length]).is_err());
        }

        #[test]
        fn random_bytes_are_refused_or_read_but_never_panic(
            random in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            drop(decode(&mut &random[..]));
        }
    }
}
