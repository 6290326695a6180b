//! What the store counts.

use std::time::Duration;

use crate::meter::{Counter, Distribution, Metric, SECONDS, Value};

/// The bounds of the distribution of how many commits share a sync.
const GROUP_SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The numbers of a store.
#[derive(Debug)]
pub struct Meters {
    commits: Counter,
    group_sizes: Distribution,
    sync_times: Distribution,
    commit_times: Distribution,
}

/// How the nodes that were read lately are kept, and how much that helps.
#[derive(Clone, Copy, Debug)]
pub struct CacheUse {
    /// How much memory they take.
    pub bytes: u64,
    /// How often a node was there.
    pub hits: u64,
    /// How often it was not.
    pub misses: u64,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            commits: Counter::default(),
            group_sizes: Distribution::over(GROUP_SIZES),
            sync_times: Distribution::over(SECONDS),
            commit_times: Distribution::over(SECONDS),
        }
    }
}

impl Meters {
    /// Counts commits that became durable together, and the time that this took.
    pub fn appended(&self, commits: usize, time: Duration) {
        self.commits.add(u64::try_from(commits).unwrap_or(u64::MAX));
        self.group_sizes.add_size(commits);
        self.sync_times.add_time(time);
    }

    /// Counts how long a command took until it was answered.
    pub fn answered(&self, time: Duration) {
        self.commit_times.add_time(time);
    }

    /// Returns these numbers, and those that others keep.
    pub fn read(&self, queue: usize, cache: CacheUse) -> Vec<Metric> {
        let queue = u64::try_from(queue).unwrap_or(u64::MAX);
        let metric = |name, help, value| Metric { name, help, value };
        vec![
            metric(
                "offshoot_store_commits",
                "Commits that became durable.",
                Value::Counter(self.commits.get()),
            ),
            metric(
                "offshoot_store_group_size",
                "How many commits shared a sync.",
                Value::Distribution(self.group_sizes.get()),
            ),
            metric(
                "offshoot_store_sync_duration_seconds",
                "How long it took to write a group of commits and to sync it.",
                Value::Distribution(self.sync_times.get()),
            ),
            metric(
                "offshoot_store_commit_duration_seconds",
                "How long a command took from the queue to its answer, refusals included.",
                Value::Distribution(self.commit_times.get()),
            ),
            metric(
                "offshoot_store_queue_length",
                "How many commands wait for the committer.",
                Value::Gauge(queue),
            ),
            metric(
                "offshoot_store_node_cache_bytes",
                "How much memory the nodes take that were read lately.",
                Value::Gauge(cache.bytes),
            ),
            metric(
                "offshoot_store_node_cache_hits",
                "How often a node was found in memory.",
                Value::Counter(cache.hits),
            ),
            metric(
                "offshoot_store_node_cache_misses",
                "How often a node had to be read.",
                Value::Counter(cache.misses),
            ),
        ]
    }
}
