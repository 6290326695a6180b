//! Local: Postgres processes that Offshoot runs on this machine, one data directory per branch.
//!
//! ```text
//! <root>/offshoot-computes  says whose directory this is
//! <root>/lock             held for life: two services on one root would be two on one Postgres
//! <root>/template-15/     a data directory made once, copied for every branch
//! <root>/run/             sockets
//! <root>/tls/             the certificate of all computes, and its key
//! <root>/tmp-4711-0/      something being made or removed, by process 4711; gone at the next start
//! <root>/<branch>/data/   a branch's data, complete since the moment it had this name
//! <root>/<branch>/        postgres.log, and who may log in
//! ```

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::compute::error::ComputeError;
use crate::compute::local::binaries::Binaries;
use crate::compute::local::certificate::Certificate;
use crate::compute::local::files::{PASSABLE, PRIVATE, failed};
use crate::compute::local::machine::Users;
use crate::compute::memory::Memory;
use crate::compute::{Compute as _, DumpPrograms};
use crate::model::id::BranchId;

pub mod binaries;

mod certificate;
mod compute;
mod files;
mod machine;
mod process;
mod settings;
mod template;

pub use crate::compute::local::compute::LocalCompute;

/// How many computes are started at once; the others wait.
const MAX_STARTS: usize = 4;

/// What every unfinished directory is called first.
const UNFINISHED: &str = "tmp-";

/// Where local computes live, and what they are run with.
#[derive(Clone, Debug)]
pub struct LocalConfig {
    /// The directory in which they live. It is made where it is missing; one that is there must be
    /// empty, or have been made by Offshoot.
    pub root: PathBuf,
    /// Where the binaries are, if that is not to be found out.
    pub bin_dir: Option<PathBuf>,
    /// The search path of programs, in which binaries are looked for too.
    pub path: Option<OsString>,
    /// The user who runs Postgres where Offshoot runs as root; `postgres` or `nobody` by default.
    pub os_user: Option<String>,
    /// The directory for sockets; within the root by default.
    pub socket_dir: Option<PathBuf>,
}

/// The local computes of this machine under one root directory.
#[derive(Clone, Debug)]
pub struct LocalComputes {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    os_user: Option<String>,
    socket_directory: PathBuf,
    binaries: Binaries,
    /// One task at a time for each branch.
    branches: Mutex<HashMap<BranchId, Arc<tokio::sync::Mutex<()>>>>,
    /// One task at a time makes what all computes share.
    making: tokio::sync::Mutex<()>,
    starts: Semaphore,
    memory: Arc<Memory>,
    unfinished: AtomicU64,
    _lock: File,
}

impl LocalComputes {
    /// Takes possession of the root directory, and removes what was left unfinished in it.
    pub fn open(config: LocalConfig) -> Result<Self, ComputeError> {
        let LocalConfig { root, bin_dir, path, os_user, socket_dir } = config;
        let is_root = rustix::process::geteuid().is_root();
        files::take_root(&root, if is_root { PASSABLE } else { PRIVATE })?;
        let root = root.canonicalize().map_err(failed("find", &root))?;
        let lock = lock(&root)?;
        for entry in fs::read_dir(&root).map_err(failed("read", &root))?.filter_map(Result::ok) {
            if is_unfinished(&entry.file_name()) {
                files::remove_left(&entry.path())?;
            }
        }
        let short = std::env::temp_dir().join(format!("offshoot-{}", short_hash(&root)));
        let shared = Shared {
            binaries: binaries::find(bin_dir.as_deref(), path.as_deref())?,
            socket_directory: socket_dir
                .unwrap_or_else(|| settings::socket_directory(&root, short)),
            root,
            os_user,
            branches: Mutex::default(),
            making: tokio::sync::Mutex::default(),
            starts: Semaphore::new(MAX_STARTS),
            memory: Arc::default(),
            unfinished: AtomicU64::default(),
            _lock: lock,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Returns the compute of `branch`. That does not start it yet.
    #[must_use]
    pub fn get(&self, branch: &BranchId, port: u16, pg_version: u32) -> LocalCompute {
        LocalCompute::new(Arc::clone(&self.shared), branch.clone(), port, pg_version)
    }

    /// Stops all computes that run, those that an earlier Offshoot started among them.
    pub async fn stop_all(&self) -> Result<(), ComputeError> {
        let root = &self.shared.root;
        let entries = fs::read_dir(root).map_err(failed("read", root))?.filter_map(Result::ok);
        let branches = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let suspends = branches.map(|branch: BranchId| async move {
            // The port and the version matter to a start alone.
            self.get(&branch, 0, 0).suspend().await
        });
        all_of(suspends).await
    }

    /// Returns what is known of all servers, those that run elsewhere among them.
    pub(super) fn memory(&self) -> Arc<Memory> {
        Arc::clone(&self.shared.memory)
    }

    /// Returns the programs of this machine that write schemas down.
    #[must_use]
    pub fn dump_programs(&self) -> Arc<DumpPrograms> {
        Arc::clone(&self.shared.binaries.dump_programs)
    }

    /// Returns the major version of Postgres to use where nobody says one.
    #[must_use]
    pub fn preferred_version(&self) -> Option<u32> {
        self.shared.binaries.preferred
    }

    /// Returns the major versions of Postgres that this machine has, oldest first.
    #[must_use]
    pub fn installed_versions(&self) -> Vec<u32> {
        self.shared.binaries.directories.keys().copied().collect()
    }
}

/// Waits for all to end, and returns the first failure of any. One that is not waited for would be
/// left halfway.
async fn all_of(
    stops: impl Iterator<Item = impl Future<Output = Result<(), ComputeError>>>,
) -> Result<(), ComputeError> {
    futures_util::future::join_all(stops).await.into_iter().collect()
}

/// Whether a name is one that [`Shared::unfinished`] gives.
fn is_unfinished(name: &OsStr) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix(UNFINISHED));
    let numbers = rest.and_then(|rest| rest.split_once('-'));
    numbers.is_some_and(|(process, number)| {
        process.parse::<u32>().is_ok() && number.parse::<u64>().is_ok()
    })
}

fn lock(root: &Path) -> Result<File, ComputeError> {
    let path = root.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed("open", &path))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| ComputeError::Machine {
        reason: format!(
            "another Offshoot has the directory `{}`; stop that one, or choose another directory",
            root.display()
        ),
    })?;
    Ok(file)
}

fn short_hash(root: &Path) -> String {
    let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
    URL_SAFE_NO_PAD.encode(&digest[..9])
}

impl Shared {
    fn users(&self) -> Result<Users, ComputeError> {
        let users = Users::find(self.os_user.as_deref())?;
        users.check_passage(&self.root)?;
        Ok(users)
    }

    /// Returns the directory of binaries for `version`.
    fn binaries(&self, version: u32) -> Result<&Path, ComputeError> {
        self.binaries.directories.get(&version).map(PathBuf::as_path).ok_or_else(|| {
            let found: Vec<_> = self.binaries.directories.keys().map(u32::to_string).collect();
            let found = if found.is_empty() { "none".into() } else { found.join(", ") };
            ComputeError::NoBinaries {
                reason: format!(
                    "PostgreSQL {version} is not installed on this machine (found: {found}); \
                     install its server, or set OFFSHOOT_PG_BIN to the directory of its binaries"
                ),
            }
        })
    }

    /// Returns a path for something unfinished, with nothing there.
    ///
    /// It is one that no Offshoot before had: Postgres's tools outlive the Offshoot that was killed
    /// while it waited for them, and one of them may still write where it was told to.
    fn unfinished(&self) -> Result<PathBuf, ComputeError> {
        let (process, number) =
            (std::process::id(), self.unfinished.fetch_add(1, Ordering::Relaxed));
        let path = self.root.join(format!("{UNFINISHED}{process}-{number}"));
        files::remove_directory(&path)?;
        Ok(path)
    }

    /// Returns the certificate of all computes, which is made where there is none.
    async fn certificate(&self, users: &Users) -> Result<Certificate, ComputeError> {
        let _alone = self.making.lock().await;
        let directory = self.root.join("tls");
        if !directory.exists() {
            certificate::make(&self.unfinished()?, &directory, users)?;
        }
        Ok(Certificate::in_directory(&directory))
    }

    /// Makes the directory for sockets. In a place where anybody can make one, it may be another's.
    fn make_socket_directory(&self, users: &Users) -> Result<(), ComputeError> {
        let path = &self.socket_directory;
        if !path.exists() {
            files::make_directory(path, PRIVATE)?;
            users.give(path).map_err(failed("set up", path))?;
        }
        let found = fs::symlink_metadata(path).map_err(failed("read", path))?;
        if found.is_dir() && found.uid() == users.postgres.uid && found.mode() & 0o777 == PRIVATE {
            return Ok(());
        }
        Err(ComputeError::Machine {
            reason: format!(
                "`{}` should be a directory of user `{}` that nobody else can enter; remove it",
                path.display(),
                users.postgres.name
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_that_fails_does_not_keep_others_from_their_end() {
        let ended = AtomicU64::default();
        let stop = async |fails: bool| {
            if fails {
                return Err(ComputeError::DidNotStop { pid: 1 });
            }
            tokio::task::yield_now().await;
            ended.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let result = all_of([false, true, false].into_iter().map(stop)).await;
        assert!(matches!(result, Err(ComputeError::DidNotStop { pid: 1 })));
        assert_eq!(ended.load(Ordering::Relaxed), 2);
    }
}
