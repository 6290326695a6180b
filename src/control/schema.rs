//! What the databases of a branch hold, and how that differs from another branch. Nothing of it is
//! in the catalog: it is read from the branch's Postgres, each time it is asked for.

use std::time::Duration;

use futures_util::future::BoxFuture;
use similar::TextDiff;

use crate::control::{BranchRef, ControlError, ControlPlane, Result};
use crate::model::branch::Lineage;
use crate::model::id::BranchId;
use crate::model::name::DatabaseName;
use crate::model::point::Point;
use crate::model::refusal::Refusal;
use crate::model::schema::Table;
use crate::model::state::Read;

/// How many lines that did not change are shown around those that did.
const CONTEXT_LINES: usize = 3;

/// How long the shortest difference is looked for; after that, any will do.
const DIFF_TIME: Duration = Duration::from_secs(2);

/// Reads the databases of branches, in their Postgres.
pub trait SchemaReader: Send + Sync {
    /// Returns the schema of a database as SQL.
    fn sql(&self, at: BranchRef, database: DatabaseName) -> BoxFuture<'static, Result<String>>;

    /// Returns the tables of a database.
    fn tables(
        &self,
        at: BranchRef,
        database: DatabaseName,
    ) -> BoxFuture<'static, Result<Vec<Table>>>;
}

/// A database of a branch, at a point.
#[derive(Clone, Debug)]
pub struct DatabaseAt {
    /// The branch.
    pub branch: BranchRef,
    /// The database.
    pub database: DatabaseName,
    /// The point.
    pub point: Point,
}

impl ControlPlane {
    /// Says how to read the databases of a branch's Postgres. Without it, they cannot be read.
    pub fn set_schema_reader(&self, reader: Box<dyn SchemaReader>) {
        assert!(self.inner.schema_reader.set(reader).is_ok(), "the reader is set once");
    }

    /// Returns the schema of a database as SQL.
    pub async fn schema_sql(&self, of: DatabaseAt) -> Result<String> {
        self.check_readable(&of)?;
        self.schema_reader()?.sql(of.branch, of.database).await
    }

    /// Returns the tables of a database.
    pub async fn schema_tables(&self, of: DatabaseAt) -> Result<Vec<Table>> {
        self.check_readable(&of)?;
        self.schema_reader()?.tables(of.branch, of.database).await
    }

    /// Returns what turns the schema of the same database of another branch, at a point of that one,
    /// into that of this branch, as a unified diff; nothing where they are equal. The other branch
    /// is the parent where none is named.
    pub async fn compare_schema(
        &self,
        own: DatabaseAt,
        base: Option<BranchId>,
        base_point: Point,
    ) -> Result<String> {
        self.check_readable(&own)?;
        let base = match base {
            Some(base) => base,
            None => self.parent(&own.branch)?,
        };
        let project = own.branch.project.clone();
        let base = DatabaseAt {
            branch: BranchRef { project, branch: base },
            database: own.database.clone(),
            point: base_point,
        };
        let name = own.database.clone();
        let (before, after) = tokio::try_join!(self.schema_sql(base), self.schema_sql(own))?;
        // The texts may be long, and others are to be answered meanwhile.
        let compared = tokio::task::spawn_blocking(move || unified(&name, &before, &after)).await;
        Ok(compared.expect("a comparison that does not panic"))
    }

    fn schema_reader(&self) -> Result<&dyn SchemaReader> {
        let reader = self.inner.schema_reader.get().map(|reader| &**reader);
        reader.ok_or_else(|| ControlError::ComputeUnavailable("the server is starting".into()))
    }

    fn parent(&self, at: &BranchRef) -> Result<BranchId> {
        let (_, view) = self.view(&at.project)?;
        match view.state.branch(&at.branch)?.map(|branch| branch.lineage) {
            None => Err(Refusal::BranchMissing(at.branch.clone()).into()),
            Some(Lineage::Root) => Err(Refusal::BranchWithoutParent(at.branch.clone()).into()),
            Some(Lineage::Child(point)) => Ok(point.parent),
        }
    }

    /// Checks that there is a database to be read, as far as the catalog knows.
    fn check_readable(&self, of: &DatabaseAt) -> Result<()> {
        let DatabaseAt { branch: at, database, point } = of;
        let (_, view) = self.view(&at.project)?;
        let branch = view.state.branch(&at.branch)?;
        let branch = branch.ok_or_else(|| Refusal::BranchMissing(at.branch.clone()))?;
        if view.state.database(&at.branch, database)?.is_none() {
            return Err(Refusal::DatabaseMissing(database.clone()).into());
        }
        if *point != Point::Head {
            return Err(Refusal::SchemaOfThePast.into());
        }
        if branch.endpoint.is_none() {
            return Err(Refusal::BranchWithoutEndpoint(at.branch.clone()).into());
        }
        Ok(())
    }
}

/// Returns what turns one text into another, as a unified diff.
fn unified(database: &DatabaseName, before: &str, after: &str) -> String {
    let difference = TextDiff::configure().timeout(DIFF_TIME).diff_lines(before, after);
    let headers = (format!("a/{database}"), format!("b/{database}"));
    let mut shown = difference.unified_diff();
    shown.context_radius(CONTEXT_LINES).header(&headers.0, &headers.1).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(before: &str, after: &str) -> String {
        unified(&"neondb".parse().expect("a name"), before, after)
    }

    #[test]
    fn a_difference_names_the_database_and_shows_three_lines_around_it() {
        let before = "1\n2\n3\n4\nvalue real\n6\n7\n8\n9\n";
        let after = before.replace("value real", "value real,\ncreated_at timestamp");
        assert_eq!(
            compared(before, &after),
            "--- a/neondb\n+++ b/neondb\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-value real\n+value real,\n\
             +created_at timestamp\n 6\n 7\n 8\n"
        );
    }

    #[test]
    fn equal_schemas_do_not_differ() {
        assert_eq!(compared("a\n", "a\n"), "");
    }
}
