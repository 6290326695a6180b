//! Event: something that a commit did, as webhooks tell it.
//!
//! There is no record of it. An event is where it is found: the log, the commit, and the place among
//! all that the commit did. Its id says just that, so it leads to the event without anything to look
//! it up in, and stays the same however often the event is told.

use std::fmt;
use std::str::FromStr;

use crate::model::alias::Alias;
use crate::model::cause::Caller;
use crate::model::digits;
use crate::model::drift::{Item, Response};
use crate::model::id::{BranchId, OperationId, ProjectId};
use crate::model::name::{BranchName, RoleName};
use crate::model::revision::{Moment, Revision};
use crate::model::rotation::RotationId;
use crate::model::words::words;

/// How many events of one commit are told at the most. Only a restore or a merge has more than a few:
/// one for each role that it changed.
pub const MAX_EVENTS: usize = 1 << INDEX_BITS;

/// How many bits the number of a project's log has.
pub const LOG_BITS: u32 = 48;

const REVISION_BITS: u32 = 36;
const INDEX_BITS: u32 = 16;

const PREFIX: &str = "evt-";

/// An event's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The number of the log.
    pub log: u64,
    /// The commit.
    pub revision: Revision,
    /// The event's place among those of its commit.
    pub index: u16,
}

/// The text is no such id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form evt-00000000000000000000")]
pub struct EventIdError;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, revision, index } = *self;
        let place = u128::from(revision.0) << INDEX_BITS | u128::from(index);
        let bits = u128::from(log) << (REVISION_BITS + INDEX_BITS) | place;
        write!(f, "{PREFIX}{}", digits::write(bits))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let bits = text.strip_prefix(PREFIX).and_then(digits::read).ok_or(EventIdError)?;
        let part = |shift: u32, width: u32| {
            u64::try_from(bits >> shift & ((1 << width) - 1)).expect("fewer than 64 bits")
        };
        Ok(Self {
            log: part(REVISION_BITS + INDEX_BITS, LOG_BITS),
            revision: Revision(part(INDEX_BITS, REVISION_BITS)),
            index: u16::try_from(part(0, INDEX_BITS)).expect("sixteen bits"),
        })
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// In which commit.
    pub moment: Moment,
    /// Who asked for that.
    pub caller: Caller,
    /// The project.
    pub project: ProjectId,
    /// The branch.
    pub branch: BranchId,
    /// The branch's id in Render's form.
    pub alias: Alias,
    /// What the branch was called.
    pub name: BranchName,
    /// What it happened to.
    pub subject: Subject,
}

/// To what an event happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// To the branch as a whole.
    Branch,
    /// To a role.
    Role {
        /// Its name.
        name: RoleName,
        /// Whether it is the branch's default credential after that.
        is_default: bool,
    },
    /// To a rotation of the default credential.
    Rotation {
        /// Its id.
        id: RotationId,
        /// The name of the stage at which it is.
        stage: &'static str,
        /// The credential that comes.
        to: RoleName,
    },
    /// To an operation.
    Operation {
        /// Its id.
        id: OperationId,
        /// What it does.
        action: &'static str,
        /// Why it failed, if it did.
        error: Option<String>,
    },
    /// To something that differs in the branch's Postgres.
    Drift {
        /// What differs.
        item: Item,
        /// What is done about it.
        response: Response,
    },
}

words! {
    /// What happened.
    EventKind {
        /// A role with which one can log in came to a branch. Render's own.
        CredentialsCreated = "postgres_credentials_created", 1;
        /// A role with which one could log in is gone, or has lost its login. Render's own.
        CredentialsDeleted = "postgres_credentials_deleted", 2;
        /// Another credential is the default.
        DefaultChanged = "postgres_credentials_default_changed", 3;
        /// A rotation began.
        RotationStarted = "postgres_credentials_rotation_started", 4;
        /// A rotation moved to its next stage.
        RotationAdvanced = "postgres_credentials_rotation_advanced", 5;
        /// A rotation came to its end.
        RotationCompleted = "postgres_credentials_rotation_completed", 6;
        /// A rotation was given up.
        RotationAborted = "postgres_credentials_rotation_aborted", 7;
        /// A rotation failed.
        RotationFailed = "postgres_credentials_rotation_failed", 8;
        /// A role was created.
        RoleCreated = "role_created", 20;
        /// A role was changed.
        RoleChanged = "role_changed", 21;
        /// A role was dropped.
        RoleDeleted = "role_deleted", 22;
        /// A branch was created, with all that it has from its parent.
        BranchCreated = "branch_created", 40;
        /// A branch was renamed, protected, made the default, or given another time or policy.
        BranchChanged = "branch_changed", 41;
        /// A branch's catalog was replaced by another, or by its own past.
        BranchRestored = "branch_restored", 42;
        /// Another branch's changes were taken into a branch.
        BranchMerged = "branch_merged", 43;
        /// A branch was deleted, with all that it had.
        BranchDeleted = "branch_deleted", 44;
        /// An operation was done.
        OperationFinished = "operation_finished", 60;
        /// An operation was given up.
        OperationFailed = "operation_failed", 61;
        /// Something was found that somebody changed in Postgres.
        DriftFound = "drift_found", 80;
        /// What is done about it was decided.
        DriftDecided = "drift_decided", 81;
        /// It is as the catalog has it again.
        DriftEnded = "drift_ended", 82;
    }
}

impl EventKind {
    /// Whether Render tells of it too. Whoever asks for everything is told of nothing else.
    #[must_use]
    pub fn is_renders(self) -> bool {
        [Self::CredentialsCreated, Self::CredentialsDeleted].contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_read_back_and_sorts_as_its_parts_do(
            a in (0..1_u64 << LOG_BITS, 0..1_u64 << REVISION_BITS, any::<u16>()),
            b in (0..1_u64 << LOG_BITS, 0..1_u64 << REVISION_BITS, any::<u16>()),
        ) {
            let id = |(log, revision, index)| EventId { log, revision: Revision(revision), index };
            let (a, b) = (id(a), id(b));
            prop_assert_eq!(a.to_string().parse(), Ok(a));
            prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
        }
    }

    #[test]
    fn an_id_looks_like_renders() {
        let id = EventId { log: (1 << LOG_BITS) - 1, revision: Revision(7), index: 1 };
        assert_eq!(id.to_string(), "evt-vvvvvvvvvs000000e001");
        for text in ["", "evt-", "evt-vvvvvvvvvs000000e00", "evt-vvvvvvvvvs000000e00w", "dpg-"] {
            assert_eq!(text.parse::<EventId>(), Err(EventIdError), "{text}");
        }
    }
}
