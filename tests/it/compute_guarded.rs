//! What a pass refuses to do to a real Postgres.

use offshoot::compute::Compute;
use offshoot::compute::error::ComputeError;
use offshoot::plan::desired::Desired;

use crate::support::{Catalog, Server, texts};

const DATABASES: &str = "SELECT format('%s of %s', datname, pg_get_userbyid(datdba)) \
     FROM pg_database WHERE oid > 16383 ORDER BY 1";

fn catalog() -> Desired {
    Desired::empty()
        .role("sally", 1, "of sally")
        .role("bob", 2, "of bob")
        .database(1, "neondb", "sally")
}

#[tokio::test]
async fn a_restored_older_catalog_is_refused_before_anything_is_changed() {
    let server = Server::started().await;
    server.converge(&catalog().at(7)).await;
    // A change outside of any transaction is of a revision too.
    server.converge(&catalog().at(8).database(1, "renamed", "sally")).await;
    let older = Desired::empty().at(7);
    let error = server.compute().converge(&older).await.expect_err("a refusal");
    assert!(matches!(error, ComputeError::OlderCatalog { .. }), "{error:?}");
    assert!(!error.is_retryable());
    let said = error.to_string();
    assert!(said.contains("revision 8; the catalog is at 7") && said.contains("export"), "{said}");
    let databases = texts(&server.admin("postgres").await, DATABASES).await;
    assert_eq!(databases, ["renamed of sally"]);
    server.login("bob", "of bob", "renamed").await.expect("a role that stayed");
}
