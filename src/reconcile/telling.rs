//! Telling: what somebody changed by hand in a Postgres is kept before anything is done about it. So a
//! pass that finds such a thing leaves it, it is told, and another pass puts it back or takes it over.

use crate::compute::AnyCompute;
use crate::control::passes::Assignment;
use crate::control::{BranchRef, ControlError, ControlPlane};
use crate::model::drift::{Deviation, Drift, Kind, Response};
use crate::model::name::{DatabaseName, RoleName};
use crate::model::operation::Subject;
use crate::model::progress::Trace;
use crate::model::rules::passes::Problem;
use crate::reconcile::{Passed, pass};

/// How many passes are made at once. One finds, one puts back or takes over, and one finds nothing.
const MAX_PASSES: usize = 4;

/// Makes passes until all that somebody changed by hand is told, and nothing is left to be done about
/// it. The assignment is then the one of the last pass.
pub(super) async fn pass_and_tell(
    control: &ControlPlane,
    at: &BranchRef,
    compute: &AnyCompute,
    assignment: &mut Assignment,
    trace: &mut Trace,
) -> Result<Passed, ControlError> {
    let mut count = 1;
    loop {
        let mut passed = pass(compute, &at.branch, assignment, trace).await;
        let Some(found) = passed.deviations.clone() else { return Ok(passed) };
        let is_waiting = tell(control, at, found).await?;
        if !is_waiting || passed.failure.is_some() {
            return Ok(passed);
        }
        if count == MAX_PASSES {
            passed.delayed.extend(passed.deviations.iter().flatten().filter_map(withheld));
            return Ok(passed);
        }
        count += 1;
        match control.assignment(at)? {
            Some(newer) => *assignment = newer,
            None => return Ok(passed),
        }
    }
}

/// Keeps what was found, takes over what the branch's policy wants taken over, and returns whether
/// anything is left that another pass does something about.
async fn tell(
    control: &ControlPlane,
    at: &BranchRef,
    found: Vec<Deviation>,
) -> Result<bool, ControlError> {
    let news = control.record_drift(at, found.clone()).await?;
    news.put.iter().for_each(log);
    let mut is_waiting = found.iter().any(is_withheld);
    for found in found.into_iter().filter(|found| found.response == Response::Adopted) {
        // What somebody adopted is in the catalog, and waits for nothing but the pass.
        if found.adoption.is_none() {
            continue;
        }
        match control.adopt_found(at, found).await {
            Ok(()) => is_waiting = true,
            Err(ControlError::Refused(refusal)) => {
                tracing::warn!(branch.id = %at.branch, "drift is not adopted: {refusal}");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(is_waiting)
}

fn is_withheld(found: &Deviation) -> bool {
    found.response == Response::Enforced && !found.is_told
}

/// Returns what keeps an operation from being done while something waits to be told.
fn withheld(found: &Deviation) -> Option<Problem> {
    let name = found.item.name.as_str();
    let subject = match found.item.kind {
        Kind::Role => RoleName::parse_existing(name).map(Subject::Role),
        Kind::Database => DatabaseName::parse_existing(name).map(Subject::Database),
    };
    let message = format!("what was changed with SQL on `{name}` has to be told first");
    let problem = |subject| Problem::new(subject, message);
    subject.ok().filter(|_| is_withheld(found)).map(problem)
}

fn log(drift: &Drift) {
    let Drift { branch, item, desired, found, response, ended_at, .. } = drift;
    let (kind, name) = (item.kind.as_str(), &item.name);
    let (attribute, response) = (item.attribute.as_str(), response.as_str());
    match ended_at {
        None => {
            tracing::warn!(branch.id = %branch, attribute, response, "drift of {kind} {name}: {found} instead of {desired}");
        }
        Some(_) => {
            tracing::info!(branch.id = %branch, attribute, response, "drift of {kind} {name} has ended");
        }
    }
}
