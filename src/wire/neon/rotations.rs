//! Rotations of a branch's default credential. Neon's API has nothing like them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::branch::Branch;
use crate::model::preview;
use crate::model::rotation::{self, Stage};
use crate::model::session;
use crate::wire::neon::operations::Operation;
use crate::wire::neon::plans::PlanStatement;
use crate::wire::secret::Secret;
use crate::wire::time::Time;

/// A rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    pub id: String,
    pub project_id: String,
    pub branch_id: String,
    pub state: String,
    pub old_username: String,
    pub username: String,
    pub keeps_original: bool,
    pub drain: String,
    pub grace_seconds: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_step: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
}

/// Who is connected as the credential that goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    pub open_connections: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_started_at: Option<Time>,
    pub applications: Vec<ApplicationConnections>,
}

/// The connections of one application from one address to one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationConnections {
    pub application_name: String,
    pub database_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    pub open_connections: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_started_at: Option<Time>,
}

/// One rotation, with who is connected where somebody can tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationAnswer {
    pub rotation: Rotation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<Connections>,
}

/// The rotations of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationsAnswer {
    pub rotations: Vec<Rotation>,
}

/// A rotation that moved, what is left to do about it, and the new password where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationOperations {
    pub rotation: Rotation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    pub operations: Vec<Operation>,
}

/// A rotation that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct RotateRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// What a rotation would do. Where Postgres sleeps, what it would be told and what it has is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationPreview {
    pub old_username: String,
    pub username: String,
    pub keeps_original: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements: Option<Vec<PlanStatement>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdings: Option<Vec<Holding>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<Connections>,
    pub accepted_by: Vec<AcceptingBranch>,
}

/// What the credential that would go has in a database, or beside them all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_name: Option<String>,
    pub owned_objects: u32,
    pub granted_objects: u32,
}

/// Another branch on which the password of the credential that would go is good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptingBranch {
    pub branch_id: String,
    pub branch_name: String,
}

impl From<preview::Preview> for RotationPreview {
    fn from(preview: preview::Preview) -> Self {
        let preview::Preview { from, to, keeps_original, effect, sessions, accepted_by } = preview;
        let (statements, holdings) = match effect {
            None => (None, None),
            Some(preview::Effect { statements, holdings }) => (
                Some(statements.into_iter().map(PlanStatement::from).collect()),
                Some(holdings.into_iter().map(Holding::from).collect()),
            ),
        };
        let accepting = |branch: Branch| AcceptingBranch {
            branch_id: branch.id.to_string(),
            branch_name: branch.name.to_string(),
        };
        Self {
            old_username: from.to_string(),
            username: to.to_string(),
            keeps_original,
            statements,
            holdings,
            connections: sessions.map(Connections::from),
            accepted_by: accepted_by.into_iter().map(accepting).collect(),
        }
    }
}

impl From<preview::Holding> for Holding {
    fn from(preview::Holding { database, owned, granted }: preview::Holding) -> Self {
        Self { database_name: database, owned_objects: owned, granted_objects: granted }
    }
}

impl Rotation {
    /// Shows a rotation of a project.
    #[must_use]
    pub fn new(project: &impl ToString, rotation: rotation::Rotation) -> Self {
        let rotation::Rotation {
            id,
            branch,
            from,
            to,
            keeps_original,
            drain,
            grace_seconds,
            reason,
            stage,
            operation,
            deadline,
            created_at,
            updated_at,
            ended_at,
        } = rotation;
        let state = stage.as_str().to_owned();
        let (failed_step, error) = match stage {
            Stage::Failed { step, error } => (Some(step), Some(error)),
            Stage::Planned
            | Stage::Created
            | Stage::Promoted
            | Stage::Draining
            | Stage::LoginRevoked
            | Stage::Reassigned
            | Stage::Dropped
            | Stage::Aborted => (None, None),
        };
        Self {
            id: id.to_string(),
            project_id: project.to_string(),
            branch_id: branch.to_string(),
            state,
            old_username: from.name.to_string(),
            username: to.name.to_string(),
            keeps_original,
            drain: drain.as_str().to_owned(),
            grace_seconds,
            reason,
            deadline: deadline.map(Time),
            operation_id: operation.map(|id| id.to_string()),
            failed_step,
            error,
            created_at: Time(created_at),
            updated_at: Time(updated_at),
            ended_at: ended_at.map(Time),
        }
    }
}

impl From<Vec<session::Sessions>> for Connections {
    fn from(sessions: Vec<session::Sessions>) -> Self {
        Self {
            open_connections: sessions.iter().map(|sessions| sessions.count).sum(),
            oldest_started_at: sessions
                .iter()
                .filter_map(|sessions| sessions.oldest)
                .min()
                .map(Time),
            applications: sessions.into_iter().map(ApplicationConnections::from).collect(),
        }
    }
}

impl From<session::Sessions> for ApplicationConnections {
    fn from(sessions: session::Sessions) -> Self {
        let session::Sessions { role: _, database, application, address, count, oldest } = sessions;
        Self {
            application_name: application,
            database_name: database,
            address,
            open_connections: count,
            oldest_started_at: oldest.map(Time),
        }
    }
}
