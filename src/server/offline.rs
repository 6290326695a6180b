//! What is done to a data directory while no server runs on it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};

use crate::config::DEFAULT_CACHE_MIB;
use crate::server::data_dir::{self, STORE, possess};
use crate::store::check::{self, Findings};
use crate::store::directory::Directory;
use crate::store::engine::{Engine, LogId};
use crate::store::sled::SledEngine;
use crate::store::{peek, transfer};
use crate::vault::Vault;

/// Where an import is made, until it is whole.
const UNFINISHED: &str = "store.new";

/// Checks everything that is stored, telling `progress` how many rows.
pub fn check(data_dir: &Path, progress: impl FnMut(u64)) -> anyhow::Result<Findings> {
    let Existing { engine, _lock } = open_existing(data_dir)?;
    let engine: Arc<dyn Engine> = Arc::new(engine);
    check::check(&engine, progress).context("check the store")
}

/// Writes everything that is stored to a new file, and returns how many rows that is.
pub fn export(data_dir: &Path, output: &Path, progress: impl FnMut(u64)) -> anyhow::Result<u64> {
    let Existing { engine, _lock } = open_existing(data_dir)?;
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(output)
        .with_context(|| format!("make the file {}", output.display()))?;
    let rows =
        transfer::export(&engine, BufWriter::new(&file), progress).context("export the store")?;
    file.sync_all().with_context(|| format!("write {}", output.display()))?;
    Ok(rows)
}

/// Reads an export into a fresh data directory, which must have the key with which the export's
/// secrets are sealed, and returns how many rows that is. The store is there whole, or not at all.
pub fn import(data_dir: &Path, input: &Path, mut progress: impl FnMut(u64)) -> anyhow::Result<u64> {
    let file = File::open(input).with_context(|| format!("open {}", input.display()))?;
    let (path, _lock) = possess(data_dir)?;
    let vault = Vault::new(&data_dir::vault_key(&path)?);
    let (unfinished, store) = (path.join(UNFINISHED), path.join(STORE));
    if store.exists() {
        bail!("{} has a store already; import into a fresh data directory", path.display());
    }
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)
            .with_context(|| format!("remove the unfinished {}", unfinished.display()))?;
    }
    let engine = SledEngine::open(&unfinished, DEFAULT_CACHE_MIB << 20)?;
    let rows = transfer::import(&engine, BufReader::new(file), &mut progress)
        .context("import the file")?;
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let findings = check::check(&engine, progress).context("check what was imported")?;
    if let Some(finding) = findings.wrong.first() {
        bail!("the import is damaged: {finding}");
    }
    let directory = peek::<Directory>(&engine, LogId::DIRECTORY).context("read the import")?;
    let mark = directory.state.vault_mark().context("read the import")?;
    if mark.is_some_and(|mark| mark != vault.fingerprint()) {
        bail!(
            "{} is not the key with which the secrets of this export are sealed; put the \
             secret.key of the server that made the export there, and import again",
            data_dir::vault_key_path(&path).display()
        );
    }
    drop(directory);
    drop(engine);
    fs::rename(&unfinished, &store)
        .with_context(|| format!("put the store in {}", store.display()))?;
    File::open(&path)
        .and_then(|directory| directory.sync_all())
        .with_context(|| format!("write {}", path.display()))?;
    Ok(rows)
}

/// A store that is in use, and the lock that keeps others out of its directory.
struct Existing {
    engine: SledEngine,
    _lock: File,
}

fn open_existing(data_dir: &Path) -> anyhow::Result<Existing> {
    if !data_dir.join(STORE).is_dir() {
        bail!("there is no store in {}; name another --data-dir", data_dir.display());
    }
    let (path, lock) = possess(data_dir)?;
    let engine = SledEngine::open(&path.join(STORE), DEFAULT_CACHE_MIB << 20)?;
    Ok(Existing { engine, _lock: lock })
}
