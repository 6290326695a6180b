//! Attached: a Postgres that already runs somewhere. It is not ours to start or to stop.

use std::sync::Arc;

use crate::compute::error::ComputeError;
use crate::compute::memory::Memory;
use crate::compute::postgres::{Session, Target};
use crate::compute::{Address, Compute, ComputeStatus, Converged, DumpPrograms, Foretold};
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::name::DatabaseName;
use crate::model::name::RoleName;
use crate::model::preview::Holding;
use crate::model::progress::Trace;
use crate::model::schema::Table;
use crate::model::session::Sessions;
use crate::plan::desired::Desired;
use crate::plan::observed::Observed;
use crate::plan::step::Step;

/// A Postgres that already runs somewhere.
#[derive(Clone, Debug)]
pub struct AttachedCompute {
    branch: BranchId,
    address: Address,
    dump_programs: Arc<DumpPrograms>,
    memory: Arc<Memory>,
}

impl AttachedCompute {
    /// Returns the Postgres at `address`, which is that of `branch`. That does not reach for it yet.
    #[must_use]
    pub fn new(branch: BranchId, address: Address, dump_programs: Arc<DumpPrograms>) -> Self {
        Self { branch, address, dump_programs, memory: Arc::default() }
    }

    /// Returns the same, with what is known of it since another was made for it.
    pub(super) fn known_by(self, memory: Arc<Memory>) -> Self {
        Self { memory, ..self }
    }

    fn target(&self) -> Target {
        (&self.address).into()
    }

    async fn connect(&self) -> Result<Session, ComputeError> {
        Session::connect(&self.target()).await
    }
}

impl Compute for AttachedCompute {
    async fn status(&self) -> Result<ComputeStatus, ComputeError> {
        self.connect().await.map(|_| ComputeStatus::Running)
    }

    async fn start(&self) -> Result<(), ComputeError> {
        // The pass that follows goes on with it.
        let session = self.memory.session(&self.branch, &self.target()).await?;
        self.memory.keep(&self.branch, session);
        Ok(())
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

    async fn foretell(&self, branch: &BranchId, steps: &[Step]) -> Result<Foretold, ComputeError> {
        self.connect().await?.foretell(branch, steps).await
    }

    async fn reach(&self) -> Result<(), ComputeError> {
        Session::reach(&self.target()).await
    }

    async fn converge(
        &self,
        desired: &Desired,
        trace: &mut Trace,
    ) -> Result<Converged, ComputeError> {
        self.memory.converge(&self.target(), desired, trace).await
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

    async fn dump(&self, database: &DatabaseName) -> Result<String, ComputeError> {
        Session::dump(&self.target().to_database(database.as_str()), &self.dump_programs).await
    }

    async fn tables(&self, database: &DatabaseName) -> Result<Vec<Table>, ComputeError> {
        let target = self.target().to_database(database.as_str());
        Session::connect(&target).await?.tables().await
    }

    async fn lsn(&self) -> Result<Lsn, ComputeError> {
        self.connect().await?.wal_lsn().await
    }
}
