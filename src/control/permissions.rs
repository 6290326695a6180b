//! Use cases about permissions on projects.

use uuid::Builder;

use crate::control::once::Done;
use crate::control::{Asker, Caller, ControlPlane, Result, Told};
use crate::entropy;
use crate::model::cause::{Deed, Topic};
use crate::model::id::ProjectId;
use crate::model::permission::{Email, MAX_PERMISSIONS, Permission, PermissionId};
use crate::model::refusal::Refusal;
use crate::model::revision::Moment;
use crate::model::state::Denied;
use crate::store::directory::Directory;
use crate::store::engine::LogId;

impl ControlPlane {
    /// Lists the permissions on a project.
    pub fn list_permissions(&self, project: &ProjectId) -> Result<Vec<Permission>> {
        self.get_project(project)?;
        Ok(self.directory().state.permissions(project)?)
    }

    /// Grants a permission on a project.
    pub async fn grant_permission(
        &self,
        asker: &Asker,
        project: &ProjectId,
        email: Email,
    ) -> Result<Told<Permission>> {
        self.get_project(project)?;
        if let Some(done) = self.done_in_log(asker, LogId::DIRECTORY)? {
            return granted(&done);
        }
        let topic = Topic::Project(project.clone());
        let project = project.clone();
        let drawn = Builder::from_random_bytes(entropy::array(self.entropy())).into_uuid();
        let grant = move |directory: &mut Directory, moment: Moment| {
            let known = directory.permissions(&project)?;
            if known.iter().any(|permission| permission.email == email) {
                return Err(Denied::Refused(Refusal::PermissionExists(email.clone())));
            }
            if MAX_PERMISSIONS <= known.len() {
                return Err(Denied::Refused(Refusal::TooManyPermissions));
            }
            let permission = Permission {
                id: PermissionId(drawn),
                email: email.clone(),
                granted_at: moment.at,
                revoked_at: None,
            };
            Ok(directory.put_permission(&project, permission)?)
        };
        let what = (asker.asks(Deed::GrantPermission, topic), None);
        granted(&self.carry_out_in_log(asker, LogId::DIRECTORY, what, grant).await?)
    }

    /// Revokes a permission on a project.
    pub async fn revoke_permission(
        &self,
        caller: &Caller,
        project: &ProjectId,
        id: PermissionId,
    ) -> Result<Permission> {
        self.get_project(project)?;
        let project = project.clone();
        let revoke = move |directory: &mut Directory, moment: Moment| {
            let found = directory.permission(&project, id)?;
            let permission = found.ok_or(Denied::Refused(Refusal::PermissionMissing(id)))?;
            directory.remove_permission(&project, id)?;
            Ok(Permission { revoked_at: Some(moment.at), ..permission })
        };
        Ok(self.commit_directory(caller, Deed::RevokePermission, revoke).await?.0)
    }
}

/// Returns the permission that a request granted.
fn granted(done: &Done<Directory>) -> Result<Told<Permission>> {
    let Topic::Project(project) = &done.topic else {
        unreachable!("the request was about a project");
    };
    // No other commit has the same time.
    let is_new = |permission: &Permission| permission.granted_at == done.view.moment.at;
    let granted = done.view.state.permissions(project)?.into_iter().find(is_new);
    Ok(done.told(granted.expect("a permission that the commit put")))
}
