//! Rotations, stored.

use bincode::{Decode, Encode};
use uuid::Uuid;

use super::{Invalid, Stored, time};
use crate::model::id::OperationId;
use crate::model::name::RoleName;
use crate::model::revision::Revision;
use crate::model::rotation::{Drain, Party, Rotation, RotationId, Stage};

/// A rotation.
#[derive(Encode, Decode)]
pub struct StoredRotation {
    id: [u8; 16],
    branch: String,
    from: StoredParty,
    to: StoredParty,
    keeps_original: bool,
    drain: u8,
    grace_seconds: u32,
    reason: Option<String>,
    stage: StoredStage,
    operation: Option<[u8; 16]>,
    deadline: Option<i64>,
    created_at: i64,
    updated_at: i64,
    ended_at: Option<i64>,
}

#[derive(Encode, Decode)]
struct StoredParty {
    name: String,
    born: u64,
}

#[derive(Encode, Decode)]
enum StoredStage {
    Planned,
    Created,
    Promoted,
    Draining,
    LoginRevoked,
    Reassigned,
    Dropped,
    Aborted,
    Failed { step: String, error: String },
}

/// The ways to drain and their numbers in the store. A number is never used again for another.
const DRAINS: &[(Drain, u8)] = &[(Drain::Wait, 1), (Drain::Terminate, 2), (Drain::Never, 3)];

impl Stored for StoredRotation {
    type Model = Rotation;

    fn from_model(rotation: Rotation) -> Self {
        let Rotation {
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
        let number = DRAINS.iter().find(|(known, _)| *known == drain);
        Self {
            id: *id.0.as_bytes(),
            branch: branch.to_string(),
            from: StoredParty::from_model(&from),
            to: StoredParty::from_model(&to),
            keeps_original,
            drain: number.expect("a table that has every way").1,
            grace_seconds,
            reason,
            stage: StoredStage::from_model(stage),
            operation: operation.map(|id| *id.0.as_bytes()),
            deadline: deadline.map(time::store),
            created_at: time::store(created_at),
            updated_at: time::store(updated_at),
            ended_at: ended_at.map(time::store),
        }
    }

    fn into_model(self) -> Result<Rotation, Invalid> {
        let Self {
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
        } = self;
        let known = DRAINS.iter().find(|(_, number)| *number == drain);
        Ok(Rotation {
            id: RotationId(Uuid::from_bytes(id)),
            branch: branch.try_into()?,
            from: from.into_model()?,
            to: to.into_model()?,
            keeps_original,
            drain: known.ok_or_else(|| Invalid::number("way to drain", drain))?.0,
            grace_seconds,
            reason,
            stage: stage.into_model(),
            operation: operation.map(|id| OperationId(Uuid::from_bytes(id))),
            deadline: deadline.map(time::load).transpose()?,
            created_at: time::load(created_at)?,
            updated_at: time::load(updated_at)?,
            ended_at: ended_at.map(time::load).transpose()?,
        })
    }
}

impl StoredParty {
    fn from_model(Party { name, born }: &Party) -> Self {
        Self { name: name.to_string(), born: born.0 }
    }

    fn into_model(self) -> Result<Party, Invalid> {
        let Self { name, born } = self;
        Ok(Party { name: RoleName::parse_existing(name)?, born: Revision(born) })
    }
}

impl StoredStage {
    fn from_model(stage: Stage) -> Self {
        match stage {
            Stage::Planned => Self::Planned,
            Stage::Created => Self::Created,
            Stage::Promoted => Self::Promoted,
            Stage::Draining => Self::Draining,
            Stage::LoginRevoked => Self::LoginRevoked,
            Stage::Reassigned => Self::Reassigned,
            Stage::Dropped => Self::Dropped,
            Stage::Aborted => Self::Aborted,
            Stage::Failed { step, error } => Self::Failed { step, error },
        }
    }

    fn into_model(self) -> Stage {
        match self {
            Self::Planned => Stage::Planned,
            Self::Created => Stage::Created,
            Self::Promoted => Stage::Promoted,
            Self::Draining => Stage::Draining,
            Self::LoginRevoked => Stage::LoginRevoked,
            Self::Reassigned => Stage::Reassigned,
            Self::Dropped => Stage::Dropped,
            Self::Aborted => Stage::Aborted,
            Self::Failed { step, error } => Stage::Failed { step, error },
        }
    }
}
