//! How the copied state is changed.

use offshoot::model::branch::Branch;
use offshoot::model::database::Database;
use offshoot::model::endpoint::Endpoint;
use offshoot::model::id::{BranchId, EndpointId, OperationId};
use offshoot::model::name::{DatabaseName, RoleName};
use offshoot::model::operation::Operation;
use offshoot::model::project::Project;
use offshoot::model::revision::Revision;
use offshoot::model::role::Role;
use offshoot::model::rotation::{Rotation, RotationId};
use offshoot::model::state::{Mark, Write};

use super::{Answer, Copies};

impl Write for Copies {
    fn put_project(&mut self, project: Project) -> Answer<()> {
        self.now.project = Some(project);
        Ok(())
    }

    fn put_branch(&mut self, branch: Branch) -> Answer<()> {
        self.copy(&branch.id);
        let merged = self.merged(&branch);
        self.now.kept.entry(branch.id.clone()).or_default().merged = merged;
        self.now.branches.insert(branch.id.clone(), branch);
        Ok(())
    }

    fn remove_branch(&mut self, id: &BranchId) -> Answer<()> {
        self.now.branches.remove(id);
        self.now.catalogs.remove(id);
        self.now.rotations.retain(|(of, _), _| of != id);
        self.now.kept.remove(id);
        Ok(())
    }

    fn copy_catalog(
        &mut self,
        child: &BranchId,
        parent: &BranchId,
        cutoff: Revision,
    ) -> Answer<bool> {
        let past = self.state_at(cutoff);
        let Some(copy) = past.catalogs.get(parent).cloned() else { return Ok(false) };
        let kept = self.now.kept.entry(child.clone()).or_default();
        (kept.source, kept.is_beginning) = (copy.clone(), true);
        *self.copy(child) = copy;
        Ok(true)
    }

    fn put_endpoint(&mut self, endpoint: Endpoint) -> Answer<()> {
        self.now.endpoints.insert(endpoint.id.clone(), endpoint);
        Ok(())
    }

    fn remove_endpoint(&mut self, id: &EndpointId) -> Answer<()> {
        self.now.endpoints.remove(id);
        Ok(())
    }

    fn put_role(&mut self, branch: &BranchId, role: Role) -> Answer<()> {
        self.copy(branch).roles.insert(role.name.clone(), role);
        Ok(())
    }

    fn drop_role(&mut self, branch: &BranchId, name: &RoleName) -> Answer<()> {
        self.copy(branch).roles.remove(name);
        Ok(())
    }

    fn put_database(&mut self, branch: &BranchId, database: Database) -> Answer<()> {
        self.copy(branch).databases.insert(database.name.clone(), database);
        Ok(())
    }

    fn drop_database(&mut self, branch: &BranchId, name: &DatabaseName) -> Answer<()> {
        self.copy(branch).databases.remove(name);
        Ok(())
    }

    fn put_operation(&mut self, operation: Operation) -> Answer<()> {
        self.now.operations.insert(operation.id, operation);
        Ok(())
    }

    fn remove_operation(&mut self, id: OperationId) -> Answer<()> {
        self.now.operations.remove(&id);
        Ok(())
    }

    fn put_rotation(&mut self, rotation: Rotation) -> Answer<()> {
        self.now.rotations.insert((rotation.branch.clone(), rotation.id), rotation);
        Ok(())
    }

    fn remove_rotation(&mut self, branch: &BranchId, id: RotationId) -> Answer<()> {
        self.now.rotations.remove(&(branch.clone(), id));
        Ok(())
    }

    fn clear_marks(&mut self, branch: &BranchId) -> Result<(), Self::Error> {
        self.now.marks.retain(|(of, _), _| of != branch);
        Ok(())
    }

    fn put_mark(&mut self, branch: &BranchId, mark: Mark) -> Answer<()> {
        self.now.marks.insert((branch.clone(), mark.lsn), mark);
        Ok(())
    }
}
