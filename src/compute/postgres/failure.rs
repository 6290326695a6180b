//! What a failure of Postgres means: whether to try again, and whether the rest can go on.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use tokio_postgres::error::SqlState;
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

use crate::compute::error::ComputeError;
use crate::compute::postgres::Target;
use crate::model::fault::Fault;

/// What every verifier begins with.
const VERIFIER_PREFIX: &str = "SCRAM-SHA-256$";

/// What a failure means for the step that met it, and for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Things are not as they were when they were observed; look again.
    Overtaken,
    /// This step fails however often it is tried; the others need not.
    Lasting,
    /// Others were in the way of this step; a later attempt may succeed.
    Hindered,
    /// The attempt as a whole is over; another may succeed.
    Passing,
}

/// A request that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) class: Class,
    pub(super) code: Option<SqlState>,
    /// What Postgres said, with nothing secret in it.
    pub(super) message: String,
    error: ComputeError,
}

impl Failure {
    /// Returns of what kind it is for the step that met it, to which it means `class`.
    pub(super) fn fault(&self, class: Class) -> Fault {
        match class {
            Class::Overtaken | Class::Hindered => Fault::Busy,
            Class::Passing => self.error.fault(),
            Class::Lasting => fault_of_step(self.code.as_ref().map_or("", SqlState::code)),
        }
    }
}

/// Returns of what kind a failure is that lasts however often its step is tried.
fn fault_of_step(code: &str) -> Fault {
    match code {
        "2BP01" | "0LP01" | "55006" | "53200" => Fault::Blocked,
        "42501" => Fault::Administrator,
        // The classes of data, of syntax and names, and of what a policy refused.
        code if ["22", "42", "28"].iter().any(|class| code.starts_with(class)) => Fault::BadInput,
        _ => Fault::Unknown,
    }
}

impl From<Failure> for ComputeError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Failure {
    /// The connection broke, or nobody answered in time.
    pub(super) fn broken(
        target: &Target,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            class: Class::Passing,
            code: None,
            message: "the connection was lost".into(),
            error: ComputeError::Unreachable {
                address: target.address(),
                source: Box::new(source),
            },
        }
    }

    /// A transaction was rolled back that was told to be committed.
    pub(super) fn unconfirmed() -> Self {
        Self {
            class: Class::Hindered,
            code: None,
            message: "its commit is not confirmed".into(),
            error: ComputeError::Unconfirmed,
        }
    }

    /// Sorts an error of the driver.
    pub(super) fn of(target: &Target, error: tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else { return Self::broken(target, error) };
        let code = told.code().clone();
        let mut message = told.message().to_owned();
        if let Some(detail) = told.detail() {
            message = format!("{message}: {}", detail.replace('\n', "; "));
        }
        if message.contains(VERIFIER_PREFIX) {
            message = "its message is withheld, because it quotes a verifier".into();
        }
        let class = class(&code, told.message());
        Self { class, error: meaning(target, &code, message.clone()), message, code: Some(code) }
    }
}

fn class(code: &SqlState, message: &str) -> Class {
    let is = |codes: &[SqlState]| codes.contains(code);
    if is(&[
        SqlState::DUPLICATE_OBJECT,
        SqlState::DUPLICATE_DATABASE,
        SqlState::UNDEFINED_OBJECT,
        SqlState::UNIQUE_VIOLATION,
    ]) {
        Class::Overtaken
    } else if is(&[
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::QUERY_CANCELED,
        SqlState::OBJECT_IN_USE,
    ]) || message.contains("tuple concurrently")
    {
        Class::Hindered
    } else if is(&[SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::INVALID_CATALOG_NAME]) {
        Class::Passing
    } else {
        // Connections, resources, the operator at work, and errors within Postgres: of the whole.
        // Anything else speaks of what one statement asked for.
        match code.code().get(..2) {
            Some("08" | "25" | "53" | "54" | "57" | "58" | "XX") | None => Class::Passing,
            Some(_) => Class::Lasting,
        }
    }
}

fn meaning(target: &Target, code: &SqlState, message: String) -> ComputeError {
    let address = target.address();
    match code.code() {
        code if code.starts_with("08") => {
            ComputeError::Unreachable { address, source: message.into() }
        }
        "28P01" | "28000" => ComputeError::LoginRefused { address, user: target.user.clone() },
        "3D000" => ComputeError::NoDatabase { address, database: target.database.clone() },
        "57P03" => ComputeError::NotReady { address },
        "25006" => ComputeError::ReadOnly { address },
        "42501" => ComputeError::NotPermitted { user: target.user.clone(), message },
        "40001" | "40P01" | "53300" | "55P03" | "55006" | "57014" => ComputeError::Busy { message },
        // Several tell of changes that met by this message, and by no code of its own.
        _ if message.contains("tuple concurrently") => ComputeError::Busy { message },
        other if other.starts_with("57P") => ComputeError::NotReady { address },
        other if ["53", "54", "58"].iter().any(|class| other.starts_with(class)) => {
            ComputeError::Exhausted { message }
        }
        other => ComputeError::Failed { message, code: other.into() },
    }
}

/// Sorts a failure to connect.
pub(super) fn at_login(target: &Target, error: tokio_postgres::Error) -> ComputeError {
    if error.as_db_error().is_none() && speaks_of_tls(&error) && !is_cut(&error) {
        return ComputeError::Tls { address: target.address(), source: Box::new(error) };
    }
    if error.as_db_error().is_none() && speaks_of(&error, "channel binding") {
        let reason = "it does not prove that it knows the administrator's password \
             (SCRAM-SHA-256-PLUS), as it must where its certificate is not verified; store the \
             password as scram-sha-256 and ask for it so in pg_hba.conf, or choose the TLS mode \
             verify-full";
        return ComputeError::Unsupported { address: target.address(), reason: reason.into() };
    }
    Failure::of(target, error).into()
}

/// Whether the connection broke. In the middle of a handshake, that says nothing about TLS.
fn is_cut(error: &tokio_postgres::Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| {
        matches!(
            cause.kind(),
            ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::NotConnected
                | ErrorKind::TimedOut
                | ErrorKind::UnexpectedEof
        )
    })
}

/// The driver does not tell in any other way that a handshake failed, or that the server refused
/// to begin one.
fn speaks_of_tls(error: &tokio_postgres::Error) -> bool {
    speaks_of(error, "TLS")
}

fn speaks_of(error: &tokio_postgres::Error, what: &str) -> bool {
    error.to_string().contains(what)
        || error.source().is_some_and(|source| source.to_string().contains(what))
}

/// Returns the first value of the last row that statements answered with.
pub(super) fn told(answers: &[SimpleQueryMessage]) -> Option<&str> {
    told_row(answers).and_then(|row| row.try_get(0).ok().flatten())
}

/// Returns the last row that statements answered with.
pub(super) fn told_row(answers: &[SimpleQueryMessage]) -> Option<&SimpleQueryRow> {
    answers
        .iter()
        .rev()
        .find_map(|answer| if let SimpleQueryMessage::Row(row) = answer { Some(row) } else { None })
}
