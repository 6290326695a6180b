//! A row: one commit, as bytes.
//!
//! ```text
//! row    format u8 | crc32 u32 of the rest | header length u32 | header (bincode) | nodes (LZ4)
//! ```
//!
//! Nodes are compressed because they repeat the ids of branches in every record: a row takes a
//! third of the bytes, and so does a commit on the disk.

use std::sync::Arc;

use bincode::{Decode, Encode};
use lz4_flex::block::{self, CompressTable};

use crate::model::cause::Cause;
use crate::model::revision::Timestamp;
use crate::store::codec::{self, CodecError};
use crate::store::engine::MAX_ROW_BYTES;
use crate::store::stored::{Invalid, Stored, StoredCause};
use crate::tree::encoding::{self, NodeError};
use crate::tree::{Node, NodeId};

/// The format of a row. Another layout needs another number, and a reader for this one.
pub const FORMAT: u8 = 1;

const CHECKSUM_BYTES: usize = size_of::<u32>();

/// Where the body begins, which the checksum is of.
const BODY_AT: usize = 1 + CHECKSUM_BYTES;

/// For more bytes than these LZ4 needs another table, which compresses in another way. It goes with
/// the row, and what a row compresses to never depends on the rows before it.
const MAX_KEPT_BYTES: usize = 0xFFFE;

/// How many bytes the nodes of a row take at the most before they are compressed. LZ4 cannot do
/// better than 255 to 1.
const MAX_NODES_BYTES: usize = 255 * MAX_ROW_BYTES;

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// When it was committed.
    pub at: Timestamp,
    /// Who asked for what.
    pub cause: Cause,
    /// The root of the state that it left; none where that is empty.
    pub root: Option<NodeId>,
    /// The nodes that it created. A node's number is its place here.
    pub nodes: Vec<Arc<Node>>,
}

/// A row's bytes do not read.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// They end too early.
    #[error("the row is cut short")]
    Short,
    /// Another Offshoot wrote them.
    #[error("the row has format {0}, and this Offshoot reads format {FORMAT}; use a newer one")]
    Format(u8),
    /// They are not the ones that were written.
    #[error("the row's checksum does not match")]
    Checksum,
    /// The nodes are not as they were compressed.
    #[error("the row's nodes cannot be decompressed")]
    Compression,
    /// The header does not read.
    #[error("the row's header is damaged")]
    Header(#[from] CodecError),
    /// The header holds a cause that is none.
    #[error("the row's cause is unknown ({0}); use a newer Offshoot")]
    Cause(Invalid),
    /// The header holds a time that is none.
    #[error("the row's time is out of range")]
    Time,
    /// A node does not read.
    #[error("the row's node {index} is damaged")]
    Node {
        /// Its place.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: NodeError,
    },
}

/// What a row says before its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowHeader {
    /// When it was committed.
    pub at: Timestamp,
    /// Who asked for what.
    pub cause: Cause,
    /// The root of the state that it left; none where that is empty.
    pub root: Option<NodeId>,
}

#[derive(Encode, Decode)]
struct Header {
    at_micros: i64,
    cause: StoredCause,
    /// 0 where there is no root: no commit has the revision 0.
    root: u64,
    nodes: u32,
    /// How many bytes the nodes take before they are compressed.
    nodes_bytes: u32,
}

impl RowHeader {
    /// Reads a row's header, and none of its nodes.
    pub fn decode(row: &[u8]) -> Result<Self, RowError> {
        split(row).map(|(header, _, _)| header)
    }
}

/// How many nodes a row has, and how many bytes they take before they are compressed.
type NodesSize = (u32, u32);

/// Returns a row's header, how many nodes it has, and these as they are compressed.
fn split(row: &[u8]) -> Result<(RowHeader, NodesSize, &[u8]), RowError> {
    let (format, row) = row.split_first().ok_or(RowError::Short)?;
    if *format != FORMAT {
        return Err(RowError::Format(*format));
    }
    let (checksum, body) = row.split_first_chunk().ok_or(RowError::Short)?;
    if crc32fast::hash(body) != u32::from_be_bytes(*checksum) {
        return Err(RowError::Checksum);
    }
    let (length, body) = body.split_first_chunk().ok_or(RowError::Short)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| RowError::Short)?;
    let (header, rest) = body.split_at_checked(length).ok_or(RowError::Short)?;
    let Header { at_micros, cause, root, nodes, nodes_bytes } = codec::decode(header)?;
    let header = RowHeader {
        at: Timestamp::from_timestamp_micros(at_micros).ok_or(RowError::Time)?,
        cause: cause.into_model().map_err(RowError::Cause)?,
        root: (root != 0).then(|| NodeId::from_raw(root)),
    };
    Ok((header, (nodes, nodes_bytes), rest))
}

/// What writes rows. It keeps what it works with, which would take longer to get anew than a usual
/// row takes to write.
#[derive(Default)]
pub struct Encoder {
    nodes: Vec<u8>,
    compressed: Vec<u8>,
    table: CompressTable,
}

impl Encoder {
    /// Writes a row.
    #[must_use]
    pub fn encode(&mut self, row: &Row) -> Vec<u8> {
        let Row { at, cause, root, nodes } = row;
        self.nodes.clear();
        for node in nodes {
            encoding::encode(node, &mut self.nodes);
        }
        let header = Header {
            at_micros: at.timestamp_micros(),
            cause: StoredCause::from_model(cause.clone()),
            root: root.map_or(0, NodeId::raw),
            nodes: u32::try_from(nodes.len()).expect("nodes within the limit of a commit"),
            nodes_bytes: u32::try_from(self.nodes.len()).expect("records within the limit of each"),
        };
        let header = codec::encode(&header).expect("a header far below the limit of a record");
        let length = u32::try_from(header.len()).expect("a header within the codec's limit");
        let nodes = self.compress();
        let mut row = Vec::with_capacity(BODY_AT + size_of::<u32>() + header.len() + nodes.len());
        row.push(FORMAT);
        row.extend([0; CHECKSUM_BYTES]);
        row.extend(length.to_be_bytes());
        row.extend(header);
        row.extend_from_slice(nodes);
        let checksum = crc32fast::hash(&row[BODY_AT..]);
        row[BODY_AT - CHECKSUM_BYTES..BODY_AT].copy_from_slice(&checksum.to_be_bytes());
        if MAX_KEPT_BYTES < self.nodes.len() {
            *self = Self::default();
        }
        row
    }

    fn compress(&mut self) -> &[u8] {
        let Self { nodes, compressed, table } = self;
        let most = block::get_maximum_output_size(nodes.len());
        if compressed.len() < most {
            compressed.resize(most, 0);
        }
        let count = block::compress_into_with_table(nodes, compressed, table);
        &compressed[..count.expect("room for what does not compress")]
    }
}

impl Row {
    /// Reads a row.
    pub fn decode(row: &[u8]) -> Result<Self, RowError> {
        let (RowHeader { at, cause, root }, count, nodes) = split(row)?;
        let (count, bytes) = count;
        let bytes = usize::try_from(bytes).map_err(|_| RowError::Short)?;
        if MAX_NODES_BYTES < bytes {
            return Err(RowError::Compression);
        }
        let nodes = block::decompress(nodes, bytes);
        let nodes = nodes.map_err(|_| RowError::Compression)?;
        let mut rest = &nodes[..];
        let nodes = (0..usize::try_from(count).map_err(|_| RowError::Short)?)
            .map(|index| {
                let node = encoding::decode(&mut rest);
                node.map(Arc::new).map_err(|source| RowError::Node { index, source })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { at, cause, root, nodes })
    }
}
