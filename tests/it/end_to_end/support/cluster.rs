//! A Postgres of somebody else's, to which endpoints can be attached.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_postgres::Client;

use super::home::{Ports, passable_directory};
use super::session::login;
use super::{POLL, run, signal};

/// Its administrator.
pub const BOSS: &str = "boss";

/// The administrator's password.
pub const BOSS_PASSWORD: &str = "correct-horse-battery-staple";

/// How long it may take until it takes connections.
const START_TIME: Duration = Duration::from_secs(30);

/// What has Postgres log all that it can of what it is told.
const LOUD: &[&str] = &[
    "log_statement = 'all'",
    "log_min_duration_statement = 0",
    "log_parameter_max_length = -1",
    "log_parameter_max_length_on_error = -1",
];

/// Where statements are counted, and kept.
const STATISTICS: &str = "pg_stat_statements";

/// A Postgres that ends with the test.
pub struct Cluster {
    directory: TempDir,
    ports: Ports,
    child: Child,
}

impl Cluster {
    /// Starts a fresh Postgres with SCRAM for everybody.
    pub async fn start() -> Self {
        let directory = passable_directory();
        let ports = Ports::take();
        initialize(&bin(), directory.path(), &directory.path().join("data"));
        let child = launch(directory.path(), ports.first);
        let cluster = Self { directory, ports, child };
        cluster.wait_until_ready().await;
        cluster
    }

    /// Starts one that logs every statement, and counts them where it can. Returns whether it does.
    pub async fn start_loud() -> (Self, bool) {
        let mut cluster = Self::start().await;
        let boss = cluster.boss().await;
        let sql = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = $1)";
        let counts: bool = boss.query_one(sql, &[&STATISTICS]).await.expect("an answer").get(0);
        let counting = format!("shared_preload_libraries = {STATISTICS}");
        let counting = counts.then_some(counting.as_str());
        cluster.restart_with(LOUD.iter().copied().chain(counting)).await;
        if counts {
            let sql = format!("CREATE EXTENSION {STATISTICS}");
            cluster.boss().await.batch_execute(&sql).await.expect("an extension");
        }
        (cluster, counts)
    }

    /// Starts it again with settings that are to be its own.
    pub async fn restart_with(&mut self, settings: impl IntoIterator<Item = &str>) {
        let boss = self.boss().await;
        for setting in settings {
            boss.batch_execute(&format!("ALTER SYSTEM SET {setting}")).await.expect("a setting");
        }
        self.kill();
        self.start_again().await;
    }

    /// Kills the process that all others of it are children of. They end by themselves.
    pub fn kill(&mut self) {
        self.child.kill().expect("a Postgres that runs");
        self.child.wait().expect("an end");
    }

    /// Makes it a standby that follows nobody.
    pub async fn demote(&mut self) {
        self.kill();
        let signal = self.directory.path().join("data/standby.signal");
        fs::write(&signal, "").expect("a file");
        if let Some((user, group)) = postgres_ids() {
            chown(signal, Some(user), Some(group)).expect("the owner's rights");
        }
        self.start_again().await;
    }

    /// Starts it on the same data. While a process of the one before is left, it refuses to.
    pub async fn start_again(&mut self) {
        let until = Instant::now() + START_TIME;
        loop {
            self.child = launch(self.directory.path(), self.ports.first);
            while Instant::now() < until {
                if self.child.try_wait().expect("a child").is_some() {
                    break;
                }
                if login(&self.uri(BOSS, BOSS_PASSWORD)).await.is_ok() {
                    return;
                }
                tokio::time::sleep(POLL).await;
            }
            assert!(Instant::now() < until, "Postgres does not start again: {}", self.log());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until it takes connections.
    pub async fn wait_until_ready(&self) {
        let until = Instant::now() + START_TIME;
        while login(&self.uri(BOSS, BOSS_PASSWORD)).await.is_err() {
            assert!(Instant::now() < until, "Postgres does not start: {}", self.log());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Returns how to reach it.
    pub fn uri_of(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgresql://{role}:{password}@127.0.0.1:{}/{database}", self.ports.first)
    }

    /// Returns the port on which it listens.
    pub fn port(&self) -> u16 {
        self.ports.first
    }

    fn uri(&self, role: &str, password: &str) -> String {
        self.uri_of(role, password, "postgres")
    }

    /// Logs in as the administrator.
    pub async fn boss(&self) -> Client {
        self.boss_in("postgres").await
    }

    /// Logs in to a database as the administrator.
    pub async fn boss_in(&self, database: &str) -> Client {
        let uri = self.uri(BOSS, BOSS_PASSWORD).replace("/postgres", &format!("/{database}"));
        login(&uri).await.expect("a session")
    }

    /// Returns what a request for an endpoint says about it.
    pub fn attachment(&self, password: &str) -> Value {
        json!({
            "host": "127.0.0.1",
            "port": self.ports.first,
            "user": BOSS,
            "password": password,
            "sslmode": "disable",
        })
    }

    /// Returns what it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).expect("a log")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        signal(self.child.id(), Signal::QUIT);
        self.child.wait().ok();
    }
}

/// Starts a Postgres on what is in `directory`.
fn launch(directory: &Path, port: u16) -> Child {
    let log = fs::File::options().create(true).append(true).open(directory.join("log"));
    let mut command = as_postgres(&bin().join("postgres"));
    command.arg("-D").arg(directory.join("data")).args(["-p", &port.to_string()]);
    for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"] {
        command.args(["-c", setting]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a file"));
    command.spawn().expect("a Postgres")
}

fn initialize(bin: &Path, parent: &Path, data: &Path) {
    fs::create_dir(data).expect("a directory");
    if let Some((user, group)) = postgres_ids() {
        chown(data, Some(user), Some(group)).expect("the owner's rights");
    }
    let password = parent.join("password");
    fs::write(&password, BOSS_PASSWORD).expect("a file");
    let mut command = as_postgres(&bin.join("initdb"));
    command.arg("-D").arg(data).arg("--pwfile").arg(password);
    command.args(["-U", BOSS, "--auth=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]);
    let (code, words) = run(&mut command);
    assert_eq!(code, Some(0), "{words}");
}

/// Returns a program of Postgres, which refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some((user, group)) = postgres_ids() {
        command.uid(user).gid(group);
    }
    command
}

/// Returns the user and group as whom Postgres is to run, where the test runs as root.
fn postgres_ids() -> Option<(u32, u32)> {
    let id = |flag: &str| {
        let (_, words) = run(Command::new("id").args([flag, "postgres"]));
        words.trim().parse().expect("a user named postgres")
    };
    rustix::process::geteuid().is_root().then(|| (id("-u"), id("-g")))
}

fn bin() -> PathBuf {
    let (_, words) = run(Command::new("pg_config").arg("--bindir"));
    let usual = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let usual = usual.map(|entry| entry.path().join("bin"));
    let mut candidates = std::iter::once(PathBuf::from(words.trim())).chain(usual);
    candidates.find(|path| path.join("initdb").is_file()).expect("PostgreSQL's server binaries")
}
