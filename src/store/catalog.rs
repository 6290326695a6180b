//! A project's state over persistent trees: one for the project, and one for each branch's catalog,
//! whose root is in the branch's record.

mod drift;
mod edit;
mod inventory;
mod lookup;

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
use crate::model::rotation::{Rotation, RotationId};
use crate::model::state::{Differences, Mark, Page, Place, Read, Write};
use crate::store::receipts::Receipts;
use crate::store::records::{Contents, Keeper, Records};
use crate::store::stored::{
    BranchRecord, Catalogs, StoredBranch, StoredBranchId, StoredDatabase, StoredEndpoint,
    StoredMark, StoredOperation, StoredProject, StoredRole, StoredRoleName, StoredRotation,
    StoredUnfinished, decode,
};
use crate::store::{StoreError, keys};
use crate::tree::NodeId;

use edit::Edited;
pub use inventory::Inventory;
pub use lookup::OperationPage;
use lookup::first;

/// A project's state at one revision, and the edits that were made to it.
pub struct Catalog {
    project: Records,
    /// The branches that were put or whose catalogs were edited. The others are as their records
    /// say; the records of these are written when all is done.
    edited: BTreeMap<BranchId, Edited>,
}

impl Contents for Catalog {
    fn open(records: Records) -> Self {
        Self { project: records, edited: BTreeMap::new() }
    }

    fn close(mut self, keeper: &mut Keeper) -> Result<Option<NodeId>, StoreError> {
        for (id, edited) in std::mem::take(&mut self.edited) {
            let due = self.first_due(&edited)?;
            let Edited { record, mut catalog, copied } = edited;
            let BranchRecord { branch, catalogs, due: was_due } = record;
            if due != was_due {
                if let Some(at) = was_due {
                    self.project.remove(&keys::due(at, &id))?;
                }
                if let Some(at) = due {
                    self.project.put::<StoredBranchId>(&keys::due(at, &id), id.clone())?;
                }
            }
            let now = catalog.keep(&mut |node| keeper.number(node));
            let catalogs = match copied {
                None => Catalogs { now, ..catalogs },
                Some(source) => {
                    Catalogs { now, source: source.kept_root(), start: now, ..catalogs }
                }
            };
            let record = BranchRecord { branch, catalogs, due };
            self.project.put::<StoredBranch>(&keys::branch(&id), record)?;
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

impl Read for Catalog {
    type Error = StoreError;

    fn project(&self) -> Result<Option<Project>, StoreError> {
        self.project.get::<StoredProject>(keys::PROJECT)
    }

    fn branch(&self, id: &BranchId) -> Result<Option<Branch>, StoreError> {
        Ok(self.edited_record(id)?.map(|record| record.branch))
    }

    fn branch_named(&self, name: &BranchName) -> Result<Option<BranchId>, StoreError> {
        self.project.get::<StoredBranchId>(&keys::branch_name(name))
    }

    fn branches(&self) -> Result<Vec<Branch>, StoreError> {
        let kept = self.project.list::<StoredBranch>(keys::BRANCHES)?;
        let kept = kept.into_iter().map(|record| record.branch);
        let edited = self.edited.values().map(|edited| edited.record.branch.clone());
        let branches = kept.chain(edited).map(|branch| (branch.id.clone(), branch));
        Ok(branches.collect::<BTreeMap<_, _>>().into_values().collect())
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

    fn rotation(&self, branch: &BranchId, id: RotationId) -> Result<Option<Rotation>, StoreError> {
        self.project.get::<StoredRotation>(&keys::rotation(branch, id))
    }

    fn rotations(&self, branch: &BranchId) -> Result<Vec<Rotation>, StoreError> {
        self.project.list::<StoredRotation>(&keys::rotations_of(branch))
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

    type Inventory = Inventory;

    fn branch_at(&self, id: &BranchId, at: Revision) -> Result<Option<Branch>, StoreError> {
        Self::open(self.project.at(at)?).branch(id)
    }

    fn inventory(&self, place: &Place) -> Result<Option<Inventory>, StoreError> {
        self.inventory_at(place)
    }

    fn role_of(&self, of: &Inventory, name: &RoleName) -> Result<Option<Role>, StoreError> {
        self.record_of::<StoredRole>(of, &keys::role(name))
    }

    fn compare_roles(
        &self,
        before: &Inventory,
        after: &Inventory,
        page: Page<'_, RoleName>,
    ) -> Result<Differences<Role>, StoreError> {
        let from = page.after.map(keys::role);
        self.compare::<StoredRole>([before, after], keys::ROLES, from.as_deref(), page.limit)
    }

    fn compare_databases(
        &self,
        before: &Inventory,
        after: &Inventory,
        page: Page<'_, DatabaseName>,
    ) -> Result<Differences<Database>, StoreError> {
        let from = page.after.map(keys::database);
        self.compare::<StoredDatabase>(
            [before, after],
            keys::DATABASES,
            from.as_deref(),
            page.limit,
        )
    }
}

impl Write for Catalog {
    fn put_project(&mut self, project: Project) -> Result<(), StoreError> {
        self.project.put::<StoredProject>(keys::PROJECT, project)
    }

    fn put_branch(&mut self, branch: Branch) -> Result<(), StoreError> {
        let id = branch.id.clone();
        let before = match self.edited.remove(&id) {
            Some(edited) => Some(edited),
            None => self.record(&id)?.map(Edited::from),
        };
        let was = before.as_ref().map(|before| &before.record);
        if was.is_none() {
            self.project.put::<StoredBranchId>(&keys::birth(branch.born), id.clone())?;
        }
        let was_named = was.map(|was| &was.branch.name);
        if was_named != Some(&branch.name) {
            if let Some(name) = was_named {
                self.project.remove(&keys::branch_name(name))?;
            }
            self.project.put::<StoredBranchId>(&keys::branch_name(&branch.name), id.clone())?;
        }
        let merged = self.merged(&branch, was)?;
        let edited = if let Some(mut edited) = before {
            edited.record.branch = branch;
            edited.record.catalogs.merged = merged;
            edited
        } else {
            let catalogs = Catalogs { merged, ..Catalogs::default() };
            BranchRecord { branch, catalogs, due: None }.into()
        };
        self.edited.insert(id, edited);
        Ok(())
    }

    fn remove_branch(&mut self, id: &BranchId) -> Result<(), StoreError> {
        let known = match self.edited.remove(id) {
            Some(edited) => Some(edited.record),
            None => self.record(id)?,
        };
        if let Some(BranchRecord { branch: Branch { name, born, .. }, due, .. }) = known {
            self.project.remove(&keys::branch_name(&name))?;
            self.project.remove(&keys::birth(born))?;
            if let Some(at) = due {
                self.project.remove(&keys::due(at, id))?;
            }
        }
        for rotation in self.rotations(id)? {
            self.remove_rotation(id, rotation.id)?;
        }
        self.forget_drifts(id)?;
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
        let child = self.edit(child)?;
        child.copied = Some(catalog.clone());
        child.catalog = catalog;
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

    fn put_rotation(&mut self, rotation: Rotation) -> Result<(), StoreError> {
        let rotating = keys::rotating(&rotation.branch);
        if rotation.ended_at.is_none() {
            self.project.put::<StoredBranchId>(&rotating, rotation.branch.clone())?;
        } else {
            self.project.remove(&rotating)?;
        }
        let key = keys::rotation(&rotation.branch, rotation.id);
        self.project.put::<StoredRotation>(&key, rotation)
    }

    fn remove_rotation(&mut self, branch: &BranchId, id: RotationId) -> Result<(), StoreError> {
        let found = self.rotation(branch, id)?;
        if found.is_some_and(|rotation| rotation.ended_at.is_none()) {
            self.project.remove(&keys::rotating(branch))?;
        }
        self.project.remove(&keys::rotation(branch, id))
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
