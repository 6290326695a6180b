//! Probes: what the use cases can ask of a branch's Postgres while it runs. None wakes it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::chain::Chain;
use crate::compute::error::ComputeError;
use crate::compute::{AnyCompute, Compute};
use crate::control::passes::Assignment;
use crate::control::{
    BranchRef, CircuitProbe, ControlError, EffectProbe, HoldingsProbe, Probe, Probes, Result,
};
use crate::model::endpoint::{EndpointState, Site};
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::refusal::Refusal;
use crate::model::session::Sessions;
use crate::reconcile::preview::{preview_drift, preview_exchange, preview_pass};
use crate::reconcile::site;
use crate::reconcile::worker::Shared;

/// How long a Postgres may take to answer a question.
const PROBE_TIME: Duration = Duration::from_secs(5);

/// How long it may take to tell what a pass would do, in every database: less than a request.
const PREVIEW_TIME: Duration = Duration::from_secs(20);

/// Returns the probes, which answer for as long as the workers are there.
pub(super) fn probes(shared: &Arc<Shared>) -> Probes {
    Probes {
        lsn: probe(shared, lsn),
        sessions: probe(shared, sessions),
        effect: effect(shared),
        holdings: holdings(shared),
        plan: asked(shared, preview_pass),
        drift: asked(shared, preview_drift),
        circuit: circuit(shared),
    }
}

/// Returns a probe that asks as `question` does.
fn probe<T: 'static>(
    shared: &Arc<Shared>,
    question: fn(AnyCompute) -> BoxFuture<'static, std::result::Result<T, ComputeError>>,
) -> Probe<T> {
    let observed = Arc::downgrade(shared);
    Box::new(move |at| {
        let shared = observed.upgrade();
        Box::pin(async move {
            ask(&*shared?, &at, PROBE_TIME, |compute, _| question(compute)).await.ok()
        })
    })
}

/// Returns what tells whether a branch's Postgres can be reached, as far as is known.
fn circuit(shared: &Arc<Shared>) -> CircuitProbe {
    let circuits = Arc::clone(&shared.circuits);
    Box::new(move |at| circuits.get(at))
}

/// Returns a probe that asks what an exchange of credentials would do.
fn effect(shared: &Arc<Shared>) -> EffectProbe {
    let observed = Arc::downgrade(shared);
    Box::new(move |at, exchange| {
        let shared = observed.upgrade();
        Box::pin(async move {
            let branch = at.branch.clone();
            let asked = |compute, assignment| -> BoxFuture<'static, _> {
                Box::pin(preview_exchange(compute, branch, assignment, exchange))
            };
            ask(&*shared?, &at, PROBE_TIME, asked).await.ok()
        })
    })
}

/// Returns a probe that asks what a role has.
fn holdings(shared: &Arc<Shared>) -> HoldingsProbe {
    let observed = Arc::downgrade(shared);
    Box::new(move |at, role| {
        let shared = observed.upgrade();
        Box::pin(async move {
            let asked = |compute: AnyCompute, _| -> BoxFuture<'static, _> {
                Box::pin(async move { compute.holdings(&role).await })
            };
            ask(&*shared?, &at, PROBE_TIME, asked).await.ok()
        })
    })
}

/// Returns a probe that asks something about a branch and what is wanted of it, and says why there is
/// no answer.
fn asked<T: 'static, Asked>(
    shared: &Arc<Shared>,
    question: fn(AnyCompute, BranchId, Assignment) -> Asked,
) -> Box<dyn Fn(BranchRef) -> BoxFuture<'static, Result<T>> + Send + Sync>
where
    Asked: Future<Output = std::result::Result<T, ComputeError>> + Send + 'static,
{
    let observed = Arc::downgrade(shared);
    Box::new(move |at| {
        let shared = observed.upgrade();
        Box::pin(async move {
            let stopping = || ControlError::ComputeUnavailable("the server is stopping".into());
            let branch = at.branch.clone();
            let asked = |compute, assignment| -> BoxFuture<'static, _> {
                Box::pin(question(compute, branch, assignment))
            };
            ask(&*shared.ok_or_else(stopping)?, &at, PREVIEW_TIME, asked).await
        })
    })
}

fn lsn(compute: AnyCompute) -> BoxFuture<'static, std::result::Result<Lsn, ComputeError>> {
    Box::pin(async move { compute.lsn().await })
}

fn sessions(
    compute: AnyCompute,
) -> BoxFuture<'static, std::result::Result<Vec<Sessions>, ComputeError>> {
    Box::pin(async move { compute.sessions().await })
}

/// Asks a branch's Postgres for something, if it runs.
async fn ask<T>(
    shared: &Shared,
    at: &BranchRef,
    time: Duration,
    question: impl FnOnce(
        AnyCompute,
        Assignment,
    ) -> BoxFuture<'static, std::result::Result<T, ComputeError>>,
) -> Result<T> {
    let missing = || Refusal::BranchWithoutEndpoint(at.branch.clone());
    let assignment = shared.control.assignment(at)?.ok_or_else(missing)?;
    let endpoint = assignment.endpoint.as_ref().ok_or_else(missing)?;
    let is_running = match endpoint.site {
        Site::Local { .. } => endpoint.state == EndpointState::Active,
        Site::Attached(_) => true,
    };
    if !is_running {
        return Err(Refusal::EndpointAsleep(endpoint.id.clone()).into());
    }
    let _permit = shared.probes.acquire().await.expect("a semaphore that is never closed");
    let compute = shared.computes.get(&at.branch, site(&assignment));
    let asked = tokio::time::timeout(time, question(compute, assignment)).await;
    asked.unwrap_or(Err(ComputeError::ReadTookTooLong { time })).map_err(|error| {
        let branch = &at.branch;
        tracing::debug!(branch.id = %branch, error = %Chain(&error), "the Postgres of {branch} could not be asked");
        ControlError::ComputeUnavailable(error.to_string())
    })
}
