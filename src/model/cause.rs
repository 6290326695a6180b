//! Cause: who asked for a commit, and for what. It is kept for as long as the commit is.

use std::net::IpAddr;

use uuid::Uuid;

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
    /// The request.
    pub request_id: Uuid,
    /// From where they ask.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// Returns the caller that Offshoot itself is.
    #[must_use]
    pub fn offshoot() -> Self {
        Self { key: "offshoot".into(), request_id: Uuid::nil(), address: None }
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
    /// An endpoint was deleted.
    DeleteEndpoint,
    /// An endpoint was asked to run.
    StartEndpoint,
    /// An endpoint was asked to stop.
    SuspendEndpoint,
    /// A pass was recorded.
    RecordPass,
    /// The server was set up.
    SetUp,
    /// Operations that ended long ago were forgotten.
    ForgetOperations,
}
