//! The past against whole copies of it: what there was at any point, what happened to whom, and
//! what cutoffs left out, after random histories in which the clock goes back and stands still.

mod acts;
mod oracle;
mod trimmed;

use std::sync::Arc;

use chrono::TimeDelta;
use offshoot::clock::{Clock, ManualClock};
use offshoot::control::history::{
    AuditQuery, Entry, HistoryPage, Include, MAX_LOOKED_AT, Onward, Place,
};
use offshoot::control::{BranchAt, ControlError, Past};
use offshoot::model::cause::{Cause, Deed, Topic};
use offshoot::model::changes;
use offshoot::model::id::BranchId;
use offshoot::model::key::KeyId;
use offshoot::model::operation::Subject;
use offshoot::model::refusal::Refusal;
use offshoot::model::revision::{Moment, Revision, Timestamp};
use offshoot::model::role::Login;
use offshoot::model::rules::Seed;
use offshoot::model::state::Denied;
use offshoot::store::catalog::Catalog;
use offshoot::store::{CommitError, Store};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use self::acts::{Act, Event, event};
use super::command::{Command, ROLES, credential, id, role};
use super::copies::Copies;
use crate::store::gate::Gate;
use crate::store::memory::Memory;
use crate::store::support::{CACHE_BYTES, LOG, cause, clock, store_over};

/// A store with a past, and copies of all of it.
struct Lived {
    runtime: Runtime,
    store: Store,
    clock: Arc<ManualClock>,
    copies: Copies,
    /// Why each revision was committed, from 1 on.
    causes: Vec<Cause>,
    acts: u64,
}

impl Lived {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (engine, clock) = (Arc::new(Memory::default()), clock());
        let store = Store::over(engine, CACHE_BYTES, clock.clone() as _).expect("a store");
        let (copies, causes) = (Copies::new(), Vec::new());
        let mut lived = Self { runtime, store, clock, copies, causes, acts: 0 };
        lived.act(&Act::Do(Command::CreateProject));
        lived
    }

    fn act(&mut self, act: &Act) {
        self.acts += 1;
        let seed = Seed(self.acts << 16);
        let before = self.copies.head();
        let expected =
            self.copies.decide(self.clock.now(), |state, moment| act.run(state, moment, seed));
        let decided = act.clone();
        let decide = move |state: &mut Catalog, moment: Moment| decided.run(state, moment, seed);
        let cause = act.cause(self.acts);
        let found = self.runtime.block_on(self.store.commit(LOG, cause.clone(), decide));
        match (found, expected) {
            (Ok(_), Ok(())) => {}
            (Err(CommitError::Denied(Denied::Refused(told))), Err(Denied::Refused(expected))) => {
                assert_eq!(told, expected, "{act:?}");
            }
            (found, expected) => panic!("{act:?}: {found:?}, not {expected:?}"),
        }
        if before != self.copies.head() {
            self.causes.push(cause);
        }
    }

    fn past(&self) -> Past {
        Past::new(self.store.clone(), LOG)
    }

    fn branches(&self) -> usize {
        let existed = |index: &usize| {
            self.copies.past.iter().any(|state| state.branches.contains_key(&id(*index)))
        };
        (0..self.copies.past.len()).take_while(existed).count()
    }

    fn revisions(&self) -> impl Iterator<Item = Revision> {
        (1..=self.copies.head().0).map(Revision)
    }

    /// Every time that means something: each commit's, and a microsecond before and after it.
    fn times(&self) -> impl Iterator<Item = Timestamp> {
        let around =
            |at: &Timestamp| [-1, 0, 1].map(|micros| *at + TimeDelta::microseconds(micros));
        self.copies.times.iter().flat_map(around)
    }
}

fn is_missing(error: &ControlError) -> bool {
    matches!(error, ControlError::Refused(Refusal::BranchMissing(_)))
}

/// Reads a history page by page, to its end.
fn pages<P>(mut onward: Onward<P>, read: impl Fn(P) -> HistoryPage<P>) -> (Vec<Entry>, Onward<P>) {
    let mut entries = Vec::new();
    while let Onward::At(place) = onward {
        let page = read(place);
        entries.extend(page.entries);
        onward = page.onward;
    }
    (entries, onward)
}

/// Reads a history of which nothing was trimmed.
fn all(onward: Onward<Place>, read: impl Fn(Place) -> HistoryPage<Place>) -> Vec<Entry> {
    let (entries, onward) = pages(onward, read);
    assert_eq!(onward, Onward::Beginning);
    entries
}

/// Checks that every revision and every time shows what there was.
fn check_points(lived: &Lived) {
    let past = lived.past();
    for index in 0..lived.branches() {
        for revision in lived.revisions() {
            let expected = oracle::looked_at(&lived.copies, &id(index), revision);
            match (past.branch(&id(index), revision), expected) {
                (Ok(seen), Some((branch, at))) => check_seen(lived, &seen, &branch, at),
                (Err(error), None) if is_missing(&error) => {}
                (found, expected) => panic!(
                    "{} at {revision}: {:?}, not {expected:?}",
                    id(index),
                    found.map(|seen| seen.branch),
                ),
            }
        }
    }
    let horizon = past.head().at.max(lived.clock.now()) + TimeDelta::microseconds(1);
    for at in lived.times() {
        let found = lived.runtime.block_on(past.revision_at(at, horizon));
        match found {
            Ok(revision) => {
                assert_eq!(revision, lived.copies.revision_at(at), "{at}");
                assert!(at < horizon, "{at} is not over yet");
            }
            Err(_) => assert!(at < lived.copies.times[0] || horizon <= at, "{at}"),
        }
    }
    assert!(past.check(Revision::ZERO).is_err() && past.check(lived.copies.head().next()).is_err());
}

fn check_seen(lived: &Lived, seen: &BranchAt, branch: &BranchId, at: Revision) {
    assert_eq!((&seen.branch, seen.moment().revision), (branch, at), "{}", seen.asked);
    let state = &lived.copies.past[usize::try_from(at.0).expect("a revision of a test")];
    let copy = &state.catalogs[branch];
    let what = format!("{branch} at {at}");
    assert_eq!(seen.roles().expect("roles"), copy.roles.values().cloned().collect::<Vec<_>>());
    let databases = seen.databases().expect("databases");
    assert_eq!(databases, copy.databases.values().cloned().collect::<Vec<_>>(), "{what}");
    assert_eq!(seen.record().ok(), state.branches.get(&seen.asked).cloned(), "{what}");
    for name in (0..ROLES.len()).map(role) {
        assert_eq!(seen.role(&name).ok(), copy.roles.get(&name).cloned(), "{name} on {what}");
    }
    let left_out = seen.left_out().expect("a state that reads");
    assert_eq!(left_out, oracle::left_out(&lived.copies, branch, at), "{what}");
}

/// Checks the history of every role of a branch, from a revision at which the branch was there.
fn check_roles(lived: &Lived, branch: &BranchId, from: Revision) {
    let past = lived.past();
    for name in (0..ROLES.len()).map(role) {
        let start = Onward::At(Place { branch: branch.clone(), revision: from });
        let found = all(start, |place| past.role_history(place, &name, 2).expect("a page"));
        let found: Vec<_> = found
            .iter()
            .map(|entry| {
                let changes = entry.changes.as_ref().expect("a state before").found.iter();
                assert!(changes.clone().all(|change| change.of == Subject::Whole));
                let changes: Vec<_> = changes.map(|change| change.attribute.clone()).collect();
                check_commit(lived, entry);
                (entry.moment.revision, entry.topic.clone(), changes)
            })
            .collect();
        let expected = oracle::role_history(&lived.copies, branch, &name, from);
        let expected: Vec<_> = expected
            .into_iter()
            .map(|happened| {
                let (before, after) = (happened.before.as_ref(), happened.after.as_ref());
                let topic = Topic::Role(happened.branch, name.clone());
                (happened.revision, topic, changes::of_role(before, after))
            })
            .collect();
        assert_eq!(found, expected, "{name} on {branch} from {from}");
    }
}

fn check_commit(lived: &Lived, entry: &Entry) {
    let index = usize::try_from(entry.moment.revision.0).expect("a revision of a test") - 1;
    assert_eq!(entry.moment.at, lived.copies.times[index]);
    assert_eq!(entry.cause, lived.causes[index]);
    let operations = lived.copies.now.operations.values();
    let caused = operations.filter(|operation| operation.revision == entry.moment.revision);
    let caused: Vec<_> = caused.cloned().collect();
    assert_eq!(entry.operations, caused[..caused.len().min(16)]);
}

/// Checks the history of a branch, from a revision at which it was there.
fn check_branch(lived: &Lived, branch: &BranchId, from: Revision) {
    let past = lived.past();
    for (passes, inherited) in [(false, false), (true, false), (false, true), (true, true)] {
        let include = Include { passes, inherited };
        let start = Onward::At(Place { branch: branch.clone(), revision: from });
        let found = all(start, |place| past.branch_history(place, include, 3).expect("a page"));
        let revisions: Vec<_> = found.iter().map(|entry| entry.moment.revision).collect();
        let expected = oracle::branch_history(&lived.copies, &lived.causes, branch, from, include);
        assert_eq!(revisions, expected, "{branch} from {from}, {include:?}");
        for entry in &found {
            check_commit(lived, entry);
        }
    }
}

/// Checks that the audit finds what a look at every commit finds.
fn check_audit(lived: &Lived) {
    let past = lived.past();
    let (sally, main) = (Some(role(0)), Some(id(0)));
    let middle = lived.copies.times[lived.copies.times.len() / 2];
    let deeds = vec![Deed::CreateRole, Deed::RecordPass];
    let none = AuditQuery { limit: 4, ..AuditQuery::default() };
    for query in [
        none.clone(),
        AuditQuery { branch: main.clone(), ..none.clone() },
        AuditQuery { branch: main, role: sally.clone(), ..none.clone() },
        AuditQuery { role: sally, ..none.clone() },
        AuditQuery { deeds, ..none.clone() },
        AuditQuery { key_id: Some(KeyId(1)), ..none.clone() },
        AuditQuery { request_id: Some(uuid::Uuid::from_u128(7)), ..none.clone() },
        AuditQuery { since: Some(middle), ..none.clone() },
        AuditQuery { until: Some(middle), ..none.clone() },
        AuditQuery { until: Some(middle - TimeDelta::microseconds(1)), ..none },
    ] {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = past.audit(&AuditQuery { cursor, ..query.clone() }).expect("a page");
            found.extend(page.entries.iter().map(|entry| entry.moment.revision));
            for entry in &page.entries {
                check_commit(lived, entry);
            }
            let Onward::At(next) = page.onward else { break };
            cursor = Some(next);
        }
        let expected = oracle::audit(&lived.causes, &lived.copies.times, &query);
        assert_eq!(found, expected, "{query:?}");
    }
}

fn live_through(events: &[Event]) -> Lived {
    let mut lived = Lived::new();
    for (number, event) in (1..).zip(events) {
        if let Event::MoveClock { micros } = event {
            lived.clock.advance_micros(*micros);
            continue;
        }
        let act = event.act(&lived.copies, lived.branches(), number);
        lived.act(&act);
    }
    lived
}

fn check(lived: &Lived) {
    check_points(lived);
    check_audit(lived);
    let head = lived.copies.head();
    for from in [head, Revision(head.0.div_ceil(2))] {
        let index = usize::try_from(from.0).expect("a revision of a test");
        for branch in lived.copies.past[index].branches.keys() {
            check_roles(lived, branch, from);
            check_branch(lived, branch, from);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_past_is_what_full_copies_hold(events in prop::collection::vec(event(), 0..50)) {
        check(&live_through(&events));
    }

    #[test]
    fn what_is_left_of_a_trimmed_past_is_as_it_was(
        events in prop::collection::vec(event(), 0..40),
        floor in any::<prop::sample::Index>(),
    ) {
        let lived = live_through(&events);
        trimmed::check(&lived, lived.revisions().nth(floor.index(lived.causes.len())));
    }
}

#[test]
fn a_page_that_looked_at_enough_comes_back_short_and_says_where_to_go_on() {
    let mut lived = Lived::new();
    let create = |index| Command::CreateRole {
        branch: id(0),
        name: role(index),
        login: Login::Password(credential(0)),
    };
    lived.act(&Act::Do(create(0)));
    lived.act(&Act::Do(Command::DropRole { branch: id(0), name: role(0) }));
    lived.act(&Act::Do(create(1)));
    let others = 2 * u64::try_from(MAX_LOOKED_AT).expect("a small number");
    // Copies of all that would take long, and show nothing.
    for number in 0..others {
        let reset =
            Command::ResetPassword { branch: id(0), name: role(1), credential: credential(number) };
        let act = Act::Do(reset.clone());
        let decide = move |state: &mut Catalog, moment: Moment| {
            Act::Do(reset.clone()).run(state, moment, Seed(1))
        };
        let committed = lived.runtime.block_on(lived.store.commit(LOG, act.cause(0), decide));
        committed.expect("a commit");
    }
    let past = lived.past();
    let head = past.head().revision;
    let start = Place { branch: id(0), revision: head };
    let first = past.role_history(start.clone(), &role(0), 100).expect("a page");
    assert!(first.entries.is_empty() && matches!(first.onward, Onward::At(_)));
    let found =
        all(Onward::At(start), |place| past.role_history(place, &role(0), 100).expect("a page"));
    let revisions: Vec<_> = found.iter().map(|entry| entry.moment.revision.0).collect();
    assert_eq!(revisions, [3, 2]);
    let query = AuditQuery { role: Some(role(0)), limit: 100, ..AuditQuery::default() };
    let page = past.audit(&query).expect("a page");
    let looked_at = u64::try_from(MAX_LOOKED_AT).expect("a small number");
    assert_eq!(page.onward, Onward::At(Revision(head.0 - looked_at)));
    assert!(page.entries.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_that_has_just_passed_waits_for_the_commits_that_are_under_way() {
    let gate = Gate::open();
    let store = store_over(gate.clone());
    let commit = |command: Command| {
        let store = store.clone();
        let decide = move |state: &mut Catalog, moment: Moment| command.run(state, moment, Seed(1));
        async move { store.commit(LOG, cause(Deed::CreateRole), decide).await.expect("a commit") }
    };
    commit(Command::CreateProject).await;
    gate.shut();
    let login = Login::Never;
    let create = Command::CreateRole { branch: id(0), name: role(0), login };
    let waiting = tokio::spawn(commit(create));
    gate.wait_for_appends(2);
    let now = clock().now() + TimeDelta::microseconds(5);
    let past = Past::new(store, LOG);
    let asked = past.revision_at(now, now + TimeDelta::microseconds(5));
    let (found, ()) = tokio::join!(asked, async { gate.reopen() });
    assert_eq!(found.expect("a revision"), Revision(2));
    waiting.await.expect("a task that ends");
}
