//! Permissions on projects.

use serde::{Deserialize, Serialize};

use crate::model::permission;
use crate::wire::time::Time;

/// A permission on a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    pub id: String,
    pub granted_to_email: String,
    pub granted_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Time>,
}

/// The permissions on a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionsAnswer {
    pub project_permissions: Vec<Permission>,
}

/// A permission that is to be granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct PermissionRequest {
    pub email: String,
}

impl From<permission::Permission> for Permission {
    fn from(permission: permission::Permission) -> Self {
        let permission::Permission { id, email, granted_at, revoked_at } = permission;
        Self {
            id: id.to_string(),
            granted_to_email: email.to_string(),
            granted_at: Time(granted_at),
            revoked_at: revoked_at.map(Time),
        }
    }
}
