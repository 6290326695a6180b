//! Postgres: a session of the administrator. The only code that names `tokio_postgres`.

mod apply;
mod clean_up;
mod dump;
mod failure;
mod foretell;
mod glance;
mod holdings;
mod observe;
mod sessions;
mod settings;
mod tables;
mod tls;

pub use crate::compute::postgres::dump::DumpPrograms;
pub(super) use crate::compute::postgres::glance::{Glance, Seen};

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, SimpleQueryMessage};

use crate::compute::converge::Reach;
use crate::compute::error::ComputeError;
use crate::compute::postgres::failure::{Failure, told};
use crate::compute::{Address, Foretold};
use crate::model::endpoint::TlsMode;
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::name::RoleName;
use crate::model::preview::Holding;
use crate::model::schema::Table;
use crate::model::secret::Password;
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

/// Where a session leads.
#[derive(Clone, Debug)]
pub(super) struct Target {
    host: Host,
    port: u16,
    database: String,
    user: String,
    password: Option<Password>,
    tls: TlsMode,
    /// The version of the Postgres there, once it is known.
    version: Option<u32>,
}

#[derive(Clone, Debug)]
enum Host {
    Name(String),
    SocketDirectory(PathBuf),
}

impl From<&Address> for Target {
    fn from(address: &Address) -> Self {
        let Address { host, port, database, user, password, tls } = address.clone();
        let password = Some(password);
        Self { host: Host::Name(host), port, database, user, password, tls, version: None }
    }
}

impl Target {
    /// Returns the way to a Postgres on this machine that knows its administrator by the operating
    /// system's user.
    pub(super) fn local(socket_directory: PathBuf, port: u16, user: &str) -> Self {
        Self {
            host: Host::SocketDirectory(socket_directory),
            port,
            database: "postgres".into(),
            user: user.into(),
            password: None,
            tls: TlsMode::Disable,
            version: None,
        }
    }

    /// Returns the way to another database of the same Postgres.
    pub(super) fn to_database(&self, database: &str) -> Self {
        Self { database: database.into(), ..self.clone() }
    }

    fn address(&self) -> String {
        match &self.host {
            Host::Name(host) => format!("{host}:{}", self.port),
            Host::SocketDirectory(_) => format!("port {} of this machine", self.port),
        }
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .port(self.port)
            .dbname(&self.database)
            .user(&self.user)
            .application_name("offshoot")
            .options(settings::at_startup(self.version))
            .connect_timeout(CONNECT_DEADLINE)
            .tcp_user_timeout(REQUEST_DEADLINE)
            .ssl_mode(match self.tls {
                TlsMode::Disable => SslMode::Disable,
                TlsMode::Require | TlsMode::VerifyFull => SslMode::Require,
            })
            // Who is not asked for a certificate that is trusted must prove to know the verifier,
            // and that nobody sits in between. The driver then gives the password to nobody who
            // asks for it in any other way.
            .channel_binding(match self.tls {
                TlsMode::Disable => ChannelBinding::Disable,
                TlsMode::Require => ChannelBinding::Require,
                TlsMode::VerifyFull => ChannelBinding::Prefer,
            });
        match &self.host {
            Host::Name(host) => config.host(host),
            Host::SocketDirectory(path) => config.host_path(path),
        };
        if let Some(password) = &self.password {
            config.password(password.reveal());
        }
        config
    }
}

/// Who the administrator is, and of what.
#[derive(Clone, Debug)]
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
        };
        session.admin = settings::probe(&mut session).await?;
        settings::quieten(&mut session).await?;
        Ok(session)
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
        if is_ours == Some(true) { Ok(()) } else { Err(ComputeError::Locked) }
    }
}

impl Reach for Session {
    async fn observe(&mut self, desired: &Desired) -> Result<Observed, ComputeError> {
        self.lock(&desired.branch).await?;
        self.observe_branch(&desired.branch).await
    }

    async fn apply(
        &mut self,
        desired: &Desired,
        steps: &[Step],
    ) -> Result<Vec<Aside>, ComputeError> {
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
            self.run("SELECT pg_advisory_unlock_all()").await.ok();
        }
    }
}

type Connection = JoinHandle<Option<tokio_postgres::Error>>;

async fn open(target: &Target) -> Result<(Client, Connection), ComputeError> {
    let tls = tls::connector(target)?;
    let opened = timeout(CONNECT_DEADLINE, target.config().connect(tls)).await;
    let (client, connection) = match opened {
        Err(elapsed) => return Err(Failure::broken(target, elapsed).into()),
        Ok(Err(error)) => return Err(failure::at_login(target, error)),
        Ok(Ok(opened)) => opened,
    };
    Ok((client, tokio::spawn(async move { connection.await.err() })))
}
