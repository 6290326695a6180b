//! Cause: who asked for a commit, and for what. It is kept with the commit for ever.

use std::net::IpAddr;

use uuid::Uuid;

use crate::model::key::KeyId;

/// Who asked for a commit, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What was asked for.
    pub deed: Deed,
    /// Who asked.
    pub caller: Caller,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of the API key with which they ask; `offshoot` is the reconciler.
    pub key: String,
    /// That key's id. The administrator's key has none.
    pub key_id: Option<KeyId>,
    /// The request.
    pub request_id: Uuid,
    /// From where they ask.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// Returns the caller that Offshoot itself is.
    #[must_use]
    pub fn offshoot() -> Self {
        Self { key: "offshoot".into(), key_id: None, request_id: Uuid::nil(), address: None }
    }
}

/// What was asked for. What it changed shows in the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A project was created.
    CreateProject,
    /// A project's settings were changed.
    UpdateProject,
    /// A project was deleted.
    DeleteProject,
    /// A branch was created.
    CreateBranch,
    /// A branch was renamed.
    RenameBranch,
    /// A branch was deleted.
    DeleteBranch,
    /// A role was created.
    CreateRole,
    /// A role was given another password.
    ResetRolePassword,
    /// A role was dropped.
    DeleteRole,
    /// A database was created.
    CreateDatabase,
    /// A database was renamed or given another owner.
    UpdateDatabase,
    /// A database was dropped.
    DeleteDatabase,
    /// An endpoint was created.
    CreateEndpoint,
    /// What clients tune of an endpoint was changed.
    UpdateEndpoint,
    /// An endpoint was deleted.
    DeleteEndpoint,
    /// An endpoint was asked to run.
    StartEndpoint,
    /// An endpoint was asked to stop.
    SuspendEndpoint,
    /// An endpoint was asked to stop and run again.
    RestartEndpoint,
    /// A permission on a project was granted.
    GrantPermission,
    /// A permission on a project was revoked.
    RevokePermission,
    /// An API key was created.
    CreateKey,
    /// An API key was used.
    UseKey,
    /// An API key was revoked.
    RevokeKey,
    /// A pass was recorded.
    RecordPass,
    /// The server was set up.
    SetUp,
}
