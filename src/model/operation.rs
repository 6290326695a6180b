//! Operation: the public record of work that an accepted request left to do.
//!
//! An operation is written in the commit of the request that caused it, is never lost, and always
//! ends. It says nothing of *how*: a pass reads what the catalog wants and sees to all of it.

use crate::model::id::{BranchId, EndpointId, OperationId};
use crate::model::name::{DatabaseName, RoleName};
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
    /// It is done.
    Finished,
    /// It cannot be done; the catalog stands, and the next operation tries again.
    Failed {
        /// Why, and what to do about it.
        error: String,
    },
    /// There is nothing left to do it on.
    Skipped,
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
    /// Whether the operation has come to its end.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Scheduling | Self::Running { .. } => false,
            Self::Finished | Self::Failed { .. } | Self::Skipped => true,
        }
    }
}

impl Operation {
    /// Returns the operation after `event`, at the time `at`.
    pub fn after(self, event: Event, at: Timestamp) -> Result<Self, IllegalTransition> {
        if self.status.has_ended() {
            return Err(IllegalTransition { id: self.id, status: self.status, event });
        }
        let failures = self.failures;
        let (status, failures) = match event {
            Event::Succeeded => (Status::Finished, failures),
            Event::Superseded => (Status::Skipped, failures),
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
    fn an_operation_that_has_ended_does_not_change_again() {
        for ended in [Status::Finished, Status::Skipped, Status::Failed { error: "no".into() }] {
            for event in [Event::Succeeded, Event::Superseded, Event::Delayed(retry())] {
                assert!(operation(ended.clone()).after(event, Timestamp::UNIX_EPOCH).is_err());
            }
        }
    }
}
