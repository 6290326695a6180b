//! Use cases about operations.

use std::result;
use std::time::Duration;

use tokio::time::timeout;

use crate::control::{Asker, ControlPlane, Result, Told};
use crate::model::cause::{Deed, Topic};
use crate::model::id::{OperationId, ProjectId};
use crate::model::operation::Operation;
use crate::model::refusal::Refusal;
use crate::model::revision::Moment;
use crate::model::rules;
use crate::model::state::{Denied, Read};
use crate::store::StoreError;
use crate::store::catalog::{Catalog, OperationPage};

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

    /// Asks for an operation's end.
    pub async fn cancel_operation(
        &self,
        asker: &Asker,
        project: &ProjectId,
        id: OperationId,
    ) -> Result<Told<Operation>> {
        let cancel =
            move |state: &mut Catalog, moment| rules::operations::cancel(state, moment, id);
        self.ask_of_operation(asker, Deed::CancelOperation, (project, id), cancel).await
    }

    /// Asks for another try of an operation, at once, and returns the one to wait for.
    pub async fn retry_operation(
        &self,
        asker: &Asker,
        project: &ProjectId,
        id: OperationId,
    ) -> Result<Told<Operation>> {
        let seed = self.seed();
        let retry =
            move |state: &mut Catalog, moment| rules::operations::retry(state, moment, seed, id);
        self.ask_of_operation(asker, Deed::RetryOperation, (project, id), retry).await
    }

    async fn ask_of_operation(
        &self,
        asker: &Asker,
        deed: Deed,
        (project, id): (&ProjectId, OperationId),
        rule: impl FnMut(&mut Catalog, Moment) -> result::Result<Operation, Denied<StoreError>>
        + Send
        + 'static,
    ) -> Result<Told<Operation>> {
        let done = if let Some(done) = self.done_before(asker, project)? {
            done
        } else {
            let topic = Topic::Branch(self.get_operation(project, id)?.branch);
            self.carry_out(asker, project, (asker.asks(deed, topic), None), rule).await?
        };
        // A try of one that has ended is an operation of its own.
        let new = done.operations()?.into_iter().next();
        let operation = new.map_or_else(|| done.view.state.operation(id), |new| Ok(Some(new)))?;
        Ok(done.told(operation.ok_or(Refusal::OperationMissing(id))?))
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
