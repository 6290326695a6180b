//! What is kept of drift.

use super::Catalog;
use crate::model::drift::{Drift, DriftId, DriftPolicy};
use crate::model::id::BranchId;
use crate::model::state::{ReadDrift, WriteDrift};
use crate::store::stored::{StoredDrift, StoredDriftPolicy};
use crate::store::{StoreError, keys};

impl ReadDrift for Catalog {
    fn drift_policy(&self, branch: &BranchId) -> Result<DriftPolicy, StoreError> {
        let found = self.get_in::<StoredDriftPolicy>(branch, keys::DRIFT_POLICY)?;
        Ok(found.unwrap_or_default())
    }

    fn drift(&self, branch: &BranchId, id: DriftId) -> Result<Option<Drift>, StoreError> {
        self.project.get::<StoredDrift>(&keys::drift(branch, id))
    }

    fn drifts(&self, branch: &BranchId) -> Result<Vec<Drift>, StoreError> {
        self.project.list::<StoredDrift>(&keys::drifts_of(branch))
    }
}

impl WriteDrift for Catalog {
    fn put_drift_policy(
        &mut self,
        branch: &BranchId,
        policy: DriftPolicy,
    ) -> Result<(), StoreError> {
        self.put_in::<StoredDriftPolicy>(branch, keys::DRIFT_POLICY, policy)
    }

    fn put_drift(&mut self, drift: Drift) -> Result<(), StoreError> {
        let key = keys::drift(&drift.branch, drift.item.id());
        self.project.put::<StoredDrift>(&key, drift)
    }

    fn remove_drift(&mut self, branch: &BranchId, id: DriftId) -> Result<(), StoreError> {
        self.project.remove(&keys::drift(branch, id))
    }
}

impl Catalog {
    /// Forgets the drifts of a branch that goes.
    pub(super) fn forget_drifts(&mut self, branch: &BranchId) -> Result<(), StoreError> {
        for drift in self.drifts(branch)? {
            self.remove_drift(branch, drift.item.id())?;
        }
        Ok(())
    }
}
