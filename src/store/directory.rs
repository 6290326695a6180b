//! The directory: which projects there are, and in which logs.

use crate::model::id::ProjectId;
use crate::store::engine::LogId;
use crate::store::records::{Contents, Keeper, Records};
use crate::store::stored::{StoredProjectEntry, StoredVaultMark};
use crate::store::{StoreError, keys};
use crate::tree::NodeId;

/// The directory at one revision, and the edits that were made to it.
pub struct Directory(Records);

impl Contents for Directory {
    fn open(records: Records) -> Self {
        Self(records)
    }

    fn close(self, keeper: &mut Keeper) -> Result<Option<NodeId>, StoreError> {
        Ok(self.0.close(keeper))
    }
}

impl Directory {
    /// Returns the log of a project.
    pub fn log_of(&self, project: &ProjectId) -> Result<Option<LogId>, StoreError> {
        let found = self.0.get::<StoredProjectEntry>(&keys::project(project))?;
        Ok(found.map(|(_, log)| log))
    }

    /// Returns all projects and their logs, by id.
    pub fn projects(&self) -> Result<Vec<(ProjectId, LogId)>, StoreError> {
        self.0.list::<StoredProjectEntry>(keys::PROJECTS)
    }

    /// Returns the fingerprint of the key with which the store's secrets are sealed.
    pub fn vault_mark(&self) -> Result<Option<[u8; 8]>, StoreError> {
        self.0.get::<StoredVaultMark>(keys::VAULT)
    }

    /// Adds a project.
    pub fn put_project(&mut self, id: ProjectId, log: LogId) -> Result<(), StoreError> {
        self.0.put::<StoredProjectEntry>(&keys::project(&id), (id, log))
    }

    /// Removes a project. Its log stays.
    pub fn remove_project(&mut self, id: &ProjectId) -> Result<(), StoreError> {
        self.0.remove(&keys::project(id))
    }

    /// Notes the fingerprint of the key with which the store's secrets are sealed.
    pub fn put_vault_mark(&mut self, fingerprint: [u8; 8]) -> Result<(), StoreError> {
        self.0.put::<StoredVaultMark>(keys::VAULT, fingerprint)
    }
}
