//! What a thousand endpoints cost when nothing changes, and what a hundred that die at once do:
//! `cargo bench --bench fleet`. Over simulated computes, so that only the fleet's own work counts.

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]
#![expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mimalloc::MiMalloc;
use offshoot::clock::SystemClock;
use offshoot::compute::Computes;
use offshoot::compute::simulated::{Mood, SimulatedComputes};
use offshoot::control::{
    Asker, BranchRef, BranchRequest, ControlPlane, Machine, ProjectRequest, RoleRequest, Settings,
};
use offshoot::entropy::SeededEntropy;
use offshoot::meter::{Metered, Value};
use offshoot::model::endpoint::TuningChange;
use offshoot::model::id::OperationId;
use offshoot::ports::Ports;
use offshoot::reconcile::fleet::{Fleet, Setup};
use offshoot::reconcile::pace::Pace;
use offshoot::room::{FileSystem, Room};
use offshoot::store::Store;
use offshoot::vault::{KEY_BYTES, Vault};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How many endpoints there are, and how many of them die.
const ENDPOINTS: usize = 1_000;
const DYING: usize = 100;

/// How often each is looked at here, so that there is something to measure, and otherwise.
const PERIOD: Duration = Duration::from_secs(4);
const USUAL_PERIOD: Duration = Duration::from_secs(600);

/// For how long is measured.
const TIME: Duration = Duration::from_secs(20);

/// How many ticks of the processor's clock there are in a second, as Linux shows them.
const TICKS: f64 = 100.0;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(fleet());
}

async fn fleet() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let plane = Plane::open(dir.path()).await;
    let (cpu, passes) = (cpu_seconds(), plane.count("offshoot_passes"));
    sleep(TIME).await;
    let (cpu, passes) = (cpu_seconds() - cpu, plane.count("offshoot_passes") - passes);
    let each = cpu / passes as f64;
    // Passes lie between half of the period and all of it.
    let usual = ENDPOINTS as f64 / (USUAL_PERIOD.as_secs_f64() * 0.75);
    println!("{ENDPOINTS} endpoints of which nothing changes");
    println!("  a pass                       {:>8.0} us of a core", each * 1e6);
    println!("  at a period of 10 minutes    {:>8.3} % of a core", each * usual * 100.0);
    plane.die().await;
}

struct Plane {
    control: ControlPlane,
    computes: SimulatedComputes,
    meters: Arc<dyn Metered>,
    branches: Vec<BranchRef>,
    stop: CancellationToken,
}

impl Plane {
    async fn open(path: &std::path::Path) -> Self {
        let clock = Arc::new(SystemClock);
        let store = Store::open(path, 64 << 20, clock.clone()).expect("a store");
        let machine = Machine {
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            vault: Vault::new(&[7; KEY_BYTES]),
            ports: Ports::new(20_000..=39_999),
            room: Arc::new(Room::new(Box::new(FileSystem(path.to_path_buf())), 0)),
        };
        let control = ControlPlane::open(store, machine, Settings::default());
        let control = control.await.expect("a new store");
        let (computes, stop) = (SimulatedComputes::new(1, 0), CancellationToken::new());
        let pace =
            Pace { max_passes: NonZeroUsize::new(32).expect("more than none"), period: PERIOD };
        let entropy = Arc::new(SeededEntropy::new(2));
        let setup = Setup { clock, entropy, pace, stop: stop.clone() };
        let fleet = Fleet::new(control.clone(), Computes::simulated(computes.clone()), setup);
        let meters = fleet.meters();
        tokio::spawn(fleet.run());
        let created = control.create_project(&Asker::offshoot(), ProjectRequest::default()).await;
        let project = created.expect("a project").answer.project.id;
        let born = (0..ENDPOINTS).map(async |_| {
            let tuning = TuningChange::default();
            let request = BranchRequest { endpoint: Some(tuning), ..BranchRequest::default() };
            let created = control.create_branch(&Asker::offshoot(), &project, request).await;
            BranchRef {
                project: project.clone(),
                branch: created.expect("a branch").answer.branch.id,
            }
        });
        let branches = join_all(born).await;
        let plane = Self { control, computes, meters, branches, stop };
        while plane.gauge("offshoot_operations_unfinished") != 0 {
            sleep(Duration::from_millis(50)).await;
        }
        plane
    }

    /// Lets some computes die, asks for a change on each, and lets them all come back at once.
    async fn die(&self) {
        let dying = &self.branches[..DYING];
        for at in dying {
            self.computes.get(&at.branch).set_mood(Mood::Away);
        }
        let asked = join_all(dying.iter().map(|at| self.create_role(at))).await;
        while self.gauge("offshoot_circuits_open") < DYING as u64 {
            sleep(Duration::from_millis(50)).await;
        }
        let (cpu, probes) = (cpu_seconds(), self.count("offshoot_probes"));
        sleep(TIME).await;
        let probes = (self.count("offshoot_probes") - probes) as f64 / TIME.as_secs_f64();
        println!("{DYING} of them are away");
        println!("  probes                       {probes:>8.0} a second, all together");
        println!(
            "  the whole fleet              {:>8.2} % of a core, {}-second period included",
            (cpu_seconds() - cpu) / TIME.as_secs_f64() * 100.0,
            PERIOD.as_secs(),
        );
        for at in dying {
            self.computes.get(&at.branch).set_mood(Mood::Willing);
        }
        let back = Instant::now();
        let ends = dying.iter().zip(&asked).map(async |(at, id)| {
            let waited = self.control.wait_for_operation(&at.project, *id, TIME).await;
            assert!(waited.expect("an operation").status.has_ended());
            back.elapsed().as_secs_f64()
        });
        let mut times = join_all(ends).await;
        times.sort_by(f64::total_cmp);
        println!("  mended after they are back   {:>8.2} s, half of them", times[DYING / 2]);
        println!("                               {:>8.2} s, the last", times[DYING - 1]);
        self.stop.cancel();
    }

    async fn create_role(&self, at: &BranchRef) -> OperationId {
        let name = "sally".parse().expect("a name");
        let request = RoleRequest { name, no_login: false, expires_at: None };
        let created = self.control.create_role(&Asker::offshoot(), at, request).await;
        created.expect("a role").answer.operations[0].id
    }

    fn count(&self, name: &str) -> u64 {
        match self.metric(name) {
            Value::Counters { counts, .. } => counts.iter().map(|(_, count)| count).sum(),
            Value::Counter(count) | Value::Gauge(count) => count,
            Value::Distribution(values) => values.count(),
        }
    }

    fn gauge(&self, name: &str) -> u64 {
        self.count(name)
    }

    fn metric(&self, name: &str) -> Value {
        let mut metrics = self.meters.metrics().into_iter();
        metrics.find(|metric| metric.name == name).expect("a metric").value
    }
}

/// Returns how long the processor has worked for this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    // The program's name may have spaces; what follows it has none.
    let fields = stat.rsplit(')').next().expect("a last part").split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).map(|field| field.parse().unwrap_or(0.0)).sum();
    ticks / TICKS
}
