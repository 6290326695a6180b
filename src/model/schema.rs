//! Schema: the tables of a database, as whoever wants to draw them needs them.

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The schema that it is in.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// Its keys and references, by name.
    pub constraints: Vec<Constraint>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as Postgres writes it.
    pub data_type: String,
    /// Whether it can hold NULL.
    pub is_nullable: bool,
    /// Whether its value is computed from others.
    pub is_generated: bool,
}

/// What a table promises about some of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Its name.
    pub name: String,
    /// The columns, in their order.
    pub columns: Vec<String>,
    /// What it promises.
    pub promise: Promise,
}

/// What a constraint promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promise {
    /// No two rows are equal in the columns, and none lacks one.
    PrimaryKey,
    /// No two rows are equal in the columns.
    Unique,
    /// Another table has the row that the columns name.
    ForeignKey(Reference),
}

/// The columns of another table that a foreign key leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The schema of that table.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// Its columns, in the order of those that refer to them.
    pub columns: Vec<String>,
}
