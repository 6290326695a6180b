//! SQL: how steps read to Postgres, each with the mark that speaks of it.
//!
//! Text enters SQL through [`Ident`] and [`Literal`] only. Neither can hold a NUL, which Postgres
//! cannot take: names and verifiers have none.

mod marks;

use std::fmt;

use crate::model::id::BranchId;
use crate::model::name::{ROLE_GROUP, RoleName};
use crate::model::refusal::time_text;
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::Login;
use crate::model::secret::Verifier;
use crate::plan::observed::{Oid, VerifierDigest};
use crate::plan::sql::marks::{Marks, Noted, can_log_in, digest, time};
use crate::plan::step::{Clause, Step};

pub use crate::plan::sql::marks::{MARKS, note_revision};

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
        Step::ForgetDatabase { id, .. } | Step::DropDatabase { id, .. } => {
            vec![marks.forget_database(*id)]
        }
        Step::RetireRole { oid, name: _, found_as, renamed_to } => {
            retire_role(&marks, *oid, found_as, renamed_to.as_deref())
        }
        Step::CreateRole { name, born, login, valid_until } => {
            create_role(&marks, (name, *born), login, *valid_until)
        }
        Step::SetLogin { oid, name, login } => vec![
            format!("ALTER ROLE {} {}", Ident(name.as_str()), logging_in(login)),
            marks.set_role(
                *oid,
                &format!(
                    "login = {}, digest = {}",
                    can_log_in(login),
                    digest(&login.of(VerifierDigest::of))
                ),
            ),
        ],
        Step::SetValidity { oid, name, valid_until } => vec![
            format!("ALTER ROLE {} {}", Ident(name.as_str()), validity(*valid_until)),
            marks.set_role(*oid, &format!("valid_until = {}", time(*valid_until))),
        ],
        Step::ActFor { name, was, original } => {
            act_for(&marks, name, was.as_deref(), original.as_ref())
        }
        Step::RestoreRole { oid: _, name, clauses } => vec![restore_role(name, clauses)],
        Step::RestoreMembership { oid: _, name, grant, revoke } => {
            restore_membership(name, grant, revoke)
        }
        &Step::NoteRole { ref name, born, ref login, valid_until, is_adopted, oid: _ } => {
            let login = login.clone();
            vec![marks.note_role(&Noted { name, born, login, valid_until, is_adopted })]
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
        Step::CleanUp { found_as, heir, name: _, oid: _, database: _ } => {
            let give = heir.as_ref().map(|heir| give_all(found_as, heir));
            give.into_iter().chain([take_all(found_as)]).collect()
        }
        Step::RemoveRole { oid, name: _, found_as } => {
            vec![format!("DROP ROLE IF EXISTS {}", Ident(found_as)), marks.forget_role(*oid)]
        }
    }
}

fn retire_role(marks: &Marks<'_>, oid: Oid, found_as: &str, to: Option<&str>) -> Vec<String> {
    let found_as = Ident(found_as);
    let mut statements = vec![format!("ALTER ROLE {found_as} NOLOGIN PASSWORD NULL")];
    if let Some(to) = to {
        statements.push(format!("ALTER ROLE {found_as} RENAME TO {}", Ident(to)));
    }
    statements.push(marks.set_role(oid, "retired = true, login = false, digest = NULL"));
    statements
}

fn create_role(
    marks: &Marks<'_>,
    (name, born): (&RoleName, Revision),
    login: &Login<Verifier>,
    valid_until: Option<Timestamp>,
) -> Vec<String> {
    let mut create = format!("CREATE ROLE {} {}", Ident(name.as_str()), logging_in(login));
    if valid_until.is_some() {
        create.push(' ');
        create.push_str(&validity(valid_until));
    }
    let login = login.of(VerifierDigest::of);
    let noted = Noted { name, born, login, valid_until, is_adopted: false };
    vec![create, marks.note_role(&noted)]
}

fn restore_role(name: &RoleName, clauses: &[Clause]) -> String {
    let clauses: Vec<_> = clauses.iter().map(ToString::to_string).collect();
    format!("ALTER ROLE {} {}", Ident(name.as_str()), clauses.join(" "))
}

fn restore_membership(name: &RoleName, grant: &[String], revoke: &[String]) -> Vec<String> {
    let role = Ident(name.as_str());
    let grant = grant.iter().map(|group| format!("GRANT {} TO {role}", Ident(group)));
    let revoke = revoke.iter().map(|group| format!("REVOKE {} FROM {role}", Ident(group)));
    grant.chain(revoke).collect()
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

/// Takes from a role all that it was granted in a database, but by roles other than the owners.
#[must_use]
pub fn take_all(from: &str) -> String {
    format!("DROP OWNED BY {}", Ident(from))
}

fn logging_in(login: &Login<Verifier>) -> String {
    match login {
        Login::Never => "NOLOGIN PASSWORD NULL".into(),
        Login::Unset => "LOGIN PASSWORD NULL".into(),
        Login::Password(verifier) => format!("LOGIN PASSWORD {}", Literal(verifier.reveal())),
    }
}

/// Postgres has no other word for a password without an end than a time that never comes.
fn validity(until: Option<Timestamp>) -> String {
    let until = until.map_or_else(|| "infinity".into(), time_text);
    format!("VALID UNTIL {}", Literal(&until))
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
        };
        assert!(!format!("{step} {step:?}").contains("SCRAM"));
        assert!(statements(&step, &"br-a".parse().expect("an id"))[0].contains("SCRAM"));
    }
}
