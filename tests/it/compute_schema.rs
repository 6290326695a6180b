//! What a database holds, read from a real Postgres.

use offshoot::compute::error::ComputeError;
use offshoot::compute::{Address, Compute};
use offshoot::model::endpoint::TlsMode;
use offshoot::model::name::DatabaseName;
use offshoot::model::progress::Trace;
use offshoot::model::schema::{Column, Constraint, Promise, Reference};
use offshoot::plan::desired::Desired;

use crate::compute_tls::encrypted;
use crate::support::{Catalog, Server, sally_and_bob};

const TABLES: &str = "CREATE TABLE authors (id int PRIMARY KEY, name text UNIQUE); \
     CREATE TABLE \"Notes\" (id int, author int NOT NULL REFERENCES authors, \
       body varchar(80), size int GENERATED ALWAYS AS (length(body)) STORED, gone int, \
       CONSTRAINT pair UNIQUE (author, id)); \
     ALTER TABLE \"Notes\" DROP COLUMN gone; CREATE TABLE nothing (); \
     CREATE VIEW seen AS SELECT id FROM authors; GRANT SELECT ON authors TO bob";

fn catalog() -> Desired {
    sally_and_bob().database(2, "a=b \"c\" d's", "sally")
}

fn name(text: &str) -> DatabaseName {
    text.parse().expect("a name")
}

async fn with_tables(server: &Server) {
    server.converge(&catalog()).await;
    for database in ["neondb", "a=b \"c\" d's"] {
        let sally = server.login("sally", "of sally", database).await.expect("a login");
        sally.batch_execute(TABLES).await.expect("tables");
    }
}

#[tokio::test]
async fn a_dump_has_tables_owners_and_grants_and_is_the_same_twice() {
    let server = Server::started().await;
    with_tables(&server).await;
    for database in ["neondb", "a=b \"c\" d's"] {
        let dump = server.compute().dump(&name(database)).await.expect("a dump");
        for line in [
            "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version",
            "CREATE TABLE public.\"Notes\" (",
            "ALTER TABLE public.authors OWNER TO sally;",
            "GRANT SELECT ON TABLE public.authors TO bob;",
        ] {
            assert!(dump.contains(line), "{database} lacks {line}: {dump}");
        }
        assert!(dump.ends_with("-- PostgreSQL database dump complete\n--\n\n"), "{dump}");
        assert_eq!(server.compute().dump(&name(database)).await.expect("a dump"), dump);
    }
}

#[tokio::test]
async fn tables_are_read_with_their_columns_keys_and_references() {
    let server = Server::started().await;
    with_tables(&server).await;
    let tables = server.compute().tables(&name("neondb")).await.expect("tables");
    let names: Vec<_> = tables.iter().map(|table| (&*table.schema, &*table.name)).collect();
    assert_eq!(names, [("public", "Notes"), ("public", "authors"), ("public", "nothing")]);
    let column = |name: &str, data_type: &str, is_nullable, is_generated| Column {
        name: name.into(),
        data_type: data_type.into(),
        is_nullable,
        is_generated,
    };
    assert_eq!(
        tables[0].columns,
        [
            column("id", "integer", true, false),
            column("author", "integer", false, false),
            column("body", "character varying(80)", true, false),
            column("size", "integer", true, true),
        ]
    );
    let constraint = |name: &str, columns: &[&str], promise| Constraint {
        name: name.into(),
        columns: columns.iter().map(|&column| column.into()).collect(),
        promise,
    };
    let reference =
        Reference { schema: "public".into(), table: "authors".into(), columns: vec!["id".into()] };
    assert_eq!(
        tables[0].constraints,
        [
            constraint("Notes_author_fkey", &["author"], Promise::ForeignKey(reference)),
            constraint("pair", &["author", "id"], Promise::Unique),
        ]
    );
    assert_eq!(
        tables[1].constraints,
        [
            constraint("authors_name_key", &["name"], Promise::Unique),
            constraint("authors_pkey", &["id"], Promise::PrimaryKey),
        ]
    );
    assert_eq!((tables[2].columns.len(), tables[2].constraints.len()), (0, 0));
}

#[tokio::test]
async fn an_attached_postgres_is_dumped_over_tls_by_its_administrators_password() {
    let server = encrypted().await;
    let address = Address { tls: TlsMode::Require, ..server.address("boss", "of boss") };
    let compute = server.attached(address.clone());
    compute.converge(&catalog(), &mut Trace::default()).await.expect("a pass");
    let dump = compute.dump(&name("neondb")).await.expect("a dump");
    assert!(dump.contains("PostgreSQL database dump complete"), "{dump}");
    assert_eq!(compute.tables(&name("neondb")).await.expect("tables"), []);
    let error = compute.dump(&name("none")).await.expect_err("a refusal");
    assert!(matches!(error, ComputeError::NoDatabase { .. }), "{error:?}");
    let unknown = Address { tls: TlsMode::VerifyFull, ..address };
    let error = server.attached(unknown).dump(&name("neondb")).await.expect_err("a refusal");
    assert!(matches!(error, ComputeError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn a_table_that_somebody_has_locked_is_not_waited_for_without_an_end() {
    let server = Server::started().await;
    with_tables(&server).await;
    let sally = server.login("sally", "of sally", "neondb").await.expect("a login");
    sally.batch_execute("BEGIN; LOCK TABLE authors").await.expect("a lock");
    let error = server.compute().dump(&name("neondb")).await.expect_err("a failure");
    assert!(matches!(error, ComputeError::DumpFailed { .. }), "{error:?}");
    assert!(error.is_retryable());
    sally.batch_execute("ROLLBACK").await.expect("an end");
    server.compute().dump(&name("neondb")).await.expect("a dump");
}

#[tokio::test]
async fn an_administrator_who_may_not_read_a_table_is_told_so() {
    let server = Server::started().await;
    server.make_maintenance().await;
    let boss = "CREATE ROLE boss CREATEROLE CREATEDB LOGIN PASSWORD 'of boss'; \
                GRANT CREATE ON DATABASE maintenance TO boss";
    server.execute("postgres", boss).await;
    let compute = server.attached(server.address("boss", "of boss"));
    compute.converge(&catalog(), &mut Trace::default()).await.expect("a pass");
    // The group may read everything.
    let secret = "CREATE TABLE secret (id int); REVOKE neon_superuser FROM sally, bob";
    server.execute("neondb", secret).await;
    let error = compute.dump(&name("neondb")).await.expect_err("a refusal");
    assert!(!error.is_retryable() && error.to_string().contains("`boss` may not"), "{error}");
}
