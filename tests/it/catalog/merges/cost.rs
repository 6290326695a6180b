//! What a comparison and a merge cost: as much as there is to change, whatever the branches have.

use std::collections::BTreeMap;
use std::sync::Arc;

use offshoot::model::cause::Deed;
use offshoot::model::merge::Choices;
use offshoot::model::name::RoleName;
use offshoot::model::revision::{Moment, Revision};
use offshoot::model::role::{Login, Role};
use offshoot::model::rules::branches::{Cutoff, NewBranch};
use offshoot::model::rules::merge::{Asked, foretell};
use offshoot::model::rules::{Seed, branches, roles};
use offshoot::model::state::{Denied, Held, Page, Place, Read, Write};
use offshoot::store::catalog::Catalog;
use offshoot::store::{Store, StoreError};

use super::act::create_project;
use crate::catalog::command::{credential, id};
use crate::store::memory::{Memory, NO_CACHE_BYTES};
use crate::store::support::{LOG, cause, clock, time};

/// Far more than the roles take while they are made.
const CACHE_BYTES: u64 = 64 << 20;

const ROLES: usize = 10_000;

const ROLES_PER_COMMIT: usize = 5_000;

/// How far the names of two roles lie apart that are made one after the other. Names come in no
/// order; those that ascend leave every node half full, and more of them to read.
const STRIDE: usize = 7_919;

async fn commit(
    store: &Store,
    decide: impl FnMut(&mut Catalog, Moment) -> Result<(), Denied<StoreError>> + Send + 'static,
) {
    store.commit(LOG, cause(Deed::CreateRole), decide).await.expect("a commit");
}

/// A parent with many roles, and a child of which nine have other passwords.
async fn store(engine: Arc<Memory>) -> Store {
    let store = Store::over(engine.clone(), CACHE_BYTES, clock()).expect("a store");
    commit(&store, |state, moment| create_project(state, moment).map(drop)).await;
    for from in (0..ROLES).step_by(ROLES_PER_COMMIT) {
        commit(&store, move |state, moment| {
            let known = state.roles(&id(0))?.into_iter().find(|role| !role.protected);
            let known = known.expect("the owner with whom a project is born");
            for number in from..from + ROLES_PER_COMMIT {
                let name = format!("role-{:07}", number * STRIDE % ROLES).parse().expect("a name");
                let role = Role { name, born: moment.revision, ..known.clone() };
                state.put_role(&id(0), role)?;
            }
            Ok(())
        })
        .await;
    }
    commit(&store, |state, moment| {
        let new = NewBranch::new(id(1), "child".parse().expect("a name"), id(0), Cutoff::Head);
        branches::create(state, moment, Seed(1), new).map(drop)
    })
    .await;
    for change in 0..9_usize {
        let name: RoleName = format!("role-{:07}", change * 1111).parse().expect("a name");
        commit(&store, move |state, moment| {
            let password = credential(change as u64 + 1);
            roles::reset_password(state, moment, Seed(2), &id(1), &name, password).map(drop)
        })
        .await;
    }
    store.close().await;
    Store::over(engine, NO_CACHE_BYTES, clock()).expect("a store")
}

#[tokio::test]
async fn nine_changes_among_ten_thousand_roles_are_compared_and_merged_by_reading_little_else() {
    let engine = Arc::new(Memory::default());
    let state = store(engine.clone()).await.view::<Catalog>(LOG).state;
    let place = |held| Place { branch: id(1), at: None, held };
    let inventory = |held| state.inventory(&place(held)).expect("a read").expect("a branch");
    let (before, after) = (inventory(Held::Source), inventory(Held::Now));
    let reads = || engine.reads();

    let begun = reads();
    let found = state.compare_roles(&before, &after, Page::first(100)).expect("a comparison").found;
    let compared = reads() - begun;
    assert!(found.len() == 9 && compared <= 60, "{} found by {compared} reads", found.len());
    let is_password = |login: &Login| login.credential().is_some();
    assert!(found.iter().all(|(_, role)| role.as_ref().is_some_and(|r| is_password(&r.login))));

    let begun = reads();
    let (choices, drawn) = (Choices::default(), BTreeMap::new());
    let asked = Asked { source: id(1), target: id(0), choices, drawn };
    let moment = Moment { revision: Revision(100), at: time(0) };
    let foretold = foretell(&state, moment, &asked).expect("a merge");
    let merged = reads() - begun;
    assert!(foretold.taken.len() == 9 && merged <= 150, "{merged} reads");
}
