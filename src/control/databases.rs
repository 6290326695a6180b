//! Use cases about databases.

use crate::control::{BranchRef, Caller, ControlPlane, Result};
use crate::model::cause::{Deed, Topic};
use crate::model::database::Database;
use crate::model::name::{DatabaseName, RoleName};
use crate::model::operation::Operation;
use crate::model::refusal::Refusal;
use crate::model::rules;
use crate::model::rules::databases::DatabaseChange;
use crate::model::state::Read;

impl ControlPlane {
    /// Lists the databases of a branch, by name.
    pub fn list_databases(&self, at: &BranchRef) -> Result<Vec<Database>> {
        let (_, view) = self.view_branch(at)?;
        Ok(view.state.databases(&at.branch)?)
    }

    /// Returns a database.
    pub fn get_database(&self, at: &BranchRef, name: &DatabaseName) -> Result<Database> {
        let (_, view) = self.view_branch(at)?;
        let database = view.state.database(&at.branch, name)?;
        database.ok_or_else(|| Refusal::DatabaseMissing(name.clone()).into())
    }

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
