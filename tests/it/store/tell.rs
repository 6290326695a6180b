//! What a sample's store holds, in words.

use std::fmt::Write as _;

use offshoot::model::endpoint::{Attachment, Site};
use offshoot::model::revision::Revision;
use offshoot::model::role::{Credential, Login};
use offshoot::model::state::{Read, ReadDrift};
use offshoot::store::catalog::Catalog;
use offshoot::store::directory::Directory;
use offshoot::store::engine::LogId;
use offshoot::store::{Store, StoreError};

use super::account;
use super::sample::{LOG, LOG_OF_DELETED};

/// Says all that a sample's store holds.
pub fn tell(store: &Store) -> String {
    let mut told = String::new();
    let directory = store.view::<Directory>(LogId::DIRECTORY).state;
    account::tell(&mut told, &directory).expect("a directory that reads");
    for log in [LOG, LOG_OF_DELETED] {
        for number in 1..=store.heads()[&log].0 {
            let view = store.view_at::<Catalog>(log, Revision(number)).expect("a view");
            writeln!(told, "{log} {:?}", view.moment).expect("a text");
        }
        let view = store.view::<Catalog>(log);
        tell_state(&mut told, &view.state).expect("a state that reads");
    }
    told
}

fn tell_state(told: &mut String, state: &Catalog) -> Result<(), StoreError> {
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
            let logins = [Some(&role.login), role.stands_for.as_ref()].into_iter().flatten();
            for Credential { verifier, sealed, branch: _ } in logins.filter_map(Login::credential) {
                line(&(verifier.reveal(), sealed.as_ref().map(|sealed| &sealed.0)));
            }
        }
        for rotation in state.rotations(&branch.id)? {
            line(&rotation);
        }
        line(&state.drift_policy(&branch.id)?);
        for drift in state.drifts(&branch.id)? {
            line(&drift);
        }
        for database in state.databases(&branch.id)? {
            line(&database);
        }
    }
    Ok(())
}
