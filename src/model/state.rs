//! State: what a project holds at one revision, as rules see it.
//!
//! Rules are written against these two traits. The store implements them over its persistent
//! trees; the tests also over maps that are copied whole, and compare.

use crate::model::branch::Branch;
use crate::model::database::Database;
use crate::model::drift::{Drift, DriftId, DriftPolicy};
use crate::model::endpoint::Endpoint;
use crate::model::id::{BranchId, EndpointId, OperationId};
use crate::model::lsn::Lsn;
use crate::model::name::{BranchName, DatabaseName, RoleName};
use crate::model::operation::Operation;
use crate::model::project::Project;
use crate::model::revision::Revision;
use crate::model::role::Role;
use crate::model::rotation::{Rotation, RotationId};

/// A project's state at one revision, read.
pub trait Read {
    /// Why a read can fail.
    type Error;

    /// Returns the project; none before it is born.
    fn project(&self) -> Result<Option<Project>, Self::Error>;
    /// Returns a branch.
    fn branch(&self, id: &BranchId) -> Result<Option<Branch>, Self::Error>;
    /// Returns the branch of that name.
    fn branch_named(&self, name: &BranchName) -> Result<Option<BranchId>, Self::Error>;
    /// Returns all branches, by id.
    fn branches(&self) -> Result<Vec<Branch>, Self::Error>;
    /// Returns an endpoint.
    fn endpoint(&self, id: &EndpointId) -> Result<Option<Endpoint>, Self::Error>;
    /// Returns all endpoints, by id.
    fn endpoints(&self) -> Result<Vec<Endpoint>, Self::Error>;
    /// Returns a role of a branch.
    fn role(&self, branch: &BranchId, name: &RoleName) -> Result<Option<Role>, Self::Error>;
    /// Returns all roles of a branch, by name.
    fn roles(&self, branch: &BranchId) -> Result<Vec<Role>, Self::Error>;
    /// Returns a database of a branch.
    fn database(
        &self,
        branch: &BranchId,
        name: &DatabaseName,
    ) -> Result<Option<Database>, Self::Error>;
    /// Returns all databases of a branch, by name.
    fn databases(&self, branch: &BranchId) -> Result<Vec<Database>, Self::Error>;
    /// Returns an operation.
    fn operation(&self, id: OperationId) -> Result<Option<Operation>, Self::Error>;
    /// Returns up to `limit` operations of the project, oldest first.
    fn oldest_operations(&self, limit: usize) -> Result<Vec<Operation>, Self::Error>;
    /// Returns the operations of a branch that have not ended, oldest first.
    fn unfinished(&self, branch: &BranchId) -> Result<Vec<Operation>, Self::Error>;
    /// Returns a rotation of a branch.
    fn rotation(&self, branch: &BranchId, id: RotationId) -> Result<Option<Rotation>, Self::Error>;
    /// Returns the rotations of a branch, oldest first.
    fn rotations(&self, branch: &BranchId) -> Result<Vec<Rotation>, Self::Error>;
    /// Returns the newest mark of a branch at or before `lsn`.
    fn mark_before(&self, branch: &BranchId, lsn: Lsn) -> Result<Option<Mark>, Self::Error>;
    /// Returns the oldest mark of a branch.
    fn first_mark(&self, branch: &BranchId) -> Result<Option<Mark>, Self::Error>;

    /// All that a catalog has at one time.
    type Inventory;

    /// Returns a branch as it was at a revision.
    fn branch_at(&self, id: &BranchId, at: Revision) -> Result<Option<Branch>, Self::Error>;
    /// Returns what the catalog at a place has; none where the branch is not there.
    fn inventory(&self, place: &Place) -> Result<Option<Self::Inventory>, Self::Error>;
    /// Returns a role of an inventory.
    fn role_of(
        &self,
        inventory: &Self::Inventory,
        name: &RoleName,
    ) -> Result<Option<Role>, Self::Error>;
    /// Returns a page of the roles that differ between two inventories. What the two share is not
    /// read.
    fn compare_roles(
        &self,
        before: &Self::Inventory,
        after: &Self::Inventory,
        page: Page<'_, RoleName>,
    ) -> Result<Differences<Role>, Self::Error>;
    /// Returns a page of the databases that differ between two inventories. What the two share is
    /// not read.
    fn compare_databases(
        &self,
        before: &Self::Inventory,
        after: &Self::Inventory,
        page: Page<'_, DatabaseName>,
    ) -> Result<Differences<Database>, Self::Error>;
}

/// A project's state while a rule edits it. Nothing is visible to others, or kept, until the
/// commit that holds it is durable.
pub trait Write: Read {
    /// Puts the project.
    fn put_project(&mut self, project: Project) -> Result<(), Self::Error>;
    /// Puts a branch, new or changed. The catalog of a new one is empty. Of a branch that its
    /// record notes as merged for the first time, what that had before this commit is kept.
    fn put_branch(&mut self, branch: Branch) -> Result<(), Self::Error>;
    /// Removes a branch, its catalog and its rotations. Its past stays readable.
    fn remove_branch(&mut self, id: &BranchId) -> Result<(), Self::Error>;
    /// Makes `child`'s catalog the one that `parent` had at `cutoff`, whatever its size by copying
    /// one root. Returns whether `parent` existed then.
    fn copy_catalog(
        &mut self,
        child: &BranchId,
        parent: &BranchId,
        cutoff: Revision,
    ) -> Result<bool, Self::Error>;
    /// Puts an endpoint, new or changed.
    fn put_endpoint(&mut self, endpoint: Endpoint) -> Result<(), Self::Error>;
    /// Removes an endpoint.
    fn remove_endpoint(&mut self, id: &EndpointId) -> Result<(), Self::Error>;
    /// Puts a role, new or changed.
    fn put_role(&mut self, branch: &BranchId, role: Role) -> Result<(), Self::Error>;
    /// Drops a role.
    fn drop_role(&mut self, branch: &BranchId, name: &RoleName) -> Result<(), Self::Error>;
    /// Puts a database, new or changed.
    fn put_database(&mut self, branch: &BranchId, database: Database) -> Result<(), Self::Error>;
    /// Drops a database.
    fn drop_database(&mut self, branch: &BranchId, name: &DatabaseName) -> Result<(), Self::Error>;
    /// Puts an operation, new or changed.
    fn put_operation(&mut self, operation: Operation) -> Result<(), Self::Error>;
    /// Removes an operation that has ended.
    fn remove_operation(&mut self, id: OperationId) -> Result<(), Self::Error>;
    /// Puts a rotation, new or changed.
    fn put_rotation(&mut self, rotation: Rotation) -> Result<(), Self::Error>;
    /// Removes a rotation.
    fn remove_rotation(&mut self, branch: &BranchId, id: RotationId) -> Result<(), Self::Error>;
    /// Forgets the marks of a branch, whose Postgres is another from now on.
    fn clear_marks(&mut self, branch: &BranchId) -> Result<(), Self::Error>;
    /// Notes which revision a branch's Postgres had at an LSN.
    fn put_mark(&mut self, branch: &BranchId, mark: Mark) -> Result<(), Self::Error>;
}

/// What is kept of drift, read.
pub trait ReadDrift: Read {
    /// Returns what a branch does about drift. It is part of its catalog.
    fn drift_policy(&self, branch: &BranchId) -> Result<DriftPolicy, Self::Error>;
    /// Returns a drift of a branch.
    fn drift(&self, branch: &BranchId, id: DriftId) -> Result<Option<Drift>, Self::Error>;
    /// Returns the drifts of a branch, the ended ones among them.
    fn drifts(&self, branch: &BranchId) -> Result<Vec<Drift>, Self::Error>;
}

/// What is kept of drift, while a rule edits it.
pub trait WriteDrift: ReadDrift + Write {
    /// Puts what a branch does about drift.
    fn put_drift_policy(
        &mut self,
        branch: &BranchId,
        policy: DriftPolicy,
    ) -> Result<(), Self::Error>;
    /// Puts a drift, new or changed.
    fn put_drift(&mut self, drift: Drift) -> Result<(), Self::Error>;
    /// Removes a drift.
    fn remove_drift(&mut self, branch: &BranchId, id: DriftId) -> Result<(), Self::Error>;
}

/// Where a catalog is found: in a branch's record, in the state that is read or in an older one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The branch.
    pub branch: BranchId,
    /// The revision at which its record is read; none for the state itself.
    pub at: Option<Revision>,
    /// Which of the record's catalogs it is.
    pub held: Held,
}

/// A catalog that a branch's record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The branch's own.
    Now,
    /// The one from which the branch's was copied when it began.
    Source,
    /// The branch's own as it began: its source's, but for the passwords.
    Start,
    /// The one of another branch, as it was last merged into this one.
    Merged(BranchId),
}

/// A part of what there is, in the order of names.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a, N> {
    /// The name after which it begins.
    pub after: Option<&'a N>,
    /// How much it holds at the most.
    pub limit: usize,
}

impl<N> Page<'_, N> {
    /// Returns the first `limit` of what there is.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }
}

/// What differs between two inventories, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differences<T> {
    /// Each thing as the first has it and as the second does; at least one of them does.
    pub found: Vec<(Option<T>, Option<T>)>,
    /// Whether there are more.
    pub has_more: bool,
}

/// What a branch's Postgres had at a place in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The place in the log.
    pub lsn: Lsn,
    /// The last revision that was applied there.
    pub revision: Revision,
}

/// Why a command was not carried out: a rule refused it, or the state could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied<E> {
    /// A rule refused.
    Refused(crate::model::refusal::Refusal),
    /// The state could not be read.
    Unreadable(E),
}

impl<E> From<E> for Denied<E> {
    fn from(error: E) -> Self {
        Self::Unreadable(error)
    }
}
