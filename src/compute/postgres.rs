//! Postgres: a session of the administrator. The only code that names `tokio_postgres`.

mod apply;
mod clean_up;
mod dump;
mod failure;
mod foretell;
mod glance;
mod holdings;
mod observe;
mod reading;
mod sessions;
mod settings;
mod tables;
mod target;
mod tls;

pub use crate::compute::postgres::dump::DumpPrograms;
pub(super) use crate::compute::postgres::glance::{Glance, Seen};
pub(super) use crate::compute::postgres::target::Target;

use std::io;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::compute::Foretold;
use crate::compute::converge::Reach;
use crate::compute::error::ComputeError;
use crate::compute::postgres::failure::{Failure, told};
use crate::compute::postgres::reading::Reading;
use crate::compute::postgres::target::open;
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::name::RoleName;
use crate::model::preview::Holding;
use crate::model::schema::Table;
use crate::model::session::Sessions;
use crate::plan::Aside;
use crate::plan::desired::Desired;
use crate::plan::observed::Observed;
use crate::plan::sql::Ident;
use crate::plan::step::Step;

/// How long a connection may take to be made, login and all.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// How long one request may take. Postgres itself gives up sooner, unless it is beyond answering.
const REQUEST_DEADLINE: Duration = Duration::from_secs(60);

/// How long to wait for the reason why a connection was closed.
const CLOSING_DEADLINE: Duration = Duration::from_secs(1);

/// Who the administrator is, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Admin {
    name: String,
    is_superuser: bool,
    database: String,
    version: u32,
}

/// A session of the administrator, in one database.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    /// Ends with the reason why the connection was closed, which no request is told.
    connection: Option<JoinHandle<Option<tokio_postgres::Error>>>,
    target: Target,
    admin: Admin,
    /// How long one request may take.
    request_deadline: Duration,
    /// Whether the tables of marks were there when it was last observed.
    has_marks: bool,
    /// Whether an answer is waited for.
    is_asking: bool,
    /// Whether it holds the branch for itself.
    is_locked: bool,
    /// What is known of what was read last.
    reading: Reading,
}

impl Drop for Session {
    /// Cuts the connection where an answer is still waited for: Postgres then stops working on it,
    /// instead of taking effect when nobody expects it any more.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take().filter(|_| self.is_asking) {
            connection.abort();
        }
    }
}

impl Session {
    /// Opens a session, and checks that it leads to a Postgres that can be reconciled.
    pub(super) async fn connect(target: &Target) -> Result<Self, ComputeError> {
        let (client, connection) = open(target).await?;
        let mut session = Self {
            client,
            connection: Some(connection),
            target: target.clone(),
            admin: Admin {
                name: target.user.clone(),
                is_superuser: false,
                database: target.database.clone(),
                version: 0,
            },
            request_deadline: REQUEST_DEADLINE,
            has_marks: false,
            is_asking: false,
            is_locked: false,
            reading: Reading::None,
        };
        session.admin = settings::probe(&mut session).await?;
        settings::quieten(&mut session).await?;
        Ok(session)
    }

    /// Takes up a session again that was left open. Returns whether it still leads to the same Postgres
    /// and administrator: another would have to be asked for other settings.
    pub(super) async fn renew(&mut self) -> Result<bool, ComputeError> {
        self.request_deadline = CONNECT_DEADLINE;
        let admin = settings::probe(self).await?;
        self.request_deadline = REQUEST_DEADLINE;
        Ok(admin == self.admin)
    }

    /// Whether it leads there.
    pub(super) fn leads_to(&self, target: &Target) -> bool {
        self.target == *target
    }

    /// Whether an answer is waited for.
    pub(super) fn is_asking(&self) -> bool {
        self.is_asking
    }

    /// Whether the next pass should go on with it: one that changed something seldom comes alone.
    pub(super) fn is_worth_keeping(&self) -> bool {
        self.reading != Reading::None && !self.is_locked && !self.is_asking
    }

    /// Opens a connection and closes it again. Whoever is refused is answered.
    pub(super) async fn reach(target: &Target) -> Result<(), ComputeError> {
        match open(target).await {
            Err(error) if error.is_out_of_reach() => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Opens another session, in another database.
    async fn beside(&self, database: &str) -> Result<Self, ComputeError> {
        let version = Some(self.admin.version);
        let target = Target { version, ..self.target.to_database(database) };
        Box::pin(Self::connect(&target)).await
    }

    /// Runs statements, of which the last may answer.
    async fn run(&mut self, sql: &str) -> Result<Vec<SimpleQueryMessage>, Failure> {
        self.ask()?;
        let result = timeout(self.request_deadline, self.client.simple_query(sql)).await;
        self.checked(result).await
    }

    /// Runs statements of which each is done or fails by itself, all in one round trip.
    async fn run_each(&mut self, statements: &[&str]) -> Vec<Result<(), Failure>> {
        self.is_asking = true;
        let asked = join_all(statements.iter().map(|sql| self.client.simple_query(sql)));
        let answers = match timeout(self.request_deadline, asked).await {
            Ok(answers) => answers,
            Err(elapsed) => return vec![self.checked(Err(elapsed)).await],
        };
        let mut results = Vec::new();
        for answer in answers {
            results.push(self.checked(Ok(answer)).await.map(|_| ()));
        }
        results
    }

    /// Asks in one round trip, which takes that the types of the parameters are said.
    async fn query(
        &mut self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<tokio_postgres::Row>, Failure> {
        self.ask()?;
        let result = timeout(self.request_deadline, self.client.query_typed(sql, parameters)).await;
        self.checked(result).await
    }

    /// Begins a request. Who was not answered once is not asked again: that would take as long.
    fn ask(&mut self) -> Result<(), Failure> {
        if self.is_asking {
            return Err(Failure::broken(&self.target, io::Error::from(io::ErrorKind::TimedOut)));
        }
        self.is_asking = true;
        Ok(())
    }

    /// Puts the reason why the connection was closed in the place of the fact that it was.
    async fn checked<T>(
        &mut self,
        result: Result<Result<T, tokio_postgres::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, Failure> {
        // What was not answered in time is not waited for, but Postgres is still at it.
        self.is_asking = result.is_err();
        let error = match result {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(elapsed) => return Err(Failure::broken(&self.target, elapsed)),
        };
        if error.is_closed()
            && let Some(connection) = self.connection.take()
            && let Ok(Ok(Some(reason))) = timeout(CLOSING_DEADLINE, connection).await
        {
            return Err(Failure::of(&self.target, reason));
        }
        Err(Failure::of(&self.target, error))
    }

    /// Returns the place that the write-ahead log has reached.
    pub(super) async fn wal_lsn(&mut self) -> Result<Lsn, ComputeError> {
        let rows = self.run("SELECT pg_current_wal_lsn()").await?;
        let text = told(&rows).unwrap_or_default();
        text.parse().map_err(|_| ComputeError::Failed {
            message: format!("`{text}` is not a place in its write-ahead log"),
            code: "none".into(),
        })
    }

    /// Returns the schema of a target's database as SQL.
    pub(super) async fn dump(
        target: &Target,
        programs: &DumpPrograms,
    ) -> Result<String, ComputeError> {
        // It also says better than the program what is wrong with a target.
        let version = Self::connect(target).await?.admin.version;
        let target = Target { version: Some(version), ..target.clone() };
        dump::run(programs, version, &target).await
    }

    /// Returns the tables of the session's database.
    pub(super) async fn tables(&mut self) -> Result<Vec<Table>, ComputeError> {
        tables::read(self).await
    }

    /// Reads what Postgres has, with the marks of `branch`.
    pub(super) async fn observe_branch(
        &mut self,
        branch: &BranchId,
    ) -> Result<Observed, ComputeError> {
        observe::observe(self, branch).await
    }

    /// Returns what Postgres would be told for the steps of a plan.
    pub(super) async fn foretell(
        &mut self,
        branch: &BranchId,
        steps: &[Step],
    ) -> Result<Foretold, ComputeError> {
        foretell::foretell(self, branch, steps).await
    }

    /// Reads who is connected.
    pub(super) async fn sessions(&mut self) -> Result<Vec<Sessions>, ComputeError> {
        sessions::sessions(self).await
    }

    /// Reads what a role owns and was granted.
    pub(super) async fn holdings(&mut self, role: &RoleName) -> Result<Vec<Holding>, ComputeError> {
        holdings::holdings(self, role).await
    }

    /// Ends every session of a role.
    pub(super) async fn end_sessions(&mut self, role: &RoleName) -> Result<(), ComputeError> {
        sessions::end_sessions(self, role).await
    }

    /// Returns what makes an administrator who is no superuser a member of a role, as it must be to
    /// act for it. From 16 on it is a member of what it creates.
    fn membership(&self, role: &str) -> Option<String> {
        let is_needed = !self.admin.is_superuser && self.admin.version < 16;
        is_needed.then(|| format!("GRANT {} TO CURRENT_USER", Ident(role)))
    }

    /// Keeps every other session of Offshoot away from this branch until this one ends.
    async fn lock(&mut self, branch: &BranchId) -> Result<(), ComputeError> {
        let sql = "SELECT pg_try_advisory_lock(hashtextextended('offshoot ' || $1, 0))";
        let rows = self.query(sql, &[(&branch.as_str(), Type::TEXT)]).await?;
        let is_ours = rows.first().and_then(|row| row.try_get(0).ok());
        self.is_locked = is_ours == Some(true);
        if self.is_locked { Ok(()) } else { Err(ComputeError::Locked) }
    }
}

impl Reach for Session {
    async fn observe(&mut self, desired: &Desired) -> Result<Observed, ComputeError> {
        self.lock(&desired.branch).await?;
        reading::read(self, &desired.branch).await
    }

    async fn apply(
        &mut self,
        desired: &Desired,
        steps: &[Step],
    ) -> Result<Vec<Aside>, ComputeError> {
        self.reading = Reading::Outdated;
        apply::apply(self, desired, steps).await
    }

    async fn lsn(&mut self) -> Result<Lsn, ComputeError> {
        self.wal_lsn().await
    }

    async fn glance(&mut self, before: Option<&Glance>) -> Result<Option<Seen>, ComputeError> {
        glance::glance(self, before).await
    }

    async fn release(&mut self) {
        // Where it is still at something, or that fails, the session's end does it.
        if !self.is_asking {
            self.is_locked = self.run("SELECT pg_advisory_unlock_all()").await.is_err();
        }
    }
}
