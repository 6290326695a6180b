//! Databases of a branch.

use axum::extract::State;

use crate::api::answer::{Answer, Created, Deleted, Found, Seen};
use crate::api::body::Body;
use crate::api::error::ApiError;
use crate::api::extract::{InBranch, InDatabase};
use crate::api::neon::history::{self, Kinds};
use crate::api::neon::point;
use crate::api::query::Query;
use crate::control::{Asker, BranchRef, Caller, ControlPlane, Told};
use crate::model::database;
use crate::model::name::RoleName;
use crate::model::operation;
use crate::model::rules::databases::DatabaseChange;
use crate::wire::neon::databases::{
    Database, DatabaseAnswer, DatabaseCreateRequest, DatabaseOperations, DatabaseUpdate,
    DatabaseUpdateRequest, DatabasesAnswer,
};
use crate::wire::neon::error::ErrorCode;
use crate::wire::neon::operations::Operation;

/// Lists the databases of a branch.
pub(super) async fn list_project_branch_databases(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(at): InBranch,
    query: Query,
) -> Result<Seen<DatabasesAnswer>, ApiError> {
    let seen = control.branch_at(&at, point::at(&query)?).await?;
    let databases = Database::list(&seen.branch, seen.databases()?);
    let left_out = if query.flag("explain")? { seen.left_out()? } else { None };
    let left_out = left_out.map(|left_out| history::left_out(left_out, Kinds::Databases));
    Ok(Seen(DatabasesAnswer { databases, left_out }, seen.moment().revision))
}

/// Creates a database on a branch.
pub(super) async fn create_project_branch_database(
    State(control): State<ControlPlane>,
    asker: Asker,
    InBranch(at): InBranch,
    Body(DatabaseCreateRequest { database }): Body<DatabaseCreateRequest>,
) -> Result<Told<Created<DatabaseOperations>>, ApiError> {
    let name = database.name.parse()?;
    let owner = RoleName::parse_existing(database.owner_name)?;
    let created = control.create_database(&asker, &at, name, owner).await?;
    Ok(created.map(|created| Created(shown(&at, created))))
}

/// Shows a database of a branch.
pub(super) async fn get_project_branch_database(
    State(control): State<ControlPlane>,
    _: Caller,
    InDatabase(at, name): InDatabase,
    query: Query,
) -> Result<Seen<DatabaseAnswer>, ApiError> {
    let seen = control.branch_at(&at, point::at(&query)?).await?;
    let database = Database::new(&seen.branch, seen.database(&name)?);
    Ok(Seen(DatabaseAnswer { database }, seen.moment().revision))
}

/// Renames a database of a branch, or gives it another owner.
pub(super) async fn update_project_branch_database(
    State(control): State<ControlPlane>,
    caller: Caller,
    InDatabase(at, name): InDatabase,
    Body(DatabaseUpdateRequest { database }): Body<DatabaseUpdateRequest>,
) -> Answer<DatabaseOperations> {
    let change = change(&database)?;
    let changed = control.update_database(&caller, &at, &name, change).await?;
    Ok(Found(shown(&at, changed)))
}

/// Deletes a database from a branch.
pub(super) async fn delete_project_branch_database(
    State(control): State<ControlPlane>,
    caller: Caller,
    database: Result<InDatabase, ApiError>,
) -> Result<Deleted<DatabaseOperations>, ApiError> {
    let delete = async {
        let InDatabase(at, name) = database?;
        let changed = control.delete_database(&caller, &at, &name).await?;
        Ok(shown(&at, changed))
    };
    Deleted::unless(ErrorCode::DatabaseNotFound, delete.await)
}

fn change(
    DatabaseUpdate { name, owner_name }: &DatabaseUpdate,
) -> Result<DatabaseChange, ApiError> {
    if name.is_none() && owner_name.is_none() {
        return Err(ApiError::invalid(
            "there is nothing to change; give database.name or database.owner_name",
        ));
    }
    Ok(DatabaseChange {
        name: name.as_deref().map(str::parse).transpose()?,
        owner: owner_name.as_deref().map(RoleName::parse_existing).transpose()?,
    })
}

fn shown(
    at: &BranchRef,
    (database, operations): (database::Database, Vec<operation::Operation>),
) -> DatabaseOperations {
    DatabaseOperations {
        database: Database::new(&at.branch, database),
        operations: Operation::list(&at.project, operations),
    }
}
