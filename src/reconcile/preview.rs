//! Previews: what a pass or a rotation would do to a Postgres, found by planning against it and not
//! applying.

use crate::compute::error::ComputeError;
use crate::compute::{AnyCompute, Compute, check_revision};
use crate::control::passes::Assignment;
use crate::model::drift::Deviation;
use crate::model::id::BranchId;
use crate::model::name::RoleName;
use crate::model::operation::Subject;
use crate::model::planned::{Planned, PlannedStep, Touched};
use crate::model::preview::{Effect, Exchange};
use crate::model::role::Login;
use crate::model::secret::Verifier;
use crate::plan::desired::{Desired, DesiredRole};
use crate::plan::drift::pending;
use crate::plan::index::Index;
use crate::plan::observed::Observed;
use crate::plan::step::{Stage, Step};
use crate::plan::{Plan, effects, plan};
use crate::reconcile::desired;

/// Returns what a pass would do to a branch's Postgres now.
pub(super) async fn preview_pass(
    compute: AnyCompute,
    branch: BranchId,
    assignment: Assignment,
) -> Result<Planned, ComputeError> {
    let observed = compute.observe(&branch).await?;
    let desired = desired(&branch, &assignment);
    check_revision(&desired, &observed)?;
    // A pass tells what it found before it does anything about it, and goes on from there.
    let told = desired.clone().told(&plan(&desired, &observed).deviations);
    let Plan { steps, mut problems, deviations: _ } = plan(&told, &observed);
    let mut foretold = compute.foretell(&desired.branch, &steps).await?;
    problems.append(&mut foretold.problems);
    let sessions = compute.sessions().await?;
    let index = Index::of(&observed);
    let mut planned = Vec::with_capacity(steps.len());
    for (step, statements) in steps.iter().zip(foretold.statements) {
        // In most databases a dropped role has nothing.
        if matches!(step, Step::CleanUp { .. }) && statements.is_empty() {
            continue;
        }
        let mut touched = effects::touched(step, &index);
        touched.extend(holding(&compute, &index, step).await?);
        planned.push(PlannedStep {
            summary: step.to_string(),
            subject: step.subject(),
            is_together: step.stage() <= Stage::Change,
            statements,
            sessions: effects::sessions(step, &touched, &sessions),
            touched,
            risks: effects::risks(step),
        });
    }
    Ok(Planned { revision: desired.revision, steps: planned, problems })
}

/// Returns what differs in a branch's Postgres from its catalog now.
pub(super) async fn preview_drift(
    compute: AnyCompute,
    branch: BranchId,
    assignment: Assignment,
) -> Result<Vec<Deviation>, ComputeError> {
    let observed = compute.observe(&branch).await?;
    let desired = desired(&branch, &assignment);
    check_revision(&desired, &observed)?;
    let plan = plan(&desired, &observed);
    let pending = pending(&plan);
    Ok([plan.deviations, pending].concat())
}

/// Returns what a dropped role has in the database in which a step empties its hands.
async fn holding(
    compute: &AnyCompute,
    index: &Index<'_>,
    step: &Step,
) -> Result<Option<Touched>, ComputeError> {
    let Step::CleanUp { oid, database, .. } = step else { return Ok(None) };
    let found_as = index.role(*oid).map(|(found_as, _)| found_as.to_owned());
    let Some(name) = found_as.and_then(|name| RoleName::parse_existing(name).ok()) else {
        return Ok(None);
    };
    let held = compute.holdings(&name).await?;
    let here = held.into_iter().find(|held| held.database.as_ref() == Some(database));
    Ok(here.map(|holding| Touched::Holding { role: name.to_string(), holding }))
}

/// Returns what an exchange of credentials would do to a branch's Postgres: what it would be told
/// first, to have the new credential, and later, to do without the old one.
pub(super) async fn preview_exchange(
    compute: AnyCompute,
    branch: BranchId,
    assignment: Assignment,
    exchange: Exchange,
) -> Result<Effect, ComputeError> {
    let observed = compute.observe(&branch).await?;
    let holdings = compute.holdings(&exchange.from).await?;
    let desired = desired(&branch, &assignment);
    let steps = steps(&desired, &observed, &exchange);
    let foretold = compute.foretell(&desired.branch, &steps).await?;
    Ok(Effect { statements: foretold.statements.concat(), holdings })
}

fn steps(desired: &Desired, observed: &Observed, exchange: &Exchange) -> Vec<Step> {
    let Exchange { from, to, original } = exchange;
    let mut with = desired.clone();
    let new = DesiredRole {
        born: desired.revision.next(),
        // It is drawn when the rotation is asked for, and would not be shown anyway.
        login: Login::Password(Verifier::from_trusted("")),
        valid_until: None,
        is_active: true,
        acts_for: original.clone(),
    };
    with.roles.insert(to.clone(), new);
    let mut without = desired.clone();
    if original.as_ref() == Some(from) {
        without.roles.entry(from.clone()).and_modify(|role| role.login = Login::Never);
    } else {
        without.roles.remove(from);
    }
    let created = plan(&with, observed).steps.into_iter().filter(|step| concerns(step, to));
    let dropped = plan(&without, observed).steps.into_iter().filter(|step| concerns(step, from));
    created.chain(dropped).collect()
}

fn concerns(step: &Step, name: &RoleName) -> bool {
    if let Step::JoinGroup { names } = step {
        return names.contains(name);
    }
    step.subject() == Subject::Role(name.clone())
}
