//! Credentials that come and go.

use std::sync::Arc;

use offshoot::model::cause::Deed;
use offshoot::model::name::RoleName;
use offshoot::model::revision::Moment;
use offshoot::model::role::Login;
use offshoot::model::rules::credentials::{Default, create, delete};
use offshoot::model::rules::roles::NewRole;
use offshoot::model::rules::{Seed, projects};
use offshoot::model::state::{Denied, Read as _};
use offshoot::store::catalog::Catalog;
use offshoot::store::{Store, StoreError};

use super::command::{credential, id, new_project};
use crate::store::memory::{Memory, NO_CACHE_BYTES};
use crate::store::support::{CACHE_BYTES, LOG, cause, clock};

/// How many come, and go when the next one is there.
const ROUNDS: u64 = 3_000;

/// How many rows more it takes to read at the end: the operations, of which there are twice as many
/// as rounds, lie in the same tree, and make it higher.
const MAX_MORE: usize = 2;

fn name(round: u64) -> RoleName {
    format!("app_{round}").parse().expect("a name")
}

/// Creates a credential, and deletes the one before.
fn rotate(state: &mut Catalog, moment: Moment, round: u64) -> Result<(), Denied<StoreError>> {
    let new = NewRole::new(name(round), Login::Password(credential(round)));
    create(state, moment, Seed(2 * round), &id(0), new, Default::Moves)?;
    if 1 < round {
        delete(state, moment, Seed(2 * round + 1), &id(0), &name(round - 1))?;
    }
    Ok(())
}

/// Returns how many rows it takes to read a branch's roles, and how many roles they are.
fn reading(engine: &Arc<Memory>) -> (usize, usize) {
    let store = Store::over(engine.clone(), NO_CACHE_BYTES, clock()).expect("a store");
    let state = store.view::<Catalog>(LOG).state;
    let begun = engine.reads();
    let roles = state.roles(&id(0)).expect("a read");
    (engine.reads() - begun, roles.len())
}

#[tokio::test]
async fn three_thousand_credentials_that_came_and_went_cost_those_who_read_next_to_nothing() {
    let engine = Arc::new(Memory::default());
    let store = Store::over(engine.clone(), CACHE_BYTES, clock()).expect("a store");
    let made = store.commit(LOG, cause(Deed::CreateProject), |state: &mut Catalog, moment| {
        projects::create(state, moment, Seed(0), new_project()).map(drop)
    });
    made.await.expect("a commit");
    let mut found = Vec::new();
    for round in 1..=ROUNDS {
        let rotated = store.commit(LOG, cause(Deed::CreateCredential), move |state, moment| {
            rotate(state, moment, round)
        });
        rotated.await.expect("a commit");
        if [ROUNDS / 100, ROUNDS].contains(&round) {
            found.push(reading(&engine));
        }
    }
    let [(early, few), (late, as_many)] = found[..] else { panic!("two looks") };
    assert_eq!(few, as_many);
    assert!(late <= early + MAX_MORE, "{late} rows, where they were {early}");
}
