//! The first oracle: the real rules over a state that is copied whole at every commit.

mod edits;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range;

use chrono::TimeDelta;
use offshoot::model::branch::Branch;
use offshoot::model::database::Database;
use offshoot::model::endpoint::Endpoint;
use offshoot::model::id::{BranchId, EndpointId, OperationId};
use offshoot::model::lsn::Lsn;
use offshoot::model::name::{BranchName, DatabaseName, RoleName};
use offshoot::model::operation::Operation;
use offshoot::model::project::Project;
use offshoot::model::revision::{Moment, Revision, Timestamp};
use offshoot::model::role::Role;
use offshoot::model::rotation::{Rotation, RotationId};
use offshoot::model::state::{Denied, Differences, Mark, Page, Place, Read};

use super::inventories::{Kept, compare};

/// A branch's roles and databases.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Copy {
    pub roles: BTreeMap<RoleName, Role>,
    pub databases: BTreeMap<DatabaseName, Database>,
}

/// A project's state, in plain maps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub project: Option<Project>,
    pub branches: BTreeMap<BranchId, Branch>,
    pub catalogs: BTreeMap<BranchId, Copy>,
    pub kept: BTreeMap<BranchId, Kept>,
    pub endpoints: BTreeMap<EndpointId, Endpoint>,
    pub operations: BTreeMap<OperationId, Operation>,
    pub marks: BTreeMap<(BranchId, Lsn), Mark>,
    pub rotations: BTreeMap<(BranchId, RotationId), Rotation>,
}

/// Every state that there ever was, each a copy of its own.
pub struct Copies {
    pub now: State,
    /// The state at each revision, from 0 on.
    pub past: Vec<State>,
    /// The time of each revision, from 1 on.
    pub times: Vec<Timestamp>,
}

impl Copies {
    pub fn new() -> Self {
        Self { now: State::default(), past: vec![State::default()], times: Vec::new() }
    }

    pub fn head(&self) -> Revision {
        Revision(self.times.len() as u64)
    }

    /// Makes a decision, and a revision where it changed anything.
    pub fn decide<T>(
        &mut self,
        now: Timestamp,
        decide: impl FnOnce(&mut Self, Moment) -> Result<T, Denied<Infallible>>,
    ) -> Result<T, Denied<Infallible>> {
        let earliest = self.times.last().map(|last| *last + TimeDelta::microseconds(1));
        let at = earliest.map_or(now, |earliest| earliest.max(now));
        let before = self.now.clone();
        let result = decide(self, Moment { revision: self.head().next(), at });
        if result.is_err() {
            self.now = before;
        } else if self.now != before {
            self.now.begin();
            self.past.push(self.now.clone());
            self.times.push(at);
        }
        result
    }

    /// Takes back what was decided since the revision `to`.
    pub fn undo(&mut self, to: Revision) {
        let revisions = usize::try_from(to.0).expect("a revision of a test");
        self.times.truncate(revisions);
        self.past.truncate(revisions + 1);
        self.now = self.past[revisions].clone();
    }

    /// Returns the last revision at or before `at`, by looking at every one.
    pub fn revision_at(&self, at: Timestamp) -> Revision {
        Revision(self.times.iter().filter(|time| **time <= at).count() as u64)
    }

    pub fn state_at(&self, revision: Revision) -> &State {
        &self.past[usize::try_from(revision.0).expect("a revision of a test")]
    }

    fn copy(&mut self, branch: &BranchId) -> &mut Copy {
        self.now.catalogs.entry(branch.clone()).or_default()
    }
}

impl State {
    fn marks_of(
        &self,
        branch: &BranchId,
        lsns: Range<u64>,
    ) -> impl DoubleEndedIterator<Item = Mark> {
        let key = |lsn| (branch.clone(), Lsn(lsn));
        self.marks.range(key(lsns.start)..key(lsns.end)).map(|(_, mark)| *mark)
    }
}

type Answer<T> = Result<T, Infallible>;

impl Read for State {
    type Error = Infallible;

    fn project(&self) -> Answer<Option<Project>> {
        Ok(self.project.clone())
    }

    fn branch(&self, id: &BranchId) -> Answer<Option<Branch>> {
        Ok(self.branches.get(id).cloned())
    }

    fn branch_named(&self, name: &BranchName) -> Answer<Option<BranchId>> {
        Ok(self.branches.values().find(|b| b.name == *name).map(|b| b.id.clone()))
    }

    fn branches(&self) -> Answer<Vec<Branch>> {
        Ok(self.branches.values().cloned().collect())
    }

    fn endpoint(&self, id: &EndpointId) -> Answer<Option<Endpoint>> {
        Ok(self.endpoints.get(id).cloned())
    }

    fn endpoints(&self) -> Answer<Vec<Endpoint>> {
        Ok(self.endpoints.values().cloned().collect())
    }

    fn role(&self, branch: &BranchId, name: &RoleName) -> Answer<Option<Role>> {
        Ok(self.catalogs.get(branch).and_then(|copy| copy.roles.get(name)).cloned())
    }

    fn roles(&self, branch: &BranchId) -> Answer<Vec<Role>> {
        let copy = self.catalogs.get(branch);
        Ok(copy.map(|copy| copy.roles.values().cloned().collect()).unwrap_or_default())
    }

    fn database(&self, branch: &BranchId, name: &DatabaseName) -> Answer<Option<Database>> {
        Ok(self.catalogs.get(branch).and_then(|copy| copy.databases.get(name)).cloned())
    }

    fn databases(&self, branch: &BranchId) -> Answer<Vec<Database>> {
        let copy = self.catalogs.get(branch);
        Ok(copy.map(|copy| copy.databases.values().cloned().collect()).unwrap_or_default())
    }

    fn operation(&self, id: OperationId) -> Answer<Option<Operation>> {
        Ok(self.operations.get(&id).cloned())
    }

    fn oldest_operations(&self, limit: usize) -> Answer<Vec<Operation>> {
        Ok(self.operations.values().take(limit).cloned().collect())
    }

    fn unfinished(&self, branch: &BranchId) -> Answer<Vec<Operation>> {
        let is_wanted = |o: &&Operation| o.branch == *branch && !o.status.has_ended();
        Ok(self.operations.values().filter(is_wanted).cloned().collect())
    }

    fn rotation(&self, branch: &BranchId, id: RotationId) -> Answer<Option<Rotation>> {
        Ok(self.rotations.get(&(branch.clone(), id)).cloned())
    }

    fn rotations(&self, branch: &BranchId) -> Answer<Vec<Rotation>> {
        let of_branch = self.rotations.values().filter(|rotation| rotation.branch == *branch);
        Ok(of_branch.cloned().collect())
    }

    fn mark_before(&self, branch: &BranchId, lsn: Lsn) -> Answer<Option<Mark>> {
        // No test has a mark at the very last place.
        Ok(self.marks_of(branch, 0..lsn.0.saturating_add(1)).next_back())
    }

    fn first_mark(&self, branch: &BranchId) -> Answer<Option<Mark>> {
        Ok(self.marks_of(branch, 0..u64::MAX).next())
    }

    type Inventory = Copy;

    fn branch_at(&self, id: &BranchId, at: Revision) -> Answer<Option<Branch>> {
        unreachable!("a state alone knows nothing of {id} at {at}")
    }

    fn inventory(&self, place: &Place) -> Answer<Option<Copy>> {
        Ok(self.find(place))
    }

    fn role_of(&self, of: &Copy, name: &RoleName) -> Answer<Option<Role>> {
        Ok(of.roles.get(name).cloned())
    }

    fn compare_roles(
        &self,
        before: &Copy,
        after: &Copy,
        page: Page<'_, RoleName>,
    ) -> Answer<Differences<Role>> {
        Ok(compare([&before.roles, &after.roles], &page))
    }

    fn compare_databases(
        &self,
        before: &Copy,
        after: &Copy,
        page: Page<'_, DatabaseName>,
    ) -> Answer<Differences<Database>> {
        Ok(compare([&before.databases, &after.databases], &page))
    }
}

impl Read for Copies {
    type Error = Infallible;

    fn project(&self) -> Answer<Option<Project>> {
        self.now.project()
    }

    fn branch(&self, id: &BranchId) -> Answer<Option<Branch>> {
        self.now.branch(id)
    }

    fn branch_named(&self, name: &BranchName) -> Answer<Option<BranchId>> {
        self.now.branch_named(name)
    }

    fn branches(&self) -> Answer<Vec<Branch>> {
        self.now.branches()
    }

    fn endpoint(&self, id: &EndpointId) -> Answer<Option<Endpoint>> {
        self.now.endpoint(id)
    }

    fn endpoints(&self) -> Answer<Vec<Endpoint>> {
        self.now.endpoints()
    }

    fn role(&self, branch: &BranchId, name: &RoleName) -> Answer<Option<Role>> {
        self.now.role(branch, name)
    }

    fn roles(&self, branch: &BranchId) -> Answer<Vec<Role>> {
        self.now.roles(branch)
    }

    fn database(&self, branch: &BranchId, name: &DatabaseName) -> Answer<Option<Database>> {
        self.now.database(branch, name)
    }

    fn databases(&self, branch: &BranchId) -> Answer<Vec<Database>> {
        self.now.databases(branch)
    }

    fn operation(&self, id: OperationId) -> Answer<Option<Operation>> {
        self.now.operation(id)
    }

    fn oldest_operations(&self, limit: usize) -> Answer<Vec<Operation>> {
        self.now.oldest_operations(limit)
    }

    fn unfinished(&self, branch: &BranchId) -> Answer<Vec<Operation>> {
        self.now.unfinished(branch)
    }

    fn rotation(&self, branch: &BranchId, id: RotationId) -> Answer<Option<Rotation>> {
        self.now.rotation(branch, id)
    }

    fn rotations(&self, branch: &BranchId) -> Answer<Vec<Rotation>> {
        self.now.rotations(branch)
    }

    fn mark_before(&self, branch: &BranchId, lsn: Lsn) -> Answer<Option<Mark>> {
        self.now.mark_before(branch, lsn)
    }

    fn first_mark(&self, branch: &BranchId) -> Answer<Option<Mark>> {
        self.now.first_mark(branch)
    }

    type Inventory = Copy;

    fn branch_at(&self, id: &BranchId, at: Revision) -> Answer<Option<Branch>> {
        self.state_at(at).branch(id)
    }

    fn inventory(&self, place: &Place) -> Answer<Option<Copy>> {
        let state = place.at.map_or(&self.now, |at| self.state_at(at));
        Ok(state.find(place))
    }

    fn role_of(&self, of: &Copy, name: &RoleName) -> Answer<Option<Role>> {
        self.now.role_of(of, name)
    }

    fn compare_roles(
        &self,
        before: &Copy,
        after: &Copy,
        page: Page<'_, RoleName>,
    ) -> Answer<Differences<Role>> {
        self.now.compare_roles(before, after, page)
    }

    fn compare_databases(
        &self,
        before: &Copy,
        after: &Copy,
        page: Page<'_, DatabaseName>,
    ) -> Answer<Differences<Database>> {
        self.now.compare_databases(before, after, page)
    }
}
