//! Merges against an oracle that copies whole branches and looks at everything.

mod act;
mod cost;
pub mod event;
mod naive;
mod plainly;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use offshoot::clock::{Clock, ManualClock};
use offshoot::model::branch::PasswordPolicy;
use offshoot::model::cause::Deed;
use offshoot::model::id::BranchId;
use offshoot::model::merge::{Choices, Side};
use offshoot::model::refusal::Refusal;
use offshoot::model::revision::{Moment, Revision};
use offshoot::model::role::Role;
use offshoot::model::rules::merge::{Asked, Foretold, foretell};
use offshoot::model::rules::passwords::Passwords;
use offshoot::model::state::{Denied, Read};
use offshoot::store::catalog::Catalog;
use offshoot::store::engine::Engine;
use offshoot::store::{CommitError, Store, StoreError, check};
use proptest::prelude::*;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use self::act::{Act, create_project};
use self::event::{Event, history};
use self::naive::{Expected, Naive, Plain, databases};
use super::copies::Copies;
use crate::store::memory::Memory;
use crate::store::support::{CACHE_BYTES, LOG, cause, clock};

struct World {
    runtime: Runtime,
    engine: Arc<dyn Engine>,
    store: Store,
    clock: Arc<ManualClock>,
    copies: Copies,
    naive: Naive,
    number: u64,
}

/// How long it takes until something expires.
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

type Told = Result<String, Refusal>;

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (engine, clock): (Arc<dyn Engine>, _) = (Arc::new(Memory::default()), clock());
        let store = Store::over(engine.clone(), CACHE_BYTES, clock.clone() as _).expect("a store");
        let naive = Naive { past: vec![BTreeMap::new()], ..Naive::default() };
        let (copies, number) = (Copies::new(), 0);
        let mut world = Self { runtime, engine, store, clock, copies, naive, number };
        world.commit(create_project, create_project).expect("a project");
        world.naive.note(&world.copies.now);
        world
    }

    /// Runs a rule here and there, and returns the answer on which both agree.
    fn commit(
        &mut self,
        mut here: impl FnMut(&mut Catalog, Moment) -> Result<String, Denied<StoreError>>
        + Send
        + 'static,
        there: impl FnOnce(&mut Copies, Moment) -> Result<String, Denied<std::convert::Infallible>>,
    ) -> Told {
        self.clock.advance_micros(1_000_000);
        let before = self.copies.head();
        let expected = self.copies.decide(self.clock.now(), there);
        let decide = move |state: &mut Catalog, moment| here(state, moment);
        let found = self.runtime.block_on(self.store.commit(LOG, cause(Deed::MergeBranch), decide));
        let told = match (found, expected) {
            (Ok((told, moment)), Ok(expected)) => {
                assert_eq!(moment.revision, self.copies.head());
                assert_eq!(told, expected);
                Ok(told)
            }
            (Err(CommitError::Denied(Denied::Refused(told))), Err(Denied::Refused(expected))) => {
                assert_eq!(told, expected);
                Err(told)
            }
            (Err(CommitError::Denied(Denied::Unreadable(error))), _) => {
                self.copies.undo(before);
                Err(self.trimmed(&error))
            }
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        };
        self.check_branches();
        told
    }

    /// Returns how a client is told that something is no longer kept.
    fn trimmed(&self, error: &StoreError) -> Refusal {
        let StoreError::BelowFloor { floor, .. } = error else { panic!("{error}") };
        assert_eq!(Some(*floor), self.store.floor(LOG).expect("a floor"));
        Refusal::HistoryTrimmed { begins: floor.at.to_string() }
    }

    fn trim(&mut self, left: u64) {
        let to = Revision(self.copies.head().0.saturating_sub(left).max(1));
        let stop = CancellationToken::new();
        self.runtime.block_on(self.store.trim(LOG, to, &stop)).expect("a trim");
        self.check_branches();
    }

    fn reopen(&mut self) {
        self.runtime.block_on(self.store.close());
        let (engine, clock) = (self.engine.clone(), self.clock.clone());
        self.store = Store::over(engine, CACHE_BYTES, clock as _).expect("a store");
        self.check_branches();
    }

    fn run(&mut self, act: &Act) -> Told {
        self.number += 1;
        if let Act::Expire { .. } = act {
            self.clock.advance_micros(DAY_MICROS);
        }
        let (number, ids, this, that) = (self.number, self.ids(), act.clone(), act.clone());
        let same_ids = ids.clone();
        self.commit(
            move |state, moment| this.run(state, moment, &ids, number),
            move |state, moment| that.run(state, moment, &same_ids, number),
        )
    }

    fn happen(&mut self, act: &Act) {
        let before = self.copies.head();
        let Some(asked) = act.asked(&self.ids(), self.number + 1) else {
            let told = self.run(act);
            if let Act::Expire { .. } = act {
                told.expect("what expires owns nothing");
            }
            if before != self.copies.head() {
                self.naive.note(&self.copies.now);
            }
            return self.check_naive();
        };
        let foretold = self.foretell(&asked);
        let passwords = self.passwords(&asked);
        let expected =
            self.naive.merge(&asked.source, &asked.target, &passwords, asked.choices.others);
        let told = self.run(act);
        match &told {
            Err(Refusal::HistoryTrimmed { .. }) => {
                let both = [&asked.source, &asked.target];
                assert!(both.into_iter().any(|id| self.naive.comes_from_the_past(id)));
                assert!(foretold.is_err());
            }
            Err(Refusal::MergeWithoutOrigin { .. }) => {
                assert!(expected.is_none() && foretold.is_err());
            }
            Err(Refusal::MergeConflicts(conflicts)) => {
                let foretold = foretold.expect("a merge");
                assert_eq!((&foretold.conflicts, foretold.taken.len()), (conflicts, 0));
                check_conflicts(&foretold, &expected.expect("an origin"), &asked);
            }
            Err(refusal) => panic!("{refusal}"),
            Ok(told) => {
                let foretold = foretold.expect("a merge");
                let expected = expected.expect("an origin");
                assert!(foretold.conflicts.is_empty() && foretold.undrawn.is_empty());
                assert!(
                    told.contains(&format!("taken: {:?}", foretold.taken))
                        || self.copies.head() == before
                );
                self.check_merged(&asked, &expected, before != self.copies.head());
            }
        }
        if told.is_err() {
            assert_eq!(self.copies.head(), before, "a refused merge left something");
        }
        self.check_naive();
        self.merge_again(act, told.is_ok());
    }

    /// A merge that was made finds nothing to do when it is asked for again.
    fn merge_again(&mut self, act: &Act, was_made: bool) {
        if was_made {
            let before = self.copies.head();
            self.run(act).expect("a merge that was just made");
            assert_eq!(self.copies.head(), before, "{act:?} changes something the second time");
        }
    }

    fn ids(&self) -> Vec<BranchId> {
        self.copies.now.branches.keys().cloned().collect()
    }

    fn has(&self, branch: &BranchId) -> bool {
        self.copies.now.branches.contains_key(branch)
    }

    /// Returns what becomes of the passwords that a merge brings.
    fn passwords(&self, asked: &Asked) -> Passwords {
        let branches = &self.copies.now.branches;
        let target = &branches[&asked.target];
        assert!(branches.values().all(|branch| !branch.protected));
        match target.password_policy.unwrap_or(PasswordPolicy::Inherit) {
            PasswordPolicy::Inherit => Passwords::Inherited,
            PasswordPolicy::Fresh => Passwords::Fresh(asked.drawn.clone()),
            PasswordPolicy::None => Passwords::Unset,
        }
    }

    /// Says what a merge would come to; a time that passes until it is made changes nothing.
    fn foretell(&self, asked: &Asked) -> Result<Foretold, Refusal> {
        let view = self.store.view::<Catalog>(LOG);
        let at = self.clock.now() + chrono::TimeDelta::seconds(1);
        let moment = Moment { revision: view.moment.revision.next(), at };
        let found = foretell(&view.state, moment, asked);
        assert_eq!(self.store.view::<Catalog>(LOG).moment, view.moment);
        found.map_err(|denied| match denied {
            Denied::Refused(refusal) => refusal,
            Denied::Unreadable(error) => self.trimmed(&error),
        })
    }

    /// Compares what a merge left with what was expected.
    fn check_merged(&mut self, asked: &Asked, expected: &Expected, is_new: bool) {
        assert!(expected.contested.is_empty(), "{:?}", expected.contested);
        let found = self.plain(&asked.target, &expected.target);
        let is_whole = is_whole(&expected.target);
        if is_whole || asked.choices.others != Some(Side::Target) {
            assert!(is_whole, "a merge broke its target");
            assert_eq!(told(&found), told(&expected.target));
        }
        if is_new {
            let revision = self.copies.head().0;
            self.naive.note_merge(&asked.source, &asked.target, found, revision);
        }
    }

    /// Returns what a branch has, its passwords standing for what is expected.
    fn plain(&self, branch: &BranchId, expected: &Plain) -> Plain {
        let copy = &self.copies.now.catalogs[branch];
        let had = &self.naive.now()[branch];
        let roles = copy.roles.values().map(|role: &Role| {
            let name = role.name.to_string();
            let known = [&expected.roles, &had.roles].into_iter().find_map(|of| {
                of.get(&name).filter(|known| known.actual == naive::plain(role).actual)
            });
            let mut plain = naive::plain(role);
            if let Some(known) = known {
                plain.common.clone_from(&known.common);
            }
            (name, plain)
        });
        Plain {
            roles: roles.collect(),
            databases: databases(copy.databases.values()),
            ..had.clone()
        }
    }

    /// Compares the passwords of all branches with those that the oracle knows.
    fn check_naive(&self) {
        for (id, branch) in self.naive.now() {
            let copy = &self.copies.now.catalogs[id];
            for role in copy.roles.values() {
                let known = &branch.roles[role.name.as_str()];
                let common = naive::word(role.common_login());
                assert_eq!(common, known.common, "{} on {id}", role.name);
            }
        }
    }

    /// Compares all branches with the copies, and checks that every database has its owner.
    fn check_branches(&self) {
        let state = self.store.view::<Catalog>(LOG).state;
        assert_eq!(
            state.branches().expect("branches"),
            self.copies.now.branches.values().cloned().collect::<Vec<_>>()
        );
        for (id, copy) in self.copies.now.catalogs.iter().filter(|(id, _)| self.has(id)) {
            let (roles, databases) =
                (state.roles(id).expect("roles"), state.databases(id).expect("databases"));
            assert_eq!(roles, copy.roles.values().cloned().collect::<Vec<_>>());
            assert_eq!(databases, copy.databases.values().cloned().collect::<Vec<_>>());
            let lasting = |owner| {
                let owner = copy.roles.get(owner);
                owner.is_some_and(|owner| !owner.protected && owner.expires_at.is_none())
            };
            assert!(databases.iter().all(|database| lasting(&database.owner)), "{databases:#?}");
        }
    }
}

/// What can be compared of a branch.
fn told(plain: &Plain) -> String {
    let roles = plain.roles.iter().map(|(name, role)| {
        format!("{name} {} {} {} {}\n", role.common, role.actual, role.ends, role.protected)
    });
    format!("{}{:#?}", roles.collect::<String>(), plain.databases)
}

/// Whether every database has a lasting owner and a name of its own.
fn is_whole(plain: &Plain) -> bool {
    let names: BTreeSet<_> = plain.databases.values().map(|(name, _)| name).collect();
    let lasting = |owner: &String| {
        plain.roles.get(owner).is_some_and(|role| !role.protected && role.ends == "None")
    };
    names.len() == plain.databases.len() && plain.databases.values().all(|(_, o)| lasting(o))
}

/// Compares the conflicts of a merge with those that were expected.
fn check_conflicts(foretold: &Foretold, expected: &Expected, asked: &Asked) {
    let of_contents = foretold.conflicts.iter().filter(|c| c.why.sides().len() == 2);
    let contested: BTreeSet<_> =
        of_contents.map(|c| format!("{} {}", c.thing.kind(), c.thing.name())).collect();
    assert_eq!(contested, expected.contested);
    let is_broken = foretold.conflicts.iter().any(|conflict| conflict.why.sides().len() == 1);
    // A change that is contested is not made, so what rests on it can break where all would not.
    if is_broken && contested.is_empty() {
        assert!(!is_whole(&expected.target), "{:#?}", foretold.conflicts);
    }
    assert!(!(is_broken && asked.choices.others == Some(Side::Target)));
    assert!(contested.is_empty() || asked.choices.others.is_none());
}

fn live_through(events: &[Event]) {
    let mut world = World::new();
    for policy in [1, 2] {
        world.happen(&Act::Branch { parent: 0, back: 0, policy });
    }
    for event in events {
        match event {
            Event::Act(act) => world.happen(act),
            Event::Trim { left } => world.trim(*left),
            Event::Reopen => world.reopen(),
        }
    }
    let findings = check::check(&world.engine, |_| {}).expect("a check");
    assert_eq!(findings.wrong, Vec::<String>::new());
    for branch in world.ids() {
        let foretold = world.foretell(&Asked {
            source: branch.clone(),
            target: branch,
            choices: Choices::default(),
            drawn: BTreeMap::new(),
        });
        assert_eq!(foretold, Ok(Foretold::default()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_merge_does_what_comparing_whole_branches_does(events in history(60)) {
        live_through(&events);
    }
}
