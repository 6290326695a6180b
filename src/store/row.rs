//! A row: one commit, as bytes.
//!
//! ```text
//! row    format u8 | crc32 u32 of the rest | header length u32 | header (bincode) | nodes
//! ```

use std::net::IpAddr;

use bincode::{Decode, Encode};
use uuid::Uuid;

use crate::model::cause::{Caller, Cause, Deed};
use crate::model::key::KeyId;
use crate::model::revision::Timestamp;
use crate::store::codec::{self, CodecError};
use crate::tree::encoding::{self, NodeError};
use crate::tree::{Node, NodeId};

/// The format of a row. Another layout needs another number, and a reader for this one.
pub const FORMAT: u8 = 1;

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
    pub nodes: Vec<Node>,
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
    /// The header does not read.
    #[error("the row's header is damaged")]
    Header(#[from] CodecError),
    /// The header holds a deed that is none.
    #[error("the row has the unknown deed {0}; use a newer Offshoot")]
    Deed(u8),
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

#[derive(Encode, Decode)]
struct Header {
    at_micros: i64,
    deed: u8,
    key: String,
    key_id: Option<u64>,
    request_id: [u8; 16],
    address: Option<IpAddr>,
    /// 0 where there is no root: no commit has the revision 0.
    root: u64,
    nodes: u32,
}

/// The deeds and their numbers in the store. A number is never used again for another deed.
const DEEDS: &[(Deed, u8)] = &[
    (Deed::CreateProject, 1),
    (Deed::UpdateProject, 2),
    (Deed::DeleteProject, 3),
    (Deed::CreateBranch, 4),
    (Deed::RenameBranch, 5),
    (Deed::DeleteBranch, 6),
    (Deed::CreateRole, 7),
    (Deed::ResetRolePassword, 8),
    (Deed::DeleteRole, 9),
    (Deed::CreateDatabase, 10),
    (Deed::UpdateDatabase, 11),
    (Deed::DeleteDatabase, 12),
    (Deed::CreateEndpoint, 13),
    (Deed::DeleteEndpoint, 14),
    (Deed::StartEndpoint, 15),
    (Deed::SuspendEndpoint, 16),
    (Deed::RecordPass, 17),
    (Deed::SetUp, 18),
    (Deed::UpdateEndpoint, 31),
    (Deed::RestartEndpoint, 32),
    (Deed::GrantPermission, 33),
    (Deed::RevokePermission, 34),
    (Deed::CreateKey, 35),
    (Deed::UseKey, 36),
    (Deed::RevokeKey, 37),
];

impl Row {
    /// Writes the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Cause { deed, caller: Caller { key, key_id, request_id, address } } = &self.cause;
        let header = Header {
            at_micros: self.at.timestamp_micros(),
            deed: DEEDS.iter().find(|(d, _)| d == deed).expect("every deed has a number").1,
            key: key.clone(),
            key_id: key_id.map(|KeyId(number)| number),
            request_id: *request_id.as_bytes(),
            address: *address,
            root: self.root.map_or(0, NodeId::raw),
            nodes: u32::try_from(self.nodes.len()).expect("nodes within the limit of a commit"),
        };
        let header = codec::encode(&header).expect("a header far below the limit of a record");
        let length = u32::try_from(header.len()).expect("a header within the codec's limit");
        let mut body = length.to_be_bytes().to_vec();
        body.extend(header);
        for node in &self.nodes {
            encoding::encode(node, &mut body);
        }
        let mut row = vec![FORMAT];
        row.extend(crc32fast::hash(&body).to_be_bytes());
        row.extend(body);
        row
    }

    /// Reads a row.
    pub fn decode(row: &[u8]) -> Result<Self, RowError> {
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
        let (header, mut nodes) = body.split_at_checked(length).ok_or(RowError::Short)?;
        let Header { at_micros, deed, key, key_id, request_id, address, root, nodes: count } =
            codec::decode(header)?;
        let nodes = (0..usize::try_from(count).map_err(|_| RowError::Short)?)
            .map(|index| {
                encoding::decode(&mut nodes).map_err(|source| RowError::Node { index, source })
            })
            .collect::<Result<_, _>>()?;
        let deed = DEEDS.iter().find(|(_, n)| *n == deed).ok_or(RowError::Deed(deed))?.0;
        Ok(Self {
            at: Timestamp::from_timestamp_micros(at_micros).ok_or(RowError::Time)?,
            cause: Cause {
                deed,
                caller: Caller {
                    key,
                    key_id: key_id.map(KeyId),
                    request_id: Uuid::from_bytes(request_id),
                    address,
                },
            },
            root: (root != 0).then(|| NodeId::from_raw(root)),
            nodes,
        })
    }
}
