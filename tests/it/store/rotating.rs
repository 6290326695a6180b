//! The rotations of the sample's project.

use offshoot::model::refusal::CredentialRefusal;
use offshoot::model::revision::Moment;
use offshoot::model::role::Login;
use offshoot::model::rotation::Drain;
use offshoot::model::rules::Seed;
use offshoot::model::rules::rotations::{self, Moved, NewRotation};
use offshoot::model::state::{Denied, Read};
use offshoot::store::StoreError;
use offshoot::store::catalog::Catalog;

use super::sample::{credential, of};

type Done = Result<Moved, Denied<StoreError>>;

/// Begins a rotation of the default branch's credential.
pub fn begin(state: &mut Catalog, moment: Moment, seed: Seed) -> Done {
    let number = state.rotations(&of("br-main"))?.len();
    let new = NewRotation {
        name: of(&format!("app_{number}")),
        login: Login::Password(credential(7, true)),
        drain: if number == 0 { Drain::Wait } else { Drain::Never },
        grace_seconds: 600,
        reason: (number == 0).then(|| "a laptop was lost".into()),
    };
    rotations::begin(state, moment, seed, &of("br-main"), new)
}

/// Aborts the newest rotation.
pub fn abort(state: &mut Catalog, moment: Moment, seed: Seed) -> Done {
    let newest = state.rotations(&of("br-main"))?.pop();
    let Some(rotation) = newest else {
        return Err(Denied::Refused(CredentialRefusal::NoCredential(of("br-main")).into()));
    };
    rotations::abort(state, moment, seed, (&of("br-main"), rotation.id))
}
