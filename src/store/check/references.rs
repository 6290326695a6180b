//! What records refer to: that it is there, in the same state.

use std::ops::ControlFlow;

use crate::model::revision::Revision;
use crate::store::check::{Findings, MAX_FINDINGS};
use crate::store::engine::{Engine, LogId};
use crate::store::nodes::LogNodes;
use crate::store::records::get;
use crate::store::stored::{
    BranchRecord, Stored, StoredBranch, StoredBranchId, StoredDrift, StoredEndpoint,
    StoredOperation, StoredProjectEntry, StoredReceipt, StoredReceiptHash, StoredRotation,
    StoredUnfinished, StoredWebhook, decode,
};
use crate::store::{StoreError, keys};
use crate::tree::node::Bytes;
use crate::tree::{NodeId, Tree};

/// The records of one state, by which others of it are found.
pub(super) struct References<'a> {
    log: LogId,
    nodes: &'a LogNodes,
    state: Tree,
}

impl<'a> References<'a> {
    /// Returns the records of the state under `root`.
    pub(super) fn new(log: LogId, nodes: &'a LogNodes, root: NodeId) -> Self {
        Self { log, nodes, state: Tree::at(Some(root)) }
    }

    /// Checks what all records refer to, and that the logs that they name are there.
    pub(super) fn check_all(&self, engine: &dyn Engine, findings: &mut Findings) {
        let mut records: Vec<(Bytes, Bytes)> = Vec::new();
        let scanned = self.state.scan(self.nodes, &[], |key, value| {
            records.push((key.into(), value.into()));
            ControlFlow::Continue(())
        });
        // A node that does not read was found by the walk.
        if scanned.is_err() {
            return;
        }
        for (key, value) in records {
            if MAX_FINDINGS <= findings.wrong.len() {
                return;
            }
            let checked =
                self.check(&key, &value).and_then(|()| self.check_log(engine, &key, &value));
            if let Err(error) = checked
                // A record that does not read was found by the walk.
                && !matches!(error, StoreError::RecordDamaged { .. })
            {
                findings.add(&error);
            }
        }
    }

    /// Checks that what a record refers to is there, and refers back to it.
    pub(super) fn check(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let is_whole = match key.first() {
            Some(b'N') => {
                let id = decode::<StoredBranchId>(key, value)?;
                let branch = self.get::<StoredBranch>(&keys::branch(&id))?;
                branch.is_some_and(|record| keys::branch_name(&record.branch.name) == key)
            }
            Some(b'A') => {
                let id = decode::<StoredBranchId>(key, value)?;
                let branch = self.get::<StoredBranch>(&keys::branch(&id))?;
                branch.is_some_and(|record| keys::birth(record.branch.born) == key)
            }
            Some(b'B') => self.is_whole_branch(decode::<StoredBranch>(key, value)?)?,
            Some(b'X') => {
                let id = decode::<StoredBranchId>(key, value)?;
                let record = self.get::<StoredBranch>(&keys::branch(&id))?;
                let due = record.and_then(|record| record.due);
                due.is_some_and(|at| keys::due(at, &id) == key)
            }
            Some(b'E') => {
                let endpoint = decode::<StoredEndpoint>(key, value)?;
                let branch = self.get::<StoredBranch>(&keys::branch(&endpoint.branch))?;
                branch.is_some_and(|record| record.branch.endpoint == Some(endpoint.id))
            }
            Some(b'O') => {
                let operation = decode::<StoredOperation>(key, value)?;
                let unfinished = keys::unfinished(&operation.branch, operation.id);
                let is_listed = self.get::<StoredUnfinished>(&unfinished)?.is_some();
                is_listed != operation.status.has_ended()
            }
            Some(b'T') => {
                let rotation = decode::<StoredRotation>(key, value)?;
                let (branch, key) = (&rotation.branch, keys::rotating(&rotation.branch));
                let is_there = self.get::<StoredBranch>(&keys::branch(branch))?.is_some();
                // One that has ended says nothing of a later one.
                let is_listed = self.get::<StoredBranchId>(&key)?.is_some();
                is_there && (is_listed || rotation.ended_at.is_some())
            }
            Some(b'F') => {
                let drift = decode::<StoredDrift>(key, value)?;
                let is_there = self.get::<StoredBranch>(&keys::branch(&drift.branch))?.is_some();
                is_there && keys::drift(&drift.branch, drift.item.id()) == key
            }
            Some(b'W') => {
                let id = decode::<StoredBranchId>(key, value)?;
                self.get::<StoredBranch>(&keys::branch(&id))?.is_some()
            }
            Some(b'P') => {
                let id = decode::<StoredUnfinished>(key, value)?;
                let operation = self.get::<StoredOperation>(&keys::operation(id))?;
                operation.is_some_and(|found| !found.status.has_ended())
            }
            Some(b'R') => {
                let receipt = decode::<StoredReceipt>(key, value)?;
                let numbered =
                    self.get::<StoredReceiptHash>(&keys::receipt_number(receipt.number))?;
                numbered.is_some_and(|hash| keys::receipt(&hash) == key)
            }
            Some(b'Q') => {
                let hash = decode::<StoredReceiptHash>(key, value)?;
                let receipt = self.get::<StoredReceipt>(&keys::receipt(&hash))?;
                receipt.is_some_and(|receipt| keys::receipt_number(receipt.number) == key)
            }
            Some(b'U' | b'Z') => self.get::<StoredWebhook>(&keys::webhook_of(key))?.is_some(),
            _ => true,
        };
        if is_whole { Ok(()) } else { Err(StoreError::Dangling { key: key.to_vec() }) }
    }

    fn is_whole_branch(&self, record: BranchRecord) -> Result<bool, StoreError> {
        let BranchRecord { branch, catalogs: _, due } = record;
        let named = self.get::<StoredBranchId>(&keys::branch_name(&branch.name))?;
        let is_served = match &branch.endpoint {
            None => true,
            Some(id) => {
                let endpoint = self.get::<StoredEndpoint>(&keys::endpoint(id))?;
                endpoint.is_some_and(|endpoint| endpoint.branch == branch.id)
            }
        };
        let is_due = match due {
            None => true,
            Some(at) => self.get::<StoredBranchId>(&keys::due(at, &branch.id))?.is_some(),
        };
        let born = self.get::<StoredBranchId>(&keys::birth(branch.born))?;
        let is_known = [named, born].iter().all(|found| found.as_ref() == Some(&branch.id));
        Ok(is_served && is_due && is_known)
    }

    /// Checks that a project of the directory has its log.
    fn check_log(&self, engine: &dyn Engine, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        if self.log != LogId::DIRECTORY || !key.starts_with(keys::PROJECTS) {
            return Ok(());
        }
        let (_, log) = decode::<StoredProjectEntry>(key, value)?;
        let head = engine.head(log)?;
        if head == Revision::ZERO || head < engine.floor(log)? {
            return Err(StoreError::Dangling { key: key.to_vec() });
        }
        Ok(())
    }

    fn get<T: Stored>(&self, key: &[u8]) -> Result<Option<T::Model>, StoreError> {
        get::<T>(self.nodes, &self.state, key)
    }
}
