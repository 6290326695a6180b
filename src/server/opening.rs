//! What a server opens before it takes requests.

use std::sync::Arc;

use anyhow::{Context, bail};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::compute::Computes;
use crate::compute::local::LocalConfig;
use crate::config::Config;
use crate::control::{ControlPlane, Machine, Settings};
use crate::deliver::Dispatcher;
use crate::deliver::sender::{ANSWER_TIME, Sender};
use crate::exports::Exports;
use crate::model::project::PgVersion;
use crate::reach::{Reach, SystemResolver};
use crate::retention::Trimmer;
use crate::room::{FileSystem, Room, Writer};
use crate::server::data_dir::DataDir;
use crate::store::Store;
use crate::store::check::check;
use crate::store::engine::Engine;
use crate::store::sled::SledEngine;

/// After how many rows there is word of the progress.
const PROGRESS_ROWS: u64 = 100_000;

/// Returns what watches over the room that there is. Without any, nothing is opened: sled would fail
/// in the middle of it.
pub(super) fn open_room(config: &Config, data_dir: &DataDir) -> anyhow::Result<Arc<Room>> {
    let disk = FileSystem(data_dir.path().to_owned());
    let room = Room::new(Box::new(disk), config.min_free_bytes);
    room.check(Writer::Offshoot).context("find room for the store")?;
    Ok(Arc::new(room))
}

/// Opens the store, having checked it first where that is wished.
pub(super) async fn open_store(
    config: &Config,
    data_dir: &DataDir,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Store> {
    let (data_dir, cache_bytes) = (data_dir.clone(), config.cache_bytes);
    let is_checked = config.check;
    let opened = tokio::task::spawn_blocking(move || {
        let engine: Arc<dyn Engine> = Arc::new(SledEngine::open(&data_dir.store(), cache_bytes)?);
        if is_checked {
            check_store(&engine, &data_dir)?;
        }
        anyhow::Ok(Store::over(engine, cache_bytes, clock)?)
    });
    opened.await.context("open the store")?.context("open the store")
}

fn check_store(engine: &Arc<dyn Engine>, data_dir: &DataDir) -> anyhow::Result<()> {
    tracing::info!("checking everything that is stored");
    let findings = check(engine, |rows| {
        if rows.is_multiple_of(PROGRESS_ROWS) {
            tracing::info!("checked {rows} rows");
        }
    })?;
    let (logs, rows, count) = (findings.logs, findings.rows, findings.wrong.len());
    for finding in &findings.wrong {
        tracing::error!("{finding}");
    }
    if 0 < count {
        bail!(
            "the store is damaged ({count} findings, which the log has); keep a copy of {}, and \
             import the last good export into a fresh data directory: look for one in {}",
            data_dir.store().display(),
            data_dir.exports().display()
        );
    }
    tracing::info!("checked {logs} logs and {rows} rows, and found nothing wrong");
    Ok(())
}

pub(super) async fn open_computes(config: &Config) -> anyhow::Result<Computes> {
    let local = LocalConfig {
        root: config.compute_dir.clone(),
        bin_dir: config.pg_bin.clone(),
        path: config.search_path.clone(),
        os_user: config.pg_user.clone(),
        socket_dir: None,
    };
    let opened = tokio::task::spawn_blocking(move || Computes::new(local));
    opened.await.context("open the computes' directory")?.context("open the computes' directory")
}

pub(super) async fn open_control(
    config: &Config,
    store: Store,
    machine: Machine,
    computes: &Computes,
) -> anyhow::Result<ControlPlane> {
    let settings = Settings {
        account: config.account.clone(),
        installed: computes.installed_versions().into_iter().filter_map(known).collect(),
        preferred: computes.preferred_version().and_then(known),
        reach: Arc::new(Reach::new(config.webhooks.clone(), Box::new(SystemResolver))),
    };
    if settings.installed.is_empty() {
        tracing::warn!(
            "no PostgreSQL server is installed here, so only attached endpoints work; install \
             one, or set OFFSHOOT_PG_BIN to the directory of its binaries"
        );
    }
    Ok(ControlPlane::open(store, machine, settings).await?)
}

fn known(version: u32) -> Option<PgVersion> {
    PgVersion::try_from(i64::from(version)).ok()
}

pub(super) fn open_dispatcher(control: &ControlPlane, clock: &Arc<dyn Clock>) -> Dispatcher {
    let sender = Sender::new(control.reach(), ANSWER_TIME);
    Dispatcher::new(control.clone(), Arc::clone(clock), sender)
}

pub(super) fn open_trimmer(
    config: &Config,
    control: &ControlPlane,
    clock: &Arc<dyn Clock>,
    stop: &CancellationToken,
) -> anyhow::Result<Trimmer> {
    let (clock, stop) = (Arc::clone(clock), stop.child_token());
    let trimmer = Trimmer::new(control.clone(), clock, config.trimming, stop);
    trimmer.context("look for logs that nobody has")
}

pub(super) fn open_exports(
    config: &Config,
    data_dir: &DataDir,
    clock: Arc<dyn Clock>,
    room: Arc<Room>,
    stop: CancellationToken,
) -> anyhow::Result<Arc<Exports>> {
    let exports = Exports::open(data_dir.exports(), config.exports_kept, clock, room, stop);
    Ok(Arc::new(exports.context("open the directory of the exports")?))
}
