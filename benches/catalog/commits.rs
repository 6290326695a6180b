//! Role creations, and what their rows cost without them: in the same engine with the same groups,
//! and in plain files with a sync for each group: one that grows, as a log does, and one that has been
//! written before, where a sync is of what was written and of nothing else.

use std::fs::File;
use std::io::{Seek, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use offshoot::store::engine::{Engine, NewRow};
use offshoot::store::sled::SledEngine;

use crate::figures::{ROUNDS, Wanted, median, micros, print, rate, ratio};
use crate::memory::Memory;
use crate::plane::{CACHE_BYTES, Plane};
use crate::recorder::Recorder;

/// How many roles each of how many callers creates in a round.
const FEW: (usize, usize) = (1, 300);
const MANY: (usize, usize) = (64, 30);

pub async fn measure() {
    let alone = creations(FEW).await;
    let time = ratio(&alone.grown, &alone.ours);
    print("the time of one, by that of a file that grows", time, Wanted::AtMost(2.5));
    let time = ratio(&alone.rewritten, &alone.ours);
    println!("  the time of one, by that of a file that was written before: {time:.2}");
    let together = creations(MANY).await;
    let rates = ratio(&together.ours, &together.engines);
    print("the rate, by that of the engine alone", rates, Wanted::AtLeast(0.8));
    in_memory().await;
}

/// What was done in a second, in each round.
#[derive(Default)]
struct Rates {
    ours: Vec<f64>,
    engines: Vec<f64>,
    grown: Vec<f64>,
    rewritten: Vec<f64>,
}

async fn creations((callers, each): (usize, usize)) -> Rates {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let engine = Arc::new(Recorder::open(&dir.path().join("store")));
    let raw = SledEngine::open(&dir.path().join("raw"), CACHE_BYTES).expect("an engine");
    let mut grown = File::create(dir.path().join("grown")).expect("a file");
    let mut rewritten = written(&dir.path().join("rewritten"));
    let plane = Plane::over(engine.clone()).await;
    raw.append(&engine.take().concat()).expect("an append");
    let (mut rates, mut sizes) = (Rates::default(), Vec::new());
    for round in 0..ROUNDS {
        let took = plane.create_roles(round, callers, each).await;
        rates.ours.push(rate(callers * each, took));
        let groups = engine.take();
        let rows: usize = groups.iter().map(Vec::len).sum();
        sizes.push(rows as f64 / groups.len() as f64);
        rates.engines.push(rate(rows, append(&raw, &groups)));
        rates.grown.push(rate(rows, write(&mut grown, &groups)));
        rates.rewritten.push(rate(rows, write(&mut rewritten, &groups)));
    }
    println!("  {callers} callers, {:.1} commits a sync", median(&sizes));
    for (what, rates) in [
        ("through Store::commit", &rates.ours),
        ("the engine alone", &rates.engines),
        ("a file that grows", &rates.grown),
        ("one that was written before", &rates.rewritten),
    ] {
        println!("    {what:<28} {:>8.0} /s", median(rates));
    }
    rates
}

/// How large a file is that holds what the rounds write.
const FILE_BYTES: usize = 64 << 20;

fn written(path: &Path) -> File {
    let mut file = File::create(path).expect("a file");
    file.write_all(&vec![0; FILE_BYTES]).expect("a write");
    file.sync_all().expect("a sync");
    file.rewind().expect("a file");
    file
}

fn append(engine: &SledEngine, groups: &[Vec<NewRow>]) -> Duration {
    let begun = Instant::now();
    for rows in groups {
        engine.append(rows).expect("an append");
    }
    begun.elapsed()
}

fn write(file: &mut File, groups: &[Vec<NewRow>]) -> Duration {
    let begun = Instant::now();
    for rows in groups {
        for row in rows {
            file.write_all(&row.bytes).expect("a write");
        }
        file.sync_data().expect("a sync");
    }
    begun.elapsed()
}

/// What is left where there is no disk to wait for.
async fn in_memory() {
    let (callers, each) = MANY;
    let plane = Plane::over(Arc::new(Memory::default())).await;
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let took = plane.create_roles(round, callers, each).await;
        times.push(micros(took) / (callers * each) as f64);
    }
    println!("  {callers} callers with rows in memory: {:.1} us each", median(&times));
}
