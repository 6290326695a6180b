//! A project's state over persistent trees: one for the project, and one for each branch's catalog,
//! whose root is in the branch's record.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::model::branch::Branch;
use crate::model::database::Database;
use crate::model::endpoint::Endpoint;
use crate::model::id::{BranchId, EndpointId, OperationId};
use crate::model::lsn::Lsn;
use crate::model::name::{BranchName, DatabaseName, RoleName};
use crate::model::operation::Operation;
use crate::model::project::Project;
use crate::model::revision::Revision;
use crate::model::role::Role;
use crate::model::state::{Mark, Read, Write};
use crate::store::records::{Contents, Keeper, Records, get, list, put};
use crate::store::stored::{
    Stored, StoredBranch, StoredBranchId, StoredDatabase, StoredEndpoint, StoredMark,
    StoredOperation, StoredProject, StoredRole, StoredUnfinished, decode,
};
use crate::store::{StoreError, keys};
use crate::tree::{NodeId, Tree};

/// A project's state at one revision, and the edits that were made to it.
pub struct Catalog {
    project: Records,
    /// The catalogs that were edited. The others are where their branches' records say.
    edited: BTreeMap<BranchId, Tree>,
}

impl Contents for Catalog {
    fn open(records: Records) -> Self {
        Self { project: records, edited: BTreeMap::new() }
    }

    fn close(mut self, keeper: &mut Keeper) -> Result<Option<NodeId>, StoreError> {
        for (id, mut catalog) in std::mem::take(&mut self.edited) {
            let root = catalog.keep(&mut |node| keeper.number(node));
            let key = keys::branch(&id);
            let found = self.project.get::<StoredBranch>(&key)?;
            let (branch, _) = found.expect("a catalog that was edited belongs to a branch");
            self.project.put::<StoredBranch>(&key, (branch, root))?;
        }
        Ok(self.project.close(keeper))
    }
}

/// Operations, newest first, and whether there are more.
pub type OperationPage = (Vec<Operation>, bool);

impl Catalog {
    /// Returns up to `limit` operations before `before`, newest first.
    pub fn operations(
        &self,
        before: Option<OperationId>,
        limit: usize,
    ) -> Result<OperationPage, StoreError> {
        // The key after all keys of operations.
        let end = || keys::OPERATIONS.iter().map(|byte| byte + 1).collect();
        let before = before.map_or_else(end, keys::operation);
        let mut found = Vec::new();
        self.project.tree().scan_back(self.project.nodes(), &before, |key, value| {
            if !key.starts_with(keys::OPERATIONS) || limit < found.len() {
                return ControlFlow::Break(());
            }
            found.push(decode::<StoredOperation>(key, value));
            ControlFlow::Continue(())
        })?;
        let has_more = limit < found.len();
        found.truncate(limit);
        Ok((found.into_iter().collect::<Result<_, _>>()?, has_more))
    }

    /// Returns the branches that have unfinished operations; some of them may be deleted.
    pub fn branches_with_unfinished(&self) -> Result<Vec<BranchId>, StoreError> {
        let ids = self.project.list::<StoredUnfinished>(keys::UNFINISHED)?;
        let mut branches = Vec::new();
        for id in ids {
            branches.push(self.get_operation(id)?.branch);
        }
        branches.sort();
        branches.dedup();
        Ok(branches)
    }

    fn get_operation(&self, id: OperationId) -> Result<Operation, StoreError> {
        self.operation(id)?.ok_or_else(|| StoreError::Dangling { key: keys::operation(id) })
    }

    /// Returns the root of a branch's catalog, as it was before any edit.
    pub(super) fn kept_catalog(&self, branch: &BranchId) -> Result<Option<Tree>, StoreError> {
        let found = self.project.get::<StoredBranch>(&keys::branch(branch))?;
        Ok(found.map(|(_, root)| Tree::at(root)))
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
        Ok(found.map(|(branch, _)| branch))
    }

    fn branch_named(&self, name: &BranchName) -> Result<Option<BranchId>, StoreError> {
        self.project.get::<StoredBranchId>(&keys::branch_name(name))
    }

    fn branches(&self) -> Result<Vec<Branch>, StoreError> {
        let found = self.project.list::<StoredBranch>(keys::BRANCHES)?;
        Ok(found.into_iter().map(|(branch, _)| branch).collect())
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
        let prefix = keys::marks_of(branch);
        let mut first = None;
        self.project.tree().scan(self.project.nodes(), &prefix, |key, value| {
            first = key.starts_with(&prefix).then(|| decode::<StoredMark>(key, value));
            ControlFlow::Break(())
        })?;
        first.transpose()
    }
}

impl Write for Catalog {
    fn put_project(&mut self, project: Project) -> Result<(), StoreError> {
        self.project.put::<StoredProject>(keys::PROJECT, project)
    }

    fn put_branch(&mut self, branch: Branch) -> Result<(), StoreError> {
        let key = keys::branch(&branch.id);
        let before = self.project.get::<StoredBranch>(&key)?;
        let (was_named, root) = match before {
            Some((before, root)) => (Some(before.name), root),
            None => (None, None),
        };
        if was_named.as_ref() != Some(&branch.name) {
            if let Some(name) = was_named {
                self.project.remove(&keys::branch_name(&name))?;
            }
            let name = keys::branch_name(&branch.name);
            self.project.put::<StoredBranchId>(&name, branch.id.clone())?;
        }
        self.project.put::<StoredBranch>(&key, (branch, root))
    }

    fn remove_branch(&mut self, id: &BranchId) -> Result<(), StoreError> {
        if let Some(branch) = self.branch(id)? {
            self.project.remove(&keys::branch_name(&branch.name))?;
        }
        self.edited.remove(id);
        self.project.remove(&keys::branch(id))
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
        self.put_in::<StoredRole>(branch, &keys::role(&role.name), role)
    }

    fn drop_role(&mut self, branch: &BranchId, name: &RoleName) -> Result<(), StoreError> {
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
