//! What is counted: plain numbers that any layer keeps, and the form in which it shows them.
//!
//! Nothing here knows to whom they are shown, or how. Each number is right by itself; two that are
//! read together may differ by what happened in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// The bounds of a distribution of times, in seconds: from what a good disk takes to what nobody
/// waits for.
pub const SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];

/// A number that only grows, from the start of the process.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one more.
    pub fn count(&self) {
        self.add(1);
    }

    /// Counts some more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Returns how many were counted.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A sum of shares that come and go.
#[derive(Debug, Default)]
pub struct Sum(AtomicI64);

impl Sum {
    /// Returns the sum of all shares.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one holder adds to a sum. It is taken off again when the holder goes.
#[derive(Debug)]
pub struct Share {
    sum: Arc<Sum>,
    part: i64,
}

impl Share {
    /// Returns a share of nothing yet.
    #[must_use]
    pub fn of(sum: &Arc<Sum>) -> Self {
        Self { sum: Arc::clone(sum), part: 0 }
    }

    /// Changes what the holder adds.
    pub fn set(&mut self, part: usize) {
        let part = i64::try_from(part).unwrap_or(i64::MAX);
        self.sum.0.fetch_add(part - self.part, Ordering::Relaxed);
        self.part = part;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// How values are distributed: how many lie between each bound and the one before.
#[derive(Debug)]
pub struct Distribution {
    bounds: &'static [f64],
    /// One more than there are bounds: the last is of what exceeds them all.
    counts: Box<[AtomicU64]>,
    /// The bits of a floating-point number.
    sum: AtomicU64,
}

impl Distribution {
    /// Returns an empty distribution over increasing bounds.
    #[must_use]
    pub fn over(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0.0_f64.to_bits()) }
    }

    /// Adds a value. One that equals a bound lies below it.
    pub fn add(&self, value: f64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        self.counts[place].fetch_add(1, Ordering::Relaxed);
        let plus = |bits| Some((f64::from_bits(bits) + value).to_bits());
        let added = self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, plus);
        added.expect("an update that always has a value");
    }

    /// Adds a time.
    pub fn add_time(&self, time: Duration) {
        self.add(time.as_secs_f64());
    }

    /// Adds a size.
    pub fn add_size(&self, size: usize) {
        self.add(f64::from(u32::try_from(size).unwrap_or(u32::MAX)));
    }

    /// Returns the distribution as it is now.
    #[must_use]
    pub fn get(&self) -> Distributed {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        Distributed {
            buckets: bounds.zip(counts).collect(),
            sum: f64::from_bits(self.sum.load(Ordering::Relaxed)),
        }
    }
}

/// A distribution, as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Distributed {
    /// Each bound, the last of which is infinite, and how many values lie between it and the one
    /// before.
    pub buckets: Vec<(f64, u64)>,
    /// The sum of all values.
    pub sum: f64,
}

impl Distributed {
    /// Returns how many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

/// A number under its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The name, without what its kind adds to it: `_total` to one that only grows.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// The number.
    pub value: Value,
}

/// What a metric is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// It only grows.
    Counter(u64),
    /// Several that only grow, by what a label says.
    Counters {
        /// The label.
        label: &'static str,
        /// The label's values, and the number of each.
        counts: Vec<(&'static str, u64)>,
    },
    /// It goes up and down.
    Gauge(u64),
    /// It is distributed.
    Distribution(Distributed),
}

/// What has numbers to show.
pub trait Metered: Send + Sync {
    /// Returns the numbers as they are now. It must not block.
    fn metrics(&self) -> Vec<Metric>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_below_the_first_bound_that_it_does_not_exceed() {
        let distribution = Distribution::over(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 2.0, 7.0] {
            distribution.add(value);
        }
        let distributed = distribution.get();
        assert_eq!(distributed.buckets, [(1.0, 2), (2.0, 2), (f64::INFINITY, 1)]);
        assert!((distributed.sum - 12.0).abs() < f64::EPSILON);
        assert_eq!(distributed.count(), 5);
    }

    #[test]
    fn a_share_is_taken_off_when_its_holder_goes() {
        let sum = Arc::new(Sum::default());
        let (mut one, mut other) = (Share::of(&sum), Share::of(&sum));
        one.set(3);
        other.set(4);
        one.set(1);
        assert_eq!(sum.get(), 5);
        drop(other);
        assert_eq!(sum.get(), 1);
    }
}
