//! What the reconciler counts.

use std::sync::Arc;

use crate::meter::{Counter, Metered, Metric, Share, Sum, Value};
use crate::model::operation::Status;

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything that could be done was done.
    Done,
    /// Something could not be done yet, while everything else was.
    Delayed,
    /// It broke off.
    Failed,
}

/// The numbers of the reconciler.
#[derive(Debug, Default)]
pub struct Meters {
    done: Counter,
    delayed: Counter,
    failed: Counter,
    operations_finished: Counter,
    operations_skipped: Counter,
    operations_failed: Counter,
    unfinished: Arc<Sum>,
}

impl Meters {
    /// Counts a pass.
    pub fn passed(&self, ended: Ended) {
        match ended {
            Ended::Done => self.done.count(),
            Ended::Delayed => self.delayed.count(),
            Ended::Failed => self.failed.count(),
        }
    }

    /// Counts an operation that changed, if that was its end.
    pub fn changed(&self, status: &Status) {
        match status {
            Status::Finished => self.operations_finished.count(),
            Status::Skipped => self.operations_skipped.count(),
            Status::Failed { .. } => self.operations_failed.count(),
            Status::Scheduling | Status::Running { .. } => {}
        }
    }

    /// Returns a branch's share of the operations that have not ended.
    #[must_use]
    pub fn share(&self) -> Share {
        Share::of(&self.unfinished)
    }
}

/// How much went by itself.
#[derive(Debug, Default)]
pub struct Expired {
    /// Branches.
    pub branches: Counter,
    /// Roles, those of branches that went left out.
    pub roles: Counter,
}

impl Metered for Expired {
    fn metrics(&self) -> Vec<Metric> {
        let counts = vec![("branch", self.branches.get()), ("role", self.roles.get())];
        vec![Metric {
            name: "offshoot_expired",
            help: "What was deleted because its time had come.",
            value: Value::Counters { label: "kind", counts },
        }]
    }
}

impl Metered for Meters {
    fn metrics(&self) -> Vec<Metric> {
        let passes = vec![
            ("done", self.done.get()),
            ("delayed", self.delayed.get()),
            ("failed", self.failed.get()),
        ];
        let operations = vec![
            ("finished", self.operations_finished.get()),
            ("skipped", self.operations_skipped.get()),
            ("failed", self.operations_failed.get()),
        ];
        vec![
            Metric {
                name: "offshoot_passes",
                help: "Passes that were made, by how they ended.",
                value: Value::Counters { label: "outcome", counts: passes },
            },
            Metric {
                name: "offshoot_operations_ended",
                help: "Operations that passes brought to their end, by the status they ended with.",
                value: Value::Counters { label: "status", counts: operations },
            },
            Metric {
                name: "offshoot_operations_unfinished",
                help: "Operations that have not ended.",
                value: Value::Gauge(u64::try_from(self.unfinished.get()).unwrap_or(0)),
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_counts_once_and_when_it_has_ended() {
        let meters = Meters::default();
        let failed = Status::Failed { error: "no".into() };
        for status in [Status::Scheduling, Status::Finished, failed] {
            meters.changed(&status);
        }
        let ended = meters.metrics().remove(1).value;
        let counts = vec![("finished", 1), ("skipped", 0), ("failed", 1)];
        assert_eq!(ended, Value::Counters { label: "status", counts });
    }
}
