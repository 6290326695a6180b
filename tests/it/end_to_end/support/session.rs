//! Sessions of real clients.

use std::process::Command;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, NoTls};

use super::run;

/// Logs in over SCRAM, as any client does.
pub async fn login(uri: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(uri, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Asks for a text.
pub async fn ask(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.expect("an open session").get(0)
}

/// Returns as whom a session is logged in.
pub async fn who(client: &Client) -> String {
    ask(client, "SELECT session_user::text").await
}

pub async fn has_role(client: &Client, role: &str) -> bool {
    let sql = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";
    client.query_one(sql, &[&role]).await.expect("an open session").get(0)
}

/// Checks that a login was refused for its password's sake.
#[track_caller]
pub fn refused(login: Result<Client, Error>) {
    let error = login.map(drop).expect_err("a refusal");
    assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD), "{error:?}");
}

/// Runs the `psql` program, and returns what it prints.
#[track_caller]
pub fn psql(uri: &str, sql: &str) -> String {
    let (code, words) = run(Command::new("psql").args(["-XAtq", uri, "-c", sql]));
    assert_eq!(code, Some(0), "{words}");
    words.trim_end().to_owned()
}
