//! An engine that has a catalog of a million roles, each row of which is made when it is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use offshoot::model::id::BranchId;
use offshoot::model::revision::Revision;
use offshoot::model::role::Role;
use offshoot::store::engine::{AppendError, Engine, EngineError, LogId, NewRow, TrimFailed};
use offshoot::store::records::{Contents, Keeper, Records};
use offshoot::store::row::{Encoder, Row};
use offshoot::store::stored::{Stored, StoredBranch, StoredRole};
use offshoot::store::{StoreError, keys};
use offshoot::tree::node::{Bytes, MAX_CHILDREN, MAX_LEAF_ENTRIES};
use offshoot::tree::{Link, Node, NodeId};

use crate::store::memory::Memory;

/// How many roles the catalog has.
pub const ROLES: usize = 1_000_000;

/// How many of them a row has: so many that each row has one node at its top.
const ROLES_PER_ROW: usize = 2_000;

const ROWS: usize = ROLES / ROLES_PER_ROW;

/// Rows in memory, the first of which creates a project, and then those of a catalog that nothing
/// leads to yet.
pub struct Shelf {
    memory: Arc<Memory>,
    log: LogId,
    role: fn(usize) -> Role,
    read: AtomicUsize,
}

impl Shelf {
    /// Puts the catalog that has each role that `role` returns after the first row of `log`.
    pub fn after_first_row(memory: Arc<Memory>, log: LogId, role: fn(usize) -> Role) -> Self {
        let shelf = Self { memory, log, role, read: AtomicUsize::new(0) };
        let rows: Vec<Part> = (0..ROWS).map(|row| shelf.part(row)).collect();
        let revision = Revision(revision_of(ROWS));
        let mut nodes = Vec::new();
        raise(rows, revision, &mut nodes);
        let bytes = Encoder::default().encode(&shelf.row_of(revision, nodes));
        shelf.memory.append(&[NewRow { log, revision, bytes }]).expect("a row that is absent");
        shelf
    }

    /// Returns the root of the catalog.
    pub fn root(&self) -> NodeId {
        let revision = revision_of(ROWS);
        let bytes = self.memory.row(self.log, Revision(revision)).expect("a read").expect("a row");
        let nodes = Row::decode(&bytes).expect("a whole row").nodes;
        NodeId::new(revision, nodes.len() - 1)
    }

    /// Returns how many of the catalog's rows were read since this was asked last.
    pub fn take_read(&self) -> usize {
        self.read.swap(0, Ordering::Relaxed)
    }

    /// Returns a row as it stands after the first one, whose state it leaves.
    fn row_of(&self, revision: Revision, nodes: Vec<Arc<Node>>) -> Row {
        let first = self.memory.row(self.log, Revision::FIRST).expect("a read").expect("a row");
        let first = Row::decode(&first).expect("a whole row");
        let after = i64::try_from(revision.0).expect("a small number");
        Row { at: first.at + TimeDelta::microseconds(after), nodes, ..first }
    }

    /// Returns the nodes of a row, the top one last.
    fn nodes(&self, row: usize) -> Vec<Arc<Node>> {
        let revision = Revision(revision_of(row));
        let entries: Vec<(Bytes, Bytes)> = (row * ROLES_PER_ROW..(row + 1) * ROLES_PER_ROW)
            .map(|number| (self.key(number), self.value(number)))
            .collect();
        let mut nodes = Vec::new();
        let leaves = entries.chunks(MAX_LEAF_ENTRIES).map(|entries| {
            let id = NodeId::new(revision.0, nodes.len());
            nodes.push(Arc::new(Node::Leaf(entries.to_vec())));
            (entries[0].0.clone(), id)
        });
        let leaves = leaves.collect();
        raise(leaves, revision, &mut nodes);
        nodes
    }

    /// Returns the top node of a row, as its parent holds it.
    fn part(&self, row: usize) -> Part {
        let mut below = ROLES_PER_ROW.div_ceil(MAX_LEAF_ENTRIES);
        let mut nodes = below;
        while 1 < below {
            below = below.div_ceil(MAX_CHILDREN);
            nodes += below;
        }
        (self.key(row * ROLES_PER_ROW), NodeId::new(revision_of(row), nodes - 1))
    }

    fn key(&self, number: usize) -> Bytes {
        keys::role(&(self.role)(number).name).into()
    }

    fn value(&self, number: usize) -> Bytes {
        StoredRole::to_bytes((self.role)(number)).expect("a small record").into()
    }
}

/// A node and its smallest key.
type Part = (Bytes, NodeId);

/// The row with the number `row` stands after the project's; the one after all has their parents.
fn revision_of(row: usize) -> u64 {
    Revision::FIRST.next().0 + u64::try_from(row).expect("a small number")
}

/// Puts nodes over nodes, until there is one at the top.
fn raise(mut parts: Vec<Part>, revision: Revision, nodes: &mut Vec<Arc<Node>>) {
    while 1 < parts.len() {
        let parents = parts.chunks(MAX_CHILDREN).map(|children| {
            let id = NodeId::new(revision.0, nodes.len());
            let links = children.iter().map(|(key, id)| (key.clone(), Link::Kept(*id)));
            nodes.push(Arc::new(Node::Inner(links.collect())));
            (children[0].0.clone(), id)
        });
        parts = parents.collect();
    }
}

impl Engine for Shelf {
    fn logs(&self) -> Result<Vec<LogId>, EngineError> {
        self.memory.logs()
    }

    fn head(&self, log: LogId) -> Result<Revision, EngineError> {
        self.memory.head(log)
    }

    fn floor(&self, log: LogId) -> Result<Revision, EngineError> {
        self.memory.floor(log)
    }

    fn row(&self, log: LogId, revision: Revision) -> Result<Option<Vec<u8>>, EngineError> {
        let row = (0..ROWS).find(|row| log == self.log && revision_of(*row) == revision.0);
        let Some(row) = row else { return self.memory.row(log, revision) };
        self.read.fetch_add(1, Ordering::Relaxed);
        let row = self.row_of(revision, self.nodes(row));
        Ok(Some(Encoder::default().encode(&row)))
    }

    fn rows(
        &self,
        log: LogId,
        before: Revision,
        limit: usize,
    ) -> Result<Vec<Revision>, EngineError> {
        Engine::rows(&*self.memory, log, before, limit)
    }

    fn append(&self, rows: &[NewRow]) -> Result<(), AppendError> {
        self.memory.append(rows)
    }

    fn trim(&self, log: LogId, floor: Revision, rows: &[Revision]) -> Result<(), TrimFailed> {
        self.memory.trim(log, floor, rows)
    }
}

/// The records of a project, one branch of which is to be given a catalog.
pub struct Graft {
    records: Records,
    asked: Option<(BranchId, NodeId)>,
}

impl Graft {
    /// Gives `branch` the catalog under `root`.
    pub fn give(&mut self, branch: BranchId, root: NodeId) {
        self.asked = Some((branch, root));
    }
}

impl Contents for Graft {
    fn open(records: Records) -> Self {
        Self { records, asked: None }
    }

    fn close(mut self, keeper: &mut Keeper) -> Result<Option<NodeId>, StoreError> {
        if let Some((branch, root)) = self.asked {
            let key = keys::branch(&branch);
            let mut record = self.records.get::<StoredBranch>(&key)?.expect("a branch");
            record.catalogs.now = Some(root);
            self.records.put::<StoredBranch>(&key, record)?;
        }
        Ok(self.records.close(keeper))
    }
}
