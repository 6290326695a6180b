//! Foretelling: what Postgres would be told for the steps of a plan, made in the way in which it is
//! told. What depends on what a database holds is read there.

use std::collections::BTreeMap;

use crate::compute::Foretold;
use crate::compute::error::ComputeError;
use crate::compute::postgres::{Session, apply, clean_up, settings};
use crate::model::id::BranchId;
use crate::model::planned::Statement;
use crate::plan::sql;
use crate::plan::step::Step;

pub(super) async fn foretell(
    session: &mut Session,
    branch: &BranchId,
    steps: &[Step],
) -> Result<Foretold, ComputeError> {
    let maintenance = session.admin.database.clone();
    let mut foretold = Foretold::default();
    let mut cleaning = clean_up::foretell(session, steps, &names_before(steps)).await?;
    foretold.problems.append(&mut cleaning.problems);
    for (index, step) in steps.iter().enumerate() {
        let (database, statements) = if let Step::CleanUp { database, .. } = step {
            (database.clone(), cleaning.statements.remove(&index).unwrap_or_default())
        } else {
            let does = sql::statements_without_marks(&step.redacted(), branch);
            let does = apply::with_rights(session, step, does);
            let creates = matches!(step, Step::CreateRole { .. });
            let set = settings::for_creation(&session.admin).filter(|_| creates);
            (maintenance.clone(), set.map(str::to_owned).into_iter().chain(does).collect())
        };
        let told = statements.into_iter().map(|sql| Statement { database: database.clone(), sql });
        foretold.statements.push(told.collect());
    }
    Ok(foretold)
}

/// Returns the names that renamed databases have now, by those that they are to have. One that takes
/// another name in between has two steps.
fn names_before(steps: &[Step]) -> BTreeMap<String, String> {
    let mut before: BTreeMap<String, String> = BTreeMap::new();
    for step in steps {
        if let Step::RenameDatabase { found_as, to, .. } = step {
            let first = before.remove(found_as).unwrap_or_else(|| found_as.clone());
            before.insert(to.as_str().to_owned(), first);
        }
    }
    before
}
