//! Attached: a Postgres that already runs somewhere. It is not ours to start or to stop.

use std::sync::Arc;

use crate::compute::converge;
use crate::compute::error::ComputeError;
use crate::compute::postgres::{Session, Target};
use crate::compute::settled::Settled;
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
    address: Address,
    dump_programs: Arc<DumpPrograms>,
    settled: Arc<Settled>,
}

impl AttachedCompute {
    /// Returns the Postgres at `address`. That does not reach for it yet.
    #[must_use]
    pub fn new(address: Address, dump_programs: Arc<DumpPrograms>) -> Self {
        Self { address, dump_programs, settled: Arc::default() }
    }

    /// Returns the same, with what is known of it since another was made for it.
    pub(super) fn known_by(self, settled: Arc<Settled>) -> Self {
        Self { settled, ..self }
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
        converge::converge(&mut self.connect().await?, desired, &self.settled, trace).await
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
