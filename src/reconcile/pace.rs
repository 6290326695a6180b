//! Pace: how many passes are made at once, how often, and how long a failure is waited out.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::entropy::{self, Entropy};

/// What a pause after a first failure has at the most. It doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(500);

/// The longest pause after a failure.
pub const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How passes are made.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How many are under way at once: each may start a Postgres.
    pub max_passes: NonZeroUsize,
    /// How long after a good one the next one is made at the latest.
    pub period: Duration,
}

impl Pace {
    /// Returns when to make the next pass after a good one.
    #[must_use]
    pub fn rest(&self, entropy: &dyn Entropy) -> Duration {
        second_half(entropy, self.period)
    }
}

/// Returns how long to wait after so many failures in a row. Any time up to the longest may be drawn,
/// so that those whose computes went away together do not come back together.
#[must_use]
pub fn pause(entropy: &dyn Entropy, failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    part(entropy, (PAUSE_MIN * 2_u32.pow(doublings)).min(PAUSE_MAX))
}

/// Draws a time from the second half of another.
#[must_use]
pub fn second_half(entropy: &dyn Entropy, most: Duration) -> Duration {
    most / 2 + part(entropy, most / 2)
}

fn part(entropy: &dyn Entropy, most: Duration) -> Duration {
    let parts = u32::from(u16::from_be_bytes(entropy::array(entropy)));
    most * parts / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn pauses_are_spread_over_all_the_time_there_is() {
        let entropy = SeededEntropy::new(1);
        for (failures, most) in [(1, PAUSE_MIN), (4, PAUSE_MIN * 8), (u32::MAX, PAUSE_MAX)] {
            let drawn: Vec<_> = (0..400).map(|_| pause(&entropy, failures)).collect();
            for quarter in 0..4 {
                let (from, to) = (most * quarter / 4, most * (quarter + 1) / 4);
                let within = drawn.iter().filter(|pause| from <= **pause && **pause <= to);
                let within = within.count();
                assert!((50..150).contains(&within), "{within} of 400 in quarter {quarter}");
            }
        }
    }

    #[test]
    fn passes_that_find_nothing_are_spread_over_half_of_the_period() {
        let entropy = SeededEntropy::new(1);
        let (max_passes, period) = (NonZeroUsize::MIN, Duration::from_secs(600));
        let pace = Pace { max_passes, period };
        for _ in 0..100 {
            let rest = pace.rest(&entropy);
            assert!(period / 2 <= rest && rest <= period, "{rest:?}");
        }
    }
}
