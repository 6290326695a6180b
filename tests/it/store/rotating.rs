//! The rotations of the sample's project, and all that a project of it holds.

use std::fmt::Write as _;

use offshoot::model::endpoint::{Attachment, Site};
use offshoot::model::refusal::Refusal;
use offshoot::model::revision::Moment;
use offshoot::model::role::{Credential, Login};
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
        return Err(Denied::Refused(Refusal::NoCredential(of("br-main"))));
    };
    rotations::abort(state, moment, seed, (&of("br-main"), rotation.id))
}

/// Says all that a project holds.
pub fn tell_state(told: &mut String, state: &Catalog) -> Result<(), StoreError> {
    let mut line = |value: &dyn std::fmt::Debug| writeln!(told, "{value:?}").expect("a text");
    line(&state.project()?);
    for endpoint in state.endpoints()? {
        line(&endpoint);
        if let Site::Attached(Attachment { password, .. }) = endpoint.site {
            line(&password.0);
        }
    }
    for operation in state.operations(None, 1000)?.0 {
        line(&operation);
    }
    line(&state.branches_with_unfinished()?);
    for branch in state.branches()? {
        line(&branch);
        line(&state.branch_named(&branch.name)?);
        line(&state.first_mark(&branch.id)?);
        for role in state.roles(&branch.id)? {
            line(&role);
            if let Some(Credential { verifier, sealed, branch: _ }) = role.login.credential() {
                line(&(verifier.reveal(), sealed.as_ref().map(|sealed| &sealed.0)));
            }
        }
        for rotation in state.rotations(&branch.id)? {
            line(&rotation);
        }
        for database in state.databases(&branch.id)? {
            line(&database);
        }
    }
    Ok(())
}
