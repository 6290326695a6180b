//! Passes over a real Postgres that are cut: connections refused, reset, held and lost at each of
//! their messages; the server and Postgres killed while one is under way.
//!
//! A seed decides where, out of all the places; it is printed, and `OFFSHOOT_TEST_SEED` gives
//! another run the same one. `OFFSHOOT_CUTS` says how many places are tried of each kind. All that
//! Postgres is told is logged and counted, and looked through in the end for what is secret.

mod frames;
mod kills;
mod login;
mod messages;
mod proxy;
mod scene;
mod secrets;

use rand::RngExt;
use rand::rngs::StdRng;

/// Returns `most` of the places there are, or all, spread evenly.
fn places(count: usize, most: usize, rng: &mut StdRng) -> Vec<usize> {
    assert!(0 < count, "there is something to cut");
    let most = cuts(most).min(count);
    let first = rng.random_range(0..count);
    (0..most).map(|place| (first + place * count) / most % count).collect()
}

/// Returns how many places are tried: `usual`, unless `OFFSHOOT_CUTS` says.
#[expect(clippy::disallowed_methods, reason = "whoever wants many cuts")]
fn cuts(usual: usize) -> usize {
    let given = std::env::var("OFFSHOOT_CUTS").ok();
    given.map_or(usual, |cuts| cuts.parse().expect("a number of cuts"))
}
