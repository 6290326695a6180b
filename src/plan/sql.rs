//! SQL: how steps read to Postgres, each with the mark that speaks of it.
//!
//! Text enters SQL through [`Ident`] and [`Literal`] only. Neither can hold a NUL, which Postgres
//! cannot take: names and verifiers have none.

mod marks;

use std::fmt;

use crate::model::id::BranchId;
use crate::model::name::{ROLE_GROUP, RoleName};
use crate::model::refusal::time_text;
use crate::model::revision::Timestamp;
use crate::model::role::Login;
use crate::model::secret::Verifier;
use crate::plan::observed::{Oid, VerifierDigest};
use crate::plan::sql::marks::{Marks, Noted, digest, time};
use crate::plan::step::{Clause, Estate, Step};

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

/// How long each session may take to end, in milliseconds.
const DISCONNECT_MS: u32 = 10_000;

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
        Step::RetireRole { oid, name: _, found_as, renamed_to, drops } => {
            retire_role(&marks, *oid, (found_as, renamed_to.as_deref()), *drops)
        }
        &Step::CreateRole { ref name, born, ref login, valid_until, is_active } => {
            let noted = login.of(VerifierDigest::of);
            let is_adopted = false;
            let noted = Noted { name, born, login: noted, valid_until, is_active, is_adopted };
            create_role(&marks, login, &noted)
        }
        Step::SetActive { oid, name, is_active, has_login } => vec![
            alter_role(name, &[Clause::Login(*is_active && *has_login)]),
            marks.set_role(*oid, &format!("active = {is_active}")),
        ],
        Step::Disconnect { oid, name: _, found_as: _ } => vec![disconnect(*oid)],
        Step::SetLogin { oid, name, login, is_active } => {
            set_login(&marks, *oid, name, login, *is_active)
        }
        Step::SetValidity { oid, name, valid_until } => vec![
            format!("ALTER ROLE {} {}", Ident(name.as_str()), validity(*valid_until)),
            marks.set_role(*oid, &format!("valid_until = {}", time(*valid_until))),
        ],
        Step::ActFor { name, was, original } => {
            act_for(&marks, name, was.as_deref(), original.as_ref())
        }
        Step::RestoreRole { oid: _, name, clauses } => vec![alter_role(name, clauses)],
        Step::RestoreMembership { oid: _, name, grant, revoke } => {
            restore_membership(name, grant, revoke)
        }
        &Step::NoteRole {
            ref name, born, ref login, valid_until, is_active, is_adopted, ..
        } => {
            let login = login.clone();
            vec![marks.note_role(&Noted { name, born, login, valid_until, is_active, is_adopted })]
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

fn retire_role(
    marks: &Marks<'_>,
    oid: Oid,
    (found_as, to): (&str, Option<&str>),
    drops: bool,
) -> Vec<String> {
    let found_as = Ident(found_as);
    let mut statements = vec![format!("ALTER ROLE {found_as} NOLOGIN PASSWORD NULL")];
    if let Some(to) = to {
        statements.push(format!("ALTER ROLE {found_as} RENAME TO {}", Ident(to)));
    }
    let what = format!("retired = true, login = false, digest = NULL, drops = {drops}");
    statements.push(marks.set_role(oid, &what));
    statements
}

fn create_role(marks: &Marks<'_>, login: &Login<Verifier>, noted: &Noted<'_>) -> Vec<String> {
    let Noted { name, valid_until, is_active, .. } = noted;
    let mut create =
        format!("CREATE ROLE {} {}", Ident(name.as_str()), logging_in(login, *is_active));
    if valid_until.is_some() {
        create.push(' ');
        create.push_str(&validity(*valid_until));
    }
    vec![create, marks.note_role(noted)]
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

fn alter_role(name: &RoleName, clauses: &[Clause]) -> String {
    let clauses: Vec<_> = clauses.iter().map(ToString::to_string).collect();
    format!("ALTER ROLE {} {}", Ident(name.as_str()), clauses.join(" "))
}

fn restore_membership(name: &RoleName, grant: &[String], revoke: &[String]) -> Vec<String> {
    let role = Ident(name.as_str());
    let grant = grant.iter().map(|group| format!("GRANT {} TO {role}", Ident(group)));
    let revoke = revoke.iter().map(|group| format!("REVOKE {} FROM {role}", Ident(group)));
    grant.chain(revoke).collect()
}

fn set_login(
    marks: &Marks<'_>,
    oid: Oid,
    name: &RoleName,
    login: &Login<Verifier>,
    is_active: bool,
) -> Vec<String> {
    let digest = digest(&login.of(VerifierDigest::of));
    vec![
        format!("ALTER ROLE {} {}", Ident(name.as_str()), logging_in(login, is_active)),
        marks.set_role(oid, &format!("login = {}, digest = {digest}", login.is_any())),
    ]
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

fn logging_in(login: &Login<Verifier>, is_active: bool) -> String {
    let word = Clause::Login(is_active);
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
    use crate::model::revision::Revision;

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
