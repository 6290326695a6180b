//! Previews: what a rotation would do to a Postgres, found by planning against it and not applying.

use crate::compute::error::ComputeError;
use crate::compute::{AnyCompute, Compute};
use crate::control::passes::Assignment;
use crate::model::id::BranchId;
use crate::model::name::RoleName;
use crate::model::operation::Subject;
use crate::model::preview::{Effect, Exchange, Statement};
use crate::model::role::Login;
use crate::model::secret::Verifier;
use crate::plan::desired::{Desired, DesiredRole};
use crate::plan::observed::Observed;
use crate::plan::plan;
use crate::plan::sql;
use crate::plan::step::Step;

/// What stands in the place of the verifier, which is drawn when the rotation is asked for.
const VERIFIER: &str = "<verifier>";

/// Returns what an exchange of credentials would do to a branch's Postgres.
pub(super) async fn preview(
    compute: AnyCompute,
    branch: BranchId,
    assignment: Assignment,
    exchange: Exchange,
) -> Result<Effect, ComputeError> {
    let observed = compute.observe(&branch).await?;
    let holdings = compute.holdings(&exchange.from).await?;
    let desired =
        Desired::new(branch, assignment.revision, &assignment.roles, &assignment.databases);
    Ok(Effect { statements: statements(&desired, &observed, &exchange), holdings })
}

/// Returns what Postgres would be told: first to have the new credential, and later to do without the
/// old one.
fn statements(desired: &Desired, observed: &Observed, exchange: &Exchange) -> Vec<Statement> {
    let Exchange { from, to, original } = exchange;
    let mut with = desired.clone();
    let verifier = Verifier::from_trusted(VERIFIER);
    let new = DesiredRole {
        born: desired.revision.next(),
        login: Login::Password(verifier),
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
    created.chain(dropped).flat_map(|step| told(&step, &desired.branch)).collect()
}

fn concerns(step: &Step, name: &RoleName) -> bool {
    if let Step::JoinGroup { names } = step {
        return names.contains(name);
    }
    step.subject() == Subject::Role(name.clone())
}

fn told(step: &Step, branch: &BranchId) -> Vec<Statement> {
    let database = if let Step::CleanUp { database, .. } = step { Some(database) } else { None };
    let statements = sql::statements_without_marks(step, branch).into_iter();
    statements.map(|sql| Statement { database: database.cloned(), sql }).collect()
}
