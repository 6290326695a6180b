//! What the databases of a branch hold.

use axum::extract::State;

use crate::api::answer::{Answer, Found};
use crate::api::error::ApiError;
use crate::api::extract::{InBranch, branch_id, database_name};
use crate::api::neon::point;
use crate::api::query::Query;
use crate::control::schema::DatabaseAt;
use crate::control::{BranchRef, Caller, ControlPlane};
use crate::model::point::Point;
use crate::wire::neon::schema::{SchemaAnswer, SchemaComparisonAnswer};

/// Shows the schema of a database.
pub(super) async fn get_project_branch_schema(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(branch): InBranch,
    query: Query,
) -> Answer<SchemaAnswer> {
    let of = database(branch, &query, point::of_schema(&query, "")?)?;
    Ok(Found(match format(&query)? {
        Format::Sql => SchemaAnswer::Sql(control.schema_sql(of).await?),
        Format::Json => control.schema_tables(of).await?.into(),
    }))
}

/// Shows what turns the schema of another branch's database into that of the same database of this
/// branch.
pub(super) async fn get_project_branch_schema_comparison(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(branch): InBranch,
    query: Query,
) -> Answer<SchemaComparisonAnswer> {
    let own = database(branch, &query, point::of_schema(&query, "")?)?;
    let base_point = point::of_schema(&query, "base_")?;
    let base = query.text("base_branch_id").map(branch_id).transpose()?;
    let diff = control.compare_schema(own, base, base_point).await?;
    Ok(Found(SchemaComparisonAnswer { diff }))
}

/// The forms in which a schema is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Sql,
    Json,
}

fn format(query: &Query) -> Result<Format, ApiError> {
    match query.text("format") {
        None | Some("sql") => Ok(Format::Sql),
        Some("json") => Ok(Format::Json),
        Some(_) => Err(ApiError::invalid("the query parameter `format` must be `sql` or `json`")),
    }
}

fn database(branch: BranchRef, query: &Query, point: Point) -> Result<DatabaseAt, ApiError> {
    let database = database_name(query.required("db_name")?)?;
    Ok(DatabaseAt { branch, database, point })
}
