//! Samples of rotations.

use offshoot::model::planned::Statement;
use offshoot::model::preview::{Effect, Holding, Preview};
use offshoot::model::revision::Revision;
use offshoot::model::rotation::{Drain, Party, Rotation, RotationId, Stage};
use offshoot::model::secret::Password;
use offshoot::model::session::Sessions;
use offshoot::wire::neon::rotations::{
    self, Connections, RotateRequest, RotationAnswer, RotationOperations, RotationPreview,
    RotationsAnswer,
};
use offshoot::wire::secret::Secret;
use serde_json::Value;
use uuid::Uuid;

use super::{at, branch_id, operation_shapes, project_id, root, value};

fn stages() -> Vec<Stage> {
    vec![
        Stage::Planned,
        Stage::Created,
        Stage::Promoted,
        Stage::Draining,
        Stage::LoginRevoked,
        Stage::Reassigned,
        Stage::Dropped,
        Stage::Aborted,
        Stage::Failed { step: "created".into(), error: "role \"app_2\" exists".into() },
    ]
}

fn shape(stage: Stage) -> rotations::Rotation {
    let party = |name: &str| Party { name: name.parse().expect("a name"), born: Revision(7) };
    let rotation = Rotation {
        id: RotationId(Uuid::from_u128(7)),
        branch: branch_id(),
        from: party("sally"),
        to: party("app_2"),
        keeps_original: true,
        drain: Drain::Wait,
        grace_seconds: 600,
        reason: Some("a laptop was lost".into()),
        stage,
        operation: Some(offshoot::model::id::OperationId(Uuid::from_u128(8))),
        deadline: Some(at()),
        created_at: at(),
        updated_at: at(),
        ended_at: Some(at()),
    };
    rotations::Rotation::new(&project_id(), rotation)
}

pub(super) fn sessions() -> Vec<Sessions> {
    vec![Sessions {
        role: "sally".into(),
        database: "shop".into(),
        application: "psql".into(),
        address: Some([192, 0, 2, 7].into()),
        count: 2,
        oldest: Some(at()),
    }]
}

pub(super) fn all() -> Vec<(&'static str, Value)> {
    let name = |name: &str| name.parse().expect("a name");
    let preview = Preview {
        from: name("sally"),
        to: name("app_2"),
        keeps_original: true,
        effect: Some(Effect {
            statements: vec![Statement { database: "shop".into(), sql: "DROP ..".into() }],
            holdings: vec![Holding { database: Some("shop".into()), owned: 2, granted: 1 }],
        }),
        sessions: Some(sessions()),
        accepted_by: vec![root()],
    };
    let rotations: Vec<_> = stages().into_iter().map(shape).collect();
    let begun = RotationOperations {
        rotation: shape(Stage::Planned),
        password: Some(Secret::from(&Password::new("npg_Xq3v"))),
        operations: operation_shapes(),
    };
    let connections = Some(Connections::from(sessions()));
    let request = RotateRequest {
        username: Some("app_2".into()),
        grace_seconds: Some(600),
        drain: Some("wait".into()),
        reason: Some("a laptop was lost".into()),
        dry_run: Some(true),
    };
    vec![
        ("RotationsAnswer", value(RotationsAnswer { rotations })),
        ("RotationAnswer", value(RotationAnswer { rotation: shape(Stage::Draining), connections })),
        ("RotationOperations", value(begun)),
        ("RotationPreview", value(RotationPreview::from(preview))),
        ("RotateRequest", value(request)),
    ]
}
