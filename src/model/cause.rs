//! Cause: who asked for a commit, and for what. It is kept for as long as the commit is.

use std::net::IpAddr;

use uuid::Uuid;

use crate::model::id::{BranchId, EndpointId, ProjectId};
use crate::model::key::KeyId;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::words::words;

/// Who asked for a commit, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What was asked for.
    pub deed: Deed,
    /// What it was asked for about.
    pub topic: Topic,
    /// Who asked.
    pub caller: Caller,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The number of the API key with which they ask; none where Offshoot itself does.
    pub key_id: Option<KeyId>,
    /// The name of the API key with which they ask; `offshoot` is Offshoot itself.
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
        Self { key_id: None, key: "offshoot".into(), request_id: Uuid::nil(), address: None }
    }

    /// Returns the cause of a commit that this caller asks for.
    #[must_use]
    pub fn asks(&self, deed: Deed, topic: Topic) -> Cause {
        Cause { deed, topic, caller: self.clone() }
    }
}

/// What a commit is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The log as a whole: a project, or the directory.
    Whole,
    /// A branch.
    Branch(BranchId),
    /// A role of a branch.
    Role(BranchId, RoleName),
    /// A database of a branch.
    Database(BranchId, DatabaseName),
    /// The endpoint of a branch.
    Endpoint(BranchId, EndpointId),
    /// A project of the directory.
    Project(ProjectId),
}

impl Topic {
    /// Returns the branch that it concerns, where it concerns one.
    #[must_use]
    pub fn branch(&self) -> Option<&BranchId> {
        match self {
            Self::Whole | Self::Project(_) => None,
            Self::Branch(branch)
            | Self::Role(branch, _)
            | Self::Database(branch, _)
            | Self::Endpoint(branch, _) => Some(branch),
        }
    }
}

impl Cause {
    /// Whether the commit can have changed this role of this branch. A merge and a rotation are about a
    /// branch, and change roles without naming them. So does the beginning of a branch or a restore, but that
    /// is found in the branch's own record.
    #[must_use]
    pub fn may_change_role(&self, branch: &BranchId, name: &RoleName) -> bool {
        match &self.topic {
            Topic::Role(of, role) => of == branch && role == name,
            Topic::Branch(of) => {
                let may = [Deed::MergeBranch, Deed::AdvanceRotation, Deed::AbortRotation];
                of == branch && may.contains(&self.deed)
            }
            Topic::Whole | Topic::Database(..) | Topic::Endpoint(..) | Topic::Project(_) => false,
        }
    }
}

impl Deed {
    /// Whether it can change branches besides the one that it is about.
    #[must_use]
    pub fn may_change_other_branches(self) -> bool {
        [Self::CreateProject, Self::RestoreBranch, Self::SetDefaultBranch].contains(&self)
    }
}

words! {
    /// What was asked for. What it changed shows in the state.
    Deed {
        /// A project was created.
        CreateProject = "create_project", 1;
        /// A project's settings were changed.
        UpdateProject = "update_project", 2;
        /// A project was deleted.
        DeleteProject = "delete_project", 3;
        /// A branch was created.
        CreateBranch = "create_branch", 4;
        /// A branch was renamed, protected, or given another time or policy.
        UpdateBranch = "update_branch", 5;
        /// A branch was deleted.
        DeleteBranch = "delete_branch", 6;
        /// A role was created.
        CreateRole = "create_role", 7;
        /// A role was given another password.
        ResetRolePassword = "reset_role_password", 8;
        /// A role was dropped.
        DeleteRole = "delete_role", 9;
        /// A database was created.
        CreateDatabase = "create_database", 10;
        /// A database was renamed or given another owner.
        UpdateDatabase = "update_database", 11;
        /// A database was dropped.
        DeleteDatabase = "delete_database", 12;
        /// An endpoint was created.
        CreateEndpoint = "create_endpoint", 13;
        /// An endpoint was deleted.
        DeleteEndpoint = "delete_endpoint", 14;
        /// An endpoint was asked to run.
        StartEndpoint = "start_endpoint", 15;
        /// An endpoint was asked to stop.
        SuspendEndpoint = "suspend_endpoint", 16;
        /// A pass was recorded.
        RecordPass = "record_pass", 17;
        /// The server was set up.
        SetUp = "set_up", 18;
        /// A branch's catalog was replaced by another, or by its own past.
        RestoreBranch = "restore_branch", 19;
        /// A branch became the one that is meant when none is named.
        SetDefaultBranch = "set_default_branch", 20;
        /// A branch's changes were taken into another.
        MergeBranch = "merge_branch", 21;
        /// A role was given another time.
        UpdateRole = "update_role", 22;
        /// A branch was deleted because its time had come.
        ExpireBranch = "expire_branch", 23;
        /// A role was dropped because its time had come.
        ExpireRole = "expire_role", 24;
        /// Operations that ended long ago were forgotten.
        ForgetOperations = "forget_operations", 25;
        /// What clients tune of an endpoint was changed.
        UpdateEndpoint = "update_endpoint", 31;
        /// An endpoint was asked to stop and run again.
        RestartEndpoint = "restart_endpoint", 32;
        /// A permission on a project was granted.
        GrantPermission = "grant_permission", 33;
        /// A permission on a project was revoked.
        RevokePermission = "revoke_permission", 34;
        /// An API key was created.
        CreateKey = "create_api_key", 35;
        /// An API key was used.
        UseKey = "use_api_key", 36;
        /// An API key was revoked.
        RevokeKey = "revoke_api_key", 37;
        /// Requests that were carried out long ago were forgotten.
        ForgetReceipts = "forget_receipts", 38;
        /// An operation's end was asked for.
        CancelOperation = "cancel_operation", 81;
        /// Another try of an operation was asked for.
        RetryOperation = "retry_operation", 82;
        /// A role lost its login and kept its password.
        DeactivateRole = "deactivate_role", 83;
        /// A role got its login back.
        ActivateRole = "activate_role", 84;
        /// A credential was created.
        CreateCredential = "create_credential", 51;
        /// A credential was deleted, or the original one lost its login.
        DeleteCredential = "delete_credential", 52;
        /// A credential became the one that applications are shown.
        PromoteCredential = "promote_credential", 53;
        /// A rotation of the default credential began, with a new credential.
        BeginRotation = "begin_rotation", 54;
        /// A rotation moved to its next stage.
        AdvanceRotation = "advance_rotation", 55;
        /// A rotation was told to wait no longer.
        CompleteRotation = "complete_rotation", 56;
        /// A rotation was given up, and the old credential is the default again.
        AbortRotation = "abort_rotation", 57;
        /// A pass over a branch's Postgres was asked for.
        ReconcileBranch = "reconcile_branch", 61;
        /// What somebody changed in a branch's Postgres was noted, or that it is so no more.
        RecordDrift = "record_drift", 62;
        /// The catalog took over what somebody changed in a branch's Postgres.
        AdoptDrift = "adopt_drift", 63;
        /// What somebody changed in a branch's Postgres was to be undone.
        RevertDrift = "revert_drift", 64;
        /// What somebody changed in a branch's Postgres was to stay.
        IgnoreDrift = "ignore_drift", 65;
        /// What a branch does about drift was set.
        SetDriftPolicy = "set_drift_policy", 66;
        /// A webhook was created.
        CreateWebhook = "create_webhook", 71;
        /// A webhook was changed, or told what to send again.
        UpdateWebhook = "update_webhook", 72;
        /// A webhook was deleted.
        DeleteWebhook = "delete_webhook", 73;
        /// A webhook was given another secret.
        RotateWebhookSecret = "rotate_webhook_secret", 74;
        /// An event was sent to a webhook, or could not be.
        SendEvent = "send_event", 75;
    }
}
