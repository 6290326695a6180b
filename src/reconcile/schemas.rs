//! Schemas: what the databases of a branch hold now, read from its Postgres.
//!
//! A compute that is suspended is started for it and suspended again, between two passes and never
//! during one. Where whoever asked goes away in between, the next pass suspends it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::timeout;

use crate::chain::Chain;
use crate::compute::error::ComputeError;
use crate::compute::{AnyCompute, Compute};
use crate::control::passes::Assignment;
use crate::control::schema::SchemaReader;
use crate::control::{BranchRef, ControlError, Result};
use crate::model::endpoint::{Endpoint, Power};
use crate::model::name::DatabaseName;
use crate::model::refusal::Refusal;
use crate::model::schema::Table;
use crate::reconcile::site;
use crate::reconcile::worker::Shared;

/// How long reading may take, with all that is waited for: less than a request.
const READ_TIME: Duration = Duration::from_secs(25);

/// How long the branch's operations are waited for. What was asked for before is to be seen, but an
/// operation that does not end must not keep anybody from looking.
const SETTLE_TIME: Duration = Duration::from_secs(10);

/// Reads schemas for as long as there is a fleet.
pub(super) struct Reader(pub Weak<Shared>);

impl SchemaReader for Reader {
    fn sql(&self, at: BranchRef, database: DatabaseName) -> BoxFuture<'static, Result<String>> {
        let shared = self.0.upgrade();
        Box::pin(read(shared, at, move |compute| async move { compute.dump(&database).await }))
    }

    fn tables(
        &self,
        at: BranchRef,
        database: DatabaseName,
    ) -> BoxFuture<'static, Result<Vec<Table>>> {
        let shared = self.0.upgrade();
        Box::pin(read(shared, at, move |compute| async move { compute.tables(&database).await }))
    }
}

/// Asks the compute of a branch, in time.
async fn read<T, Asked>(
    shared: Option<Arc<Shared>>,
    at: BranchRef,
    ask: impl FnOnce(AnyCompute) -> Asked + Send,
) -> Result<T>
where
    Asked: Future<Output = std::result::Result<T, ComputeError>> + Send,
{
    let stopping = || ControlError::ComputeUnavailable("the server is stopping".into());
    let shared = shared.ok_or_else(stopping)?;
    let read = timeout(READ_TIME, ask_awake(&shared, &at, ask)).await;
    match read.unwrap_or(Err(ComputeError::ReadTookTooLong { time: READ_TIME }.into())) {
        Ok(read) => Ok(read),
        Err(Unread::Control(error)) => Err(error),
        Err(Unread::Compute(error)) => {
            let branch = &at.branch;
            tracing::warn!(branch.id = %branch, error = %Chain(&error), "a schema of {branch} could not be read");
            Err(told(&error))
        }
    }
}

/// Why nothing was read.
enum Unread {
    Control(ControlError),
    Compute(ComputeError),
}

impl From<ControlError> for Unread {
    fn from(error: ControlError) -> Self {
        Self::Control(error)
    }
}

impl From<ComputeError> for Unread {
    fn from(error: ComputeError) -> Self {
        Self::Compute(error)
    }
}

/// Says what the failure of a compute comes to for whoever asked.
fn told(error: &ComputeError) -> ControlError {
    let words = error.to_string();
    if error.is_retryable() {
        ControlError::ComputeUnavailable(words)
    } else {
        ControlError::SchemaUnreadable(words)
    }
}

/// Asks the compute of a branch, which is started for it where it has to be.
async fn ask_awake<T, Asked>(
    shared: &Shared,
    at: &BranchRef,
    ask: impl FnOnce(AnyCompute) -> Asked,
) -> std::result::Result<T, Unread>
where
    Asked: Future<Output = std::result::Result<T, ComputeError>>,
{
    let _permit = shared.reads.acquire().await.expect("a semaphore that is never closed");
    // Late or not, what is there can be read.
    if let Ok(settled) = timeout(SETTLE_TIME, settle(shared, at)).await {
        settled?;
    }
    let turn = shared.turns.take(at).await;
    // What is wanted may have changed while others had their turn, and what has no endpoint any more
    // must not be started.
    let (assignment, endpoint) = wanted(shared, at)?;
    let compute = shared.computes.get(&at.branch, site(&assignment));
    compute.start().await?;
    match endpoint.desired {
        Power::Active => {
            // Passes may go on: they cut nobody.
            drop(turn);
            Ok(ask(compute).await?)
        }
        Power::Idle => {
            let read = ask(compute.clone()).await;
            if wanted(shared, at).is_ok_and(|(_, endpoint)| endpoint.desired == Power::Idle) {
                compute.suspend().await?;
            }
            drop(turn);
            Ok(read?)
        }
    }
}

fn wanted(shared: &Shared, at: &BranchRef) -> Result<(Assignment, Endpoint)> {
    let missing = || Refusal::BranchWithoutEndpoint(at.branch.clone());
    let assignment = shared.control.assignment(at)?.ok_or_else(missing)?;
    let endpoint = assignment.endpoint.clone().ok_or_else(missing)?;
    Ok((assignment, endpoint))
}

/// Waits until the branch has no operation left to do.
async fn settle(shared: &Shared, at: &BranchRef) -> Result<()> {
    let mut changes = shared.control.store().changes();
    loop {
        changes.mark_unchanged();
        if shared.control.unfinished(at)?.is_empty() {
            return Ok(());
        }
        changes.changed().await.expect("a store that outlives the fleet");
    }
}
