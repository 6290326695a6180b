//! The drift of the sample's project.

use offshoot::model::drift::{
    Attribute, Deviation, DriftPolicy, Item, Kind, Policy, Response, Side, Verdict, print_of,
};
use offshoot::model::revision::Moment;
use offshoot::model::rules::Seed;
use offshoot::model::rules::drift;
use offshoot::model::state::Denied;
use offshoot::store::StoreError;
use offshoot::store::catalog::Catalog;

use super::sample::of;

type Done<T> = Result<T, Denied<StoreError>>;

fn found(attribute: Attribute) -> Deviation {
    Deviation {
        item: Item { kind: Kind::Role, name: "sally".into(), attribute },
        side: Side::Postgres,
        desired: "what it has".into(),
        found: "something else".into(),
        print: print_of(&["something else"]),
        response: Response::Reported,
        is_told: false,
        adoption: None,
        is_revertible: true,
    }
}

/// Finds two drifts, of which one is gone at the next look and one is left as it is.
pub fn look(state: &mut Catalog, moment: Moment, seed: Seed) -> Done<()> {
    let (login, limit) = (found(Attribute::Login), found(Attribute::ConnectionLimit));
    drift::record(state, moment, &of("br-main"), &[login.clone(), limit])?;
    drift::decide(state, moment, seed, &of("br-main"), (&login, Verdict::Ignore))?;
    drift::record(state, moment, &of("br-main"), &[login]).map(drop)
}

/// Sets what the default branch does about drift.
pub fn set_policy(state: &mut Catalog, _: Moment, _: Seed) -> Done<DriftPolicy> {
    let policy = DriftPolicy([(Attribute::Password, Policy::Report)].into());
    drift::set_policy(state, &of("br-main"), policy)
}
