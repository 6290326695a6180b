//! Operations.

use serde::{Deserialize, Serialize};

use crate::model::id::ProjectId;
use crate::model::operation::{self, Retry, Status};
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
            created_at,
            updated_at,
        } = operation;
        let (status, error, retry_at) = match status {
            Status::Scheduling => ("scheduling", None, None),
            Status::Running { retry: None } => ("running", None, None),
            Status::Running { retry: Some(Retry { error, at }) } => {
                ("running", Some(error), Some(Time(at)))
            }
            Status::Finished => ("finished", None, None),
            Status::Failed { error } => ("failed", Some(error), None),
            Status::Skipped => ("skipped", None, None),
        };
        Self {
            id: id.to_string(),
            project_id: project.to_string(),
            branch_id: branch.to_string(),
            endpoint_id: endpoint.map(|id| id.to_string()),
            action: action.as_str().to_owned(),
            status: status.to_owned(),
            error,
            failures_count: failures,
            retry_at,
            created_at: Time(created_at),
            updated_at: Time(updated_at),
            total_duration_ms,
        }
    }

    /// Shows several operations of a project.
    #[must_use]
    pub fn list(project: &ProjectId, operations: Vec<operation::Operation>) -> Vec<Self> {
        operations.into_iter().map(|operation| Self::new(project, operation)).collect()
    }
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
