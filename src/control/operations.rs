//! Use cases about operations.

use std::time::Duration;

use tokio::time::timeout;

use crate::control::{ControlPlane, Result};
use crate::model::id::{OperationId, ProjectId};
use crate::model::operation::Operation;
use crate::model::refusal::Refusal;
use crate::model::state::Read;
use crate::store::catalog::OperationPage;

/// Which operations to list.
#[derive(Clone, Debug)]
pub struct OperationQuery {
    /// Only those before this one.
    pub cursor: Option<OperationId>,
    /// How many.
    pub limit: usize,
}

impl ControlPlane {
    /// Lists operations, newest first, and says whether there are more.
    pub fn list_operations(&self, id: &ProjectId, query: &OperationQuery) -> Result<OperationPage> {
        let (_, view) = self.view(id)?;
        Ok(view.state.operations(query.cursor, query.limit)?)
    }

    /// Returns an operation.
    pub fn get_operation(&self, project: &ProjectId, id: OperationId) -> Result<Operation> {
        let (_, view) = self.view(project)?;
        view.state.operation(id)?.ok_or_else(|| Refusal::OperationMissing(id).into())
    }

    /// Waits until an operation has ended, but no longer than `patience`, and returns it as it is
    /// then.
    pub async fn wait_for_operation(
        &self,
        project: &ProjectId,
        id: OperationId,
        patience: Duration,
    ) -> Result<Operation> {
        let ended = async {
            // Commits that come while the operation is looked at count as changes, too.
            let mut changes = self.inner.store.changes();
            loop {
                let operation = self.get_operation(project, id)?;
                if operation.status.has_ended() || changes.changed().await.is_err() {
                    return Ok(operation);
                }
            }
        };
        match timeout(patience, ended).await {
            Ok(operation) => operation,
            Err(_) => self.get_operation(project, id),
        }
    }
}
