//! The directory: which projects there are and in which logs, and who may use the API.

mod webhooks;

use crate::model::id::ProjectId;
use crate::model::key::{ApiKey, KeyHash, KeyId};
use crate::model::permission::{Permission, PermissionId};
use crate::store::engine::LogId;
use crate::store::receipts::Receipts;
use crate::store::records::{Contents, Keeper, Records};
use crate::store::stored::{
    StoredApiKey, StoredKeyId, StoredPermission, StoredProjectEntry, StoredVaultMark,
};
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

impl Receipts for Directory {
    fn records(&self) -> &Records {
        &self.0
    }

    fn records_mut(&mut self) -> &mut Records {
        &mut self.0
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

    /// Returns an API key.
    pub fn api_key(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.0.get::<StoredApiKey>(&keys::api_key(id))
    }

    /// Returns the API key that has a hash.
    pub fn api_key_of(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let found = self.0.get::<StoredKeyId>(&keys::api_key_hash(hash))?;
        found.map_or(Ok(None), |id| self.api_key(id))
    }

    /// Returns all API keys, oldest first.
    pub fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.0.list::<StoredApiKey>(keys::API_KEYS)
    }

    /// Returns a permission on a project.
    pub fn permission(
        &self,
        project: &ProjectId,
        id: PermissionId,
    ) -> Result<Option<Permission>, StoreError> {
        self.0.get::<StoredPermission>(&keys::permission(project, id))
    }

    /// Returns the permissions on a project.
    pub fn permissions(&self, project: &ProjectId) -> Result<Vec<Permission>, StoreError> {
        self.0.list::<StoredPermission>(&keys::permissions_of(project))
    }

    /// Puts an API key, new or used.
    pub fn put_api_key(&mut self, key: ApiKey) -> Result<(), StoreError> {
        self.0.put::<StoredKeyId>(&keys::api_key_hash(&key.hash), key.id)?;
        self.0.put::<StoredApiKey>(&keys::api_key(key.id), key)
    }

    /// Removes an API key: from now on it opens nothing.
    pub fn remove_api_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        self.0.remove(&keys::api_key_hash(&key.hash))?;
        self.0.remove(&keys::api_key(key.id))
    }

    /// Puts a permission on a project.
    pub fn put_permission(
        &mut self,
        project: &ProjectId,
        permission: Permission,
    ) -> Result<(), StoreError> {
        self.0.put::<StoredPermission>(&keys::permission(project, permission.id), permission)
    }

    /// Removes a permission on a project.
    pub fn remove_permission(
        &mut self,
        project: &ProjectId,
        id: PermissionId,
    ) -> Result<(), StoreError> {
        self.0.remove(&keys::permission(project, id))
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
