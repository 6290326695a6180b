//! Use cases about databases.

use crate::control::{BranchRef, Caller, ControlPlane, Result};
use crate::model::cause::{Deed, Topic};
use crate::model::database::Database;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::operation::Operation;
use crate::model::rules;
use crate::model::rules::databases::DatabaseChange;

impl ControlPlane {
    /// Creates a database.
    pub async fn create_database(
        &self,
        caller: &Caller,
        at: &BranchRef,
        name: DatabaseName,
        owner: RoleName,
    ) -> Result<(Database, Vec<Operation>)> {
        let (branch, seed) = (at.branch.clone(), self.seed());
        let topic = Topic::Database(branch.clone(), name.clone());
        self.commit(caller.asks(Deed::CreateDatabase, topic), &at.project, move |state, moment| {
            rules::databases::create(state, moment, seed, &branch, name.clone(), owner.clone())
        })
        .await
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
