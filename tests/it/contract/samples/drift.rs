//! Samples of drift.

use offshoot::model::drift::{
    Attribute, Drift, DriftPolicy, Item, Kind, Policy, Print, Response, Side, Verdict,
};
use offshoot::wire::neon::drift::{
    self, DriftAnswer, DriftHistoryAnswer, DriftOperations, DriftPolicyBody,
};
use serde_json::Value;

use super::{at, branch_id, operation_shapes, value};

fn shape(attribute: Attribute, response: Response) -> drift::Drift {
    let drift = Drift {
        branch: branch_id(),
        item: Item { kind: Kind::Role, name: "sally".into(), attribute },
        desired: "LOGIN".into(),
        found: "NOLOGIN".into(),
        print: Print(7),
        response,
        verdict: Some(Verdict::Adopt),
        since: at(),
        ended_at: Some(at()),
    };
    let shown = drift::Drift::new(drift, Side::Postgres);
    drift::Drift { adoptable: Some(true), revertible: Some(false), ..shown }
}

pub(super) fn all() -> Vec<(&'static str, Value)> {
    let each = Attribute::ALL.iter().map(|attribute| shape(*attribute, Response::Reported));
    let decided = DriftOperations {
        drift: shape(Attribute::Login, Response::Adopted),
        operations: operation_shapes(),
    };
    let history = Response::ALL.iter().map(|response| shape(Attribute::Login, *response));
    let all = [Policy::Enforce, Policy::Adopt, Policy::Report, Policy::Ignore].into_iter().cycle();
    let each_policy = Attribute::ALL.iter().copied().zip(all);
    let policy = DriftPolicy(each_policy.collect());
    vec![
        ("DriftAnswer", value(DriftAnswer { seen: "now".into(), drift: each.collect() })),
        ("DriftHistoryAnswer", value(DriftHistoryAnswer { drift: history.collect() })),
        ("DriftOperations", value(decided)),
        ("DriftPolicyBody", value(DriftPolicyBody::from(&policy))),
    ]
}
