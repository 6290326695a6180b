//! Cleaning up: what dropped roles own goes to others, and what they were granted is taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio_postgres::types::Type;

use crate::compute::error::ComputeError;
use crate::compute::postgres::Session;
use crate::compute::postgres::apply::{is_hindered, note};
use crate::compute::postgres::failure::{Failure, told};
use crate::model::rules::passes::Problem;
use crate::plan::observed::Oid;
use crate::plan::sql::{self, Ident, Literal};
use crate::plan::step::{Estate, Step};
use crate::plan::{Aside, Until};

/// How long one statement may take in a database where it has much to do, and how long it is waited
/// for. A pass has five minutes.
const STATEMENT_TIMEOUT: &str = "SET statement_timeout = '4min'";
const STATEMENT_DEADLINE: Duration = Duration::from_secs(250);

/// What is around all that is done in one database for one role.
const BEGIN: &str = "BEGIN";
const COMMIT: &str = "COMMIT";

/// Every role that has anything to do in a database. What belongs to no database can be taken away
/// in any, and is in the administrator's.
const HOLDERS: &str = "SELECT DISTINCT s.refobjid FROM pg_shdepend s \
     LEFT JOIN pg_database d ON d.oid = s.dbid \
     WHERE s.refclassid = 'pg_authid'::regclass \
     AND (d.datname = $1::text OR (s.dbid = 0 AND current_database() = $1::text))";

/// Who owns what belongs to no database.
const OWNERS: &str = "SELECT datdba FROM pg_database UNION SELECT spcowner FROM pg_tablespace";

/// Whether a role owns anything in this database, or anything that belongs to no database.
const OWNS: &str = "SELECT EXISTS (SELECT FROM pg_shdepend s \
     WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = $1 AND s.deptype = 'o' \
     AND s.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))";

/// What others granted a role in a database: the kind and name of the object, and by whom. What it has
/// from itself it owns, or has by a grant of another.
const GRANTS: &str = "SELECT DISTINCT CASE \
         WHEN o.type IN ('function', 'procedure', 'aggregate') THEN 'ROUTINE' \
         WHEN o.type IN ('sequence', 'schema', 'database', 'tablespace', 'language', \
             'foreign-data wrapper', 'large object') THEN upper(replace(o.type, '-', ' ')) \
         WHEN o.type = 'server' THEN 'FOREIGN SERVER' \
         WHEN o.type IN ('type', 'domain') THEN 'TYPE' ELSE 'TABLE' END, \
         o.identity, a.grantor::regrole::text \
     FROM (SELECT 'pg_class'::regclass::oid AS class, oid, relacl AS acl FROM pg_class \
         UNION ALL SELECT 'pg_class'::regclass, attrelid, attacl FROM pg_attribute \
         UNION ALL SELECT 'pg_proc'::regclass, oid, proacl FROM pg_proc \
         UNION ALL SELECT 'pg_namespace'::regclass, oid, nspacl FROM pg_namespace \
         UNION ALL SELECT 'pg_type'::regclass, oid, typacl FROM pg_type \
         UNION ALL SELECT 'pg_database'::regclass, oid, datacl FROM pg_database \
         UNION ALL SELECT 'pg_tablespace'::regclass, oid, spcacl FROM pg_tablespace \
         UNION ALL SELECT 'pg_language'::regclass, oid, lanacl FROM pg_language \
         UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, fdwacl \
             FROM pg_foreign_data_wrapper \
         UNION ALL SELECT 'pg_foreign_server'::regclass, oid, srvacl FROM pg_foreign_server \
         UNION ALL SELECT 'pg_largeobject'::regclass, oid, lomacl FROM pg_largeobject_metadata \
         ) AS x, \
         aclexplode(x.acl) AS a, pg_identify_object(x.class, x.oid, 0) AS o \
     WHERE a.grantee = $1 AND a.grantor <> a.grantee";

/// Empties the hands of dropped roles, in those databases where they hold anything. Returns what
/// failed for good.
pub(super) async fn clean_up(
    session: &mut Session,
    steps: &[Step],
    aside: &mut Vec<Aside>,
) -> Result<(), ComputeError> {
    let mut by_database: BTreeMap<&str, Vec<CleanUp<'_>>> = BTreeMap::new();
    for step in steps {
        if let Step::CleanUp { name: _, oid, found_as, database, estate } = step {
            let clean_up = CleanUp { step, oid: *oid, found_as, database, estate };
            by_database.entry(database).or_default().push(clean_up);
        }
    }
    if by_database.is_empty() {
        return Ok(());
    }
    let owners = owners(session).await?;
    for (database, steps) in by_database {
        let holders = holders(session, database).await?;
        let mut due = steps;
        due.retain(|it| {
            let is_kept = owners.contains(&it.oid) || is_hindered(it.step, aside);
            holders.contains(&it.oid) && !is_kept
        });
        if due.is_empty() {
            continue;
        }
        let mut there = match session.beside(database).await {
            Ok(there) => there,
            // It was dropped since it was observed, and with it what was to be cleaned up.
            Err(ComputeError::NoDatabase { .. }) => continue,
            // A database that is full of sessions is busy; a Postgres that is away is away.
            Err(error) if error.is_retryable() && !matches!(error, ComputeError::Busy { .. }) => {
                return Err(error);
            }
            Err(error) => {
                aside.extend(due.iter().map(|it| shut_out(it.step, &error)));
                continue;
            }
        };
        there.request_deadline = STATEMENT_DEADLINE;
        there.run(STATEMENT_TIMEOUT).await?;
        for clean_up in due {
            match clean_up.run(&mut there).await {
                Ok(true) => {}
                Ok(false) => aside.push(clean_up.without_heir()),
                Err(failure) => note(aside, clean_up.step, Err(failure))?,
            }
        }
    }
    Ok(())
}

/// What cleaning up would tell Postgres.
pub(super) struct Cleaning {
    /// The statements, by the number of the step.
    pub(super) statements: BTreeMap<usize, Vec<String>>,
    /// What would not be done.
    pub(super) problems: Vec<Problem>,
}

/// Returns what would be said in each database. `names` are those that databases have now, by those
/// that earlier steps would give them.
pub(super) async fn foretell(
    session: &mut Session,
    steps: &[Step],
    names: &BTreeMap<String, String>,
) -> Result<Cleaning, ComputeError> {
    let mut cleaning = Cleaning { statements: BTreeMap::new(), problems: Vec::new() };
    for (index, step) in steps.iter().enumerate() {
        let Step::CleanUp { name: _, oid, found_as, database, estate } = step else { continue };
        let now = names.get(database).unwrap_or(database);
        if !holders(session, now).await?.contains(oid) {
            continue;
        }
        let clean_up = CleanUp { step, oid: *oid, found_as, database, estate };
        let problem = match session.beside(now).await {
            Ok(mut there) => match clean_up.statements(&mut there).await? {
                Some(statements) => {
                    let ends = [[BEGIN.to_owned()].into(), statements, [COMMIT.to_owned()].into()];
                    cleaning.statements.insert(index, ends.concat());
                    continue;
                }
                None => clean_up.without_heir().problem,
            },
            Err(error) if error.is_retryable() && !matches!(error, ComputeError::Busy { .. }) => {
                return Err(error);
            }
            Err(error) => shut_out(step, &error).problem,
        };
        cleaning.problems.push(problem);
    }
    Ok(cleaning)
}

/// Returns what becomes of a step in a database that the administrator cannot enter.
fn shut_out(step: &Step, error: &ComputeError) -> Aside {
    let message = format!("failed to {step}: {error}");
    let problem = Problem { fault: error.fault(), ..Problem::new(step.subject(), message) };
    let until = if error.is_retryable() { Until::NextAttempt } else { Until::Mended };
    Aside { stage: step.stage(), problem, until }
}

/// Returns the roles that own a database or a tablespace. Cleaning up after one of them would give
/// those away: that it still has one means that something else failed before, or came since.
pub(super) async fn owners(session: &mut Session) -> Result<BTreeSet<Oid>, Failure> {
    let rows = session.query(OWNERS, &[]).await?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).map(Oid).collect())
}

async fn holders(session: &mut Session, database: &str) -> Result<BTreeSet<Oid>, Failure> {
    let rows = session.query(HOLDERS, &[(&database, Type::TEXT)]).await?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).map(Oid).collect())
}

struct CleanUp<'a> {
    step: &'a Step,
    oid: Oid,
    found_as: &'a str,
    database: &'a str,
    estate: &'a Estate,
}

impl CleanUp<'_> {
    /// Cleans up in the database of the session, or not at all. Returns whether there was an heir
    /// where one was needed.
    async fn run(&self, there: &mut Session) -> Result<bool, Failure> {
        there.run(BEGIN).await?;
        let transaction = self.run_within(there).await;
        let end = if matches!(transaction, Ok(Some(_))) { COMMIT } else { "ROLLBACK" };
        let ended = there.run(end).await;
        let Some(transaction) = transaction? else { return ended.map(|_| false) };
        ended?;
        // The driver takes the rollback of a failed transaction for a commit.
        let status = format!("SELECT pg_xact_status({})", Literal(&transaction));
        let is_done = told(&there.run(&status).await?) == Some("committed");
        if is_done { Ok(true) } else { Err(Failure::unconfirmed()) }
    }

    /// Returns the number of the transaction in which it was done; nothing where there was no heir.
    async fn run_within(&self, there: &mut Session) -> Result<Option<String>, Failure> {
        // As late as can be: what a session that is still open made since would be dropped.
        let Some(mut statements) = self.statements(there).await? else { return Ok(None) };
        statements.push("SELECT pg_current_xact_id()".into());
        let answers = there.run(&statements.join("; ")).await?;
        Ok(Some(told(&answers).unwrap_or_default().into()))
    }

    /// Returns what empties the role's hands in the database of the session; nothing where it owns
    /// something that nobody may be given.
    async fn statements(&self, there: &mut Session) -> Result<Option<Vec<String>>, Failure> {
        let owns = there.query(OWNS, &[(&self.oid.0, Type::OID)]).await?;
        let owns = owns.first().and_then(|row| row.try_get(0).ok()).unwrap_or(true);
        let heir = match self.estate {
            Estate::Given(heir) => Some(heir.as_str()),
            Estate::Unclaimed if owns => return Ok(None),
            Estate::Unclaimed | Estate::Dropped => None,
        };
        let give = heir.filter(|_| owns).map(|heir| sql::give_all(self.found_as, heir));
        let parties = [Some(self.found_as), heir].into_iter().flatten();
        let mut statements: Vec<_> = parties.filter_map(|role| there.membership(role)).collect();
        statements.extend(give);
        if there.admin.is_superuser {
            statements.extend(self.revoke_all(there).await?);
        }
        statements.push(sql::take_all(self.found_as));
        Ok(Some(statements))
    }

    /// Returns what becomes of a role that owns something which nobody may be given.
    fn without_heir(&self) -> Aside {
        let Self { step, found_as, database, .. } = self;
        let message = format!(
            "role `{found_as}` can no longer log in, but cannot be dropped: it owns something in \
             database `{database}`, whose owner is a superuser or the administrator and is given \
             nothing; drop or reassign that with SQL, or give the database an owner that is no \
             superuser"
        );
        let problem = Problem::new(step.subject(), message);
        Aside { stage: step.stage(), problem, until: Until::Mended }
    }

    /// Returns what takes away the grants made by roles other than the owners. Only he who granted
    /// can take away, so it is done in his name.
    async fn revoke_all(&self, there: &mut Session) -> Result<Vec<String>, Failure> {
        let rows = there.query(GRANTS, &[(&self.oid.0, Type::OID)]).await?;
        let revoke = |row: &tokio_postgres::Row| {
            let kind: String = row.try_get(0).ok()?;
            let object: String = row.try_get(1).ok()?;
            let grantor: String = row.try_get(2).ok()?;
            let from = Ident(self.found_as);
            let revoke = format!("REVOKE ALL ON {kind} {object} FROM {from} CASCADE");
            Some([format!("SET LOCAL ROLE {grantor}"), revoke, "RESET ROLE".into()])
        };
        Ok(rows.iter().filter_map(revoke).flatten().collect())
    }
}
