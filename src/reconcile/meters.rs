//! What the reconciler counts.

use std::sync::Arc;

use crate::meter::{Counter, Metered, Metric, Share, Sum, Value};
use crate::model::operation::Status;
use crate::reconcile::Passed;
use crate::reconcile::circuits::Circuits;

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

impl Ended {
    /// Returns how a pass ended.
    #[must_use]
    pub fn of(passed: &Passed) -> Self {
        if passed.failure.is_some() {
            Self::Failed
        } else if passed.delayed.is_empty() {
            Self::Done
        } else {
            Self::Delayed
        }
    }
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
    operations_cancelled: Counter,
    unfinished: Arc<Sum>,
    in_flight: Arc<Sum>,
    max_passes: usize,
    probes: Counter,
    opened: Counter,
    circuits: Arc<Circuits>,
}

impl Meters {
    /// Returns the numbers of a reconciler that has done nothing yet.
    #[must_use]
    pub fn new(max_passes: usize, circuits: Arc<Circuits>) -> Self {
        Self { max_passes, circuits, ..Self::default() }
    }

    /// Returns a share of the passes that are under way.
    #[must_use]
    pub fn in_flight(&self) -> Share {
        Share::of(&self.in_flight)
    }

    /// Counts a probe.
    pub fn probed(&self) {
        self.probes.count();
    }

    /// Counts a circuit that opened.
    pub fn circuit_opened(&self) {
        self.opened.count();
    }

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
            Status::Cancelled => self.operations_cancelled.count(),
            Status::Scheduling | Status::Running { .. } | Status::Cancelling => {}
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
            ("cancelled", self.operations_cancelled.get()),
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
                value: gauge(&self.unfinished),
            },
            Metric {
                name: "offshoot_passes_in_flight",
                help: "Passes that are under way.",
                value: gauge(&self.in_flight),
            },
            Metric {
                name: "offshoot_passes_in_flight_max",
                help: "How many passes may be under way at once.",
                value: Value::Gauge(u64::try_from(self.max_passes).unwrap_or(u64::MAX)),
            },
            Metric {
                name: "offshoot_circuits_open",
                help: "Postgres servers that are out of reach and are probed.",
                value: Value::Gauge(u64::try_from(self.circuits.count_open()).unwrap_or(u64::MAX)),
            },
            Metric {
                name: "offshoot_circuits_opened",
                help: "How often a Postgres was found to be out of reach.",
                value: Value::Counter(self.opened.get()),
            },
            Metric {
                name: "offshoot_probes",
                help: "How often a Postgres that is out of reach was probed.",
                value: Value::Counter(self.probes.get()),
            },
        ]
    }
}

fn gauge(sum: &Sum) -> Value {
    Value::Gauge(u64::try_from(sum.get()).unwrap_or(0))
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
        let counts = vec![("finished", 1), ("skipped", 0), ("failed", 1), ("cancelled", 0)];
        assert_eq!(ended, Value::Counters { label: "status", counts });
    }
}
