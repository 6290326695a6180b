//! What is done to a data directory while no server runs on it.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};

use crate::config::DEFAULT_CACHE_MIB;
use crate::server::data_dir::{STORE, create_private_dir};
use crate::store::check::{self, Findings};
use crate::store::engine::Engine;
use crate::store::sled::SledEngine;
use crate::store::transfer;

/// Checks everything that is stored.
pub fn check(data_dir: &Path) -> anyhow::Result<Findings> {
    let engine: Arc<dyn Engine> = Arc::new(open_existing(data_dir)?);
    check::check(&engine).context("check the store")
}

/// Writes everything that is stored to a new file, and returns how many rows that is.
pub fn export(data_dir: &Path, output: &Path, progress: impl FnMut(u64)) -> anyhow::Result<u64> {
    let engine = open_existing(data_dir)?;
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

/// Reads an export into a fresh data directory, and returns how many rows that is.
pub fn import(data_dir: &Path, input: &Path, progress: impl FnMut(u64)) -> anyhow::Result<u64> {
    let file = File::open(input).with_context(|| format!("open {}", input.display()))?;
    create_private_dir(data_dir)?;
    let engine = SledEngine::open(&data_dir.join(STORE), DEFAULT_CACHE_MIB << 20)?;
    let rows =
        transfer::import(&engine, BufReader::new(file), progress).context("import the file")?;
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let findings = check::check(&engine).context("check what was imported")?;
    if let Some(finding) = findings.wrong.first() {
        bail!("the import is damaged: {finding}");
    }
    Ok(rows)
}

fn open_existing(data_dir: &Path) -> anyhow::Result<SledEngine> {
    let path = data_dir.join(STORE);
    if !path.is_dir() {
        bail!("there is no store in {}; name another --data-dir", data_dir.display());
    }
    Ok(SledEngine::open(&path, DEFAULT_CACHE_MIB << 20)?)
}
