//! Planned: what a pass would do to a branch's Postgres, before anybody asks for it.

use std::collections::BTreeSet;

use crate::model::name::{DatabaseName, RoleName};
use crate::model::operation::Subject;
use crate::model::preview::Holding;
use crate::model::revision::Revision;
use crate::model::rules::passes::Problem;
use crate::model::session::Sessions;

/// What a pass would do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The revision of the catalog that it would bring Postgres to.
    pub revision: Revision,
    /// Its steps, in their order.
    pub steps: Vec<PlannedStep>,
    /// What it could not do, and no retry would mend.
    pub problems: Vec<Problem>,
}

/// A step of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    /// What it does, in words.
    pub summary: String,
    /// What in the catalog it is about.
    pub subject: Subject,
    /// Whether it is part of the one transaction with which a pass begins. The others are committed
    /// one by one.
    pub is_together: bool,
    /// What Postgres would be told. None where only Offshoot's own notes change.
    pub statements: Vec<Statement>,
    /// What it changes, takes away or hands over.
    pub touched: Vec<Touched>,
    /// The sessions of those roles and in those databases.
    pub sessions: Vec<Sessions>,
    /// What somebody could mind about it.
    pub risks: BTreeSet<Risk>,
}

/// A statement that Postgres would be told, without the verifier and without Offshoot's own notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The database in which.
    pub database: String,
    /// The statement.
    pub sql: String,
}

/// Something that a step changes, takes away or hands over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// A role, by the name that it has in Postgres before the pass.
    Role(String),
    /// A database, likewise.
    Database(String),
    /// What a role owns and was granted in a database.
    Holding {
        /// The role.
        role: String,
        /// What it has.
        holding: Holding,
    },
}

macro_rules! risks {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What somebody could mind about a step.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Risk {
            $($(#[$doc])* $variant,)*
        }

        impl Risk {
            /// Every risk, and its name in the API.
            pub const ALL: &[(Self, &str)] = &[$((Self::$variant, $name),)*];

            /// Returns its name in the API.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

risks! {
    /// Open sessions are cut.
    EndsSessions = "ends_sessions",
    /// A database goes with all that is in it, or a role goes for good.
    DropsObjects = "drops_objects",
    /// A database or objects get another owner.
    ChangesOwner = "changes_owner",
    /// Others wait for it, or it for them: it locks objects or a whole database.
    Locks = "locks",
    /// A role that could log in no longer can.
    RevokesLogin = "revokes_login",
    /// The password that was good is refused from then on.
    ChangesPassword = "changes_password",
    /// The password is good until a time only.
    EndsPassword = "ends_password",
    /// Somebody who uses the old name does not find it any more.
    Renames = "renames",
    /// A role may do more or less than before.
    ChangesPrivileges = "changes_privileges",
}

/// Returns what a subject is in the API: its kind, and its name where it has one.
#[must_use]
pub fn kind_and_name(subject: &Subject) -> (&'static str, Option<&str>) {
    match subject {
        Subject::Whole => ("branch", None),
        Subject::Role(name) => ("role", Some(RoleName::as_str(name))),
        Subject::Database(name) => ("database", Some(DatabaseName::as_str(name))),
    }
}
