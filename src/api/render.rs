//! Render's API, version 1: its routes and their handlers, each named after its operation's id.
//!
//! To Render's clients every branch is a Postgres database of its own.

mod credentials;
mod postgres;

use axum::http::Method;
use axum::routing::on;

use crate::api::route::Route;

/// Where everything of Render's API stands.
pub(super) const REST: &str = "/v1/{*rest}";

/// Every route of Render's API that is served.
pub static ROUTES: &[Route] = &[
    Route::new("list-postgres", Method::GET, "/v1/postgres", |method| {
        on(method, postgres::list_postgres)
    }),
    Route::new("retrieve-postgres", Method::GET, "/v1/postgres/{postgres_id}", |method| {
        on(method, postgres::retrieve_postgres)
    }),
    Route::new(
        "retrieve-postgres-connection-info",
        Method::GET,
        "/v1/postgres/{postgres_id}/connection-info",
        |method| on(method, postgres::retrieve_postgres_connection_info),
    ),
    Route::new(
        "list-postgres-users",
        Method::GET,
        "/v1/postgres/{postgres_id}/credentials",
        |method| on(method, credentials::list_postgres_users),
    ),
    Route::new(
        "create-postgres-user",
        Method::POST,
        "/v1/postgres/{postgres_id}/credentials",
        |method| on(method, credentials::create_postgres_user),
    ),
    Route::new(
        "delete-postgres-user",
        Method::DELETE,
        "/v1/postgres/{postgres_id}/credentials/{username}",
        |method| on(method, credentials::delete_postgres_user),
    ),
    // Render has nothing like it.
    Route::new(
        "promote-postgres-user",
        Method::PUT,
        "/v1/postgres/{postgres_id}/credentials/{username}/default",
        |method| on(method, credentials::promote_postgres_user),
    ),
];
