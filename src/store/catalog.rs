//! A project's state over persistent trees: one for the project, and one for each branch's catalog,
//! whose root is in the branch's record.

mod inventory;
mod lookup;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::model::branch::Branch;
use crate::model::database::Database;
use crate::model::endpoint::Endpoint;
use crate::model::id::{BranchId, EndpointId, OperationId};
use crate::model::lsn::Lsn;
use crate::model::name::{BranchName, DatabaseName, RoleName};
use crate::model::operation::Operation;
use crate::model::project::Project;
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::Role;
use crate::model::state::{Mark, Read, Write};
use crate::store::receipts::Receipts;
use crate::store::records::{Contents, Keeper, Records, get, list, put};
use crate::store::stored::{
    BranchRecord, Catalogs, Stored, StoredBranch, StoredBranchId, StoredDatabase, StoredEndpoint,
    StoredMark, StoredOperation, StoredProject, StoredRole, StoredRoleName, StoredUnfinished,
    decode,
};
use crate::store::{StoreError, keys};
use crate::tree::{NodeId, Tree};

pub use inventory::{Differences, Inventory};
pub use lookup::OperationPage;

/// A project's state at one revision, and the edits that were made to it.
pub struct Catalog {
    project: Records,
    /// The catalogs that were edited. The others are where their branches' records say.
    edited: BTreeMap<BranchId, Tree>,
    /// The catalogs that were copied, and from what.
    copied: BTreeMap<BranchId, Tree>,
    /// The branches whose records were put.
    put: BTreeSet<BranchId>,
}

impl Contents for Catalog {
    fn open(records: Records) -> Self {
        let (edited, copied) = (BTreeMap::new(), BTreeMap::new());
        Self { project: records, edited, copied, put: BTreeSet::new() }
    }

    fn close(mut self, keeper: &mut Keeper) -> Result<Option<NodeId>, StoreError> {
        let edited = self.edited.keys().cloned();
        for id in self.put.iter().cloned().chain(edited).collect::<BTreeSet<_>>() {
            let key = keys::branch(&id);
            let found = self.project.get::<StoredBranch>(&key)?;
            let BranchRecord { branch, catalogs, due: was_due } =
                found.expect("a branch that was put or whose catalog was edited is there");
            let due = self.first_due(&branch)?;
            let catalogs = self.keep_catalogs(&id, catalogs, keeper);
            if due != was_due {
                if let Some(at) = was_due {
                    self.project.remove(&keys::due(at, &id))?;
                }
                if let Some(at) = due {
                    self.project.put::<StoredBranchId>(&keys::due(at, &id), id)?;
                }
            }
            self.project.put::<StoredBranch>(&key, BranchRecord { branch, catalogs, due })?;
        }
        Ok(self.project.close(keeper))
    }
}

impl Receipts for Catalog {
    fn records(&self) -> &Records {
        &self.project
    }

    fn records_mut(&mut self) -> &mut Records {
        &mut self.project
    }
}

impl Catalog {
    /// Returns when something of a branch, or it itself, expires first.
    fn first_due(&self, branch: &Branch) -> Result<Option<Timestamp>, StoreError> {
        let role = self.first_expiring(&branch.id)?.and_then(|role| role.expires_at);
        Ok([branch.expiry.map(|expiry| expiry.at), role].into_iter().flatten().min())
    }

    /// Keeps what was edited of a branch's catalog.
    fn keep_catalogs(&mut self, id: &BranchId, kept: Catalogs, keeper: &mut Keeper) -> Catalogs {
        let Some(mut edited) = self.edited.remove(id) else { return kept };
        let now = edited.keep(&mut |node| keeper.number(node));
        match self.copied.get(id) {
            None => Catalogs { now, ..kept },
            Some(source) => Catalogs { now, source: source.kept_root(), start: now },
        }
    }

    fn get_operation(&self, id: OperationId) -> Result<Operation, StoreError> {
        self.operation(id)?.ok_or_else(|| StoreError::Dangling { key: keys::operation(id) })
    }

    /// Returns the root of a branch's catalog, as it was before any edit.
    pub(super) fn kept_catalog(&self, branch: &BranchId) -> Result<Option<Tree>, StoreError> {
        let found = self.project.get::<StoredBranch>(&keys::branch(branch))?;
        Ok(found.map(|record| Tree::at(record.catalogs.now)))
    }

    fn catalog(&self, branch: &BranchId) -> Result<Tree, StoreError> {
        match self.edited.get(branch) {
            Some(catalog) => Ok(catalog.clone()),
            None => Ok(self.kept_catalog(branch)?.unwrap_or_default()),
        }
    }

    fn get_in<T: Stored>(
        &self,
        branch: &BranchId,
        key: &[u8],
    ) -> Result<Option<T::Model>, StoreError> {
        get::<T>(self.project.nodes(), &self.catalog(branch)?, key)
    }

    fn list_in<T: Stored>(
        &self,
        branch: &BranchId,
        prefix: &[u8],
    ) -> Result<Vec<T::Model>, StoreError> {
        list::<T>(self.project.nodes(), &self.catalog(branch)?, prefix)
    }

    fn put_in<T: Stored>(
        &mut self,
        branch: &BranchId,
        key: &[u8],
        record: T::Model,
    ) -> Result<(), StoreError> {
        let mut catalog = self.catalog(branch)?;
        put::<T>(self.project.nodes(), &mut catalog, key, record)?;
        self.edited.insert(branch.clone(), catalog);
        Ok(())
    }

    fn forget_expiry(
        &mut self,
        branch: &BranchId,
        name: &RoleName,
        was: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        match was {
            Some(at) => self.drop_in(branch, &keys::expiry(at, name)),
            None => Ok(()),
        }
    }

    fn drop_in(&mut self, branch: &BranchId, key: &[u8]) -> Result<(), StoreError> {
        let mut catalog = self.catalog(branch)?;
        catalog.remove(self.project.nodes(), key)?;
        self.edited.insert(branch.clone(), catalog);
        Ok(())
    }
}

impl Read for Catalog {
    type Error = StoreError;

    fn project(&self) -> Result<Option<Project>, StoreError> {
        self.project.get::<StoredProject>(keys::PROJECT)
    }

    fn branch(&self, id: &BranchId) -> Result<Option<Branch>, StoreError> {
        let found = self.project.get::<StoredBranch>(&keys::branch(id))?;
        Ok(found.map(|record| record.branch))
    }

    fn branch_named(&self, name: &BranchName) -> Result<Option<BranchId>, StoreError> {
        self.project.get::<StoredBranchId>(&keys::branch_name(name))
    }

    fn branches(&self) -> Result<Vec<Branch>, StoreError> {
        let found = self.project.list::<StoredBranch>(keys::BRANCHES)?;
        Ok(found.into_iter().map(|record| record.branch).collect())
    }

    fn endpoint(&self, id: &EndpointId) -> Result<Option<Endpoint>, StoreError> {
        self.project.get::<StoredEndpoint>(&keys::endpoint(id))
    }

    fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        self.project.list::<StoredEndpoint>(keys::ENDPOINTS)
    }

    fn role(&self, branch: &BranchId, name: &RoleName) -> Result<Option<Role>, StoreError> {
        self.get_in::<StoredRole>(branch, &keys::role(name))
    }

    fn roles(&self, branch: &BranchId) -> Result<Vec<Role>, StoreError> {
        self.list_in::<StoredRole>(branch, keys::ROLES)
    }

    fn database(
        &self,
        branch: &BranchId,
        name: &DatabaseName,
    ) -> Result<Option<Database>, StoreError> {
        self.get_in::<StoredDatabase>(branch, &keys::database(name))
    }

    fn databases(&self, branch: &BranchId) -> Result<Vec<Database>, StoreError> {
        self.list_in::<StoredDatabase>(branch, keys::DATABASES)
    }

    fn operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        self.project.get::<StoredOperation>(&keys::operation(id))
    }

    fn oldest_operations(&self, limit: usize) -> Result<Vec<Operation>, StoreError> {
        let mut found = Vec::new();
        self.project.tree().scan(self.project.nodes(), keys::OPERATIONS, |key, value| {
            if !key.starts_with(keys::OPERATIONS) || limit <= found.len() {
                return ControlFlow::Break(());
            }
            found.push(decode::<StoredOperation>(key, value));
            ControlFlow::Continue(())
        })?;
        found.into_iter().collect()
    }

    fn unfinished(&self, branch: &BranchId) -> Result<Vec<Operation>, StoreError> {
        let ids = self.project.list::<StoredUnfinished>(&keys::unfinished_of(branch))?;
        ids.into_iter().map(|id| self.get_operation(id)).collect()
    }

    fn mark_before(&self, branch: &BranchId, lsn: Lsn) -> Result<Option<Mark>, StoreError> {
        let key = keys::mark(branch, lsn);
        let found = self.project.tree().last_until(self.project.nodes(), &key)?;
        found
            .filter(|(key, _)| key.starts_with(&keys::marks_of(branch)))
            .map(|(key, value)| decode::<StoredMark>(&key, &value))
            .transpose()
    }

    fn first_mark(&self, branch: &BranchId) -> Result<Option<Mark>, StoreError> {
        first::<StoredMark>(&self.project, self.project.tree(), &keys::marks_of(branch))
    }
}

impl Write for Catalog {
    fn put_project(&mut self, project: Project) -> Result<(), StoreError> {
        self.project.put::<StoredProject>(keys::PROJECT, project)
    }

    fn put_branch(&mut self, branch: Branch) -> Result<(), StoreError> {
        let key = keys::branch(&branch.id);
        let before = self.project.get::<StoredBranch>(&key)?;
        let (was_named, catalogs, due) = match before {
            Some(BranchRecord { branch, catalogs, due }) => (Some(branch.name), catalogs, due),
            None => (None, Catalogs::default(), None),
        };
        if was_named.as_ref() != Some(&branch.name) {
            if let Some(name) = was_named {
                self.project.remove(&keys::branch_name(&name))?;
            }
            let name = keys::branch_name(&branch.name);
            self.project.put::<StoredBranchId>(&name, branch.id.clone())?;
        }
        self.put.insert(branch.id.clone());
        self.project.put::<StoredBranch>(&key, BranchRecord { branch, catalogs, due })
    }

    fn remove_branch(&mut self, id: &BranchId) -> Result<(), StoreError> {
        let key = keys::branch(id);
        if let Some(record) = self.project.get::<StoredBranch>(&key)? {
            self.project.remove(&keys::branch_name(&record.branch.name))?;
            if let Some(at) = record.due {
                self.project.remove(&keys::due(at, id))?;
            }
        }
        self.edited.remove(id);
        self.copied.remove(id);
        self.put.remove(id);
        self.project.remove(&key)
    }

    fn copy_catalog(
        &mut self,
        child: &BranchId,
        parent: &BranchId,
        cutoff: Revision,
    ) -> Result<bool, StoreError> {
        let catalog = if cutoff == self.project.base() {
            self.catalog(parent)?
        } else {
            let past = Self::open(self.project.at(cutoff)?);
            match past.kept_catalog(parent)? {
                Some(catalog) => catalog,
                None => return Ok(false),
            }
        };
        self.copied.insert(child.clone(), catalog.clone());
        self.edited.insert(child.clone(), catalog);
        Ok(true)
    }

    fn put_endpoint(&mut self, endpoint: Endpoint) -> Result<(), StoreError> {
        self.project.put::<StoredEndpoint>(&keys::endpoint(&endpoint.id), endpoint)
    }

    fn remove_endpoint(&mut self, id: &EndpointId) -> Result<(), StoreError> {
        self.project.remove(&keys::endpoint(id))
    }

    fn put_role(&mut self, branch: &BranchId, role: Role) -> Result<(), StoreError> {
        let was = self.role(branch, &role.name)?.and_then(|role| role.expires_at);
        if was != role.expires_at {
            self.forget_expiry(branch, &role.name, was)?;
            if let Some(at) = role.expires_at {
                let key = keys::expiry(at, &role.name);
                self.put_in::<StoredRoleName>(branch, &key, role.name.clone())?;
            }
        }
        self.put_in::<StoredRole>(branch, &keys::role(&role.name), role)
    }

    fn drop_role(&mut self, branch: &BranchId, name: &RoleName) -> Result<(), StoreError> {
        let was = self.role(branch, name)?.and_then(|role| role.expires_at);
        self.forget_expiry(branch, name, was)?;
        self.drop_in(branch, &keys::role(name))
    }

    fn put_database(&mut self, branch: &BranchId, database: Database) -> Result<(), StoreError> {
        self.put_in::<StoredDatabase>(branch, &keys::database(&database.name), database)
    }

    fn drop_database(&mut self, branch: &BranchId, name: &DatabaseName) -> Result<(), StoreError> {
        self.drop_in(branch, &keys::database(name))
    }

    fn put_operation(&mut self, operation: Operation) -> Result<(), StoreError> {
        let unfinished = keys::unfinished(&operation.branch, operation.id);
        if operation.status.has_ended() {
            self.project.remove(&unfinished)?;
        } else {
            self.project.put::<StoredUnfinished>(&unfinished, operation.id)?;
        }
        self.project.put::<StoredOperation>(&keys::operation(operation.id), operation)
    }

    fn remove_operation(&mut self, id: OperationId) -> Result<(), StoreError> {
        self.project.remove(&keys::operation(id))
    }

    fn clear_marks(&mut self, branch: &BranchId) -> Result<(), StoreError> {
        for mark in self.project.list::<StoredMark>(&keys::marks_of(branch))? {
            self.project.remove(&keys::mark(branch, mark.lsn))?;
        }
        Ok(())
    }

    fn put_mark(&mut self, branch: &BranchId, mark: Mark) -> Result<(), StoreError> {
        self.project.put::<StoredMark>(&keys::mark(branch, mark.lsn), mark)
    }
}

/// Returns the first record of `tree` whose key begins with `prefix`.
fn first<T: Stored>(
    records: &Records,
    tree: &Tree,
    prefix: &[u8],
) -> Result<Option<T::Model>, StoreError> {
    let mut first = None;
    tree.scan(records.nodes(), prefix, |key, value| {
        first = key.starts_with(prefix).then(|| decode::<T>(key, value));
        ControlFlow::Break(())
    })?;
    first.transpose()
}
