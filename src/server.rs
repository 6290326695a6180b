//! The wiring: configuration in, running server out, orderly stop. It decides nothing.

pub mod data_dir;
pub mod offline;
mod opening;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::api::{self, Api, ApiKeys, Metrics};
use crate::chain::Chain;
use crate::clock::{Clock, SystemClock};
use crate::compute::Computes;
use crate::config::Config;
use crate::control::{Asker, ControlPlane, Machine, ProjectQuery, ProjectRequest};
use crate::entropy::{Entropy, SystemEntropy};
use crate::meter::Metered;
use crate::model::name::ProjectName;
use crate::ports::Ports;
use crate::reconcile::expiry::Reaper;
use crate::reconcile::fleet::{Fleet, Setup};
use crate::reconcile::pace::Pace;
use crate::reconcile::rotation::Rotator;
use crate::room::{self, Room};
use crate::server::data_dir::DataDir;
use crate::server::opening::{
    open_computes, open_control, open_dispatcher, open_exports, open_room, open_store, open_trimmer,
};
use crate::store::Store;
use crate::vault::Vault;

/// How long requests may take to finish once the server stops.
const REQUESTS_TIME: Duration = Duration::from_secs(10);

/// How long passes may take to finish once the server stops. One that takes longer is left where
/// it is: the next server's first pass goes on from there.
const PASSES_TIME: Duration = Duration::from_secs(20);

/// How long an export may take to break off once the server stops.
const EXPORTS_TIME: Duration = Duration::from_secs(5);

/// How long local computes may take to stop, where they stop with the server.
const COMPUTES_TIME: Duration = Duration::from_secs(60);

/// The exit code of a server that was asked twice to stop.
const EXIT_AT_ONCE: i32 = 130;

/// A server that takes requests.
pub struct Ready {
    /// The address on which it listens.
    pub address: SocketAddr,
    control: ControlPlane,
    /// Where everything is kept.
    pub data_dir: DataDir,
}

/// The project that newcomers are shown, and its default branch.
pub struct Demo {
    /// The project's id.
    pub project: String,
    /// The branch's id.
    pub branch: String,
}

/// The name of the project that is created for newcomers.
const DEMO: &str = "demo";

/// How many projects are looked through for it.
const DEMO_LIMIT: usize = 400;

impl Ready {
    /// Returns the project for newcomers, having created it where there was none.
    pub async fn demo(&self) -> anyhow::Result<Demo> {
        let name: ProjectName = DEMO.parse()?;
        let query =
            ProjectQuery { search: Some(DEMO.into()), only: None, cursor: None, limit: DEMO_LIMIT };
        let found = self.control.list_projects(&query)?.projects;
        let project = if let Some(project) = found.into_iter().find(|found| found.name == name) {
            project
        } else {
            let request = ProjectRequest { name: Some(name), ..ProjectRequest::default() };
            self.control.create_project(&Asker::offshoot(), request).await?.answer.project
        };
        Ok(Demo { project: project.id.to_string(), branch: project.default_branch.to_string() })
    }
}

/// Runs the server until it is told to stop, by SIGTERM or SIGINT. `greet` is called once it takes
/// requests.
pub async fn run<F>(config: Config, greet: impl FnOnce(Ready) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let stop = CancellationToken::new();
    stop_on_signals(stop.clone())?;
    let mut running = Running::start(config, stop.clone()).await?;
    let ready = Ready {
        address: running.address,
        control: running.control.clone(),
        data_dir: running.data_dir.clone(),
    };
    let store = running.control.store().clone();
    let mut failure = Ok(());
    let greeted = tokio::select! {
        greeted = greet(ready) => greeted,
        () = stop.cancelled() => Ok(()),
    };
    if greeted.is_err() {
        stop.cancel();
    }
    tokio::select! {
        // The reconciler ends too when the server is told to stop.
        biased;
        () = stop.cancelled() => {}
        _ = &mut running.passes => failure = Err(anyhow::anyhow!("the reconciler has ended, which is a bug; see the log")),
        () = store.failed() => failure = Err(anyhow::anyhow!("the store has failed; see the log, mend the disk and start again")),
    }
    running.stop().await;
    greeted.and(failure)
}

struct Running {
    address: SocketAddr,
    control: ControlPlane,
    computes: Computes,
    data_dir: DataDir,
    stop: CancellationToken,
    stop_computes: bool,
    requests: JoinHandle<std::io::Result<()>>,
    passes: JoinHandle<()>,
    trimming: JoinHandle<()>,
    /// None where none are made.
    exports: Option<JoinHandle<()>>,
}

impl Running {
    async fn start(config: Config, stop: CancellationToken) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let data_dir = DataDir::open(&config.data_dir, &*entropy)?;
        let listener = TcpListener::bind(config.listen).await.with_context(|| {
            format!("listen on {}; another address goes to --listen", config.listen)
        })?;
        let address = listener.local_addr().context("read the address that was bound")?;
        let room = open_room(&config, &data_dir)?;
        let exports =
            open_exports(&config, &data_dir, Arc::clone(&clock), Arc::clone(&room), stop.clone())?;
        let store = open_store(&config, &data_dir, Arc::clone(&clock)).await?;
        let computes = open_computes(&config).await?;
        let machine = Machine {
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            vault: Vault::new(data_dir.vault_key()),
            ports: Ports::new(config.compute_ports.clone()),
            room: Arc::clone(&room),
        };
        let control = open_control(&config, store.clone(), machine, &computes).await?;
        let reaper = Reaper::new(control.clone(), Arc::clone(&clock));
        let rotator = Rotator::new(control.clone(), computes.clone(), Arc::clone(&clock));
        let trimmer = open_trimmer(&config, &control, &clock, &stop)?;
        let dispatcher = open_dispatcher(&control, &clock);
        let setup = Setup {
            clock,
            entropy: Arc::clone(&entropy),
            pace: Pace { max_passes: config.max_passes, period: config.pass_every },
            stop: stop.child_token(),
        };
        let fleet = Fleet::new(control.clone(), computes.clone(), setup);
        let counted: Vec<Arc<dyn Metered>> = vec![
            Arc::new(store.clone()),
            fleet.meters(),
            reaper.meters(),
            dispatcher.meters(),
            Arc::new(trimmer.counters()),
            Arc::clone(&room) as _,
            exports.meters(),
        ];
        let api = Api {
            control: control.clone(),
            keys: ApiKeys::of_admin(data_dir.admin_key()),
            readiness: readiness(control.store(), &stop),
            entropy,
            metrics: Metrics::new(counted),
        };
        let service = api::router(api).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(watch_over(room, stop.clone()));
        let stopped = stop.clone();
        let requests = axum::serve(listener, service)
            .with_graceful_shutdown(async move { stopped.cancelled().await });
        let expiry = reaper.run(stop.child_token());
        let rotations = rotator.run(stop.child_token());
        let told = dispatcher.run(stop.child_token());
        let passes = async move { tokio::join!(fleet.run(), expiry, rotations, told) };
        Ok(Self {
            address,
            control,
            computes,
            data_dir,
            stop,
            stop_computes: config.stop_computes,
            requests: tokio::spawn(requests.into_future()),
            passes: tokio::spawn(passes.map(drop)),
            trimming: tokio::spawn(trimmer.run()),
            exports: config.export_every.0.map(|every| tokio::spawn(exports.run(store, every))),
        })
    }

    /// Finishes the requests and passes in hand, and then the commits.
    async fn stop(mut self) {
        tracing::info!("stopping");
        self.stop.cancel();
        if timeout(REQUESTS_TIME, &mut self.requests).await.is_err() {
            self.requests.abort();
            tracing::warn!("some requests did not finish in {REQUESTS_TIME:?} and are cut off");
        }
        if !self.passes.is_finished() && timeout(PASSES_TIME, &mut self.passes).await.is_err() {
            self.passes.abort();
            tracing::warn!("some passes did not finish in {PASSES_TIME:?}; the next start goes on");
        }
        // It was told to stop, and does so between two rows.
        if let Err(error) = self.trimming.await {
            tracing::error!(%error, "trimming ended with a bug");
        }
        if let Some(exports) = self.exports.take()
            && timeout(EXPORTS_TIME, exports).await.is_err()
        {
            tracing::warn!("an export did not end in {EXPORTS_TIME:?}; the next start removes it");
        }
        if self.stop_computes {
            match timeout(COMPUTES_TIME, self.computes.stop_all()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!("some computes go on: {}", Chain(&error)),
                Err(_) => tracing::warn!("some computes did not stop in {COMPUTES_TIME:?}"),
            }
        }
        self.control.store().close().await;
        tracing::info!("stopped");
    }
}

/// Looks at the room that there is, again and again, so that the log is told of it in time.
async fn watch_over(room: Arc<Room>, stop: CancellationToken) {
    let mut ticks = interval(room::PERIOD);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        room.look();
    }
}

fn readiness(store: &Store, stop: &CancellationToken) -> api::Readiness {
    let has_failed = Arc::new(AtomicBool::new(false));
    let (store, failed) = (store.clone(), Arc::clone(&has_failed));
    tokio::spawn(async move {
        store.failed().await;
        failed.store(true, Ordering::SeqCst);
    });
    let stop = stop.clone();
    Arc::new(move || {
        if has_failed.load(Ordering::SeqCst) {
            return Err("the store has failed; the server must be started again".into());
        }
        if stop.is_cancelled() {
            return Err("the server is stopping".into());
        }
        Ok(())
    })
}

fn stop_on_signals(stop: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
        // Who asks twice does not want to wait: it is then as after a crash.
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::warn!("stopping at once");
        std::process::exit(EXIT_AT_ONCE);
    });
    Ok(())
}
