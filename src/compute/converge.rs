//! Converging: observe, plan, apply, and look again until there is nothing left to do.

use std::future::Future;
use std::time::Instant;

use crate::compute::Converged;
use crate::compute::error::ComputeError;
use crate::compute::postgres::{Glance, Seen};
use crate::compute::settled::{Known, Rested, Settled};
use crate::model::lsn::Lsn;
use crate::model::operation::Subject;
use crate::model::progress::{StepEnd, Trace};
use crate::plan::desired::Desired;
use crate::plan::observed::Observed;
use crate::plan::step::Step;
use crate::plan::{Aside, Plan, Until, plan_around};

/// How often one attempt looks and applies. Two rounds are usual, the second of which finds nothing
/// left; each round that fails in part sets what failed aside and needs another.
const MAX_ROUNDS: usize = 8;

/// A Postgres within reach.
pub(super) trait Reach: Send {
    /// Reads what it has.
    fn observe(
        &mut self,
        desired: &Desired,
    ) -> impl Future<Output = Result<Observed, ComputeError>> + Send;

    /// Applies steps, and returns what failed but must not keep others from being done. Whether the
    /// others took effect shows when it is observed again.
    fn apply(
        &mut self,
        desired: &Desired,
        steps: &[Step],
    ) -> impl Future<Output = Result<Vec<Aside>, ComputeError>> + Send;

    /// Returns the place that its write-ahead log has reached.
    fn lsn(&mut self) -> impl Future<Output = Result<Lsn, ComputeError>> + Send;

    /// Glances at it, and says what is new since the glance before; nothing where that is no help.
    fn glance(
        &mut self,
        before: Option<&Glance>,
    ) -> impl Future<Output = Result<Option<Seen>, ComputeError>> + Send;

    /// Lets others at it, who would find it taken until it notices that nobody is there any more.
    fn release(&mut self) -> impl Future<Output = ()> + Send;
}

/// Brings a Postgres to what is desired in all that can be done, and notes what that takes.
pub(super) async fn converge(
    postgres: &mut impl Reach,
    desired: &Desired,
    settled: &Settled,
    trace: &mut Trace,
) -> Result<Converged, ComputeError> {
    let before = match settled.get(desired) {
        Known::Settled(Rested { glance: before, deviations }) => {
            let seen = timed(trace, "compare", postgres.glance(Some(&before))).await?;
            if let Some(Seen { lsn, .. }) = seen.filter(|seen| seen.confirms(&before)) {
                return Ok(Converged::nothing(lsn, deviations));
            }
            None
        }
        // There will be nothing to do this time, either.
        Known::Clean => postgres.glance(None).await?.map(|seen| seen.glance),
        Known::Nothing => None,
    };
    settled.forget(&desired.branch);
    let converged = attempt(postgres, desired, trace).await;
    if let Ok(converged) = &converged {
        settle(postgres, desired, settled, converged, before).await;
    }
    postgres.release().await;
    converged
}

/// Remembers that nothing is left to be done, and how the Postgres looked before that was found, where it
/// looks so still. What the pass came to stands, whether that can be found out or not.
async fn settle(
    postgres: &mut impl Reach,
    desired: &Desired,
    settled: &Settled,
    converged: &Converged,
    before: Option<Glance>,
) {
    let Converged { lsn: _, problems, delayed, deviations, steps } = converged;
    if !problems.is_empty() || !delayed.is_empty() {
        return;
    }
    let mut rested = None;
    if let Some(glance) = before.filter(|_| *steps == 0) {
        let seen = postgres.glance(Some(&glance)).await.ok().flatten();
        let is_same = seen.is_some_and(|seen| seen.confirms(&glance));
        rested = is_same.then(|| Rested { glance, deviations: deviations.clone() });
    }
    settled.put(desired, rested);
}

async fn attempt(
    postgres: &mut impl Reach,
    desired: &Desired,
    trace: &mut Trace,
) -> Result<Converged, ComputeError> {
    let mut aside: Vec<Aside> = Vec::new();
    let mut steps = 0;
    for round in 0..MAX_ROUNDS {
        let what = if round == 0 { "observe" } else { "verify" };
        let observed = timed(trace, what, postgres.observe(desired)).await?;
        check_revision(desired, &observed)?;
        let plan = plan_around(desired, &observed, &aside);
        if plan.steps.is_empty() {
            let lsn = postgres.lsn().await?;
            let delayed = aside.into_iter().filter(|aside| aside.until == Until::NextAttempt);
            let delayed = delayed.map(|aside| aside.problem).collect();
            let Plan { problems, deviations, .. } = plan;
            return Ok(Converged { lsn, problems, delayed, deviations, steps });
        }
        for step in &plan.steps {
            trace.plans(step.subject(), step.to_string());
        }
        let failed = timed(trace, "apply", postgres.apply(desired, &plan.steps)).await?;
        note(trace, &plan.steps, &failed);
        steps += plan.steps.len() - failed.len();
        aside.extend(failed.into_iter().filter(|failed| failed.until != Until::NextRound));
    }
    Err(ComputeError::Restless)
}

/// Notes what became of each step.
fn note(trace: &mut Trace, steps: &[Step], failed: &[Aside]) {
    for step in steps {
        let (stage, subject) = (step.stage(), step.subject());
        let failed = failed.iter().find(|it| it.stage == stage && it.problem.subject == subject);
        let end = match failed {
            None => StepEnd::Done,
            Some(Aside { until: Until::Mended, .. }) => StepEnd::Failed,
            Some(_) => StepEnd::Delayed,
        };
        trace.did(subject, &step.to_string(), end, None);
    }
}

/// Does something that is measured and noted, whatever it comes to.
pub async fn timed<T>(
    trace: &mut Trace,
    what: &str,
    work: impl Future<Output = Result<T, ComputeError>> + Send,
) -> Result<T, ComputeError> {
    let began = Instant::now();
    let result = work.await;
    let end = if result.is_ok() { StepEnd::Done } else { StepEnd::Failed };
    let millis = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    trace.did(Subject::Whole, what, end, Some(millis));
    result
}

/// Refuses a catalog that is older than what was applied before. It would undo what was done since:
/// roles and databases made by the newer catalog are none that it has.
pub fn check_revision(desired: &Desired, observed: &Observed) -> Result<(), ComputeError> {
    match observed.applied {
        Some(applied) if desired.revision < applied => Err(ComputeError::OlderCatalog {
            branch: desired.branch.clone(),
            applied,
            revision: desired.revision,
        }),
        Some(_) | None => Ok(()),
    }
}
