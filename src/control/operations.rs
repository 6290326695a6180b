//! Use cases about operations.

use crate::control::{ControlPlane, Result};
use crate::model::id::{OperationId, ProjectId};
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
    pub fn get_operation(
        &self,
        project: &ProjectId,
        id: OperationId,
    ) -> Result<crate::model::operation::Operation> {
        let (_, view) = self.view(project)?;
        view.state.operation(id)?.ok_or_else(|| Refusal::OperationMissing(id).into())
    }
}
