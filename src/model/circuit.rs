//! Circuit: whether a branch's Postgres can be reached, as the reconciler has found it. Nothing of it
//! is kept: a server that begins anew begins with closed circuits.

use crate::model::revision::Timestamp;

/// After how many failures in a row to reach a Postgres its circuit opens.
pub const THRESHOLD: u32 = 3;

/// Whether a Postgres can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circuit {
    /// Where it stands.
    pub state: CircuitState,
    /// How often in a row it was not reached.
    pub failures: u32,
    /// Since when it is open.
    pub opened_at: Option<Timestamp>,
    /// Why it was not reached the last time.
    pub error: Option<String>,
}

/// Where a circuit stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CircuitState {
    /// Passes are made.
    #[default]
    Closed,
    /// No pass is made until a probe is answered.
    Open,
    /// A probe was answered, or is under way; a pass follows.
    HalfOpen,
}

impl CircuitState {
    /// Returns its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl Circuit {
    /// Returns it after another failure to reach the Postgres.
    #[must_use]
    pub fn failed(self, error: String, now: Timestamp) -> Self {
        let failures = self.failures.saturating_add(1);
        let error = Some(error);
        if failures < THRESHOLD {
            return Self { failures, error, ..self };
        }
        let opened_at = self.opened_at.or(Some(now));
        Self { state: CircuitState::Open, failures, opened_at, error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circuit_opens_after_some_failures_in_a_row_and_remembers_when() {
        let at = |seconds| Timestamp::from_timestamp(seconds, 0).expect("a time");
        let mut circuit = Circuit::default();
        for second in 1..=i64::from(THRESHOLD) {
            assert_eq!(circuit.state, CircuitState::Closed);
            circuit = circuit.failed("refused".into(), at(second));
        }
        let later = circuit.clone().failed("refused".into(), at(99));
        for circuit in [&circuit, &later] {
            assert_eq!(circuit.state, CircuitState::Open);
            assert_eq!(circuit.opened_at, Some(at(THRESHOLD.into())));
        }
        assert_eq!(later.failures, THRESHOLD + 1);
    }
}
