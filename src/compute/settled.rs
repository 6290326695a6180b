//! Settled: the Postgres servers in which nothing was left to be done, and how they looked then.
//!
//! A pass that leaves nothing to do is remembered. The next one glances before and after it looks, and
//! where it found nothing, those after it only glance for as long as the server looks the same.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::compute::postgres::Glance;
use crate::model::drift::Deviation;
use crate::model::id::BranchId;
use crate::model::revision::Revision;
use crate::plan::desired::Desired;

/// How long a glance takes the place of a whole look. It does not see what somebody does to the
/// tables of marks themselves.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);

/// How many servers are remembered. Those beyond are looked at as a whole.
const MAX_SETTLED: usize = 10_000;

/// The servers in which nothing was left to be done.
#[derive(Debug, Default)]
pub(super) struct Settled {
    rests: Mutex<HashMap<BranchId, Rest>>,
    /// Nobody who writes a catalog knows it, so nobody can write two that look alike.
    hasher: RandomState,
}

#[derive(Debug)]
struct Rest {
    revision: Revision,
    /// Tells what was desired from what else could be. Keeping that would be keeping every catalog.
    digest: u64,
    /// How it looked; none where nobody glanced at it before that was found.
    rested: Option<Rested>,
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
    /// It had all that is desired, and looked so.
    Settled(Rested),
    /// It had all that is desired.
    Clean,
    /// Nothing, or nothing that says much about what is desired now.
    Nothing,
}

impl Settled {
    /// Returns what is known of the server of a branch.
    pub(super) fn get(&self, desired: &Desired) -> Known {
        let digest = self.digest(desired);
        let rests = self.rests.lock().expect("a lock that no panic poisons");
        match rests.get(&desired.branch) {
            // A later revision that changed nothing here is the same to this server.
            Some(rest) if rest.revision <= desired.revision && rest.digest == digest => {
                let is_young = rest.since.elapsed() < MAX_AGE;
                let rested = rest.rested.clone().filter(|_| is_young);
                rested.map_or(Known::Clean, Known::Settled)
            }
            Some(_) | None => Known::Nothing,
        }
    }

    /// Notes that nothing is left to be done in a server, and how it looked before that was found.
    pub(super) fn put(&self, desired: &Desired, rested: Option<Rested>) {
        let (revision, digest) = (desired.revision, self.digest(desired));
        let rest = Rest { revision, digest, rested, since: Instant::now() };
        let mut rests = self.rests.lock().expect("a lock that no panic poisons");
        if rests.len() < MAX_SETTLED || rests.contains_key(&desired.branch) {
            rests.insert(desired.branch.clone(), rest);
        }
    }

    /// Forgets the server of a branch.
    pub(super) fn forget(&self, branch: &BranchId) {
        self.rests.lock().expect("a lock that no panic poisons").remove(branch);
    }

    fn digest(&self, desired: &Desired) -> u64 {
        let Desired { branch, revision: _, roles, databases, estates, orders } = desired;
        self.hasher.hash_one((branch, roles, databases, estates, orders))
    }
}
