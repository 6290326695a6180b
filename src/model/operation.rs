//! Operation: the public record of work that an accepted request left to do.
//!
//! An operation is written in the commit of the request that caused it, is never lost, and always
//! ends. It says nothing of *how*: a pass reads what the catalog wants and sees to all of it.

use crate::model::id::{BranchId, EndpointId, OperationId};
use crate::model::name::{DatabaseName, RoleName};
use crate::model::progress::Progress;
use crate::model::revision::{Revision, Timestamp};

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// The branch on which it works.
    pub branch: BranchId,
    /// The endpoint on which it works; absent where it works on the branch alone.
    pub endpoint: Option<EndpointId>,
    /// What it does.
    pub action: Action,
    /// What it is about.
    pub subject: Subject,
    /// Where it stands.
    pub status: Status,
    /// The revision of the request that caused it. It is done when a pass has applied that
    /// revision or a later one.
    pub revision: Revision,
    /// How many passes have failed since it was written.
    pub failures: u32,
    /// What passes planned and did for it.
    pub progress: Progress,
    /// When the role was born whose objects are to be dropped with it, if they are.
    pub drops: Option<Revision>,
    /// The operation that this one tries again, if it does.
    pub retry_of: Option<OperationId>,
    /// When the request was committed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What an operation does; Neon's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Makes the first branch of a project.
    CreateTimeline,
    /// Makes a child branch.
    CreateBranch,
    /// Removes a branch and the data of its compute.
    DeleteTimeline,
    /// Starts an endpoint and brings it to the catalog's state.
    StartCompute,
    /// Stops an endpoint.
    SuspendCompute,
    /// Brings an endpoint to the catalog's state.
    ApplyConfig,
    /// Takes over into the catalog what was done with SQL.
    SyncDbsAndRolesFromCompute,
}

impl Action {
    /// Returns Neon's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateTimeline => "create_timeline",
            Self::CreateBranch => "create_branch",
            Self::DeleteTimeline => "delete_timeline",
            Self::StartCompute => "start_compute",
            Self::SuspendCompute => "suspend_compute",
            Self::ApplyConfig => "apply_config",
            Self::SyncDbsAndRolesFromCompute => "sync_dbs_and_roles_from_compute",
        }
    }
}

/// What an operation is about. A problem with one role fails the operations about that role, and no
/// others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All that its branch or endpoint has.
    Whole,
    /// One role.
    Role(RoleName),
    /// One database.
    Database(DatabaseName),
}

/// Where an operation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Others of the same request come first.
    Scheduling,
    /// It is being worked on.
    Running {
        /// Why the last pass failed, and when the next one is due; absent before any failed.
        retry: Option<Retry>,
    },
    /// Somebody asked for its end, and the pass in hand is told to stop.
    Cancelling,
    /// It is done.
    Finished,
    /// It cannot be done; the catalog stands, and the next operation tries again.
    Failed {
        /// Why, and what to do about it.
        error: String,
    },
    /// There is nothing left to do it on.
    Skipped,
    /// Somebody asked for its end. The catalog stands, and the next operation brings the endpoint
    /// there.
    Cancelled,
}

/// A failure that the next pass may mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Why the last pass failed.
    pub error: String,
    /// When the next pass is due.
    pub at: Timestamp,
}

/// What happened to an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pass did it.
    Succeeded,
    /// A pass failed, and another will be made.
    Delayed(Retry),
    /// No retry can mend it, or there were enough of them.
    GaveUp {
        /// Why, and what to do about it.
        error: String,
    },
    /// Its branch or its endpoint is gone.
    Superseded,
    /// Somebody wants its end.
    CancelAsked,
    /// No pass works on it any more.
    Cancelled,
    /// Somebody wants it to be tried at once.
    RetryAsked,
}

/// An operation that has ended does not change again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operation {id} has ended as {status:?}, so {event:?} cannot happen to it")]
pub struct IllegalTransition {
    id: OperationId,
    status: Status,
    event: Event,
}

impl Status {
    /// Returns Neon's word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Scheduling => "scheduling",
            Self::Running { .. } => "running",
            Self::Cancelling => "cancelling",
            Self::Finished => "finished",
            Self::Failed { .. } => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the operation has come to its end.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Scheduling | Self::Running { .. } | Self::Cancelling => false,
            Self::Finished | Self::Failed { .. } | Self::Skipped | Self::Cancelled => true,
        }
    }
}

impl Operation {
    /// Whether somebody asked for another try and no pass was made since.
    #[must_use]
    pub fn is_retried(&self) -> bool {
        let is_fresh = self.status == Status::Running { retry: None };
        is_fresh && (0 < self.failures || self.retry_of.is_some())
    }

    /// Returns the operation after `event`, at the time `at`.
    pub fn after(self, event: Event, at: Timestamp) -> Result<Self, IllegalTransition> {
        if self.status.has_ended() {
            return Err(IllegalTransition { id: self.id, status: self.status, event });
        }
        let failures = self.failures;
        let is_cancelling = self.status == Status::Cancelling;
        let (status, failures) = match event {
            Event::Succeeded => (Status::Finished, failures),
            Event::Superseded => (Status::Skipped, failures),
            Event::CancelAsked => (Status::Cancelling, failures),
            Event::Cancelled => (Status::Cancelled, failures),
            // Who wanted its end gets it, be it done or not.
            Event::Delayed(_) | Event::GaveUp { .. } if is_cancelling => {
                (Status::Cancelled, failures + 1)
            }
            Event::RetryAsked if is_cancelling => (Status::Cancelling, failures),
            Event::RetryAsked => (Status::Running { retry: None }, failures),
            Event::Delayed(retry) => (Status::Running { retry: Some(retry) }, failures + 1),
            Event::GaveUp { error } => (Status::Failed { error }, failures + 1),
        };
        Ok(Self { status, failures, updated_at: at, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(status: Status) -> Operation {
        Operation {
            id: OperationId(uuid::Uuid::nil()),
            branch: "br-a".parse().expect("an id"),
            endpoint: None,
            action: Action::ApplyConfig,
            subject: Subject::Whole,
            status,
            revision: Revision(1),
            failures: 0,
            progress: Progress::default(),
            drops: None,
            retry_of: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn retry() -> Retry {
        Retry { error: "connection refused".into(), at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_failed_pass_is_counted_and_the_operation_goes_on() {
        let delayed = operation(Status::Running { retry: None })
            .after(Event::Delayed(retry()), Timestamp::UNIX_EPOCH)
            .expect("a legal transition");
        assert_eq!(delayed.failures, 1);
        assert!(!delayed.status.has_ended());
    }

    #[test]
    fn a_cancelled_operation_ends_with_the_pass_that_was_under_way() {
        let failed = Event::GaveUp { error: "no".into() };
        for (event, end) in [
            (Event::Delayed(retry()), Status::Cancelled),
            (failed, Status::Cancelled),
            (Event::Cancelled, Status::Cancelled),
            (Event::Succeeded, Status::Finished),
            (Event::RetryAsked, Status::Cancelling),
        ] {
            let cancelling = operation(Status::Running { retry: Some(retry()) })
                .after(Event::CancelAsked, Timestamp::UNIX_EPOCH)
                .expect("a legal transition");
            assert_eq!(cancelling.status, Status::Cancelling);
            let after = cancelling.after(event, Timestamp::UNIX_EPOCH);
            assert_eq!(after.expect("a legal transition").status, end);
        }
    }

    #[test]
    fn an_operation_that_is_retried_waits_no_longer_and_keeps_count() {
        let waiting =
            Operation { failures: 3, ..operation(Status::Running { retry: Some(retry()) }) };
        assert!(!waiting.is_retried());
        let retried = waiting.after(Event::RetryAsked, Timestamp::UNIX_EPOCH);
        let retried = retried.expect("a legal transition");
        assert!(retried.is_retried());
        assert_eq!(retried.failures, 3);
    }

    #[test]
    fn an_operation_that_has_ended_does_not_change_again() {
        let failed = Status::Failed { error: "no".into() };
        for ended in [Status::Finished, Status::Skipped, Status::Cancelled, failed] {
            for event in [
                Event::Succeeded,
                Event::Superseded,
                Event::Delayed(retry()),
                Event::CancelAsked,
                Event::RetryAsked,
            ] {
                assert!(operation(ended.clone()).after(event, Timestamp::UNIX_EPOCH).is_err());
            }
        }
    }
}
