//! Refusal: a rule said no, and nothing happened.

mod credential;
mod drift;
mod operation;
mod webhook;
mod words;

use crate::model::id::{BranchId, EndpointId, OperationId, ProjectId};
use crate::model::key::{KeyId, MAX_KEYS};
use crate::model::lsn::Lsn;
use crate::model::merge::Conflict;
use crate::model::name::{BranchName, DatabaseName, RoleName};
use crate::model::permission::{Email, MAX_PERMISSIONS, PermissionId};
use crate::model::receipt::MAX_RECEIPTS;

pub use credential::CredentialRefusal;
pub use drift::DriftRefusal;
pub use operation::OperationRefusal;
pub use webhook::WebhookRefusal;
use words::plural;
pub use words::{and_others, time_text};

/// Why a rule refused a command. The messages are for clients: they say what was wrong and what
/// to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such project.
    #[error("project not found; project_id:\"{0}\"")]
    ProjectMissing(ProjectId),
    /// There is no such branch in the project.
    #[error("branch not found; branch_id:\"{0}\"")]
    BranchMissing(BranchId),
    /// There is no such endpoint in the project.
    #[error("endpoint not found; endpoint_id:\"{0}\"")]
    EndpointMissing(EndpointId),
    /// The branch has no such role.
    #[error("role not found; role_name:\"{0}\"")]
    RoleMissing(RoleName),
    /// The branch has no such database.
    #[error("database not found; database_name:\"{0}\"")]
    DatabaseMissing(DatabaseName),
    /// The project has no such operation.
    #[error("operation not found; operation_id:\"{0}\"")]
    OperationMissing(OperationId),
    /// Something about an operation.
    #[error(transparent)]
    Operation(#[from] OperationRefusal),

    /// There is no such API key.
    #[error("API key not found; key_id:\"{0}\"")]
    KeyMissing(KeyId),
    /// There are as many API keys as there can be.
    #[error("there are {max} API keys, which is the limit; revoke one first", max = MAX_KEYS)]
    TooManyKeys,
    /// The project has no such permission.
    #[error("permission not found; permission_id:\"{0}\"")]
    PermissionMissing(PermissionId),
    /// The project was opened to them already.
    #[error("permission already granted; email:\"{0}\"")]
    PermissionExists(Email),
    /// There are as many permissions on the project as there can be.
    #[error("the project has {max} permissions, which is the limit; revoke one first", max = MAX_PERMISSIONS)]
    TooManyPermissions,
    /// The key opens another project only. Neon's clients know these words.
    #[error(
        "not allowed to perform actions outside the project this key is scoped to; \
         subject_project_id:\"{0}\""
    )]
    OutsideScope(ProjectId),
    /// The key belongs to nobody. Neon's clients know these words.
    #[error(
        "not allowed for organization API keys; use a key that was created under /api_keys, or the \
         administrator's"
    )]
    PersonalOnly,

    /// The client's key for retries stands for another request.
    #[error(
        "this Idempotency-Key was sent before, with another body, path, query or API key, and \
         nothing was changed; give each request a key of its own, and send it again only with the \
         same request"
    )]
    IdempotencyKeyReused,
    /// As many keys for retries are remembered as can be.
    #[error(
        "{max} requests with an Idempotency-Key are remembered, which is the limit, and nothing was \
         changed; send the request without one, or wait until the oldest are forgotten",
        max = MAX_RECEIPTS
    )]
    TooManyReceipts,
    /// About drift.
    #[error(transparent)]
    Drift(#[from] DriftRefusal),
    /// About the credentials of a branch.
    #[error(transparent)]
    Credential(#[from] CredentialRefusal),
    /// About webhooks and events.
    #[error(transparent)]
    Webhook(#[from] WebhookRefusal),

    /// Another branch of the project has the name.
    #[error("branch already exists; branch_name:\"{0}\"")]
    BranchExists(BranchName),
    /// The branch has a role of that name.
    #[error("role already exists; role_name:\"{0}\"")]
    RoleExists(RoleName),
    /// The branch has a database of that name.
    #[error("database already exists; database_name:\"{0}\"")]
    DatabaseExists(DatabaseName),
    /// The branch has its endpoint already.
    #[error("read_write endpoint already exists; endpoint_id:\"{0}\"")]
    EndpointExists(EndpointId),

    /// The role belongs to the system.
    #[error("role \"{0}\" is protected: the system keeps it, and it cannot be changed or deleted")]
    RoleProtected(RoleName),
    /// The role owns databases.
    #[error(
        "role \"{role}\" owns the database \"{database}\"{more}; delete the database or give it \
         another owner first"
    )]
    RoleOwnsDatabase {
        /// The role that was to be deleted.
        role: RoleName,
        /// A database that it owns.
        database: DatabaseName,
        /// How many others there are, as words.
        more: String,
    },
    /// The role owns objects, and is not to be dropped while it does.
    #[error(
        "role \"{role}\" owns {what}; give those to another role, or say what becomes of them \
         (on_owned=reassign or drop_owned)"
    )]
    RoleOwnsObjects {
        /// The role that was to be deleted.
        role: RoleName,
        /// What it owns where, as words.
        what: String,
    },
    /// The role has no password to reset or reveal, and never will.
    #[error("role \"{0}\" cannot log in, so it has no password")]
    RoleWithoutPassword(RoleName),
    /// The role has not been given a password yet.
    #[error("role \"{0}\" has no password yet; reset it to get one")]
    RolePasswordUnset(RoleName),
    /// The project does not keep passwords.
    #[error("storing passwords is disabled for this project; reset the password to get a new one")]
    PasswordsNotStored,
    /// The database's owner-to-be does not exist.
    #[error("database owner not found; role_name:\"{0}\"")]
    OwnerMissing(RoleName),
    /// The branch is the one that is meant when none is named.
    #[error("branch {0} is the project's default branch and cannot be deleted")]
    BranchIsDefault(BranchId),
    /// The branch has children.
    #[error("branch {branch} has the child branch {child}; delete its children first")]
    BranchHasChildren {
        /// The branch that was to be deleted.
        branch: BranchId,
        /// One of its children.
        child: BranchId,
    },
    /// The branch is protected.
    #[error("branch {0} is protected; take its protection away first (PATCH branch.protected)")]
    BranchProtected(BranchId),
    /// A branch of the project is protected.
    #[error("the project has the protected branch {0}; take its protection away first")]
    ProjectHasProtected(BranchId),
    /// A branch is to be restored from its own newest state.
    #[error(
        "branch {0} is to be restored from itself, so the request must say from when: give \
         source_timestamp, source_lsn or source_revision"
    )]
    RestoreWithoutPoint(BranchId),
    /// What a restore would put out of reach is not to be preserved.
    #[error(
        "restoring branch {branch} {why}, so its present state must be kept: give \
         preserve_under_name"
    )]
    RestoreWithoutBackup {
        /// The branch.
        branch: BranchId,
        /// Why that is needed.
        why: &'static str,
    },
    /// The time at which something is to expire is past, or too far away.
    #[error("expires_at {asked} is out of range; it must lie between {earliest} and {latest}")]
    ExpiryOutOfRange {
        /// The time that was asked for.
        asked: String,
        /// The earliest that is possible.
        earliest: String,
        /// The latest that is possible.
        latest: String,
    },
    /// The branch must not expire.
    #[error("branch {branch} {why}, so it cannot be given an expires_at")]
    BranchCannotExpire {
        /// The branch.
        branch: BranchId,
        /// Why.
        why: &'static str,
    },
    /// The branch expires, and so cannot become what must not go by itself.
    #[error("branch {branch} has an expires_at, so it cannot {what}; set it to null first")]
    BranchExpires {
        /// The branch.
        branch: BranchId,
        /// What it was to become.
        what: &'static str,
    },
    /// The role owns databases, which must not be left without an owner.
    #[error(
        "role \"{role}\" owns the database \"{database}\", so it cannot be given an expires_at; \
         delete the database or give it another owner first"
    )]
    RoleCannotExpire {
        /// The role.
        role: RoleName,
        /// A database that it owns.
        database: DatabaseName,
    },
    /// The role expires, and so cannot own a database.
    #[error("role \"{0}\" has an expires_at, so it cannot own a database; set it to null first")]
    OwnerExpires(RoleName),
    /// More passwords would have to be drawn than one request may cost.
    #[error(
        "the branch would need {count} new passwords, and at most {max} are drawn at once; give \
         branch.password_policy `inherit` or `none`"
    )]
    TooManyPasswords {
        /// How many there would be.
        count: usize,
        /// How many there can be.
        max: usize,
    },
    /// What decides about the passwords changed while they were drawn.
    #[error(
        "the password policy that applies changed while the request was under way, and nothing was \
         done; send it again"
    )]
    PasswordPolicyMoved,
    /// A branch is to be compared with its parent, and has none.
    #[error("branch {0} has no parent; name the branch to compare it with in `base`")]
    DiffWithoutBase(BranchId),
    /// Two branches have nothing in common from which their changes could be told.
    #[error(
        "branches {source_id} and {target_id} have no common origin in the history that is kept, \
         so nobody can tell what either changed; restore {target_id} from {source_id} to take all \
         that it has"
    )]
    MergeWithoutOrigin {
        /// The branch whose changes were to be taken.
        source_id: BranchId,
        /// The branch that was to take them.
        target_id: BranchId,
    },
    /// There is more to merge than one commit should hold up others for.
    #[error(
        "the merge would have to compare or change more than {max} things; restore the target from \
         the source to take all that it has"
    )]
    MergeTooLarge {
        /// How many are possible.
        max: usize,
    },
    /// The two branches of a merge disagree.
    #[error(
        "{} of the source cannot be taken as they are, and nothing was merged; the first: {}. Name \
         the side that decides about each in `resolve`, or about all in `default`",
        plural(.0.len()), .0.first().map(ToString::to_string).unwrap_or_default()
    )]
    MergeConflicts(Vec<Conflict>),
    /// The branch has that name already.
    #[error("cannot set branch to the same name")]
    BranchNameUnchanged,
    /// Offshoot does not run the endpoint's Postgres.
    #[error(
        "endpoint {0} is attached: its Postgres is run by others, so it can be neither started nor \
         suspended here"
    )]
    EndpointAttached(EndpointId),

    /// No endpoint serves the branch.
    #[error("branch {0} has no endpoint to connect to; create a read_write endpoint for it first")]
    BranchWithoutEndpoint(BranchId),
    /// The endpoint's Postgres does not run, and is not woken to be looked at.
    #[error(
        "endpoint {0} is not running, and is not woken to be looked at; start it first, with \
         POST .../endpoints/{0}/start"
    )]
    EndpointAsleep(EndpointId),
    /// What a branch is to be compared with is not named, and it has no parent.
    #[error("branch {0} has no parent to be compared with; give base_branch_id")]
    BranchWithoutParent(BranchId),
    /// The schema is asked for at a point in the past.
    #[error(
        "a schema can be read at the head alone: branches of data do not exist here yet, so a \
         branch's Postgres knows nothing but the present; leave out the LSN and the timestamp"
    )]
    SchemaOfThePast,
    /// The endpoint serves another branch.
    #[error("endpoint {endpoint} does not serve branch {branch}")]
    EndpointElsewhere {
        /// The endpoint that was named.
        endpoint: EndpointId,
        /// The branch that was named.
        branch: BranchId,
    },
    /// No PostgreSQL of that version is installed on this machine.
    #[error(
        "PostgreSQL {wanted} is not installed on this machine (found: {found}); install it, or set \
         OFFSHOOT_PG_BIN to the directory of its binaries"
    )]
    PgVersionNotInstalled {
        /// The version that was asked for.
        wanted: u8,
        /// The versions that are installed, as words.
        found: String,
    },
    /// Every port for local computes is taken.
    #[error("every TCP port for local computes is taken; give the server a wider --compute-ports")]
    PortsExhausted,

    /// The time lies outside the branch's history.
    #[error(
        "timestamp {asked} is outside the history of branch {branch}; it must lie between \
         {earliest} and {latest}"
    )]
    TimeOutsideHistory {
        /// The branch.
        branch: BranchId,
        /// The time that was asked for.
        asked: String,
        /// The earliest that can be answered.
        earliest: String,
        /// The latest that can be answered.
        latest: String,
    },
    /// The point lies before what the project keeps of its history.
    #[error("the history of this project begins at {begins}; name a later point")]
    HistoryTrimmed {
        /// The earliest time that can be answered.
        begins: String,
    },
    /// The point lies outside the project's history.
    #[error(
        "{asked} is outside the history of the project; it must lie between {earliest} and {latest}"
    )]
    PointOutsideHistory {
        /// The point that was asked for, in words.
        asked: String,
        /// The earliest that can be answered.
        earliest: String,
        /// The latest that can be answered.
        latest: String,
    },
    /// An LSN names a point of one branch.
    #[error(
        "LSN {0} is a place in the log of one branch's Postgres, and this asks about all branches; \
         name a timestamp or a revision instead"
    )]
    LsnWithoutBranch(Lsn),
    /// The LSN lies outside what is known of the branch's Postgres.
    #[error(
        "LSN {asked} is outside the history of branch {branch}; it must lie between {earliest} and \
         {latest}"
    )]
    LsnOutsideHistory {
        /// The branch.
        branch: BranchId,
        /// The LSN that was asked for.
        asked: Lsn,
        /// The earliest that can be answered.
        earliest: Lsn,
        /// The latest that can be answered.
        latest: Lsn,
    },
    /// No Postgres of the branch ever reported an LSN.
    #[error(
        "LSN {asked} is unknown: no endpoint of branch {branch} has applied a change yet; name a \
         timestamp instead"
    )]
    LsnUnknown {
        /// The branch.
        branch: BranchId,
        /// The LSN that was asked for.
        asked: Lsn,
    },
}
