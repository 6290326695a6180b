//! What the tests of the store share: commits that count, and a clock that stands still.

use std::error::Error;
use std::sync::Arc;

use offshoot::clock::ManualClock;
use offshoot::model::cause::{Caller, Cause, Deed, Topic};
use offshoot::model::id::ProjectId;
use offshoot::model::refusal::Refusal;
use offshoot::model::revision::{Moment, Timestamp};
use offshoot::model::state::Denied;
use offshoot::store::directory::Directory;
use offshoot::store::engine::{Engine, LogId};
use offshoot::store::{CommitError, Store};

pub const LOG: LogId = LogId(7);

pub const OTHER_LOG: LogId = LogId(8);

pub const CACHE_BYTES: u64 = 1 << 20;

/// When the clocks of tests begin, in microseconds.
pub const START_MICROS: i64 = 1_700_000_000_000_000;

pub fn time(micros: i64) -> Timestamp {
    Timestamp::from_timestamp_micros(micros).expect("a time in range")
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(time(START_MICROS)))
}

pub fn cause(deed: Deed) -> Cause {
    Caller::offshoot().asks(deed, Topic::Whole)
}

pub fn store_over(engine: Arc<dyn Engine>) -> Store {
    Store::over(engine, CACHE_BYTES, clock()).expect("a store that opens")
}

pub fn project(number: u64) -> ProjectId {
    format!("project-{number}").parse().expect("an id")
}

/// Adds a project to the directory in `log`, and returns how many there were before it.
pub async fn add(store: &Store, log: LogId, number: u64) -> Result<(usize, Moment), CommitError> {
    let decide = move |directory: &mut Directory, _| {
        if directory.log_of(&project(number))?.is_some() {
            return Err(Denied::Refused(Refusal::ProjectMissing(project(number))));
        }
        let before = directory.projects()?.len();
        directory.put_project(project(number), LogId(number))?;
        Ok(before)
    };
    store.commit(log, cause(Deed::SetUp), decide).await
}

/// Returns a store that has `count` commits in [`LOG`], after 1 s each.
pub async fn fill(engine: Arc<dyn Engine>, count: u64) -> Store {
    let clock = clock();
    let store = Store::over(engine, CACHE_BYTES, Arc::clone(&clock) as _).expect("a store");
    for number in 0..count {
        clock.advance_micros(1_000_000);
        add(&store, LOG, number).await.expect("a commit");
    }
    store
}

/// Returns how many projects the directory in `log` has.
pub fn count(store: &Store, log: LogId) -> usize {
    store.view::<Directory>(log).state.projects().expect("projects").len()
}

/// Returns an error and its causes, as they are shown to people.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
