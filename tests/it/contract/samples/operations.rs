//! Samples of operations.

use offshoot::model::fault::Fault;
use offshoot::model::id::OperationId;
use offshoot::model::operation::{Action, Operation, Retry, Status, Subject};
use offshoot::model::progress::{Done, Progress, RoleError, StepEnd};
use offshoot::model::revision::Revision;
use offshoot::wire::neon;

use super::{at, branch_id, project_id};

/// What passes did, in every shape.
fn progress() -> Progress {
    let done =
        |end, millis| Done { what: "create role sally, with a password".into(), end, millis };
    Progress {
        plan: vec!["create role sally, with a password".into()],
        plan_left_out: 2,
        steps: vec![
            done(StepEnd::Done, Some(3)),
            done(StepEnd::Failed, None),
            done(StepEnd::Delayed, None),
        ],
        steps_left_out: 1,
        role_errors: vec![RoleError {
            role: "sally".parse().expect("a name"),
            fault: Fault::Blocked,
            code: Some("2BP01".into()),
            message: "role \"sally\" owns objects".into(),
        }],
        fault: Some(Fault::Blocked),
    }
}

/// Returns an operation of every status.
pub(super) fn operation_shapes() -> Vec<neon::operations::Operation> {
    let retry = Retry { error: "connection refused".into(), at: at() };
    let failed = Status::Failed { error: "role \"sally\" owns objects".into() };
    let statuses = [
        Status::Scheduling,
        Status::Running { retry: None },
        Status::Running { retry: Some(retry) },
        Status::Finished,
        failed,
        Status::Skipped,
        Status::Cancelling,
        Status::Cancelled,
    ];
    let actions = [
        Action::CreateTimeline,
        Action::CreateBranch,
        Action::DeleteTimeline,
        Action::StartCompute,
        Action::SuspendCompute,
        Action::ApplyConfig,
    ];
    let actions = actions.into_iter().cycle();
    let operations = statuses.into_iter().zip(actions).map(|(status, action)| Operation {
        id: OperationId::at(at(), 0, 1),
        branch: branch_id(),
        endpoint: Some("ep-royal-brook-a5kfgaqo".parse().expect("an id")),
        action,
        subject: Subject::Whole,
        status,
        revision: Revision(7),
        failures: 1,
        progress: progress(),
        drops: None,
        retry_of: Some(OperationId::at(at(), 1, 1)),
        created_at: at(),
        updated_at: at(),
    });
    operations.map(|it| neon::operations::Operation::new(&project_id(), it)).collect()
}
