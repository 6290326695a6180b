//! The checker: reads everything that is kept, and says what is wrong with it.

mod references;

use std::collections::HashSet;
use std::sync::Arc;

use crate::chain::Chain;
use crate::model::revision::{Revision, Timestamp};
use crate::store::check::references::References;
use crate::store::engine::{Engine, LogId};
use crate::store::nodes::LogNodes;
use crate::store::published::{Extent, Published};
use crate::store::stored::{
    Stored, StoredApiKey, StoredBranch, StoredBranchId, StoredDatabase, StoredDrift,
    StoredDriftPolicy, StoredEndpoint, StoredKeyId, StoredMark, StoredOperation, StoredPermission,
    StoredPlace, StoredProject, StoredProjectEntry, StoredReceipt, StoredReceiptHash, StoredRole,
    StoredRoleName, StoredRotation, StoredSending, StoredUnfinished, StoredVaultMark,
    StoredWebhook, decode,
};
use crate::store::transfer::rows_below;
use crate::store::{StoreError, read_row};
use crate::tree::{Link, Node, NodeId, Nodes};

/// What was checked, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Findings {
    /// How many logs there are.
    pub logs: u64,
    /// How many rows they have, those below floors among them.
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

/// Checks that no log has a hole from its floor on, that times increase, that every node that a row
/// from there on reaches is there and holds records that read, and that records lead to others that
/// are there. `progress` is told how many rows were checked.
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
        let extent = Extent { log, floor: engine.floor(log)?, head: engine.head(log)? };
        // What is left of a log that is being removed is nothing that anybody needs.
        if extent.is_closed() {
            continue;
        }
        let nodes = published.as_ref().map(|p| LogNodes::published(Arc::clone(p), log));
        check_log(&**engine, extent, nodes.as_ref(), &mut findings, &mut progress)?;
        if MAX_FINDINGS <= findings.wrong.len() {
            break;
        }
    }
    Ok(findings)
}

fn check_log(
    engine: &dyn Engine,
    Extent { log, floor, head }: Extent,
    nodes: Option<&LogNodes>,
    findings: &mut Findings,
    progress: &mut impl FnMut(u64),
) -> Result<(), StoreError> {
    let mut reached = HashSet::new();
    let mut before = Timestamp::MIN_UTC;
    let mut newest = None;
    let holders = rows_below(engine, log, floor)?;
    for revision in holders.into_iter().chain((floor.0..=head.0).map(Revision)) {
        if MAX_FINDINGS <= findings.wrong.len() {
            return Ok(());
        }
        let row = match read_row(engine, log, revision) {
            Ok(row) => row,
            // It was half deleted, and nobody needs it.
            Err(StoreError::RowMissing { .. }) if revision < floor => continue,
            Err(error) => {
                findings.add(&error);
                continue;
            }
        };
        findings.rows += 1;
        progress(findings.rows);
        if row.at <= before {
            findings
                .wrong
                .push(format!("row {revision} of log {log} is not later than the one before it"));
        }
        before = row.at;
        newest = row.root;
        if let (Some(root), Some(nodes)) = (row.root.filter(|_| floor <= revision), nodes) {
            let references = References::new(log, nodes, root);
            let walk = Walk { log, nodes, newest: revision, references };
            walk.check(root, &mut reached, findings);
        }
    }
    if let (Some(root), Some(nodes)) = (newest, nodes) {
        References::new(log, nodes, root).check_all(engine, findings);
    }
    findings.nodes += u64::try_from(reached.len()).unwrap_or(u64::MAX);
    Ok(())
}

impl Findings {
    fn add(&mut self, error: &StoreError) {
        let sentence = Chain(error).to_string();
        // A record that leads nowhere is found in the state that wrote it, and in the newest.
        if !self.wrong.contains(&sentence) {
            self.wrong.push(sentence);
        }
    }
}

struct Walk<'a> {
    log: LogId,
    nodes: &'a LogNodes,
    newest: Revision,
    references: References<'a>,
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
                            Ok(roots) => waiting.extend(roots),
                            Err(error) => {
                                findings.add(&error);
                                continue;
                            }
                        }
                        // What the row took over from older ones was checked with them.
                        if id.revision() == self.newest.0
                            && let Err(error) = self.references.check(key, value)
                        {
                            findings.add(&error);
                        }
                    }
                }
            }
        }
    }
}

/// Checks that a record reads, and returns the roots of the other trees that it leads to.
fn check_record(key: &[u8], value: &[u8]) -> Result<Vec<NodeId>, StoreError> {
    fn reads<T: Stored>(key: &[u8], value: &[u8]) -> Result<Vec<NodeId>, StoreError> {
        decode::<T>(key, value).map(|_| Vec::new())
    }
    match key.first() {
        Some(b'B') => StoredBranch::roots(key, value),
        Some(b'S') => reads::<StoredProject>(key, value),
        Some(b'A' | b'N' | b'W' | b'X') => reads::<StoredBranchId>(key, value),
        Some(b'e') => reads::<StoredRoleName>(key, value),
        Some(b'E') => reads::<StoredEndpoint>(key, value),
        Some(b'O') => reads::<StoredOperation>(key, value),
        Some(b'P') => reads::<StoredUnfinished>(key, value),
        Some(b'M') => reads::<StoredMark>(key, value),
        Some(b'T') => reads::<StoredRotation>(key, value),
        Some(b'F') => reads::<StoredDrift>(key, value),
        Some(b'p') => reads::<StoredDriftPolicy>(key, value),
        Some(b'r') => reads::<StoredRole>(key, value),
        Some(b'd') => reads::<StoredDatabase>(key, value),
        Some(b'J') => reads::<StoredProjectEntry>(key, value),
        Some(b'K') => reads::<StoredApiKey>(key, value),
        Some(b'H') => reads::<StoredKeyId>(key, value),
        Some(b'G') => reads::<StoredPermission>(key, value),
        Some(b'R') => reads::<StoredReceipt>(key, value),
        Some(b'Q') => reads::<StoredReceiptHash>(key, value),
        Some(b'V') => reads::<StoredVaultMark>(key, value),
        Some(b'Y') => reads::<StoredWebhook>(key, value),
        Some(b'U') => reads::<StoredPlace>(key, value),
        Some(b'Z') => reads::<StoredSending>(key, value),
        _ => Err(StoreError::RecordUnknown { key: key.to_vec() }),
    }
}
