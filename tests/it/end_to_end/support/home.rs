//! Where a server lives: directories and ports of its own, and nothing left of them afterwards.

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::{OWNER, eventually, signal, template};

/// The first port that is tried, and the end of those that are: below the ones that the machine
/// gives to outgoing connections.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// How many ports a test has, the first of which is only held.
const BLOCK: u16 = 10;

/// How long a Postgres may take to end. It gives its own processes five seconds.
const END_TIME: Duration = Duration::from_secs(8);

/// Ports that no other test uses at the same time.
pub struct Ports {
    pub first: u16,
    _held: TcpListener,
}

impl Ports {
    /// Takes ports that are free. Others are kept off by a port before them that stays bound.
    pub fn take() -> Self {
        let blocks = (PORTS.end - PORTS.start) / BLOCK;
        let start = u16::try_from(std::process::id() % u32::from(blocks)).expect("a small number");
        let bind = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
        let take = |number: u16| {
            let held = PORTS.start + (start + number) % blocks * BLOCK;
            let guard = bind(held)?;
            let is_free = (held + 1..held + BLOCK).all(|port| bind(port).is_some());
            is_free.then_some(Self { first: held + 1, _held: guard })
        };
        (0..blocks).find_map(take).expect("free ports")
    }

    fn range(&self) -> String {
        format!("{}-{}", self.first, self.first + BLOCK - 2)
    }
}

/// The directories and ports of a server. Whatever runs in them ends with it.
pub struct Home {
    directory: TempDir,
    ports: Ports,
    flags: Vec<&'static str>,
}

impl Home {
    pub fn new() -> Self {
        let home = Self::bare();
        template::lend(&home.compute_dir());
        home
    }

    /// Returns a home that has nothing of what earlier tests made.
    pub fn bare() -> Self {
        Self { directory: passable_directory(), ports: Ports::take(), flags: Vec::new() }
    }

    /// Returns a home whose servers are also told this.
    pub fn with_flag(mut self, flag: &'static str) -> Self {
        self.flags.push(flag);
        self
    }

    /// Returns a place within the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    pub fn compute_dir(&self) -> PathBuf {
        self.path("computes")
    }

    /// Returns the directory in which a branch's Postgres keeps its data.
    pub fn data_of(&self, branch: &str) -> PathBuf {
        self.compute_dir().join(branch).join("data")
    }

    pub fn admin_key(&self) -> String {
        let key = fs::read_to_string(self.data_dir().join("admin.key")).expect("an admin key");
        key.trim().to_owned()
    }

    /// Returns the command that runs a server here.
    pub fn serve(&self) -> Command {
        let mut command = self.offshoot("serve");
        command
            .args(["--listen", "127.0.0.1:0", "--compute-ports", &self.ports.range()])
            .arg("--compute-dir")
            .arg(self.compute_dir())
            .args(&self.flags)
            .env("OFFSHOOT_ACCOUNT", OWNER);
        command
    }

    /// Returns a command of the program on the data directory here.
    pub fn offshoot(&self, verb: &str) -> Command {
        let mut command = offshoot();
        command.arg(verb).arg("--data-dir").arg(self.data_dir());
        command
    }

    /// Returns the process id of a branch's Postgres; nothing where none runs.
    pub fn postmaster(&self, branch: &str) -> Option<u32> {
        running_in(&self.data_of(branch))
    }

    /// Returns the logs of all the Postgres servers here, each with its path.
    pub fn postgres_logs(&self) -> Vec<(PathBuf, String)> {
        let logs = self.branches().into_iter().map(|home| home.join("postgres.log"));
        let read = |path: PathBuf| fs::read(&path).ok().map(|bytes| (path, bytes));
        logs.filter_map(read)
            .map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned()))
            .collect()
    }

    fn branches(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.compute_dir()).into_iter().flatten();
        entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let data: Vec<_> = self.branches().into_iter().map(|home| home.join("data")).collect();
        for order in [Signal::QUIT, Signal::KILL] {
            for pid in data.iter().filter_map(|data| running_in(data)) {
                signal(pid, order);
            }
            let are_gone = || data.iter().all(|data| running_in(data).is_none());
            eventually(END_TIME, || are_gone().then_some(()));
        }
        if !thread::panicking() {
            template::keep(&self.compute_dir());
        }
    }
}

/// Returns the program, with nothing in its environment that would speak to it.
pub fn offshoot() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offshoot"));
    for name in
        ["DATA_DIR", "LISTEN", "PG_BIN", "PG_USER", "STOP_COMPUTES", "WELCOME", "LOG", "CHECK"]
    {
        command.env_remove(format!("OFFSHOOT_{name}"));
    }
    command
}

/// Makes a directory into which the user who runs Postgres can go.
pub fn passable_directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("our directory");
    directory
}

/// Returns the process id of the Postgres that runs in a data directory. A pid file may be there
/// without one, and the number in it may be another's; and a process that ended may stay in the
/// list of processes for a while.
fn running_in(data: &Path) -> Option<u32> {
    let file = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid: u32 = file.lines().next()?.trim().parse().ok()?;
    if !cfg!(target_os = "linux") {
        return Some(pid);
    }
    let directory = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    (directory == data.canonicalize().ok()?).then_some(pid)
}
