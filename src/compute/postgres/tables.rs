//! The tables of a database, with their columns, keys and references. What belongs to Postgres or
//! to an extension is left out, as `pg_dump` does.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::compute::error::ComputeError;
use crate::compute::postgres::Session;
use crate::model::schema::{Column, Constraint, Promise, Reference, Table};

/// How many columns are read at the most, and how many constraints.
const MAX_ROWS: usize = 50_000;

/// The tables that a user made, as `c`, in their schemas, as `n`.
const TABLES: &str = "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     AND c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' \
     AND NOT starts_with(n.nspname::text, 'pg_') AND NOT EXISTS (SELECT FROM pg_depend d \
     WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

/// Reads the tables of the session's database.
pub(super) async fn read(session: &mut Session) -> Result<Vec<Table>, ComputeError> {
    let limit = i64::try_from(MAX_ROWS + 1).expect("a number that is not that large");
    let columns = format!(
        "SELECT n.nspname::text, c.relname::text, a.attname::text, \
         format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, a.attgenerated <> '' {TABLES} \
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND 0 < a.attnum AND NOT a.attisdropped \
         ORDER BY 1, 2, a.attnum LIMIT $1"
    );
    let names = |keys: &str, table: &str| {
        format!(
            "ARRAY(SELECT a.attname::text FROM unnest(k.{keys}) WITH ORDINALITY u (num, at) \
             JOIN pg_attribute a ON a.attrelid = k.{table} AND a.attnum = u.num ORDER BY u.at)"
        )
    };
    let constraints = format!(
        "SELECT n.nspname::text, c.relname::text, k.conname::text, k.contype::text, {}, \
         rn.nspname::text, r.relname::text, {} {TABLES} \
         JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('p', 'u', 'f') \
         LEFT JOIN pg_class r ON r.oid = k.confrelid AND k.contype = 'f' \
         LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace ORDER BY 1, 2, 3 LIMIT $1",
        names("conkey", "conrelid"),
        names("confkey", "confrelid"),
    );
    let columns = session.query(&columns, &[(&limit, Type::INT8)]).await?;
    let constraints = session.query(&constraints, &[(&limit, Type::INT8)]).await?;
    if MAX_ROWS < columns.len().max(constraints.len()) {
        let max = format!("{MAX_ROWS} columns or constraints");
        return Err(ComputeError::SchemaTooLarge { max });
    }
    gather(&columns, &constraints).map_err(|error| ComputeError::Failed {
        message: format!("its tables cannot be read: {error}"),
        code: "none".into(),
    })
}

fn gather(columns: &[Row], constraints: &[Row]) -> Result<Vec<Table>, tokio_postgres::Error> {
    let mut tables: Vec<Table> = Vec::new();
    for row in columns {
        let (schema, name) = (row.try_get(0)?, row.try_get(1)?);
        if tables.last().is_none_or(|last| last.schema != schema || last.name != name) {
            tables.push(Table { schema, name, columns: Vec::new(), constraints: Vec::new() });
        }
        let table = tables.last_mut().expect("the table of this row");
        // A table can be without any.
        if let Some(name) = row.try_get(2)? {
            let (data_type, is_nullable) = (row.try_get(3)?, row.try_get(4)?);
            let is_generated = row.try_get(5)?;
            table.columns.push(Column { name, data_type, is_nullable, is_generated });
        }
    }
    let mut at = 0;
    for row in constraints {
        let (schema, table): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        // Both are in the same order; a table made in between has no columns here.
        let Some(found) =
            tables[at..].iter().position(|known| known.schema == schema && known.name == table)
        else {
            continue;
        };
        at += found;
        let kind: String = row.try_get(3)?;
        let promise = match kind.as_str() {
            "p" => Promise::PrimaryKey,
            "u" => Promise::Unique,
            _ => Promise::ForeignKey(Reference {
                schema: row.try_get(5)?,
                table: row.try_get(6)?,
                columns: row.try_get(7)?,
            }),
        };
        let (name, columns) = (row.try_get(2)?, row.try_get(4)?);
        tables[at].constraints.push(Constraint { name, columns, promise });
    }
    Ok(tables)
}
