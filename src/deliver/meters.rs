//! What is counted about what is sent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::sender::Taken;
use crate::meter::{Counter, Distribution, Metered, Metric, SECONDS, Value};

/// What is counted about what is sent.
pub(super) struct Meters {
    taken: Counter,
    refused: Counter,
    unanswered: Counter,
    time: Distribution,
    under_way: AtomicU64,
    /// How many webhooks were disabled because they took nothing.
    pub(super) disabled: Counter,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            taken: Counter::default(),
            refused: Counter::default(),
            unanswered: Counter::default(),
            time: Distribution::over(SECONDS),
            under_way: AtomicU64::new(0),
            disabled: Counter::default(),
        }
    }
}

impl Meters {
    pub(super) fn sent(&self, taken: &Taken, time: Duration) {
        match (&taken.answer.error, taken.answer.status) {
            (None, _) => self.taken.count(),
            (Some(_), Some(_)) => self.refused.count(),
            (Some(_), None) => self.unanswered.count(),
        }
        self.time.add_time(time);
    }

    pub(super) fn set_under_way(&self, count: usize) {
        self.under_way.store(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Metered for Meters {
    fn metrics(&self) -> Vec<Metric> {
        let Self { taken, refused, unanswered, time, under_way, disabled } = self;
        let metric = |name, help, value| Metric { name, help, value };
        let counts = vec![
            ("taken", taken.get()),
            ("refused", refused.get()),
            ("unanswered", unanswered.get()),
        ];
        vec![
            metric(
                "offshoot_webhook_deliveries",
                "Events that were sent to a webhook, each time, by whether they were taken.",
                Value::Counters { label: "result", counts },
            ),
            metric(
                "offshoot_webhook_delivery_duration_seconds",
                "How long it took until an event that was sent was answered or given up.",
                Value::Distribution(time.get()),
            ),
            metric(
                "offshoot_webhook_deliveries_under_way",
                "Events that are being sent.",
                Value::Gauge(under_way.load(Ordering::Relaxed)),
            ),
            metric(
                "offshoot_webhooks_disabled",
                "Webhooks that were disabled because they did not take their events.",
                Value::Counter(disabled.get()),
            ),
        ]
    }
}
