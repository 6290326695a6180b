//! The schema of a database, and how two of them differ.

use serde::{Deserialize, Serialize};

use crate::model::schema;

/// The schema of a database, in the format that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchemaAnswer {
    Sql(String),
    Json(Tables),
}

/// The tables of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tables {
    pub tables: Vec<Table>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub schema: String,
    pub name: String,
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: String,
    pub nullable: bool,
    pub generated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    #[serde(rename = "type")]
    pub kind: ConstraintKind,
    pub columns: Vec<String>,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referenced_table: Option<ReferencedTable>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    PrimaryKey,
    Unique,
    ForeignKey,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferencedTable {
    pub schema: String,
    pub table: String,
    pub columns: Vec<String>,
}

/// How two schemas differ, as a unified diff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaComparisonAnswer {
    pub diff: String,
}

impl From<Vec<schema::Table>> for SchemaAnswer {
    fn from(tables: Vec<schema::Table>) -> Self {
        Self::Json(Tables { tables: tables.into_iter().map(Table::from).collect() })
    }
}

impl From<schema::Table> for Table {
    fn from(schema::Table { schema, name, columns, constraints }: schema::Table) -> Self {
        let columns = columns.into_iter().map(Column::from).collect();
        let constraints = constraints.into_iter().map(Constraint::from).collect();
        Self { schema, name, columns, constraints }
    }
}

impl From<schema::Column> for Column {
    fn from(column: schema::Column) -> Self {
        let schema::Column { name, data_type, is_nullable, is_generated } = column;
        Self { name, data_type, nullable: is_nullable, generated: is_generated }
    }
}

impl From<schema::Constraint> for Constraint {
    fn from(schema::Constraint { name, columns, promise }: schema::Constraint) -> Self {
        let (kind, referenced_table) = match promise {
            schema::Promise::PrimaryKey => (ConstraintKind::PrimaryKey, None),
            schema::Promise::Unique => (ConstraintKind::Unique, None),
            schema::Promise::ForeignKey(reference) => {
                let schema::Reference { schema, table, columns } = reference;
                (ConstraintKind::ForeignKey, Some(ReferencedTable { schema, table, columns }))
            }
        };
        Self { kind, columns, name, referenced_table }
    }
}
