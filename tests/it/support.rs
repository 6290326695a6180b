//! What tests share: catalogs in a few words, and Postgres servers that leave nothing behind.

mod catalog;

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use offshoot::compute::local::LocalConfig;
use offshoot::compute::{Address, AnyCompute, Compute, ComputeSite, Computes, Converged};
use offshoot::model::endpoint::TlsMode;
use offshoot::model::id::BranchId;
use offshoot::model::name::COMPUTE_ADMIN;
use offshoot::model::progress::Trace;
use offshoot::model::secret::Password;
use offshoot::plan::desired::Desired;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

pub use catalog::{Catalog, about, sally_and_bob, verifier};

/// The database of an administrator who comes over TCP.
pub const MAINTENANCE: &str = "maintenance";

/// The variable with the directory of the binaries that are tested, where not the newest installed ones are.
const BINARIES_VARIABLE: &str = "OFFSHOOT_TEST_BINARIES";

/// The variable that has passes made by an administrator who is no superuser.
const CREATOR_VARIABLE: &str = "OFFSHOOT_TEST_CREATOR";

/// What such an administrator is given, as managed Postgres servers do.
const CREATOR: &str = "CREATE ROLE creator CREATEROLE CREATEDB LOGIN PASSWORD 'of creator'; \
     GRANT CREATE ON DATABASE maintenance TO creator; \
     GRANT neon_superuser TO creator WITH ADMIN OPTION";

/// How long a test waits for a process to end.
const END_DEADLINE: Duration = Duration::from_secs(10);

/// The branch of tests that need no other.
pub fn branch() -> BranchId {
    "br-test".parse().expect("an id")
}

/// A root directory of local computes, and one compute in it. Whatever runs in it ends with it.
pub struct Server {
    pub directory: TempDir,
    pub port: u16,
    pub computes: Option<Computes>,
}

impl Server {
    /// Returns a server that is not started.
    pub fn new() -> Self {
        let directory = TempDir::with_prefix("offshoot-it-").expect("a temporary directory");
        // Postgres may run as another user, who has to get through.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o711)).expect("a mode");
        let mut server = Self { directory, port: free_port(), computes: None };
        server.open();
        server
    }

    /// Returns a server that runs.
    pub async fn started() -> Self {
        let server = Self::new();
        server.local().start().await.expect("a started compute");
        if is_by_creator() {
            server.make_maintenance().await;
            server.execute("postgres", CREATOR).await;
        }
        server
    }

    /// Begins again as a new Offshoot on the same root directory.
    pub fn open(&mut self) {
        self.computes = None;
        self.computes = Some(Computes::new(self.config()).expect("the root directory"));
    }

    pub fn config(&self) -> LocalConfig {
        LocalConfig {
            root: self.root(),
            bin_dir: variable(BINARIES_VARIABLE).map(PathBuf::from),
            path: None,
            os_user: None,
            socket_dir: None,
        }
    }

    pub fn root(&self) -> PathBuf {
        self.directory.path().join("computes")
    }

    pub fn home(&self) -> PathBuf {
        self.root().join(branch().as_str())
    }

    /// Returns the Postgres as the tested administrator reaches it.
    pub fn compute(&self) -> AnyCompute {
        if is_by_creator() {
            return self.attached(self.address("creator", "of creator"));
        }
        self.local()
    }

    /// Returns the Postgres as the one who started it reaches it.
    pub fn local(&self) -> AnyCompute {
        let computes = self.computes.as_ref().expect("an open root directory");
        let pg_version = *computes.installed_versions().last().expect("PostgreSQL's binaries");
        computes.get(&branch(), ComputeSite::Local { port: self.port, pg_version })
    }

    /// Converges, and expects that nothing was left undone.
    pub async fn converge(&self, desired: &Desired) -> Converged {
        let converged = converge_told(&self.compute(), desired).await;
        assert_eq!(converged.problems, [], "problems");
        assert_eq!(converged.delayed, [], "delayed");
        converged
    }

    /// Makes a pass that has been told of nothing, and returns what it came to.
    pub async fn pass(&self, desired: &Desired) -> Converged {
        self.compute().converge(desired, &mut Trace::default()).await.expect("a pass")
    }

    /// Connects as Postgres's own administrator does.
    pub async fn admin(&self, database: &str) -> Client {
        let mut config = Config::new();
        config.host_path(self.root().join("run")).port(self.port).user(COMPUTE_ADMIN);
        connect(config.dbname(database)).await.expect("the administrator's login")
    }

    /// Connects over TCP with a password, as clients do.
    pub async fn login(
        &self,
        role: &str,
        password: &str,
        database: &str,
    ) -> Result<Client, tokio_postgres::Error> {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user(role).password(password);
        connect(config.dbname(database)).await
    }

    /// Makes a database for an administrator who comes over TCP.
    pub async fn make_maintenance(&self) {
        let has = format!("SELECT datname::text FROM pg_database WHERE datname = '{MAINTENANCE}'");
        if texts(&self.admin("postgres").await, &has).await.is_empty() {
            self.execute("postgres", &format!("CREATE DATABASE {MAINTENANCE}")).await;
        }
    }

    /// Returns how to reach it over TCP as `user`.
    pub fn address(&self, user: &str, password: &str) -> Address {
        Address {
            host: "127.0.0.1".into(),
            port: self.port,
            database: MAINTENANCE.into(),
            user: user.into(),
            password: Password::new(password),
            tls: TlsMode::Disable,
        }
    }

    /// Returns the Postgres at an address as an attached compute.
    pub fn attached(&self, address: Address) -> AnyCompute {
        let computes = self.computes.as_ref().expect("an open root directory");
        computes.get(&branch(), ComputeSite::Attached(address))
    }

    /// Does by hand what the administrator can.
    pub async fn execute(&self, database: &str, sql: &str) {
        self.admin(database).await.batch_execute(sql).await.expect("legal SQL");
    }

    /// Starts Postgres again with a setting that it only takes then.
    pub async fn restart_with(&self, setting: &str) {
        self.execute("postgres", &format!("ALTER SYSTEM SET {setting}")).await;
        self.local().suspend().await.expect("an end");
        self.local().start().await.expect("a start");
    }

    /// Ends the sessions that passes have left open.
    pub async fn end_warm_sessions(&self) {
        let ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
             WHERE application_name = 'offshoot'";
        self.execute("postgres", ended).await;
    }

    /// Kills the process of a session, after which Postgres ends all others and recovers.
    pub async fn crash_a_session(&self) {
        let admin = self.admin("postgres").await;
        let row = admin.query_one("SELECT pg_backend_pid()", &[]).await.expect("an answer");
        let process = Pid::from_raw(row.get(0)).expect("a process");
        kill_process(process, Signal::KILL).expect("a process that runs");
        let until = Instant::now() + END_DEADLINE;
        while self.local().reach().await.is_err() || self.local().lsn().await.is_err() {
            assert!(Instant::now() < until, "it does not recover");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until Postgres answers a question with yes. It takes a moment to notice some things.
    pub async fn wait_until(&self, question: &str) {
        let until = Instant::now() + END_DEADLINE;
        loop {
            let admin = self.admin("postgres").await;
            let row = admin.query_one(question, &[]).await.expect("an answer");
            if row.get(0) {
                return;
            }
            assert!(Instant::now() < until, "it never came true: {question}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until nobody is connected to a database any more.
    pub async fn wait_until_left(&self, database: &str) {
        let sessions = format!("SELECT FROM pg_stat_activity WHERE datname = '{database}'");
        self.wait_until(&format!("SELECT NOT EXISTS ({sessions})")).await;
    }

    /// Returns the process that runs, as Postgres's own file has it.
    pub fn pid(&self) -> Option<Pid> {
        let file = fs::read_to_string(self.home().join("data/postmaster.pid")).ok()?;
        Pid::from_raw(file.lines().next()?.parse().ok()?)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.home().join("postgres.log")).expect("a log")
    }
}

/// Returns a variable of the environment in which the tests are run.
#[expect(clippy::disallowed_methods, reason = "tests are told by variables what to do")]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Whether passes are made by an administrator who is no superuser.
pub fn is_by_creator() -> bool {
    variable(CREATOR_VARIABLE).is_some()
}

/// Returns the database in which the tested administrator keeps marks.
pub fn home() -> &'static str {
    if is_by_creator() { MAINTENANCE } else { "postgres" }
}

/// Makes a pass, and where that found what somebody changed by hand, another one that knows of it.
pub async fn converge_told(compute: &AnyCompute, desired: &Desired) -> Converged {
    let mut trace = Trace::default();
    let converged = compute.converge(desired, &mut trace).await.expect("a pass");
    if converged.deviations.is_empty() {
        return converged;
    }
    let told = desired.clone().told(&converged.deviations);
    let again = compute.converge(&told, &mut trace).await.expect("a pass");
    Converged { steps: converged.steps + again.steps, ..again }
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(pid) = self.pid()
            && is_at_work_under(pid, self.directory.path())
        {
            kill_process(pid, Signal::QUIT).ok();
            wait_for_end(pid);
        }
    }
}

/// Whether a process is one that a test on this directory started.
fn is_at_work_under(pid: Pid, directory: &Path) -> bool {
    let link = format!("/proc/{}/cwd", pid.as_raw_nonzero());
    if !cfg!(target_os = "linux") {
        return true;
    }
    fs::read_link(link).is_ok_and(|cwd| cwd.starts_with(directory))
}

/// Waits until a process is gone, or is only waited for.
pub fn wait_for_end(pid: Pid) {
    let until = Instant::now() + END_DEADLINE;
    let exe = format!("/proc/{}/exe", pid.as_raw_nonzero());
    while test_kill_process(pid).is_ok() && fs::read_link(&exe).is_ok() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns a port that nobody uses just now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Returns the SQLSTATE of a refused login.
pub fn refusal(result: Result<Client, tokio_postgres::Error>) -> String {
    let Err(error) = result else { panic!("a login that should be refused") };
    error.code().expect("an answer of Postgres").code().to_owned()
}

/// Returns the first column of a query's rows as text.
pub async fn texts(client: &Client, sql: &str) -> Vec<String> {
    let rows = client.query(sql, &[]).await.expect("an answer");
    rows.iter().map(|row| row.get(0)).collect()
}
