//! How the trimmer's counters are shown.

use tokio::sync::watch;

use crate::meter::{Metered, Metric, Value};
use crate::model::revision::Timestamp;
use crate::retention::Counters;

impl Metered for watch::Receiver<Counters> {
    fn metrics(&self) -> Vec<Metric> {
        let Counters {
            rows_trimmed,
            rows_kept,
            logs_removed,
            operations_forgotten,
            receipts_forgotten,
            oldest_floor,
            last_run,
        } = *self.borrow();
        let metric = |name, help, value| Metric { name, help, value };
        vec![
            metric(
                "offshoot_trim_rows_deleted",
                "Rows that were deleted because nobody can ask for them any more.",
                Value::Counter(rows_trimmed),
            ),
            metric(
                "offshoot_trim_rows_kept",
                "Rows that nobody can ask for and that are kept for nodes which later states share.",
                Value::Gauge(rows_kept),
            ),
            metric(
                "offshoot_trim_logs_removed",
                "Logs of deleted projects that were removed.",
                Value::Counter(logs_removed),
            ),
            metric(
                "offshoot_trim_operations_forgotten",
                "Operations that ended long ago and were forgotten.",
                Value::Counter(operations_forgotten),
            ),
            metric(
                "offshoot_trim_receipts_forgotten",
                "Requests with an Idempotency-Key that were carried out a day ago and were forgotten.",
                Value::Counter(receipts_forgotten),
            ),
            metric(
                "offshoot_trim_oldest_floor_timestamp_seconds",
                "The earliest time that can be asked for, of all projects; 0 where there is none.",
                Value::Gauge(seconds(oldest_floor)),
            ),
            metric(
                "offshoot_trim_last_run_timestamp_seconds",
                "When all logs were last looked at; 0 before.",
                Value::Gauge(seconds(last_run)),
            ),
        ]
    }
}

fn seconds(at: Option<Timestamp>) -> u64 {
    at.map_or(0, |at| u64::try_from(at.timestamp()).unwrap_or(0))
}
