//! A project of many roles with little memory: what it takes to open its store after a kill, and to
//! go on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use offshoot::clock::SystemClock;
use offshoot::model::state::Read;
use offshoot::store::Store;
use offshoot::store::catalog::Catalog;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::figures::{Wanted, median, micros, print};
use crate::plane::{LOG, Plane, id, loaded};

/// The word that makes a process load roles, and go on until it is killed.
pub const LOAD: &str = "load-roles";

/// The word that makes a process open what is left.
pub const OPEN: &str = "open-roles";

const CACHE_BYTES: u64 = 64 << 20;

/// How many roles a commit puts, which are read together later: few, as in rows that requests make,
/// and so many that loading does not take for ever.
const ROLES_PER_COMMIT: usize = 100;

/// How long the process that is killed goes on after all roles are loaded.
const LIFE: Duration = Duration::from_secs(1);

/// How often it creates more, where nobody kills it.
const MAX_ROUNDS: usize = 1_000;

const READS: usize = 2_000;

const CREATIONS: usize = 100;

pub async fn measure(roles: usize) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let words =
        |word| [word, dir.path().to_str().expect("UTF-8"), &roles.to_string()].map(String::from);
    let itself = std::env::current_exe().expect("a program");
    let begun = Instant::now();
    let mut loading = Command::new(&itself);
    let mut child =
        loading.args(words(LOAD)).stdout(Stdio::piped()).spawn().expect("a program that starts");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let line = output.lines().next().expect("a line").expect("a line");
    println!("  {line} in {:.1} s", begun.elapsed().as_secs_f64());
    tokio::time::sleep(LIFE).await;
    child.kill().expect("a process that can be killed");
    child.wait().expect("a process that ends");
    // A process of its own, whose memory is that of the store.
    let opened = Command::new(&itself).args(words(OPEN)).status().expect("a program that starts");
    assert!(opened.success(), "{opened}");
}

fn open_store(directory: &Path) -> Plane {
    let store = Store::open(directory, CACHE_BYTES, Arc::new(SystemClock)).expect("a store");
    Plane { store }
}

pub async fn load(directory: &Path, roles: usize) {
    let plane = open_store(directory);
    plane.create_project().await;
    plane.load(&id("br-main"), roles, ROLES_PER_COMMIT).await;
    println!("{roles} roles were loaded");
    for round in 0..MAX_ROUNDS {
        plane.create_roles(round, 8, 10).await;
    }
}

pub async fn open(directory: &Path, roles: usize) {
    let begun = Instant::now();
    let plane = open_store(directory);
    print("seconds to open", begun.elapsed().as_secs_f64(), Wanted::AtMost(1.5));
    println!("  {} MB of memory", resident_megabytes());
    let mut rng = StdRng::seed_from_u64(7);
    let mut reads = Vec::new();
    for _ in 0..READS {
        let name = loaded(rng.random_range(0..roles));
        let begun = Instant::now();
        let role = plane.store.view::<Catalog>(LOG).state.role(&id("br-main"), &name);
        reads.push(micros(begun.elapsed()));
        assert!(role.expect("a state that reads").is_some());
    }
    println!("  {:.1} us to read a role anywhere", median(&reads));
    let mut creations = Vec::new();
    for number in 0..CREATIONS {
        creations.push(micros(plane.create_roles(MAX_ROUNDS + number, 1, 1).await));
    }
    println!("  {:.1} us to create a role", median(&creations));
    println!("  {} MB of memory at the end", resident_megabytes());
}

fn resident_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a machine that runs Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    let kilobytes = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
    kilobytes / 1024
}
