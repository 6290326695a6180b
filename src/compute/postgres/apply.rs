//! Applying: one transaction for all that Postgres allows in one, then the rest step by step.

use std::slice;

use tokio_postgres::error::SqlState;

use crate::compute::error::ComputeError;
use crate::compute::postgres::failure::{Class, Failure, told};
use crate::compute::postgres::{Session, clean_up, observe};
use crate::model::fault::Fault;
use crate::model::rules::passes::Problem;
use crate::plan::desired::Desired;
use crate::plan::observed::Oid;
use crate::plan::sql::{self, Ident, Literal};
use crate::plan::step::{Stage, Step};
use crate::plan::{Aside, Until};

/// The first version of Postgres whose memberships have options.
const MEMBERSHIP_OPTIONS: u32 = 16;

/// How many steps are sent at once.
const MAX_AT_ONCE: usize = 100;

/// How many steps others are in the way of until it is taken that they are in the way of all: each was
/// waited for.
const MAX_HINDERED: usize = 3;

/// Applies steps, and returns those that failed and must not keep the others from being done.
pub(super) async fn apply(
    session: &mut Session,
    desired: &Desired,
    steps: &[Step],
) -> Result<Vec<Aside>, ComputeError> {
    let together = steps.iter().take_while(|step| step.stage() <= Stage::Change).count();
    let (together, alone) = steps.split_at(together);
    // Even with nothing to do in it, this transaction notes the revision before anything of it is
    // done: nobody with an older catalog may then undo that.
    let mut aside = apply_together(session, desired, together).await?;
    for step in alone.iter().filter(|step| step.stage() == Stage::Disconnect) {
        disconnect(session, desired, step, &mut aside).await?;
    }
    for step in alone.iter().filter(|step| step.stage() == Stage::Reshape) {
        if !is_hindered(step, &aside) {
            note(&mut aside, step, reshape(session, desired, step).await)?;
        }
    }
    clean_up::clean_up(session, alone, &mut aside).await?;
    let removals = alone.iter().filter(|step| step.stage() == Stage::Remove);
    for step in removals {
        if !is_hindered(step, &aside) && !is_owner(session, step).await? {
            let sql = sql::statements(step, &desired.branch).join("; ");
            note(&mut aside, step, session.run(&sql).await.map(|_| ()))?;
        }
    }
    Ok(aside)
}

/// Whether an earlier step for the same thing failed, without which this one cannot succeed.
pub(super) fn is_hindered(step: &Step, aside: &[Aside]) -> bool {
    aside.iter().any(|Aside { stage, problem, until }| {
        let is_before = match stage {
            Stage::Change => step.stage() == Stage::Reshape,
            Stage::Retire | Stage::CleanUp => Stage::CleanUp <= step.stage(),
            // Who is still at work may make something new. Where nobody can ever be sent away, that
            // is no reason to keep the role.
            Stage::Disconnect => *until != Until::Mended && Stage::CleanUp <= step.stage(),
            Stage::Forget | Stage::Reshape | Stage::Remove => false,
        };
        is_before && problem.subject == step.subject()
    })
}

/// Whether a dropped role still owns a database or a tablespace. Then something failed before, and the
/// next round says what is to be done about it.
async fn is_owner(session: &mut Session, step: &Step) -> Result<bool, Failure> {
    let Step::RemoveRole { oid, .. } = step else { return Ok(false) };
    Ok(clean_up::owners(session).await?.contains(oid))
}

/// Notes what became of a step. Fails where there is no point in going on.
pub(super) fn note(
    aside: &mut Vec<Aside>,
    step: &Step,
    result: Result<(), Failure>,
) -> Result<(), ComputeError> {
    let Err(failure) = result else { return Ok(()) };
    let class = class_of(step, &failure);
    match class {
        Class::Passing => Err(failure.into()),
        Class::Hindered if is_for_all(step, aside) => Err(failure.into()),
        Class::Overtaken | Class::Hindered | Class::Lasting => {
            aside.push(set_aside(step, &failure, class));
            Ok(())
        }
    }
}

/// Whether a step that others are in the way of keeps all that is done in its transaction from being
/// done: more of it needs what the step makes, or they are in the way of everything.
fn is_for_all(step: &Step, aside: &[Aside]) -> bool {
    let makes = matches!(step, Step::CreateRole { .. } | Step::IntendDatabase { .. });
    let hindered = aside.iter().filter(|aside| aside.until == Until::NextAttempt).count();
    makes || (step.stage() <= Stage::Change && MAX_HINDERED <= hindered)
}

/// Returns what a failure means for a step. Who keeps a database from being dropped although its
/// sessions were ended does not go away by itself: a subscription, or a slot for replication. What a
/// role owns does not become less, either, where there are not enough locks for it.
fn class_of(step: &Step, failure: &Failure) -> Class {
    let is = |code| failure.code == Some(code);
    let is_kept = matches!(step, Step::DropDatabase { .. }) && is(SqlState::OBJECT_IN_USE);
    let is_too_much = matches!(step, Step::CleanUp { .. }) && is(SqlState::OUT_OF_MEMORY);
    if is_kept || is_too_much { Class::Lasting } else { failure.class }
}

fn set_aside(step: &Step, failure: &Failure, class: Class) -> Aside {
    let until = match class {
        Class::Overtaken => Until::NextRound,
        Class::Passing | Class::Hindered => Until::NextAttempt,
        Class::Lasting => Until::Mended,
    };
    let next = if until == Until::Mended { advice(failure) } else { "trying again" };
    let message = format!("failed to {step}: {}; {next}", failure.message);
    let code = failure.code.as_ref().map(|code| code.code().to_owned());
    let problem = Problem { subject: step.subject(), message, fault: failure.fault(class), code };
    Aside { stage: step.stage(), problem, until }
}

fn advice(failure: &Failure) -> &'static str {
    match failure.code.as_ref().map_or("", SqlState::code) {
        "2BP01" => "drop what it still has, or give it to another role, with SQL",
        "42501" => "give the administrator that right",
        "55006" => "disconnect the sessions that use it",
        "53200" => "set max_locks_per_transaction higher, or give away with SQL what it owns",
        _ => "mend that with SQL",
    }
}

/// Applies steps in one transaction. A step that fails for good is rolled back by itself and does
/// not keep the others from being committed.
async fn apply_together(
    session: &mut Session,
    desired: &Desired,
    steps: &[Step],
) -> Result<Vec<Aside>, ComputeError> {
    let result = transact(session, desired, steps).await;
    if result.is_err() {
        // Whatever became of it, the session must not stay within the transaction.
        session.run("ROLLBACK").await.ok();
    }
    result
}

async fn transact(
    session: &mut Session,
    desired: &Desired,
    steps: &[Step],
) -> Result<Vec<Aside>, ComputeError> {
    let mut aside = Vec::new();
    session.run("BEGIN").await?;
    if !session.has_marks {
        session.run(sql::MARKS).await?;
        // Somebody else may have made the schema just before.
        observe::has_marks(session).await?;
    }
    for steps in steps.chunks(MAX_AT_ONCE) {
        // Which of them failed is not told, but seldom does any.
        if 1 < steps.len() && attempt(session, desired, steps).await.is_ok() {
            continue;
        }
        for step in steps {
            let result = attempt(session, desired, slice::from_ref(step)).await;
            note(&mut aside, step, result)?;
        }
    }
    let noted = session.run(&sql::note_revision(&desired.branch, desired.revision)).await?;
    let noted = told(&noted).map(str::to_owned);
    session.run("COMMIT").await?;
    // The driver takes the rollback of a failed transaction for a commit; the note does not.
    let branch = Literal(desired.branch.as_str());
    let sql = format!("SELECT xact FROM offshoot.state WHERE branch = {branch}");
    let found = session.run(&sql).await?;
    if noted.is_none() || told(&found).map(str::to_owned) != noted {
        return Err(ComputeError::Unconfirmed);
    }
    Ok(aside)
}

/// Applies steps in one round trip, all or none of them.
async fn attempt(session: &mut Session, desired: &Desired, steps: &[Step]) -> Result<(), Failure> {
    let mut statements = vec!["SAVEPOINT offshoot".into()];
    for step in steps {
        statements.extend(with_rights(session, step, sql::statements(step, &desired.branch)));
    }
    statements.push("RELEASE SAVEPOINT offshoot".into());
    let result = session.run(&statements.join("; ")).await.map(|_| ());
    if result.is_err() {
        session.run("ROLLBACK TO SAVEPOINT offshoot").await.ok();
    }
    result
}

/// Returns what a step does with what the administrator has to do besides, so as to have the right to
/// it and so that it means what it should.
pub(super) fn with_rights(session: &Session, step: &Step, does: Vec<String>) -> Vec<String> {
    let before = membership(session, step).into_iter();
    before.chain(does).chain(options(session, step)).collect()
}

/// Lets an administrator who is no superuser hand something to a role, or send it away. From 16 on it
/// can do so with what it creates.
fn membership(session: &Session, step: &Step) -> Option<String> {
    if let Step::ChangeOwner { owner, .. }
    | Step::CreateDatabase { owner, .. }
    | Step::ActFor { original: Some(owner), .. } = step
    {
        session.membership(owner.as_str())
    } else if let Step::Disconnect { found_as, .. } = step {
        session.membership(found_as)
    } else {
        None
    }
}

/// Says of a membership what it is good for, where Postgres asks. What was granted by hand may say
/// something else.
fn options(session: &Session, step: &Step) -> Option<String> {
    let Step::ActFor { name, original: Some(original), .. } = step else { return None };
    let (original, name) = (Ident(original.as_str()), Ident(name.as_str()));
    let sql = format!("GRANT {original} TO {name} WITH INHERIT TRUE, SET TRUE");
    (MEMBERSHIP_OPTIONS <= session.admin.version).then_some(sql)
}

/// Ends the sessions of a role.
async fn disconnect(
    session: &mut Session,
    desired: &Desired,
    step: &Step,
    aside: &mut Vec<Aside>,
) -> Result<(), ComputeError> {
    let statements = with_rights(session, step, sql::statements(step, &desired.branch));
    match session.run(&statements.join("; ")).await {
        Ok(ended) if told(&ended) == Some("f") => {
            let message = format!("failed to {step}: some of them do not end; trying again");
            let problem = Problem { fault: Fault::Busy, ..Problem::new(step.subject(), message) };
            aside.push(Aside { stage: step.stage(), problem, until: Until::NextAttempt });
            Ok(())
        }
        ended => note(aside, step, ended.map(|_| ())),
    }
}

/// Drops, renames or makes a database.
async fn reshape(session: &mut Session, desired: &Desired, step: &Step) -> Result<(), Failure> {
    if let Some(grant) = membership(session, step) {
        session.run(&grant).await?;
    }
    let marks = sql::statements(step, &desired.branch).join("; ");
    if let Some(sql) = sql::statement_outside_transaction(step) {
        if let Step::DropDatabase { oid, found_as, .. } = step
            && !is_still(session, *oid, found_as).await?
        {
            return Ok(());
        }
        let result = session.run(&sql).await;
        if let Step::CreateDatabase { id, name, .. } = step
            && let Err(failure) = &result
            && failure.code == Some(SqlState::DUPLICATE_DATABASE)
        {
            // Somebody else made it since it was announced, so what is announced is not ours.
            let step = Step::ForgetDatabase { id: *id, name: name.clone() };
            session.run(&sql::statements(&step, &desired.branch).join("; ")).await?;
        }
        result?;
    }
    session.run(&marks).await.map(|_| ())
}

/// Whether a database still has the name under which it was observed. Dropping goes by name, and
/// the name may have been given to another since.
async fn is_still(session: &mut Session, oid: Oid, name: &str) -> Result<bool, Failure> {
    let sql = format!("SELECT oid FROM pg_database WHERE datname = {}", Literal(name));
    let found = session.run(&sql).await?;
    Ok(told(&found) == Some(&oid.0.to_string()))
}
