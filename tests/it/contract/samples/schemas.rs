//! Samples of what the databases of a branch hold.

use offshoot::model::schema::{Column, Constraint, Promise, Reference, Table};
use offshoot::wire::neon::schema::{SchemaAnswer, SchemaComparisonAnswer};
use serde_json::Value;

use super::value;

pub(super) fn all() -> Vec<(&'static str, Value)> {
    let column = |name: &str| Column {
        name: name.into(),
        data_type: "integer".into(),
        is_nullable: false,
        is_generated: true,
    };
    let constraint = |promise| Constraint {
        name: "notes_key".into(),
        columns: vec!["id".into(), "author".into()],
        promise,
    };
    let reference = Reference {
        schema: "public".into(),
        table: "authors".into(),
        columns: vec!["id".into(), "name".into()],
    };
    let promises = [Promise::PrimaryKey, Promise::Unique, Promise::ForeignKey(reference)];
    let table = Table {
        schema: "public".into(),
        name: "notes".into(),
        columns: vec![column("id"), column("author")],
        constraints: promises.map(constraint).into(),
    };
    vec![
        ("SchemaAnswer", value(SchemaAnswer::from(vec![table]))),
        ("SchemaAnswer", value(SchemaAnswer::Sql("CREATE TABLE notes ();\n".into()))),
        ("SchemaComparisonAnswer", value(SchemaComparisonAnswer { diff: "--- a/x\n".into() })),
    ]
}
