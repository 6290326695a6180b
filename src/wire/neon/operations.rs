//! Operations.

use serde::{Deserialize, Serialize};

use crate::model::id::ProjectId;
use crate::model::operation::{self, Retry, Status};
use crate::model::progress::{self, Done, Progress, StepEnd};
use crate::wire::time::Time;

/// Work that an accepted request left to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    pub id: String,
    pub project_id: String,
    pub branch_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    pub action: String,
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub failures_count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Time>,
    pub created_at: Time,
    pub updated_at: Time,
    pub total_duration_ms: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_class: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<OperationStep>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_errors: Vec<RoleError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<String>,
}

/// A step that was taken for an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationStep {
    pub step: String,
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u32>,
}

/// What could not be done about a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleError {
    pub role_name: String,
    pub class: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    pub message: String,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationAnswer {
    pub operation: Operation,
}

/// A page of operations, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationsAnswer {
    pub operations: Vec<Operation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
}

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pagination {
    pub cursor: String,
}

impl Operation {
    /// Shows an operation of a project.
    #[must_use]
    pub fn new(project: &ProjectId, operation: operation::Operation) -> Self {
        let total_duration_ms = duration_ms(&operation);
        let operation::Operation {
            id,
            branch,
            endpoint,
            action,
            subject: _,
            status,
            revision: _,
            failures,
            progress,
            drops: _,
            retry_of,
            created_at,
            updated_at,
        } = operation;
        let Progress { plan, plan_left_out, steps, steps_left_out, role_errors, fault } = progress;
        let word = status.as_str();
        let (error, retry_at) = match status {
            Status::Running { retry: Some(Retry { error, at }) } => (Some(error), Some(Time(at))),
            Status::Failed { error } => (Some(error), None),
            Status::Scheduling
            | Status::Running { retry: None }
            | Status::Cancelling
            | Status::Finished
            | Status::Skipped
            | Status::Cancelled => (None, None),
        };
        Self {
            id: id.to_string(),
            project_id: project.to_string(),
            branch_id: branch.to_string(),
            endpoint_id: endpoint.map(|id| id.to_string()),
            action: action.as_str().to_owned(),
            status: word.to_owned(),
            error,
            failures_count: failures,
            retry_at,
            created_at: Time(created_at),
            updated_at: Time(updated_at),
            total_duration_ms,
            error_class: fault.map(|fault| fault.as_str().to_owned()),
            plan: plan.into_iter().chain(and_more(plan_left_out)).collect(),
            steps: steps.into_iter().map(OperationStep::new).chain(more(steps_left_out)).collect(),
            role_errors: role_errors.into_iter().map(RoleError::new).collect(),
            retry_of: retry_of.map(|id| id.to_string()),
        }
    }

    /// Shows several operations of a project. What was planned and done for each of them is told only
    /// of one that is asked for.
    #[must_use]
    pub fn list(project: &ProjectId, operations: Vec<operation::Operation>) -> Vec<Self> {
        let shown = |operation| {
            let operation = Self::new(project, operation);
            Self { plan: Vec::new(), steps: Vec::new(), ..operation }
        };
        operations.into_iter().map(shown).collect()
    }
}

impl OperationStep {
    fn new(Done { what, end, millis }: Done) -> Self {
        Self { step: what, status: end.as_str().to_owned(), duration_ms: millis }
    }
}

impl RoleError {
    fn new(error: progress::RoleError) -> Self {
        let progress::RoleError { role, fault, code, message } = error;
        let (role_name, class) = (role.to_string(), fault.as_str().to_owned());
        Self { role_name, class, sqlstate: code, message }
    }
}

/// Says how many lines there are more.
fn and_more(left_out: u32) -> Option<String> {
    (0 < left_out).then(|| format!("and {left_out} more"))
}

fn more(left_out: u32) -> Option<OperationStep> {
    let status = StepEnd::Done.as_str().to_owned();
    and_more(left_out).map(|step| OperationStep { step, status, duration_ms: None })
}

fn duration_ms(operation: &operation::Operation) -> i32 {
    if operation.status.has_ended() {
        let spent = operation.updated_at - operation.created_at;
        i32::try_from(spent.num_milliseconds()).unwrap_or(i32::MAX)
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::OperationId;
    use crate::model::operation::{Action, Subject};
    use crate::model::revision::{Revision, Timestamp};

    fn shown(status: Status) -> Operation {
        let at = |micros| Timestamp::from_timestamp_micros(micros).expect("a time");
        let operation = operation::Operation {
            id: OperationId(uuid::Uuid::nil()),
            branch: "br-a".parse().expect("an id"),
            endpoint: None,
            action: Action::ApplyConfig,
            subject: Subject::Whole,
            status,
            revision: Revision(1),
            failures: 2,
            progress: Progress::default(),
            drops: None,
            retry_of: None,
            created_at: at(0),
            updated_at: at(1_500_000),
        };
        Operation::new(&"a-b-1".parse().expect("an id"), operation)
    }

    #[test]
    fn an_operation_that_waits_for_a_retry_says_why_and_until_when() {
        let at = Timestamp::from_timestamp_micros(2_000_000).expect("a time");
        let retry = Retry { error: "connection refused".into(), at };
        let waiting = shown(Status::Running { retry: Some(retry) });
        assert_eq!(waiting.status, "running");
        assert_eq!(waiting.error.as_deref(), Some("connection refused"));
        assert_eq!(waiting.retry_at, Some(Time(at)));
        assert_eq!((waiting.failures_count, waiting.total_duration_ms), (2, 0));
    }

    #[test]
    fn an_operation_that_ended_says_how_long_it_took() {
        assert_eq!(shown(Status::Finished).total_duration_ms, 1500);
        let failed = shown(Status::Failed { error: "role \"a\" owns objects".into() });
        assert_eq!(failed.status, "failed");
        assert_eq!(failed.error.as_deref(), Some("role \"a\" owns objects"));
        assert_eq!(failed.total_duration_ms, 1500);
    }
}
