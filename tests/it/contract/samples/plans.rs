//! Samples of plans.

use offshoot::model::operation::Subject;
use offshoot::model::planned::{Planned, PlannedStep, Risk, Statement, Touched};
use offshoot::model::preview::Holding;
use offshoot::model::revision::Revision;
use offshoot::model::rules::passes::Problem;
use offshoot::wire::neon::plans::{Plan, ReconcileAnswer, ReconcileRequest};
use serde_json::Value;

use super::{operation_shapes, rotations, value};

pub(super) fn all() -> Vec<(&'static str, Value)> {
    let sally = || Subject::Role("sally".parse().expect("a name"));
    let holding = Holding { database: Some("shop".into()), owned: 2, granted: 1 };
    let planned = Planned {
        revision: Revision(7),
        steps: vec![PlannedStep {
            summary: "give what role sally has in database shop to role bob".into(),
            subject: sally(),
            is_together: false,
            statements: vec![Statement { database: "shop".into(), sql: "REASSIGN ..".into() }],
            touched: vec![
                Touched::Role("sally".into()),
                Touched::Database("shop".into()),
                Touched::Holding { role: "sally".into(), holding },
            ],
            sessions: rotations::sessions(),
            risks: Risk::ALL.iter().map(|(risk, _)| *risk).collect(),
        }],
        problems: vec![Problem::new(sally(), "she owns a database".into())],
    };
    let answer = ReconcileAnswer {
        dry_run: true,
        plan: Some(Plan::from(planned)),
        operations: operation_shapes(),
    };
    vec![
        ("ReconcileRequest", value(ReconcileRequest { dry_run: Some(true) })),
        ("ReconcileAnswer", value(answer)),
    ]
}
