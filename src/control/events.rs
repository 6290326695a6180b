//! Events: what a commit did, read from the commit itself and from the states before and after it.
//!
//! There is no second record of what happened, so an event is there if and only if its commit is. It
//! can be read again for as long as the state before the commit is kept.

mod told;

use crate::control::{ControlPlane, Result};
use crate::model::cause::Deed;
use crate::model::event::{Event, EventId, EventKind};
use crate::model::key::Scope;
use crate::model::refusal::{Refusal, WebhookRefusal};
use crate::model::revision::Revision;
use crate::store::StoreError;
use crate::store::engine::LogId;

use told::Commit;

/// Something that a deed can change, and of which events tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The branch that it is about, as a whole.
    Branch(EventKind),
    /// What branches there are: one more.
    Born,
    /// What branches there are: fewer.
    Gone,
    /// The roles of the branch that it is about.
    Roles,
    /// The branch's rotations.
    Rotations,
    /// The branch's operations.
    Operations,
    /// What differs in the branch's Postgres.
    Drifts,
}

impl Part {
    /// Returns the kinds of the events that tell of it.
    fn kinds(&self) -> &[EventKind] {
        match self {
            Self::Branch(kind) => std::slice::from_ref(kind),
            Self::Born => &[EventKind::BranchCreated],
            Self::Gone => &[EventKind::BranchDeleted],
            Self::Roles => &[
                EventKind::CredentialsCreated,
                EventKind::CredentialsDeleted,
                EventKind::DefaultChanged,
                EventKind::RoleCreated,
                EventKind::RoleChanged,
                EventKind::RoleDeleted,
            ],
            Self::Rotations => &[
                EventKind::RotationStarted,
                EventKind::RotationAdvanced,
                EventKind::RotationCompleted,
                EventKind::RotationAborted,
                EventKind::RotationFailed,
            ],
            Self::Operations => &[EventKind::OperationFinished, EventKind::OperationFailed],
            Self::Drifts => {
                &[EventKind::DriftFound, EventKind::DriftDecided, EventKind::DriftEnded]
            }
        }
    }
}

/// Returns what a deed can change, in the order in which it is told.
fn parts_of(deed: Deed) -> &'static [Part] {
    match deed {
        Deed::CreateProject | Deed::CreateBranch => &[Part::Born],
        Deed::DeleteProject | Deed::DeleteBranch | Deed::ExpireBranch => &[Part::Gone],
        Deed::UpdateBranch | Deed::SetDefaultBranch => &[Part::Branch(EventKind::BranchChanged)],
        Deed::RestoreBranch => &[Part::Branch(EventKind::BranchRestored), Part::Born, Part::Roles],
        Deed::MergeBranch => &[Part::Branch(EventKind::BranchMerged), Part::Roles],
        Deed::CreateRole
        | Deed::ResetRolePassword
        | Deed::UpdateRole
        | Deed::DeleteRole
        | Deed::DeactivateRole
        | Deed::ActivateRole
        | Deed::ExpireRole
        | Deed::CreateCredential
        | Deed::DeleteCredential
        | Deed::PromoteCredential => &[Part::Roles],
        Deed::AdoptDrift => &[Part::Roles, Part::Drifts],
        Deed::RecordDrift | Deed::RevertDrift | Deed::IgnoreDrift => &[Part::Drifts],
        Deed::BeginRotation
        | Deed::AdvanceRotation
        | Deed::CompleteRotation
        | Deed::AbortRotation => &[Part::Roles, Part::Rotations],
        Deed::RecordPass => &[Part::Operations],
        Deed::UpdateProject
        | Deed::CreateDatabase
        | Deed::UpdateDatabase
        | Deed::DeleteDatabase
        | Deed::CreateEndpoint
        | Deed::DeleteEndpoint
        | Deed::StartEndpoint
        | Deed::SuspendEndpoint
        | Deed::SetUp
        | Deed::ForgetOperations
        | Deed::UpdateEndpoint
        | Deed::CancelOperation
        | Deed::RetryOperation
        | Deed::ReconcileBranch
        | Deed::SetDriftPolicy
        | Deed::RestartEndpoint
        | Deed::GrantPermission
        | Deed::RevokePermission
        | Deed::CreateKey
        | Deed::UseKey
        | Deed::RevokeKey
        | Deed::ForgetReceipts
        | Deed::CreateWebhook
        | Deed::UpdateWebhook
        | Deed::DeleteWebhook
        | Deed::RotateWebhookSecret
        | Deed::SendEvent => &[],
    }
}

/// Returns the kinds of the events that a commit can be, going by what was asked for.
pub(super) fn kinds_of(deed: Deed) -> impl Iterator<Item = EventKind> {
    parts_of(deed).iter().flat_map(Part::kinds).copied()
}

impl ControlPlane {
    /// Returns an event, if a key opens its project.
    pub fn get_event(&self, scope: &Scope, id: EventId) -> Result<Event> {
        let found = self.find_event(id)?;
        let found = found.filter(|event| self.admit(scope, &event.project).is_ok());
        // Whether it is there or only closed to the key is nobody's business.
        found.ok_or_else(|| Refusal::from(WebhookRefusal::EventMissing(id)).into())
    }

    /// Returns an event; nothing where there is none, or its commit is not kept any more.
    pub(super) fn find_event(&self, id: EventId) -> Result<Option<Event>> {
        let log = LogId(id.log);
        let is_there = log != LogId::DIRECTORY
            && self.inner.store.extent(log).is_some_and(|extent| {
                !extent.is_closed() && (extent.floor..=extent.head).contains(&id.revision)
            });
        if !is_there {
            return Ok(None);
        }
        match self.events_of(log, id.revision) {
            Ok(events) => Ok(events.into_iter().find(|event| event.id == id)),
            Err(StoreError::BelowFloor { .. } | StoreError::Removed { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the events of a commit, in their order.
    pub(super) fn events_of(
        &self,
        log: LogId,
        revision: Revision,
    ) -> std::result::Result<Vec<Event>, StoreError> {
        let store = &self.inner.store;
        let commit = store.read_commit(log, revision)?;
        let before = match revision {
            Revision::FIRST => None,
            Revision(number) => Some(store.view_at(log, Revision(number - 1))?.state),
        };
        let after = store.view_at(log, revision)?.state;
        Commit::new(log, commit, before, after)?.events()
    }
}
