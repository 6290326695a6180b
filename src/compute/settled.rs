//! Settled: the Postgres servers in which a pass found nothing to do, and how they looked then.
//!
//! A pass over one that still looks so is over when it has looked.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::compute::postgres::Glance;
use crate::model::drift::Deviation;
use crate::model::id::BranchId;
use crate::plan::desired::Desired;

/// How long a glance takes the place of a whole look. It does not see what somebody does to the
/// tables of marks themselves.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);

/// How many servers are remembered. Those beyond are looked at as a whole.
const MAX_SETTLED: usize = 10_000;

/// The servers in which nothing was left to be done.
#[derive(Debug, Default)]
pub(super) struct Settled(Mutex<HashMap<BranchId, Rest>>);

#[derive(Debug)]
struct Rest {
    desired: Desired,
    rested: Rested,
    since: Instant,
}

/// A server in which nothing was left to be done.
#[derive(Clone, Debug)]
pub(super) struct Rested {
    /// How it looked.
    pub(super) glance: Glance,
    /// What differed, and was to be left so.
    pub(super) deviations: Vec<Deviation>,
}

/// What is known of a branch's server.
#[derive(Debug)]
pub(super) enum Known {
    /// It had all that is desired.
    Settled(Rested),
    /// It had what was desired then.
    Outdated,
    /// Nothing.
    Nothing,
}

impl Settled {
    /// Returns what is known of the server of a branch.
    pub(super) fn get(&self, desired: &Desired) -> Known {
        let rests = self.0.lock().expect("a lock that no panic poisons");
        match rests.get(&desired.branch) {
            Some(rest) if MAX_AGE <= rest.since.elapsed() => Known::Nothing,
            Some(rest) if rest.desired == *desired => Known::Settled(rest.rested.clone()),
            Some(_) => Known::Outdated,
            None => Known::Nothing,
        }
    }

    /// Notes that nothing is left to be done in a server.
    pub(super) fn put(&self, desired: &Desired, rested: Rested) {
        let rest = Rest { desired: desired.clone(), rested, since: Instant::now() };
        let mut rests = self.0.lock().expect("a lock that no panic poisons");
        if rests.len() < MAX_SETTLED || rests.contains_key(&desired.branch) {
            rests.insert(desired.branch.clone(), rest);
        }
    }

    /// Forgets the server of a branch.
    pub(super) fn forget(&self, branch: &BranchId) {
        self.0.lock().expect("a lock that no panic poisons").remove(branch);
    }
}
