//! What trimming costs: `cargo bench --bench retention`.
//!
//! Commits are timed in turns with and without trimming, in one run, so that the ratio of their
//! latencies says what those who wait notice. Each number is the median of several rounds.

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]
#![expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]

#[path = "catalog/figures.rs"]
#[expect(dead_code, reason = "the bench of the catalog uses all of it")]
mod figures;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mimalloc::MiMalloc;
use offshoot::clock::SystemClock;
use offshoot::model::branch::{Beginning, Branch, Lineage};
use offshoot::model::cause::{Caller, Deed, Topic};
use offshoot::model::id::BranchId;
use offshoot::model::origin::Origin;
use offshoot::model::revision::{Moment, Revision};
use offshoot::model::role::{Credential, Login, Role};
use offshoot::model::scram;
use offshoot::model::secret::{Password, Sealed};
use offshoot::model::state::{Denied, Write};
use offshoot::store::catalog::Catalog;
use offshoot::store::engine::LogId;
use offshoot::store::trim::Trimmed;
use offshoot::store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use self::figures::{ROUNDS, Wanted, median, print, ratio};

/// As the server has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const LOG: LogId = LogId(1);
const CACHE_BYTES: u64 = 64 << 20;

/// How many roles the branch has.
const ROLES: u64 = 1_000;

/// How many commits are trimmed in a round.
const ROWS: u64 = 10_000;

/// How many ask at once, while the history is made and while commits are timed.
const MAKERS: u64 = 128;
const CALLERS: u64 = 8;

/// How many commits of each caller are timed at the least.
const COMMITS_EACH: usize = 250;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(trimming());
}

async fn trimming() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let plane = Plane::open(dir.path()).await;
    let (mut alone, mut meanwhile) = (Vec::new(), Vec::new());
    let (mut rates, mut rates_meanwhile, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plane.make_history().await;
        let ((), took, trimmed) = plane.trim_while(async |_| ()).await;
        rates.push((trimmed.deleted + trimmed.kept) as f64 / took.as_secs_f64());
        shares.push(trimmed.deleted as f64 / (trimmed.deleted + trimmed.kept) as f64);
        plane.make_history().await;
        alone.push(p99(plane.commits(&AtomicBool::new(true)).await));
        let (times, took, trimmed) = plane.trim_while(async |done| plane.commits(done).await).await;
        meanwhile.push(p99(times));
        rates_meanwhile.push((trimmed.deleted + trimmed.kept) as f64 / took.as_secs_f64());
    }
    println!("trimming {ROWS} commits of a project with {ROLES} roles");
    println!("  alone                      {:>8.0} rows/s", median(&rates));
    println!("  with {CALLERS} callers             {:>8.0} rows/s", median(&rates_meanwhile));
    println!("  deleted, of all below      {:>8.2}", median(&shares));
    println!("p99 of a commit, {CALLERS} callers");
    println!("  without trimming           {:>8.2} ms", median(&alone));
    println!("  while trimming             {:>8.2} ms", median(&meanwhile));
    print("the latter, by the former", ratio(&meanwhile, &alone), Wanted::AtMost(3.0));
}

/// A store with one branch.
struct Plane {
    store: Store,
    credential: Credential,
}

impl Plane {
    async fn open(path: &std::path::Path) -> Self {
        let store = Store::open(path, CACHE_BYTES, Arc::new(SystemClock)).expect("a store");
        let credential = Credential {
            branch: branch(),
            verifier: scram::verifier(&Password::new("npg_secret"), [7; scram::SALT_BYTES]),
            sealed: Some(Sealed(Box::new([7; 56]))),
        };
        let plane = Self { store, credential };
        plane.commit(set_up).await;
        for role in 0..ROLES {
            plane.put(role).await;
        }
        plane
    }

    async fn commit(
        &self,
        rule: impl FnMut(&mut Catalog, Moment) -> Result<(), Denied<StoreError>> + Send + 'static,
    ) {
        let cause = Caller::offshoot().asks(Deed::ResetRolePassword, Topic::Whole);
        self.store.commit(LOG, cause, rule).await.expect("a commit");
    }

    /// Puts a role anew.
    async fn put(&self, role: u64) {
        let login = Login::Password(self.credential.clone());
        self.commit(move |state, moment| {
            let role = Role {
                name: format!("role-{role:04}").parse().expect("a name"),
                login: login.clone(),
                stands_for: None,
                protected: false,
                born: moment.revision,
                standing: None,
                origin: Origin { branch: branch(), revision: moment.revision },
                expires_at: None,
                deactivated_at: None,
                created_at: moment.at,
                updated_at: moment.at,
            };
            Ok(state.put_role(&branch(), role)?)
        })
        .await;
    }

    async fn make_history(&self) {
        let makers = (0..MAKERS).map(async |maker| {
            for number in 0..ROWS / MAKERS {
                self.put(scattered(number * MAKERS + maker)).await;
            }
        });
        join_all(makers).await;
    }

    /// Times commits until there are enough and it is `done`, in milliseconds.
    async fn commits(&self, done: &AtomicBool) -> Vec<f64> {
        let callers = (0..CALLERS).map(async |caller| {
            let mut times = Vec::new();
            while times.len() < COMMITS_EACH || !done.load(Ordering::Relaxed) {
                let begun = Instant::now();
                self.put(scattered(times.len() as u64 * CALLERS + caller)).await;
                times.push(begun.elapsed().as_secs_f64() * 1e3);
            }
            times
        });
        join_all(callers).await.concat()
    }

    /// Trims all but the newest state, and returns how long that took.
    async fn trim_while<T>(
        &self,
        work: impl AsyncFnOnce(&AtomicBool) -> T,
    ) -> (T, Duration, Trimmed) {
        let done = AtomicBool::new(false);
        let head = self.store.extent(LOG).map_or(Revision::ZERO, |extent| extent.head);
        let trim = async {
            let begun = Instant::now();
            let trimmed = self.store.trim(LOG, head, &CancellationToken::new()).await;
            done.store(true, Ordering::Relaxed);
            (begun.elapsed(), trimmed.expect("a trim"))
        };
        let (worked, (took, trimmed)) = tokio::join!(work(&done), trim);
        (worked, took, trimmed)
    }
}

fn set_up(state: &mut Catalog, moment: Moment) -> Result<(), Denied<StoreError>> {
    let name = "main".parse().expect("a name");
    let began = Beginning { moment, source: None };
    Ok(state.put_branch(Branch::new(branch(), name, Lineage::Root, began))?)
}

fn branch() -> BranchId {
    "br-main".parse().expect("an id")
}

/// Returns a role that is not next to that of the number before.
fn scattered(number: u64) -> u64 {
    number * 617 % ROLES
}

fn p99(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() * 99 / 100]
}
