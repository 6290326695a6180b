//! Operations and marks, stored.

use bincode::{Decode, Encode};
use uuid::Uuid;

use super::{Invalid, Stored, known, time};
use crate::model::fault::Fault;
use crate::model::id::OperationId;
use crate::model::lsn::Lsn;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::operation::{Action, Operation, Retry, Status, Subject};
use crate::model::progress::{Done, Progress, RoleError, StepEnd};
use crate::model::revision::Revision;
use crate::model::state::Mark;

/// An operation.
#[derive(Encode, Decode)]
pub struct StoredOperation {
    id: [u8; 16],
    branch: String,
    endpoint: Option<String>,
    action: u8,
    subject: StoredSubject,
    status: StoredStatus,
    revision: u64,
    failures: u32,
    progress: StoredProgress,
    drops: Option<u64>,
    retry_of: Option<[u8; 16]>,
    created_at: i64,
    updated_at: i64,
}

#[derive(Encode, Decode)]
struct StoredProgress {
    plan: Vec<String>,
    plan_left_out: u32,
    steps: Vec<StoredDone>,
    steps_left_out: u32,
    role_errors: Vec<StoredRoleError>,
    fault: Option<u8>,
}

#[derive(Encode, Decode)]
struct StoredDone {
    what: String,
    end: StoredStepEnd,
    millis: Option<u32>,
}

#[derive(Encode, Decode)]
enum StoredStepEnd {
    Done,
    Failed,
    Delayed,
}

#[derive(Encode, Decode)]
struct StoredRoleError {
    role: String,
    fault: u8,
    code: Option<String>,
    message: String,
}

#[derive(Encode, Decode)]
enum StoredSubject {
    Whole,
    Role(String),
    Database(String),
}

#[derive(Encode, Decode)]
enum StoredStatus {
    Scheduling,
    Running { retry: Option<(String, i64)> },
    Finished,
    Failed { error: String },
    Skipped,
    Cancelling,
    Cancelled,
}

/// The actions and their numbers in the store. A number is never used again for another action.
const ACTIONS: &[(Action, u8)] = &[
    (Action::CreateTimeline, 1),
    (Action::CreateBranch, 2),
    (Action::DeleteTimeline, 3),
    (Action::StartCompute, 4),
    (Action::SuspendCompute, 5),
    (Action::ApplyConfig, 6),
    (Action::SyncDbsAndRolesFromCompute, 7),
];

impl Stored for StoredOperation {
    type Model = Operation;

    fn from_model(operation: Operation) -> Self {
        let Operation {
            id,
            branch,
            endpoint,
            action,
            subject,
            status,
            revision,
            failures,
            progress,
            drops,
            retry_of,
            created_at,
            updated_at,
        } = operation;
        let number = ACTIONS.iter().find(|(known, _)| *known == action);
        Self {
            id: *id.0.as_bytes(),
            branch: branch.to_string(),
            endpoint: endpoint.map(|id| id.to_string()),
            action: number.expect("a table that has every action").1,
            subject: match subject {
                Subject::Whole => StoredSubject::Whole,
                Subject::Role(name) => StoredSubject::Role(name.to_string()),
                Subject::Database(name) => StoredSubject::Database(name.to_string()),
            },
            status: StoredStatus::from_model(status),
            revision: revision.0,
            failures,
            progress: StoredProgress::from_model(progress),
            drops: drops.map(|born| born.0),
            retry_of: retry_of.map(|id| *id.0.as_bytes()),
            created_at: time::store(created_at),
            updated_at: time::store(updated_at),
        }
    }

    fn into_model(self) -> Result<Operation, Invalid> {
        let Self {
            id,
            branch,
            endpoint,
            action,
            subject,
            status,
            revision,
            failures,
            progress,
            drops,
            retry_of,
            created_at,
            updated_at,
        } = self;
        let known = ACTIONS.iter().find(|(_, number)| *number == action);
        Ok(Operation {
            id: OperationId(Uuid::from_bytes(id)),
            branch: branch.parse()?,
            endpoint: endpoint.map(|id| id.parse()).transpose()?,
            action: known.ok_or_else(|| Invalid::number("action", action))?.0,
            subject: match subject {
                StoredSubject::Whole => Subject::Whole,
                StoredSubject::Role(name) => Subject::Role(RoleName::parse_existing(name)?),
                StoredSubject::Database(name) => {
                    Subject::Database(DatabaseName::parse_existing(name)?)
                }
            },
            status: status.into_model()?,
            revision: Revision(revision),
            failures,
            progress: progress.into_model()?,
            drops: drops.map(Revision),
            retry_of: retry_of.map(|id| OperationId(Uuid::from_bytes(id))),
            created_at: time::load(created_at)?,
            updated_at: time::load(updated_at)?,
        })
    }
}

impl StoredStatus {
    fn from_model(status: Status) -> Self {
        match status {
            Status::Scheduling => Self::Scheduling,
            Status::Running { retry } => {
                Self::Running { retry: retry.map(|Retry { error, at }| (error, time::store(at))) }
            }
            Status::Finished => Self::Finished,
            Status::Failed { error } => Self::Failed { error },
            Status::Skipped => Self::Skipped,
            Status::Cancelling => Self::Cancelling,
            Status::Cancelled => Self::Cancelled,
        }
    }

    fn into_model(self) -> Result<Status, Invalid> {
        Ok(match self {
            Self::Scheduling => Status::Scheduling,
            Self::Running { retry: None } => Status::Running { retry: None },
            Self::Running { retry: Some((error, at)) } => {
                Status::Running { retry: Some(Retry { error, at: time::load(at)? }) }
            }
            Self::Finished => Status::Finished,
            Self::Failed { error } => Status::Failed { error },
            Self::Skipped => Status::Skipped,
            Self::Cancelling => Status::Cancelling,
            Self::Cancelled => Status::Cancelled,
        })
    }
}

impl StoredProgress {
    fn from_model(progress: Progress) -> Self {
        let Progress { plan, plan_left_out, steps, steps_left_out, role_errors, fault } = progress;
        Self {
            plan,
            plan_left_out,
            steps: steps.into_iter().map(StoredDone::from_model).collect(),
            steps_left_out,
            role_errors: role_errors.into_iter().map(StoredRoleError::from_model).collect(),
            fault: fault.map(Fault::number),
        }
    }

    fn into_model(self) -> Result<Progress, Invalid> {
        let Self { plan, plan_left_out, steps, steps_left_out, role_errors, fault } = self;
        let role_errors = role_errors.into_iter().map(StoredRoleError::into_model);
        Ok(Progress {
            plan,
            plan_left_out,
            steps: steps.into_iter().map(StoredDone::into_model).collect(),
            steps_left_out,
            role_errors: role_errors.collect::<Result<_, _>>()?,
            fault: fault.map(fault_of).transpose()?,
        })
    }
}

impl StoredDone {
    fn from_model(Done { what, end, millis }: Done) -> Self {
        let end = match end {
            StepEnd::Done => StoredStepEnd::Done,
            StepEnd::Failed => StoredStepEnd::Failed,
            StepEnd::Delayed => StoredStepEnd::Delayed,
        };
        Self { what, end, millis }
    }

    fn into_model(self) -> Done {
        let Self { what, end, millis } = self;
        let end = match end {
            StoredStepEnd::Done => StepEnd::Done,
            StoredStepEnd::Failed => StepEnd::Failed,
            StoredStepEnd::Delayed => StepEnd::Delayed,
        };
        Done { what, end, millis }
    }
}

impl StoredRoleError {
    fn from_model(RoleError { role, fault, code, message }: RoleError) -> Self {
        Self { role: role.to_string(), fault: fault.number(), code, message }
    }

    fn into_model(self) -> Result<RoleError, Invalid> {
        let Self { role, fault, code, message } = self;
        Ok(RoleError {
            role: RoleName::parse_existing(role)?,
            fault: fault_of(fault)?,
            code,
            message,
        })
    }
}

fn fault_of(number: u8) -> Result<Fault, Invalid> {
    known(Fault::numbered, "kind of failure", number)
}

/// That an operation has not ended: its id.
#[derive(Encode, Decode)]
pub struct StoredUnfinished([u8; 16]);

impl Stored for StoredUnfinished {
    type Model = OperationId;

    fn from_model(id: OperationId) -> Self {
        Self(*id.0.as_bytes())
    }

    fn into_model(self) -> Result<OperationId, Invalid> {
        Ok(OperationId(Uuid::from_bytes(self.0)))
    }
}

/// A mark.
#[derive(Encode, Decode)]
pub struct StoredMark {
    lsn: u64,
    revision: u64,
}

impl Stored for StoredMark {
    type Model = Mark;

    fn from_model(Mark { lsn, revision }: Mark) -> Self {
        Self { lsn: lsn.0, revision: revision.0 }
    }

    fn into_model(self) -> Result<Mark, Invalid> {
        let Self { lsn, revision } = self;
        Ok(Mark { lsn: Lsn(lsn), revision: Revision(revision) })
    }
}
