//! SQL: how steps read to Postgres, each with the mark that speaks of it.
//!
//! Text enters SQL through [`Ident`] and [`Literal`] only. Neither can hold a NUL, which Postgres
//! cannot take: names and verifiers have none.

mod marks;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::id::BranchId;
use crate::model::name::{ROLE_GROUP, RoleName};
use crate::model::refusal::time_text;
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::Login;
use crate::model::secret::Verifier;
use crate::plan::observed::{Oid, VerifierDigest};
use crate::plan::sql::marks::Marks;
use crate::plan::step::{Estate, Step};

/// A text as an SQL identifier.
#[derive(Clone, Copy, Debug)]
pub struct Ident<'a>(pub &'a str);

impl fmt::Display for Ident<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A text as an SQL literal, whatever `standard_conforming_strings` is.
#[derive(Clone, Copy, Debug)]
pub struct Literal<'a>(pub &'a str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = self.0.replace('\'', "''");
        if quoted.contains('\\') {
            write!(f, "E'{}'", quoted.replace('\\', "\\\\"))
        } else {
            write!(f, "'{quoted}'")
        }
    }
}

/// How long each session may take to end, in milliseconds.
const DISCONNECT_MS: u32 = 10_000;

/// Makes the tables that hold the marks, where they are missing.
///
/// They belong to the administrator alone. Row security keeps out even the members of
/// `pg_read_all_data` and `pg_write_all_data`, among which may be every role made over the API:
/// whoever could write a mark could have a role dropped.
pub const MARKS: &str = "\
CREATE SCHEMA IF NOT EXISTS offshoot;
CREATE TABLE IF NOT EXISTS offshoot.managed_role (
    branch text NOT NULL, oid oid NOT NULL, name text NOT NULL, born bigint NOT NULL,
    login boolean NOT NULL, digest bytea, valid_until timestamptz, acts_for oid,
    active boolean NOT NULL DEFAULT true, drops boolean NOT NULL DEFAULT false,
    in_group boolean NOT NULL DEFAULT false, retired boolean NOT NULL DEFAULT false,
    PRIMARY KEY (branch, oid));
CREATE TABLE IF NOT EXISTS offshoot.managed_database (
    branch text NOT NULL, id bigint NOT NULL, name text NOT NULL, owner text NOT NULL, oid oid,
    PRIMARY KEY (branch, id));
CREATE TABLE IF NOT EXISTS offshoot.state (
    branch text PRIMARY KEY, revision bigint NOT NULL, xact text NOT NULL,
    applied_at timestamptz NOT NULL);
ALTER TABLE offshoot.managed_role ENABLE ROW LEVEL SECURITY;
ALTER TABLE offshoot.managed_database ENABLE ROW LEVEL SECURITY;
ALTER TABLE offshoot.state ENABLE ROW LEVEL SECURITY";

/// Notes in the transaction that applies it which revision that is, and in which transaction. Who
/// finds this note afterwards knows that the transaction was committed, and whoever has an older
/// catalog of the branch that it must not be applied any more.
#[must_use]
pub fn note_revision(branch: &BranchId, revision: Revision) -> String {
    format!(
        "INSERT INTO offshoot.state (branch, revision, xact, applied_at) \
         VALUES ({branch}, {revision}, pg_current_xact_id()::text, now()) \
         ON CONFLICT (branch) DO UPDATE SET revision = excluded.revision, xact = excluded.xact, \
         applied_at = excluded.applied_at RETURNING xact",
        branch = Literal(branch.as_str()),
    )
}

/// Returns the one statement of a step that Postgres allows in no transaction; its mark is written
/// by [`statements`], after it.
#[must_use]
pub fn statement_outside_transaction(step: &Step) -> Option<String> {
    if let Step::DropDatabase { found_as, .. } = step {
        Some(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", Ident(found_as)))
    } else if let Step::CreateDatabase { name, owner, .. } = step {
        // Another template might be in use, and would bring along what somebody put into it.
        let (name, owner) = (Ident(name.as_str()), Ident(owner.as_str()));
        Some(format!("CREATE DATABASE {name} OWNER {owner} TEMPLATE template0"))
    } else {
        None
    }
}

/// Returns what a step does within a transaction. Contains the verifier: never to be shown.
#[must_use]
pub fn statements(step: &Step, branch: &BranchId) -> Vec<String> {
    let marks = Marks(branch);
    match step {
        Step::ForgetRole { oid, name: _ } => vec![marks.forget_role(*oid)],
        Step::ForgetDatabase { id, name: _ } | Step::DropDatabase { id, .. } => {
            vec![marks.forget_database(*id)]
        }
        Step::RetireRole { oid, name: _, found_as, renamed_to, drops } => {
            let found_as = Ident(found_as);
            let mut statements = vec![format!("ALTER ROLE {found_as} NOLOGIN PASSWORD NULL")];
            if let Some(to) = renamed_to {
                statements.push(format!("ALTER ROLE {found_as} RENAME TO {}", Ident(to)));
            }
            let what = format!("retired = true, login = false, digest = NULL, drops = {drops}");
            statements.push(marks.set_role(*oid, &what));
            statements
        }
        Step::CreateRole { name, born, login, valid_until, is_active } => {
            create_role(&marks, name, (*born, *is_active), login, *valid_until)
        }
        Step::SetActive { oid, name, is_active, has_login } => {
            let word = login_word(*is_active && *has_login);
            vec![
                format!("ALTER ROLE {} {word}", Ident(name.as_str())),
                marks.set_role(*oid, &format!("active = {is_active}")),
            ]
        }
        Step::Disconnect { oid, name: _, found_as: _ } => vec![disconnect(*oid)],
        Step::SetLogin { oid, name, login, is_active } => vec![
            format!("ALTER ROLE {} {}", Ident(name.as_str()), logging_in(login, *is_active)),
            marks.set_role(
                *oid,
                &format!("login = {}, digest = {}", can_log_in(login), digest(login)),
            ),
        ],
        Step::SetValidity { oid, name, valid_until } => vec![
            format!("ALTER ROLE {} {}", Ident(name.as_str()), validity(*valid_until)),
            marks.set_role(*oid, &format!("valid_until = {}", time(*valid_until))),
        ],
        Step::ActFor { name, was, original } => {
            act_for(&marks, name, was.as_deref(), original.as_ref())
        }
        Step::JoinGroup { names } => join_group(&marks, names),
        Step::AdoptDatabase { id, name: _, found_as } => {
            let (name, oid) = (Literal(found_as), database_oid(found_as));
            vec![marks.set_database(*id, &format!("name = {name}, oid = {oid}"))]
        }
        Step::ChangeOwner { id, name: _, found_as, owner } => vec![
            format!("ALTER DATABASE {} OWNER TO {}", Ident(found_as), Ident(owner.as_str())),
            marks.set_database(*id, &format!("owner = {}", Literal(owner.as_str()))),
        ],
        Step::IntendDatabase { id, name, owner } => {
            vec![marks.announce_database(*id, name.as_str(), owner)]
        }
        Step::CreateDatabase { id, name, owner: _ } => {
            vec![marks.set_database(*id, &format!("oid = {}", database_oid(name.as_str())))]
        }
        Step::RenameDatabase { id, name: _, found_as, to } => vec![
            format!("ALTER DATABASE {} RENAME TO {}", Ident(found_as), Ident(to.as_str())),
            marks.set_database(*id, &format!("name = {}", Literal(to.as_str()))),
        ],
        Step::CleanUp { found_as, estate, name: _, oid: _, database: _ } => {
            clean_up(found_as, estate)
        }
        Step::RemoveRole { oid, name: _, found_as } => {
            vec![format!("DROP ROLE IF EXISTS {}", Ident(found_as)), marks.forget_role(*oid)]
        }
    }
}

fn create_role(
    marks: &Marks<'_>,
    name: &RoleName,
    (born, is_active): (Revision, bool),
    login: &Login<Verifier>,
    valid_until: Option<Timestamp>,
) -> Vec<String> {
    let logging_in = logging_in(login, is_active);
    let mut create = format!("CREATE ROLE {} {logging_in}", Ident(name.as_str()));
    if valid_until.is_some() {
        create.push(' ');
        create.push_str(&validity(valid_until));
    }
    vec![create, marks.add_role(name, (born, is_active), login, valid_until)]
}

fn clean_up(found_as: &str, estate: &Estate) -> Vec<String> {
    let give = match estate {
        Estate::Given(heir) => Some(give_all(found_as, heir)),
        Estate::Unclaimed | Estate::Dropped => None,
    };
    give.into_iter().chain([take_all(found_as)]).collect()
}

/// Answers whether all sessions of a role have ended; nothing where it had none.
fn disconnect(Oid(oid): Oid) -> String {
    format!(
        "SELECT bool_and(pg_terminate_backend(pid, {DISCONNECT_MS})) FROM pg_stat_activity \
         WHERE usesysid = {oid} AND pid <> pg_backend_pid()"
    )
}

/// Returns what a step does besides writing marks, in a transaction or outside, for people to read.
#[must_use]
pub fn statements_without_marks(step: &Step, branch: &BranchId) -> Vec<String> {
    let is_mark = |sql: &String| {
        let words = ["INSERT INTO", "UPDATE", "DELETE FROM"];
        words.iter().any(|word| sql.starts_with(&format!("{word} offshoot.")))
    };
    let inside = statements(step, branch).into_iter().filter(|sql| !is_mark(sql));
    statement_outside_transaction(step).into_iter().chain(inside).collect()
}

/// Gives all that a role owns in a database to another, with every database that it owns.
#[must_use]
pub fn give_all(from: &str, to: &str) -> String {
    format!("REASSIGN OWNED BY {} TO {}", Ident(from), Ident(to))
}

/// Drops all that a role owns in a database, unless something of others depends on it, and takes from
/// the role all that it was granted there, but by roles other than the owners.
#[must_use]
pub fn take_all(from: &str) -> String {
    format!("DROP OWNED BY {}", Ident(from))
}

fn login_word(can_log_in: bool) -> &'static str {
    if can_log_in { "LOGIN" } else { "NOLOGIN" }
}

fn logging_in(login: &Login<Verifier>, is_active: bool) -> String {
    let word = login_word(is_active);
    match login {
        Login::Never => "NOLOGIN PASSWORD NULL".into(),
        Login::Unset => format!("{word} PASSWORD NULL"),
        Login::Password(verifier) => format!("{word} PASSWORD {}", Literal(verifier.reveal())),
    }
}

/// Postgres has no other word for a password without an end than a time that never comes.
fn validity(until: Option<Timestamp>) -> String {
    let until = until.map_or_else(|| "infinity".into(), time_text);
    format!("VALID UNTIL {}", Literal(&until))
}

fn can_log_in(login: &Login<Verifier>) -> bool {
    match login {
        Login::Never => false,
        Login::Unset | Login::Password(_) => true,
    }
}

fn digest(login: &Login<Verifier>) -> String {
    let Some(verifier) = login.credential() else { return "NULL".into() };
    let VerifierDigest(bytes) = VerifierDigest::of(verifier);
    format!("decode('{}', 'base64')", STANDARD.encode(bytes))
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "NULL".into(), |at| Literal(&time_text(at)).to_string())
}

fn database_oid(name: &str) -> String {
    format!("(SELECT oid FROM pg_database WHERE datname = {})", Literal(name))
}

/// Makes a role a member of another and has it act as that from its login on.
fn act_for(
    marks: &Marks<'_>,
    name: &RoleName,
    was: Option<&str>,
    original: Option<&RoleName>,
) -> Vec<String> {
    let role = Ident(name.as_str());
    let mut statements = Vec::new();
    if let Some(was) = was.filter(|was| original.is_none_or(|original| original.as_str() != *was)) {
        statements.push(format!("REVOKE {} FROM {role}", Ident(was)));
    }
    let oid = match original {
        None => {
            statements.push(format!("ALTER ROLE {role} RESET role"));
            "NULL".into()
        }
        Some(original) => {
            let ident = Ident(original.as_str());
            statements.push(format!("GRANT {ident} TO {role}"));
            statements.push(format!("ALTER ROLE {role} SET role = {ident}"));
            format!("(SELECT oid FROM pg_roles WHERE rolname = {})", Literal(original.as_str()))
        }
    };
    statements.push(format!(
        "UPDATE offshoot.managed_role SET acts_for = {oid} \
         WHERE branch = {} AND NOT retired AND name = {}",
        marks.branch(),
        Literal(name.as_str())
    ));
    statements
}

fn join_group(marks: &Marks<'_>, names: &[RoleName]) -> Vec<String> {
    let idents: Vec<_> = names.iter().map(|name| Ident(name.as_str()).to_string()).collect();
    let literals: Vec<_> = names.iter().map(|name| Literal(name.as_str()).to_string()).collect();
    let Marks(branch) = marks;
    vec![
        format!("GRANT {} TO {}", Ident(ROLE_GROUP), idents.join(", ")),
        format!(
            "UPDATE offshoot.managed_role SET in_group = true \
             WHERE branch = {} AND NOT retired AND name IN ({})",
            Literal(branch.as_str()),
            literals.join(", ")
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_so_that_it_stays_text() {
        assert_eq!(Ident("a\"b").to_string(), "\"a\"\"b\"");
        assert_eq!(Literal("a'b").to_string(), "'a''b'");
        assert_eq!(Literal("a\\'b").to_string(), "E'a\\\\''b'");
    }

    #[test]
    fn a_step_never_shows_its_verifier() {
        let step = Step::CreateRole {
            name: "sally".parse().expect("a name"),
            born: Revision(1),
            login: Login::Password(Verifier::from_trusted("SCRAM-SHA-256$4096:salt$a:b")),
            valid_until: None,
            is_active: true,
        };
        assert!(!format!("{step} {step:?}").contains("SCRAM"));
        assert!(statements(&step, &"br-a".parse().expect("an id"))[0].contains("SCRAM"));
    }
}
