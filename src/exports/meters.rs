//! What is counted about exports.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::meter::{Counter, Metered, Metric, Value};
use crate::model::revision::Timestamp;

/// The numbers of the exports.
#[derive(Debug, Default)]
pub(super) struct Meters {
    written: Counter,
    failed: Counter,
    /// When the newest export was begun, in seconds since 1970; 0 where there is none.
    newest: AtomicU64,
    bytes: AtomicU64,
}

impl Meters {
    /// Notes an export that an earlier server made.
    pub(super) fn found(&self, begun: Timestamp) {
        self.newest.store(u64::try_from(begun.timestamp()).unwrap_or(0), Ordering::Relaxed);
    }

    /// Counts an export that was made.
    pub(super) fn written(&self, begun: Timestamp, bytes: u64) {
        self.found(begun);
        self.bytes.store(bytes, Ordering::Relaxed);
        self.written.count();
    }

    /// Counts an export that was not made.
    pub(super) fn failed(&self) {
        self.failed.count();
    }
}

impl Metered for Meters {
    fn metrics(&self) -> Vec<Metric> {
        let exports = vec![("written", self.written.get()), ("failed", self.failed.get())];
        vec![
            Metric {
                name: "offshoot_exports",
                help: "Exports, by what became of them.",
                value: Value::Counters { label: "outcome", counts: exports },
            },
            Metric {
                name: "offshoot_export_last_success_timestamp_seconds",
                help: "When the newest export was begun; 0 where there is none.",
                value: Value::Gauge(self.newest.load(Ordering::Relaxed)),
            },
            Metric {
                name: "offshoot_export_last_size_bytes",
                help: "The size of the last export that this process wrote.",
                value: Value::Gauge(self.bytes.load(Ordering::Relaxed)),
            },
        ]
    }
}
