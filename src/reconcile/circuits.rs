//! Circuits: which Postgres servers are out of reach, and how often each of them is probed.
//!
//! While a circuit is open no pass is made on its branch: a Postgres that is away costs a probe now
//! and then, and keeps none of the places that passes take. Each worker has at most one probe under
//! way, and all together make no more than [`PROBES_PER_SECOND`], however many are away.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::control::BranchRef;
use crate::model::circuit::{Circuit, CircuitState};
use crate::model::revision::Timestamp;

/// The time between two probes of one Postgres, where few are away: what is back is noticed within it.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// How many probes all workers make in a second at the most.
pub const PROBES_PER_SECOND: u32 = 400;

/// What is known of those that were not reached.
#[derive(Debug, Default)]
pub struct Circuits(Mutex<HashMap<BranchRef, Circuit>>);

impl Circuits {
    /// Returns the circuit of a branch.
    #[must_use]
    pub fn get(&self, at: &BranchRef) -> Circuit {
        self.with(|known| known.get(at).cloned()).unwrap_or_default()
    }

    /// Whether no pass is to be made on a branch until a probe is answered.
    #[must_use]
    pub fn is_open(&self, at: &BranchRef) -> bool {
        self.get(at).state != CircuitState::Closed
    }

    /// Notes that a Postgres was not reached, and returns whether that opened its circuit.
    pub fn failed(&self, at: &BranchRef, error: String, now: Timestamp) -> bool {
        self.with(|known| {
            let was = known.remove(at).unwrap_or_default();
            let was_closed = was.state == CircuitState::Closed;
            let is = was.failed(error, now);
            let has_opened = was_closed && is.state == CircuitState::Open;
            known.insert(at.clone(), is);
            has_opened
        })
    }

    /// Notes that a probe is under way.
    pub fn probing(&self, at: &BranchRef) {
        self.with(|known| {
            known.entry(at.clone()).and_modify(|circuit| circuit.state = CircuitState::HalfOpen);
        });
    }

    /// Notes that a Postgres was reached, or that somebody wants a pass whatever is known of it.
    pub fn close(&self, at: &BranchRef) {
        self.with(|known| known.remove(at));
    }

    /// Returns how many are open.
    #[must_use]
    pub fn count_open(&self) -> usize {
        let is_open = |circuit: &&Circuit| circuit.state != CircuitState::Closed;
        self.with(|known| known.values().filter(is_open).count())
    }

    /// Returns the longest time between two probes of one Postgres; the shortest is half of it. The more
    /// of them are away, the longer it is.
    #[must_use]
    pub fn pace(&self) -> Duration {
        let open = u32::try_from(self.count_open()).unwrap_or(u32::MAX);
        PROBE_EVERY.max(Duration::from_secs(2) / PROBES_PER_SECOND * open)
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<BranchRef, Circuit>) -> T) -> T {
        act(&mut self.0.lock().expect("a lock that no panic poisons"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::circuit::THRESHOLD;

    fn break_down(circuits: &Circuits, at: &BranchRef) -> usize {
        let fail = |_| circuits.failed(at, "refused".into(), Timestamp::UNIX_EPOCH);
        (0..=THRESHOLD).map(fail).filter(|has_opened| *has_opened).count()
    }

    #[test]
    fn a_circuit_opens_once_and_is_closed_by_a_success() {
        let (circuits, at) = (Circuits::default(), BranchRef::example(1));
        assert_eq!(break_down(&circuits, &at), 1);
        circuits.probing(&at);
        assert_eq!(circuits.get(&at).state, CircuitState::HalfOpen);
        assert!(circuits.is_open(&at) && !circuits.is_open(&BranchRef::example(2)));
        circuits.close(&at);
        assert_eq!(circuits.get(&at), Circuit::default());
    }

    #[test]
    fn the_more_are_away_the_rarer_each_is_probed() {
        let circuits = Circuits::default();
        for number in 0..100 {
            break_down(&circuits, &BranchRef::example(number));
        }
        assert_eq!(circuits.pace(), PROBE_EVERY);
        for number in 100..1000 {
            break_down(&circuits, &BranchRef::example(number));
        }
        assert_eq!(circuits.pace(), Duration::from_secs(5));
    }
}
