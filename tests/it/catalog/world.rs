//! The store and its oracles, side by side.

use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use offshoot::clock::{Clock, ManualClock};
use offshoot::model::id::{BranchId, OperationId};
use offshoot::model::lsn::Lsn;
use offshoot::model::name::RoleName;
use offshoot::model::operation::Operation;
use offshoot::model::revision::{Moment, Revision, Timestamp};
use offshoot::model::role::Role;
use offshoot::model::rules::Seed;
use offshoot::model::rules::branches::Cutoff;
use offshoot::model::state::{Denied, Read};
use offshoot::store::catalog::Catalog;
use offshoot::store::engine::Engine;
use offshoot::store::sled::SledEngine;
use offshoot::store::{CommitError, ProjectView, Store, StoreError, check};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::command::{Command, DATABASES, NAMES, ROLES, database, id, name, role};
use super::copies::{Copies, State};
use super::plain::{Branches, Plain, PlainBranch};
use crate::store::memory::Memory;
use crate::store::reach::{kept, needed};
use crate::store::support::{CACHE_BYTES, LOG, cause, clock, time};

/// Where the rows are while the store is closed.
pub enum Place {
    Memory(Arc<Memory>),
    Disk(TempDir),
}

impl Place {
    fn engine(&self) -> Arc<dyn Engine> {
        match self {
            Self::Memory(engine) => engine.clone(),
            Self::Disk(dir) => open_sled(dir.path()),
        }
    }
}

fn open_sled(path: &Path) -> Arc<dyn Engine> {
    Arc::new(SledEngine::open(path, CACHE_BYTES).expect("an engine that opens"))
}

pub struct World {
    runtime: Runtime,
    place: Place,
    /// The engine and the store over it; none only while it is opened again.
    open: Option<(Arc<dyn Engine>, Store)>,
    pub clock: Arc<ManualClock>,
    pub copies: Copies,
    plain: Plain,
    /// Views that were taken when their revision was the newest.
    held: Vec<ProjectView>,
    commands: u64,
    /// The oldest revision that can be asked for.
    floor: u64,
}

impl World {
    pub fn new(place: Place) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let clock = clock();
        let mut world = Self {
            runtime,
            place,
            open: None,
            clock,
            copies: Copies::new(),
            plain: Plain::new(),
            held: Vec::new(),
            commands: 0,
            floor: 1,
        };
        world.open();
        world.run(&Command::CreateProject);
        world
    }

    fn open(&mut self) {
        let engine = self.place.engine();
        let store = Store::over(engine.clone(), CACHE_BYTES, self.clock.clone() as _);
        self.open = Some((engine, store.expect("a store that opens")));
    }

    fn store(&self) -> &Store {
        &self.open.as_ref().expect("an open store").1
    }

    /// Checks everything, closes the store, and opens it again.
    pub fn reopen(&mut self) {
        self.check();
        self.held.clear();
        let (engine, store) = self.open.take().expect("an open store");
        self.runtime.block_on(store.close());
        drop((engine, store));
        self.open();
        self.check_head();
    }

    /// Runs a command here and there, and compares the answers and what is left.
    pub fn run(&mut self, command: &Command) {
        self.commands += 1;
        let seed = Seed(self.commands << 16);
        let before = self.copies.head();
        let mut now = None;
        let expected = self.copies.decide(self.clock.now(), |state, moment| {
            now = Some(moment.at);
            command.run(state, moment, seed)
        });
        let now = now.expect("a rule that was run");
        let decided = command.clone();
        let decide = move |state: &mut Catalog, moment: Moment| decided.run(state, moment, seed);
        let found = self.runtime.block_on(self.store().commit(LOG, cause(command.deed()), decide));
        if self.asks_below_floor(command) && !is_refused(&found) {
            assert!(is_below_floor(&found), "{command:?}: {found:?}");
            return self.copies.undo(before);
        }
        if let (Command::Merge { .. }, true) = (command, is_below_floor(&found)) {
            // The histories of merges know when.
            assert!(1 < self.floor, "{command:?}: {found:?}");
            return self.copies.undo(before);
        }
        let is_done = match (found, expected) {
            (Ok((told, moment)), Ok(expected)) => {
                assert_eq!(told, expected, "{command:?}");
                assert_eq!(moment.revision, self.copies.head(), "{command:?}");
                assert_eq!(Some(moment.at), self.copies.times.last().copied(), "{command:?}");
                true
            }
            (Err(CommitError::Denied(Denied::Refused(told))), Err(Denied::Refused(expected))) => {
                assert_eq!(told, expected, "{command:?}");
                false
            }
            (found, expected) => panic!("{command:?}: {found:?}, not {expected:?}"),
        };
        if let Some(expected) = self.plain.carry_out(command, now) {
            assert_eq!(is_done, expected, "{command:?}");
        }
        if let Command::Merge { target, .. } = command
            && let Some(branch) = self.copies.now.branches.get(target).cloned()
        {
            let Ok(merged) = PlainBranch::of(&self.copies.now, branch);
            self.plain.now.insert(target.clone(), merged);
        }
        if before != self.copies.head() {
            self.plain.commit(*self.copies.times.last().expect("a commit"));
        }
        self.check_head();
        self.held.push(self.store().view(LOG));
    }

    /// Whether a command asks for a state that was trimmed.
    fn asks_below_floor(&self, command: &Command) -> bool {
        let cutoff = if let Command::Branch { new, asked: _ } = command {
            new.cutoff
        } else if let Command::Restore { restoration, asked: _ } = command {
            restoration.cutoff
        } else {
            return false;
        };
        match cutoff {
            Cutoff::Past { revision, at: _, lsn: _ } => self.is_trimmed(revision),
            Cutoff::Head => false,
        }
    }

    fn is_trimmed(&self, revision: Revision) -> bool {
        1 < self.floor && revision.0 < self.floor
    }

    /// Trims all but the newest revisions, and checks that exactly what they need is left.
    pub fn trim(&mut self, left: u64) {
        let to = Revision(self.copies.head().0.saturating_sub(left).max(1));
        self.floor = self.floor.max(to.0);
        let stop = CancellationToken::new();
        let trim = || self.runtime.block_on(self.store().trim(LOG, to, &stop)).expect("a trim");
        trim();
        assert_eq!(trim().deleted, 0, "a second run deletes nothing");
        let engine = &self.open.as_ref().expect("an open store").0;
        assert_eq!(kept(&**engine, LOG), needed(&**engine, LOG));
        self.held.retain(|view| self.floor <= view.moment.revision.0);
        self.check_head();
    }

    /// Returns the id of a branch that exists or existed.
    pub fn branch(&self, index: usize) -> BranchId {
        id(index % self.branches())
    }

    /// Returns how many branches there ever were.
    pub fn branches(&self) -> usize {
        let mut ids: Vec<_> = self.copies.past.iter().flat_map(|s| s.branches.keys()).collect();
        ids.sort();
        ids.dedup();
        ids.len()
    }

    fn check_head(&self) {
        let view = self.store().view::<Catalog>(LOG);
        assert_eq!(view.moment.revision, self.copies.head());
        self.check_view(&view).expect("a state that reads");
        assert!(self.plain.now == *self.plain.past.last().expect("a state"));
    }

    /// Compares every revision, every view that is still held, and every time.
    pub fn check(&self) {
        for number in 0..=self.copies.head().0 {
            let view = self.store().view_at(LOG, Revision(number));
            if self.is_trimmed(Revision(number)) {
                assert!(matches!(view, Err(StoreError::BelowFloor { .. })), "{number}");
            } else {
                self.check_view(&view.expect("a view")).expect("a state that reads");
            }
        }
        for view in &self.held {
            self.check_view(view).expect("a state that reads");
        }
        for at in &self.copies.times {
            for micros in [-1, 0, 1] {
                self.check_time(*at + TimeDelta::microseconds(micros));
            }
        }
        self.check_time(time(0));
        self.check_time(time(i64::MAX / 1000));
        let engine = &self.open.as_ref().expect("an open store").0;
        let findings = check::check(engine, |_| {}).expect("a check");
        let rows = self.copies.head().0 - self.floor + 1 + kept(&**engine, LOG).len() as u64;
        assert_eq!((findings.wrong, findings.rows), (vec![], rows));
    }

    fn check_time(&self, at: Timestamp) {
        let found = self.store().moment_at(LOG, at);
        let revision = self.copies.revision_at(at);
        if self.is_trimmed(revision) {
            assert!(matches!(found, Err(StoreError::BelowFloor { .. })), "{at}");
            return;
        }
        let found = found.expect("a moment");
        assert_eq!(found.map_or(Revision::ZERO, |found| found.revision), revision, "{at}");
        let times = self.copies.times.iter().take_while(|time| **time <= at);
        assert_eq!(found.map(|found| found.at), times.last().copied(), "{at}");
    }

    fn check_view(&self, view: &ProjectView) -> Result<(), StoreError> {
        let number = usize::try_from(view.moment.revision.0).expect("a revision of a test");
        let revision = view.moment.revision;
        let (state, expected) = (&view.state, &self.copies.past[number]);
        assert_eq!(state.project()?, expected.project, "{revision}");
        assert_eq!(state.branches()?, values(&expected.branches), "{revision}");
        assert_eq!(state.endpoints()?, values(&expected.endpoints), "{revision}");
        for name in (0..NAMES.len()).map(name) {
            let Ok(found) = expected.branch_named(&name);
            assert_eq!(state.branch_named(&name)?, found, "{name} at {revision}");
        }
        check_operations(state, expected)?;
        check_due(state, expected)?;
        for index in 0..=self.branches() {
            check_branch(state, expected, &id(index), revision)?;
        }
        check_plain(state, &self.plain.past[number])
    }
}

fn is_refused<T>(found: &Result<T, CommitError>) -> bool {
    matches!(found, Err(CommitError::Denied(Denied::Refused(_))))
}

fn is_below_floor<T>(found: &Result<T, CommitError>) -> bool {
    let Err(CommitError::Denied(denied)) = found else { return false };
    matches!(denied, Denied::Unreadable(StoreError::BelowFloor { .. }))
}

fn values<K, V: Clone>(map: &std::collections::BTreeMap<K, V>) -> Vec<V> {
    map.values().cloned().collect()
}

fn check_branch(
    state: &Catalog,
    expected: &State,
    id: &BranchId,
    revision: Revision,
) -> Result<(), StoreError> {
    let at = format!("{id} at {revision}");
    let copy = expected.catalogs.get(id).cloned().unwrap_or_default();
    assert_eq!(state.branch(id)?, expected.branches.get(id).cloned(), "{at}");
    assert_eq!(state.roles(id)?, values(&copy.roles), "{at}");
    assert_eq!(state.databases(id)?, values(&copy.databases), "{at}");
    for name in (0..ROLES.len()).map(role) {
        assert_eq!(state.role(id, &name)?, copy.roles.get(&name).cloned(), "{name} on {at}");
    }
    for name in (0..DATABASES.len()).map(database) {
        let found = state.database(id, &name)?;
        assert_eq!(found, copy.databases.get(&name).cloned(), "{name} on {at}");
    }
    let Ok(unfinished) = expected.unfinished(id);
    assert_eq!(state.unfinished(id)?, unfinished, "{at}");
    let Ok(first) = expected.first_mark(id);
    assert_eq!(state.first_mark(id)?, first, "{at}");
    let around = expected.marks.values().flat_map(|mark| [mark.lsn.0 - 1, mark.lsn.0]);
    for lsn in around.chain([0, u64::MAX]).map(Lsn) {
        let Ok(mark) = expected.mark_before(id, lsn);
        assert_eq!(state.mark_before(id, lsn)?, mark, "{lsn} on {at}");
    }
    Ok(())
}

fn check_operations(state: &Catalog, expected: &State) -> Result<(), StoreError> {
    let mut all: Vec<Operation> = values(&expected.operations);
    let mut branches: Vec<BranchId> =
        all.iter().filter(|o| !o.status.has_ended()).map(|o| o.branch.clone()).collect();
    branches.sort();
    branches.dedup();
    assert_eq!(state.branches_with_unfinished()?, branches);
    all.reverse();
    assert_eq!(state.operations(None, 10_000)?, (all.clone(), false));
    let mut before: Option<OperationId> = None;
    for page in all.chunks(17) {
        let (found, has_more) = state.operations(before, 17)?;
        assert_eq!(found, page);
        before = found.last().map(|operation| operation.id);
        assert_eq!(has_more, before != all.last().map(|operation| operation.id));
    }
    for operation in all.iter().take(3) {
        assert_eq!(state.operation(operation.id)?.as_ref(), Some(operation));
    }
    Ok(())
}

/// What goes by itself is found, the first of it first.
fn check_due(state: &Catalog, expected: &State) -> Result<(), StoreError> {
    let mut branches = Vec::new();
    for (id, branch) in &expected.branches {
        let roles = expected.catalogs.get(id).map(|copy| values(&copy.roles)).unwrap_or_default();
        let ends = |role: Role| Some((role.expires_at?, role));
        let mut roles: Vec<_> = roles.into_iter().filter_map(ends).collect();
        roles.sort_by(|(a, one), (b, other)| (a, &one.name).cmp(&(b, &other.name)));
        let first = roles.first().map(|(at, _)| *at);
        branches.extend(
            first
                .into_iter()
                .chain(branch.expiry.map(|expiry| expiry.at))
                .min()
                .map(|at| (at, id.clone())),
        );
        for (at, _) in &roles {
            let until = roles.iter().filter(|(other, _)| other <= at);
            let until: Vec<Role> = until.map(|(_, role)| role.clone()).collect();
            assert_eq!(state.due_roles(id, *at, until.len() + 1)?, until, "{id} until {at}");
        }
    }
    branches.sort();
    assert_eq!(state.next_due()?, branches.first().cloned());
    let latest = branches.last().map_or(time(0), |(at, _)| *at);
    let ids: Vec<_> = branches.into_iter().map(|(_, id)| id).collect();
    assert_eq!(state.due_branches(latest, ids.len() + 1)?, ids);
    Ok(())
}

fn check_plain(state: &Catalog, expected: &Branches) -> Result<(), StoreError> {
    let mut found = Branches::new();
    for branch in state.branches()? {
        found.insert(branch.id.clone(), PlainBranch::of(state, branch)?);
    }
    assert_eq!(found, *expected);
    Ok(())
}

/// Returns the name of a role that is made with many others.
pub fn bulk(number: usize) -> RoleName {
    format!("bulk-{number:02}").parse().expect("a name")
}
