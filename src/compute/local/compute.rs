//! One local compute: a branch's Postgres process and its data directory.

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep};

use crate::compute::error::ComputeError;
use crate::compute::local::files::{self, PASSABLE, PRIVATE, failed};
use crate::compute::local::machine::Users;
use crate::compute::local::process::{self, POLL, Postmaster};
use crate::compute::local::{Shared, settings, template};
use crate::compute::postgres::{Session, Target};
use crate::compute::{Compute, ComputeStatus, Converged, Foretold};
use crate::model::id::BranchId;
use crate::model::lsn::Lsn;
use crate::model::name::{COMPUTE_ADMIN, DatabaseName, RoleName};
use crate::model::preview::Holding;
use crate::model::progress::Trace;
use crate::model::schema::Table;
use crate::model::session::Sessions;
use crate::plan::desired::Desired;
use crate::plan::observed::Observed;
use crate::plan::step::Step;

/// How long a start is waited for. It goes on beyond that, and the next attempt waits for it.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// Everybody may read these; nothing in them is secret, and only Offshoot may write them.
const READABLE: u32 = 0o644;

/// A Postgres that Offshoot runs on this machine.
#[derive(Clone, Debug)]
pub struct LocalCompute {
    shared: Arc<Shared>,
    branch: BranchId,
    port: u16,
    pg_version: u32,
}

impl LocalCompute {
    pub(super) fn new(shared: Arc<Shared>, branch: BranchId, port: u16, pg_version: u32) -> Self {
        Self { shared, branch, port, pg_version }
    }

    /// Returns the directory that holds all there is of this compute.
    fn home(&self) -> PathBuf {
        self.shared.root.join(self.branch.as_str())
    }

    fn data(&self) -> PathBuf {
        self.home().join("data")
    }

    /// Keeps two tasks from starting or stopping the same compute.
    async fn alone(&self) -> OwnedMutexGuard<()> {
        let lock = {
            let mut branches = self.shared.branches.lock().expect("a lock that no panic poisons");
            Arc::clone(branches.entry(self.branch.clone()).or_default())
        };
        lock.lock_owned().await
    }

    async fn connect(&self) -> Result<Session, ComputeError> {
        Session::connect(&self.running().await?).await
    }

    /// Returns the way to it, if it runs.
    async fn running(&self) -> Result<Target, ComputeError> {
        if self.status().await? == ComputeStatus::Stopped {
            return Err(ComputeError::NotRunning);
        }
        let directory = self.shared.socket_directory.clone();
        Ok(Target::local(directory, self.port, COMPUTE_ADMIN))
    }

    /// Makes the branch's data, where there are none, and returns the binaries that fit them.
    async fn make_data(&self, users: &Users) -> Result<PathBuf, ComputeError> {
        let data = self.data();
        if let Some(version) = template::version_of(&data) {
            return self.shared.binaries(version).map(Path::to_path_buf);
        }
        let bin = self.shared.binaries(self.pg_version)?.to_path_buf();
        let template = self.make_template(&bin, users).await?;
        let (unfinished, home) = (self.shared.unfinished()?, self.home());
        let users = users.clone();
        run_aside(move || {
            files::make_directory(&unfinished, if users.differ() { PASSABLE } else { PRIVATE })?;
            let data = unfinished.join("data");
            files::copy(&template, &data, &users).map_err(failed("copy", &template))?;
            files::publish(&unfinished, &home)
        })
        .await?;
        Ok(bin)
    }

    async fn make_template(&self, bin: &Path, users: &Users) -> Result<PathBuf, ComputeError> {
        let _alone = self.shared.making.lock().await;
        let template = self.shared.root.join(format!("template-{}", self.pg_version));
        if template::version_of(&template).is_some() {
            return Ok(template);
        }
        let unfinished = self.shared.unfinished()?;
        let (bin, users, to) = (bin.to_path_buf(), users.clone(), template.clone());
        run_aside(move || {
            template::make(&bin, &unfinished, &users)?;
            files::publish(&unfinished, &to)
        })
        .await?;
        Ok(template)
    }

    async fn start_alone(&self) -> Result<(), ComputeError> {
        let data = self.data();
        if let Some(running) = process::find(&data) {
            if running.port == Some(self.port) || running.port.is_none() {
                return self.wait_until_ready(None, 0).await;
            }
            process::stop(&data, running).await?;
        }
        let users = self.shared.users()?;
        let _start = self.shared.starts.acquire().await.expect("a semaphore that nobody closes");
        let bin = self.make_data(&users).await?;
        process::clear(&data).await?;
        self.check_port()?;
        self.shared.make_socket_directory(&users)?;
        let certificate = self.shared.certificate(&users).await?;
        let home = self.home();
        write(&home.join(settings::HBA_FILE), &settings::hba())?;
        write(&home.join(settings::IDENT_FILE), &settings::ident(&users.service.name))?;
        let (log, log_start) = files::open_log(&self.log())?;
        let program = bin.join("postgres");
        let mut command = template::command(&program, &users);
        command.arg("-D").arg(&data);
        let sockets = &self.shared.socket_directory;
        for setting in settings::all(&home, sockets, self.port, &certificate) {
            command.arg("-c").arg(setting);
        }
        // In a group of its own, it does not get the signals of the terminal that Offshoot runs in.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = Command::from(command).spawn().map_err(failed("run", &program))?;
        self.wait_until_ready(Some(child), log_start).await
    }

    fn log(&self) -> PathBuf {
        self.home().join("postgres.log")
    }

    /// Postgres would say the same, but in its log and after a while.
    fn check_port(&self) -> Result<(), ComputeError> {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)) {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                Err(ComputeError::PortInUse { port: self.port })
            }
            _ => Ok(()),
        }
    }

    async fn wait_until_ready(
        &self,
        mut child: Option<Child>,
        log_start: u64,
    ) -> Result<(), ComputeError> {
        let data = self.data();
        let until = Instant::now() + READY_DEADLINE;
        let mut result = Err(ComputeError::NotReady { address: format!("port {}", self.port) });
        while Instant::now() < until {
            let has_ended = match &mut child {
                Some(child) => !matches!(child.try_wait(), Ok(None)),
                None => process::find(&data).is_none(),
            };
            if has_ended {
                let log = files::tail(&self.log(), log_start);
                return Err(ComputeError::DidNotStart { log });
            }
            if process::find(&data).is_some_and(|postmaster| postmaster.is_ready) {
                result = Ok(());
                break;
            }
            sleep(POLL).await;
        }
        if let Some(mut child) = child {
            // Whoever started a process must wait for its end, or it stays in the list of processes.
            tokio::spawn(async move { child.wait().await });
        }
        result
    }
}

impl Compute for LocalCompute {
    async fn status(&self) -> Result<ComputeStatus, ComputeError> {
        Ok(match process::find(&self.data()) {
            Some(Postmaster { is_ready: true, .. }) => ComputeStatus::Running,
            Some(_) | None => ComputeStatus::Stopped,
        })
    }

    async fn start(&self) -> Result<(), ComputeError> {
        let _alone = self.alone().await;
        self.start_alone().await
    }

    async fn suspend(&self) -> Result<(), ComputeError> {
        let _alone = self.alone().await;
        match process::find(&self.data()) {
            None => Ok(()),
            Some(running) => process::stop(&self.data(), running).await,
        }
    }

    async fn destroy(&self) -> Result<(), ComputeError> {
        let _alone = self.alone().await;
        let (home, data) = (self.home(), self.data());
        if !home.exists() {
            return Ok(());
        }
        if let Some(running) = process::find(&data) {
            process::stop(&data, running).await?;
        }
        process::clear(&data).await?;
        self.shared.memory.forget(&self.branch);
        // Renamed first: half a data directory must not be taken for a whole one.
        let unfinished = self.shared.unfinished()?;
        fs::rename(&home, &unfinished).map_err(failed("remove", &home))?;
        run_aside(move || files::remove_directory(&unfinished)).await
    }

    async fn observe(&self, branch: &BranchId) -> Result<Observed, ComputeError> {
        self.connect().await?.observe_branch(branch).await
    }

    async fn foretell(&self, branch: &BranchId, steps: &[Step]) -> Result<Foretold, ComputeError> {
        self.connect().await?.foretell(branch, steps).await
    }

    async fn reach(&self) -> Result<(), ComputeError> {
        match self.running().await {
            Ok(target) => Session::reach(&target).await,
            // The pass starts it.
            Err(_) => Ok(()),
        }
    }

    async fn converge(
        &self,
        desired: &Desired,
        trace: &mut Trace,
    ) -> Result<Converged, ComputeError> {
        self.shared.memory.converge(&self.running().await?, desired, trace).await
    }

    async fn sessions(&self) -> Result<Vec<Sessions>, ComputeError> {
        self.connect().await?.sessions().await
    }

    async fn holdings(&self, role: &RoleName) -> Result<Vec<Holding>, ComputeError> {
        self.connect().await?.holdings(role).await
    }

    async fn end_sessions(&self, role: &RoleName) -> Result<(), ComputeError> {
        self.connect().await?.end_sessions(role).await
    }

    async fn dump(&self, database: &DatabaseName) -> Result<String, ComputeError> {
        let target = self.running().await?.to_database(database.as_str());
        Session::dump(&target, &self.shared.binaries.dump_programs).await
    }

    async fn tables(&self, database: &DatabaseName) -> Result<Vec<Table>, ComputeError> {
        let target = self.running().await?.to_database(database.as_str());
        Session::connect(&target).await?.tables().await
    }

    async fn lsn(&self) -> Result<Lsn, ComputeError> {
        self.connect().await?.wal_lsn().await
    }
}

fn write(path: &Path, text: &str) -> Result<(), ComputeError> {
    fs::write(path, text).map_err(failed("write", path))?;
    fs::set_permissions(path, Permissions::from_mode(READABLE)).map_err(failed("set up", path))
}

/// Runs what takes a while where it holds nobody up.
async fn run_aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ComputeError> + Send + 'static,
) -> Result<T, ComputeError> {
    tokio::task::spawn_blocking(work).await.expect("work that does not panic")
}
