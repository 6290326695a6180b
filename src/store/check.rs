//! The checker: reads everything that is kept, and says what is wrong with it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::chain::Chain;
use crate::model::revision::{Revision, Timestamp};
use crate::store::engine::{Engine, LogId};
use crate::store::nodes::{LogNodes, Published};
use crate::store::stored::{
    Stored, StoredBranch, StoredBranchId, StoredDatabase, StoredEndpoint, StoredMark,
    StoredOperation, StoredProject, StoredProjectEntry, StoredRole, StoredUnfinished,
    StoredVaultMark, decode,
};
use crate::store::{StoreError, read_row};
use crate::tree::{Link, Node, NodeId, Nodes};

/// What was checked, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Findings {
    /// How many logs there are.
    pub logs: u64,
    /// How many rows they have.
    pub rows: u64,
    /// How many nodes are reachable.
    pub nodes: u64,
    /// What is wrong, a sentence each; at most [`MAX_FINDINGS`].
    pub wrong: Vec<String>,
}

/// After how many findings the checker stops: then the store is lost anyway.
pub const MAX_FINDINGS: usize = 100;

/// How much memory the checker gives to nodes.
const CACHE_BYTES: u64 = 64 << 20;

/// Checks that no log has a hole, that times increase, and that every node that a row reaches is
/// there and holds records that read. `progress` is told how many rows were checked.
pub fn check(
    engine: &Arc<dyn Engine>,
    mut progress: impl FnMut(u64),
) -> Result<Findings, StoreError> {
    let mut findings = Findings::default();
    let logs = engine.logs()?;
    // A store whose newest rows do not read cannot be published; its rows are looked at alone.
    let published = match Published::load(Arc::clone(engine), CACHE_BYTES) {
        Ok(published) => Some(Arc::new(published)),
        Err(error) => {
            findings.add(&error);
            None
        }
    };
    for log in logs {
        findings.logs += 1;
        let nodes = published.as_ref().map(|p| LogNodes::published(Arc::clone(p), log));
        let mut reached = HashSet::new();
        let mut before = Timestamp::MIN_UTC;
        for number in 1..=engine.head(log)?.0 {
            if MAX_FINDINGS <= findings.wrong.len() {
                return Ok(findings);
            }
            findings.rows += 1;
            progress(findings.rows);
            let revision = Revision(number);
            let row = match read_row(&**engine, log, revision) {
                Ok(row) => row,
                Err(error) => {
                    findings.add(&error);
                    continue;
                }
            };
            if row.at <= before {
                findings.wrong.push(format!(
                    "row {revision} of log {log} is not later than the one before it"
                ));
            }
            before = row.at;
            if let (Some(root), Some(nodes)) = (row.root, &nodes) {
                let walk = Walk { log, nodes, newest: revision };
                walk.check(root, &mut reached, &mut findings);
            }
        }
        findings.nodes += u64::try_from(reached.len()).unwrap_or(u64::MAX);
    }
    Ok(findings)
}

impl Findings {
    fn add(&mut self, error: &StoreError) {
        self.wrong.push(Chain(error).to_string());
    }
}

struct Walk<'a> {
    log: LogId,
    nodes: &'a LogNodes,
    newest: Revision,
}

impl Walk<'_> {
    /// Checks what `root` reaches and no row before did.
    fn check(&self, root: NodeId, reached: &mut HashSet<NodeId>, findings: &mut Findings) {
        let mut waiting = vec![root];
        while let Some(id) = waiting.pop() {
            if MAX_FINDINGS <= findings.wrong.len() || !reached.insert(id) {
                continue;
            }
            if self.newest.0 < id.revision() {
                let Self { log, newest, .. } = self;
                findings
                    .wrong
                    .push(format!("row {newest} of log {log} reaches the later node {id:?}"));
                continue;
            }
            match self.nodes.node(id).as_deref() {
                Err(error) => findings.add(error),
                Ok(Node::Inner(children)) => {
                    waiting.extend(children.iter().filter_map(|(_, link)| match link {
                        Link::Kept(id) => Some(*id),
                        Link::New(_) => None,
                    }));
                }
                Ok(Node::Leaf(entries)) => {
                    for (key, value) in entries {
                        match check_record(key, value) {
                            Ok(catalog) => waiting.extend(catalog),
                            Err(error) => findings.add(&error),
                        }
                    }
                }
            }
        }
    }
}

/// Checks that a record reads, and returns the root of the catalog that it leads to.
fn check_record(key: &[u8], value: &[u8]) -> Result<Option<NodeId>, StoreError> {
    fn reads<T: Stored>(key: &[u8], value: &[u8]) -> Result<Option<NodeId>, StoreError> {
        decode::<T>(key, value).map(|_| None)
    }
    match key.first() {
        Some(b'B') => decode::<StoredBranch>(key, value).map(|(_, catalog)| catalog),
        Some(b'S') => reads::<StoredProject>(key, value),
        Some(b'N') => reads::<StoredBranchId>(key, value),
        Some(b'E') => reads::<StoredEndpoint>(key, value),
        Some(b'O') => reads::<StoredOperation>(key, value),
        Some(b'P') => reads::<StoredUnfinished>(key, value),
        Some(b'M') => reads::<StoredMark>(key, value),
        Some(b'r') => reads::<StoredRole>(key, value),
        Some(b'd') => reads::<StoredDatabase>(key, value),
        Some(b'J') => reads::<StoredProjectEntry>(key, value),
        Some(b'V') => reads::<StoredVaultMark>(key, value),
        _ => Err(StoreError::RecordUnknown { key: key.to_vec() }),
    }
}
