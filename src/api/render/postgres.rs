//! Databases, each of which is a branch.

use axum::extract::State;

use crate::api::answer::{Answer, Found};
use crate::api::error::ApiError;
use crate::api::extract::InPostgres;
use crate::api::keys::Opened;
use crate::api::query::Query;
use crate::control::{Caller, Connection, ControlPlane};
use crate::model::alias::Alias;
use crate::model::secret::Password;
use crate::wire::render::postgres::{
    Postgres, PostgresConnectionInfo, PostgresPage, PostgresWithCursor,
};
use crate::wire::secret::Secret;
use crate::wire::time::Time;

/// How many databases a page has where the request says nothing.
const DEFAULT_LIMIT: usize = 20;

/// The most databases that a page can have.
const MAX_LIMIT: usize = 100;

/// Returns a field of a database.
type Field = fn(&Postgres) -> &str;

/// The parameters that name values of a field, and which field that is.
const WORDS: &[(&str, Field)] = &[
    ("name", |shown| &shown.name),
    ("region", |shown| &shown.region),
    ("suspended", |shown| &shown.suspended),
    ("ownerId", |shown| &shown.owner.id),
    ("environmentId", |shown| &shown.environment_id),
];

/// Lists the databases.
pub(super) async fn list_postgres(
    State(control): State<ControlPlane>,
    _: Caller,
    Opened(scope): Opened,
    query: Query,
) -> Answer<PostgresPage> {
    let limit = query.limit(1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let after = query.cursor::<Alias>()?;
    let times = Times::of(&query)?;
    let is_wanted = |shown: &Postgres| {
        let fits = |(parameter, field): &(&str, Field)| {
            let mut words = query.words(parameter).peekable();
            words.peek().is_none() || words.any(|word| word == field(shown))
        };
        times.fit(shown) && WORDS.iter().all(fits)
    };
    let found = control
        .list_instances(&scope, after, limit, |instance| is_wanted(&instance.clone().into()))?;
    let shown = |instance| {
        let postgres = Postgres::from(instance);
        PostgresWithCursor { cursor: postgres.id.clone(), postgres }
    };
    Ok(Found(found.into_iter().map(shown).collect()))
}

/// Between which times databases were created and changed.
struct Times {
    created_before: Option<Time>,
    created_after: Option<Time>,
    updated_before: Option<Time>,
    updated_after: Option<Time>,
}

impl Times {
    fn of(query: &Query) -> Result<Self, ApiError> {
        let time = |name: &str| query.moment(name).map(|at| at.map(Time));
        Ok(Self {
            created_before: time("createdBefore")?,
            created_after: time("createdAfter")?,
            updated_before: time("updatedBefore")?,
            updated_after: time("updatedAfter")?,
        })
    }

    fn fit(&self, shown: &Postgres) -> bool {
        self.created_before.is_none_or(|limit| shown.created_at < limit)
            && self.created_after.is_none_or(|limit| limit < shown.created_at)
            && self.updated_before.is_none_or(|limit| shown.updated_at < limit)
            && self.updated_after.is_none_or(|limit| limit < shown.updated_at)
    }
}

/// Shows a database.
pub(super) async fn retrieve_postgres(
    State(control): State<ControlPlane>,
    _: Caller,
    InPostgres(at): InPostgres,
) -> Answer<Postgres> {
    Ok(Found(control.get_instance(&at)?.into()))
}

/// Shows how the default credential connects.
pub(super) async fn retrieve_postgres_connection_info(
    State(control): State<ControlPlane>,
    _: Caller,
    InPostgres(at): InPostgres,
) -> Answer<PostgresConnectionInfo> {
    let connection = control.default_connection(&at)?;
    // There is one network, so what is inside is what is outside.
    let uri = Secret::from(&connection.uri());
    Ok(Found(PostgresConnectionInfo {
        psql_command: psql(&connection),
        password: Secret::from(&password(&connection)),
        internal_connection_string: uri.clone(),
        external_connection_string: uri,
    }))
}

fn password(connection: &Connection) -> Password {
    connection.password.clone().unwrap_or_else(|| Password::new(""))
}

/// Returns the command that connects, for any shell of Unix.
fn psql(connection: &Connection) -> Secret {
    let Connection { role, password: _, host, port, database, tls } = connection;
    let (password, tls) = (password(connection), tls.as_str());
    let command = format!(
        "PGPASSWORD={} PGSSLMODE={tls} psql -h {} -p {port} -U {} {}",
        word(password.reveal()),
        word(host),
        word(role.as_str()),
        word(database.as_str()),
    );
    Secret::from(&Password::new(command))
}

/// Writes a text as one word of a shell's command.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.:/@%+=-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('-') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_word_to_a_shell() {
        for (text, expected) in [
            ("neondb", "neondb"),
            ("we ird", "'we ird'"),
            ("a'b", r"'a'\''b'"),
            ("$(x)", "'$(x)'"),
            ("-c", "'-c'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
