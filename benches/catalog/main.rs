//! What the catalog costs: `cargo bench --bench catalog`.
//!
//! Machines differ and are shared, so every number that is worth keeping is a ratio of two things
//! measured in turns, in one run: a commit against the disk that it waits for, a large parent
//! against a small one, a deep branch against a shallow one. Each is the median of several rounds,
//! and stands beside what is wanted of it.
//!
//! `cargo bench --bench catalog -- commits pages` measures these alone, and
//! `cargo bench --bench catalog -- large 1000000` a project of that many roles.

#![expect(clippy::print_stdout, reason = "a table is what this program is for")]
#![expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]

mod branching;
mod commits;
mod figures;
mod large;
#[path = "../../tests/it/store/memory.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod memory;
mod pages;
mod plane;
mod reading;
mod recorder;

use std::future::Future;
use std::path::Path;

use mimalloc::MiMalloc;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How many roles a project has that is large, where nobody says how many.
const LARGE: usize = 100_000;

fn main() {
    // Cargo adds the first of them.
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_time().build().expect("a runtime");
    match asked[..] {
        [large::LOAD, directory, roles] => {
            runtime.block_on(large::load(Path::new(directory), count(roles)));
        }
        [large::OPEN, directory, roles] => {
            runtime.block_on(large::open(Path::new(directory), count(roles)));
        }
        _ => runtime.block_on(measure(&asked)),
    }
}

fn count(text: &str) -> usize {
    text.parse().expect("a number")
}

async fn measure(asked: &[&str]) {
    let roles = asked.iter().find_map(|word| word.parse().ok()).unwrap_or(LARGE);
    let is_asked = |name| asked.is_empty() || asked.contains(&name);
    section(is_asked("commits"), "durable role creations", commits::measure()).await;
    let title = "branch creation, by the roles of the parent (rows in memory)";
    section(is_asked("branching"), title, branching::measure()).await;
    let title = "reading one role, by the depth of the branch (rows in memory)";
    section(is_asked("reading"), title, reading::measure()).await;
    section(is_asked("pages"), "listing 1,000 roles (rows in memory)", pages::measure()).await;
    let title = format!("a project of {roles} roles with 64 MB of cache, after kill -9");
    section(is_asked("large"), &title, large::measure(roles)).await;
}

async fn section(is_asked: bool, title: &str, measured: impl Future<Output = ()>) {
    if is_asked {
        println!("{title}");
        measured.await;
        println!();
    }
}
