//! Use cases about databases.

use crate::control::once::Done;
use crate::control::{Asker, BranchRef, Caller, ControlPlane, Result, Told};
use crate::model::cause::{Deed, Topic};
use crate::model::database::Database;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::operation::Operation;
use crate::model::rules;
use crate::model::rules::databases::DatabaseChange;
use crate::model::state::Read;
use crate::store::catalog::Catalog;

impl ControlPlane {
    /// Creates a database.
    pub async fn create_database(
        &self,
        asker: &Asker,
        at: &BranchRef,
        name: DatabaseName,
        owner: RoleName,
    ) -> Result<Told<(Database, Vec<Operation>)>> {
        if let Some(done) = self.done_before(asker, &at.project)? {
            return created(&done);
        }
        let (branch, seed) = (at.branch.clone(), self.seed());
        let topic = Topic::Database(branch.clone(), name.clone());
        let what = (asker.asks(Deed::CreateDatabase, topic), None);
        let create = move |state: &mut Catalog, moment| {
            rules::databases::create(state, moment, seed, &branch, name.clone(), owner.clone())
        };
        created(&self.carry_out(asker, &at.project, what, create).await?)
    }

    /// Renames a database or gives it another owner.
    pub async fn update_database(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &DatabaseName,
        change: DatabaseChange,
    ) -> Result<(Database, Vec<Operation>)> {
        let (branch, name, seed) = (at.branch.clone(), name.clone(), self.seed());
        let topic = Topic::Database(branch.clone(), name.clone());
        self.commit(caller.asks(Deed::UpdateDatabase, topic), &at.project, move |state, moment| {
            rules::databases::update(state, moment, seed, &branch, &name, change.clone())
        })
        .await
    }

    /// Drops a database with all that is in it.
    pub async fn delete_database(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: &DatabaseName,
    ) -> Result<(Database, Vec<Operation>)> {
        let (branch, name, seed) = (at.branch.clone(), name.clone(), self.seed());
        let topic = Topic::Database(branch.clone(), name.clone());
        self.commit(caller.asks(Deed::DeleteDatabase, topic), &at.project, move |state, moment| {
            rules::databases::delete(state, moment, seed, &branch, &name)
        })
        .await
    }
}

/// Returns the database that a request created.
fn created(done: &Done<Catalog>) -> Result<Told<(Database, Vec<Operation>)>> {
    let Topic::Database(branch, name) = &done.topic else {
        unreachable!("the request was about a database");
    };
    let database = done.view.state.database(branch, name)?;
    let database = database.expect("a database that the commit put");
    Ok(done.told((database, done.operations()?)))
}
