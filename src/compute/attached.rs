//! Attached: a Postgres that already runs somewhere. It is not ours to start or to stop.

use crate::compute::converge;
use crate::compute::error::ComputeError;
use crate::compute::postgres::Session;
use crate::compute::{Address, Compute, ComputeStatus, Converged};
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::name::RoleName;
use crate::model::preview::Holding;
use crate::model::session::Sessions;
use crate::plan::desired::Desired;
use crate::plan::observed::Observed;

/// A Postgres that already runs somewhere.
#[derive(Clone, Debug)]
pub struct AttachedCompute {
    address: Address,
}

impl AttachedCompute {
    /// Returns the Postgres at `address`. That does not reach for it yet.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address }
    }

    async fn connect(&self) -> Result<Session, ComputeError> {
        Session::connect(&(&self.address).into()).await
    }
}

impl Compute for AttachedCompute {
    async fn status(&self) -> Result<ComputeStatus, ComputeError> {
        self.connect().await.map(|_| ComputeStatus::Running)
    }

    async fn start(&self) -> Result<(), ComputeError> {
        self.connect().await.map(|_| ())
    }

    async fn suspend(&self) -> Result<(), ComputeError> {
        Ok(())
    }

    async fn destroy(&self) -> Result<(), ComputeError> {
        Ok(())
    }

    async fn observe(&self, branch: &BranchId) -> Result<Observed, ComputeError> {
        self.connect().await?.observe_branch(branch).await
    }

    async fn converge(&self, desired: &Desired) -> Result<Converged, ComputeError> {
        converge::converge(&mut self.connect().await?, desired).await
    }

    async fn sessions(&self) -> Result<Vec<Sessions>, ComputeError> {
        self.connect().await?.sessions().await
    }

    async fn holdings(&self, role: &RoleName) -> Result<Vec<Holding>, ComputeError> {
        self.connect().await?.holdings(role).await
    }

    async fn end_sessions(&self, role: &RoleName) -> Result<(), ComputeError> {
        self.connect().await?.end_sessions(role).await
    }

    async fn lsn(&self) -> Result<Lsn, ComputeError> {
        self.connect().await?.wal_lsn().await
    }
}
