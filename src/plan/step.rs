//! Step: one change to a Postgres, and why steps run in the order in which they do.

use std::fmt;

use crate::model::database::DatabaseId;
use crate::model::name::{DatabaseName, ROLE_GROUP, RoleName};
use crate::model::operation::Subject;
use crate::model::refusal::time_text;
use crate::model::revision::{Revision, Timestamp};
use crate::model::role::Login;
use crate::model::secret::Verifier;
use crate::plan::observed::{NO_LIMIT, Oid, Privilege, VerifierDigest};

/// What is shown in the place of a verifier.
const REDACTED: &str = "<verifier>";

/// When a step runs. The stages stand in their order:
///
/// 1. *Forget*, *Retire* and *Change* are one transaction. A dropped role loses its login before
///    anything else can fail, and its name before a new role takes it; roles exist before they own.
/// 2. *Disconnect* comes when those who are to go cannot come back.
/// 3. *Reshape* is what Postgres allows in no transaction, or only while nobody is connected.
///    Databases are dropped before others take their names, and made last.
/// 4. *`CleanUp`* comes when every database has the owner that inherits what a dropped role had.
/// 5. *Remove* comes when a dropped role has nothing left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Marks without anything to mark go.
    Forget,
    /// Roles that the catalog dropped can never log in again.
    Retire,
    /// Roles and owners become what the catalog wants.
    Change,
    /// The sessions of those who cannot log in any more end.
    Disconnect,
    /// Databases are dropped, renamed, made.
    Reshape,
    /// What dropped roles own goes to the owners of the databases it is in, unless one could do
    /// more with it than the dropped role could.
    CleanUp,
    /// Dropped roles go.
    Remove,
}

/// One change to a Postgres. Each is written together with the mark that speaks of it.
///
/// `found_as` is the name under which something is found when the step runs. It differs from the
/// catalog's where someone renamed by hand, or where an earlier step did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words on each variant name what its fields hold")]
pub enum Step {
    /// Removes the mark of a role that is gone.
    ForgetRole { oid: Oid, name: RoleName },
    /// Removes the mark of a database that is gone.
    ForgetDatabase { id: DatabaseId, name: DatabaseName },
    /// Takes the login, and where another role needs it the name, from a role that was dropped.
    RetireRole {
        oid: Oid,
        name: RoleName,
        found_as: String,
        renamed_to: Option<String>,
        drops: bool,
    },
    /// Makes a role.
    CreateRole {
        name: RoleName,
        born: Revision,
        login: Login<Verifier>,
        valid_until: Option<Timestamp>,
        is_active: bool,
    },
    /// Gives a role another password, or takes its password or its login. One that is not active does
    /// not log in with it.
    SetLogin { oid: Oid, name: RoleName, login: Login<Verifier>, is_active: bool },
    /// Takes its login from a role and leaves its password, or gives the login back where the role
    /// `has_login`.
    SetActive { oid: Oid, name: RoleName, is_active: bool, has_login: bool },
    /// Ends the sessions of a role that cannot log in any more.
    Disconnect { oid: Oid, name: RoleName, found_as: String },
    /// Changes until when a role's password is good. That is a step of its own: a password that
    /// was changed by hand is not overwritten because its end moves.
    SetValidity { oid: Oid, name: RoleName, valid_until: Option<Timestamp> },
    /// Lets a role act for the original, so that all it makes is that one's and all that is that
    /// one's it can change; or lets it act for itself again. `was` is for whom it acted before.
    ActFor { name: RoleName, was: Option<String>, original: Option<RoleName> },
    /// Gives a role back what it may, where somebody changed that by hand.
    RestoreRole { oid: Oid, name: RoleName, clauses: Vec<Clause> },
    /// Gives a role back the memberships that it should have, and takes others.
    RestoreMembership { oid: Oid, name: RoleName, grant: Vec<String>, revoke: Vec<String> },
    /// Notes what a role was found to have, where that is what it should have, or where it was made
    /// with SQL and is the catalog's from now on.
    NoteRole {
        oid: Oid,
        name: RoleName,
        born: Revision,
        login: Login<VerifierDigest>,
        valid_until: Option<Timestamp>,
        is_active: bool,
        is_adopted: bool,
    },
    /// Puts roles into the group of the roles made over the API. All at once: for an administrator
    /// who is not a superuser, the cost of each grant grows with the number of roles.
    JoinGroup { names: Vec<RoleName> },
    /// Notes the number and the name of a database that was found to be ours.
    AdoptDatabase { id: DatabaseId, name: DatabaseName, found_as: String },
    /// Gives a database another owner.
    ChangeOwner { id: DatabaseId, name: DatabaseName, found_as: String, owner: RoleName },
    /// Announces that a database is about to be made, so that it is known for ours even if nobody
    /// lives to note its number.
    IntendDatabase { id: DatabaseId, name: DatabaseName, owner: RoleName },
    /// Drops a database, with the sessions in it.
    DropDatabase { id: DatabaseId, name: DatabaseName, oid: Oid, found_as: String },
    /// Renames a database.
    RenameDatabase { id: DatabaseId, name: DatabaseName, found_as: String, to: DatabaseName },
    /// Makes a database.
    CreateDatabase { id: DatabaseId, name: DatabaseName, owner: RoleName },
    /// Takes from a dropped role what it owns in a database, as its estate says, and what it was
    /// granted there.
    CleanUp { name: RoleName, oid: Oid, found_as: String, database: String, estate: Estate },
    /// Removes a dropped role.
    RemoveRole { oid: Oid, name: RoleName, found_as: String },
}

/// What becomes of that which a dropped role owns in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Estate {
    /// It is given to this role.
    Given(String),
    /// Nobody may be given it, so there must be none.
    Unclaimed,
    /// It is dropped, as somebody asked; what others made on top of it is not.
    Dropped,
}

/// Something that a role may or may not, as Postgres has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clause {
    /// Whether it can log in.
    Login(bool),
    /// Whether it has a privilege.
    Privilege(Privilege, bool),
    /// That it may have as many sessions as it likes.
    NoConnectionLimit,
}

/// As it stands in SQL.
impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let no = |has| if has { "" } else { "NO" };
        match self {
            Self::Login(can) => write!(f, "{}LOGIN", no(*can)),
            Self::Privilege(privilege, has) => {
                let known = Privilege::ALL.iter().find(|(known, _)| known == privilege);
                write!(f, "{}{}", no(*has), known.expect("a table that has every privilege").1)
            }
            Self::NoConnectionLimit => write!(f, "CONNECTION LIMIT {NO_LIMIT}"),
        }
    }
}

impl Step {
    /// Returns the step with what stands for its verifier, to be shown.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut step = self.clone();
        if let Self::CreateRole { login: Login::Password(verifier), .. }
        | Self::SetLogin { login: Login::Password(verifier), .. } = &mut step
        {
            *verifier = Verifier::from_trusted(REDACTED);
        }
        step
    }

    /// Returns when the step runs.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Self::ForgetRole { .. } | Self::ForgetDatabase { .. } => Stage::Forget,
            Self::RetireRole { .. } => Stage::Retire,
            Self::CreateRole { .. }
            | Self::SetLogin { .. }
            | Self::SetActive { .. }
            | Self::SetValidity { .. }
            | Self::ActFor { .. }
            | Self::RestoreRole { .. }
            | Self::RestoreMembership { .. }
            | Self::NoteRole { .. }
            | Self::JoinGroup { .. }
            | Self::AdoptDatabase { .. }
            | Self::ChangeOwner { .. }
            | Self::IntendDatabase { .. } => Stage::Change,
            Self::Disconnect { .. } => Stage::Disconnect,
            Self::DropDatabase { .. }
            | Self::RenameDatabase { .. }
            | Self::CreateDatabase { .. } => Stage::Reshape,
            Self::CleanUp { .. } => Stage::CleanUp,
            Self::RemoveRole { .. } => Stage::Remove,
        }
    }

    /// Returns what in the catalog the step is about.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self {
            Self::ForgetRole { name, .. }
            | Self::RetireRole { name, .. }
            | Self::CreateRole { name, .. }
            | Self::SetLogin { name, .. }
            | Self::SetActive { name, .. }
            | Self::Disconnect { name, .. }
            | Self::SetValidity { name, .. }
            | Self::ActFor { name, .. }
            | Self::RestoreRole { name, .. }
            | Self::RestoreMembership { name, .. }
            | Self::NoteRole { name, .. }
            | Self::CleanUp { name, .. }
            | Self::RemoveRole { name, .. } => Subject::Role(name.clone()),
            Self::JoinGroup { .. } => Subject::Whole,
            Self::ForgetDatabase { name, .. }
            | Self::AdoptDatabase { name, .. }
            | Self::ChangeOwner { name, .. }
            | Self::IntendDatabase { name, .. }
            | Self::DropDatabase { name, .. }
            | Self::RenameDatabase { name, .. }
            | Self::CreateDatabase { name, .. } => Subject::Database(name.clone()),
        }
    }
}

/// For people: what the step does, without the verifier.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForgetRole { name, .. } => write!(f, "forget role {name}"),
            Self::ForgetDatabase { name, .. } => write!(f, "forget database {name}"),
            Self::RetireRole { found_as, renamed_to: None, .. } => {
                write!(f, "retire role {found_as}")
            }
            Self::RetireRole { found_as, renamed_to: Some(to), .. } => {
                write!(f, "retire role {found_as} as {to}")
            }
            Self::CreateRole { name, born: _, login, valid_until, is_active } => {
                write!(f, "create role {name}, {}", with(login))?;
                valid_until.map_or(Ok(()), |at| write!(f, ", valid until {}", time_text(at)))?;
                if *is_active { Ok(()) } else { write!(f, ", deactivated") }
            }
            Self::SetLogin { name, login: Login::Password(_), .. } => {
                write!(f, "set the password of role {name}")
            }
            Self::SetLogin { name, login: Login::Unset, .. } => {
                write!(f, "take the password of role {name}")
            }
            Self::SetLogin { name, login: Login::Never, .. } => {
                write!(f, "take the login of role {name}")
            }
            Self::SetActive { name, is_active: true, .. } => write!(f, "activate role {name}"),
            Self::SetActive { name, is_active: false, .. } => write!(f, "deactivate role {name}"),
            Self::Disconnect { found_as, .. } => write!(f, "end the sessions of role {found_as}"),
            Self::SetValidity { name, valid_until: Some(at), .. } => {
                write!(f, "let role {name} log in until {}", time_text(*at))
            }
            Self::SetValidity { name, valid_until: None, .. } => {
                write!(f, "let role {name} log in without an end")
            }
            Self::ActFor { name, original: Some(original), was: _ } => {
                write!(f, "let role {name} act for role {original}")
            }
            Self::ActFor { name, original: None, was: _ } => {
                write!(f, "let role {name} act for itself")
            }
            Self::RestoreRole { name, clauses, .. } => {
                write!(f, "give role {name} back: {}", listed("", clauses))
            }
            Self::RestoreMembership { name, grant, revoke, .. } => {
                let changes = [listed("+", grant), listed("-", revoke)].join(" ");
                write!(f, "change of what role {name} is a member: {}", changes.trim())
            }
            Self::NoteRole { name, is_adopted: true, .. } => write!(f, "adopt role {name}"),
            Self::NoteRole { name, .. } => write!(f, "note what role {name} has"),
            Self::JoinGroup { names } => write!(f, "add to {ROLE_GROUP}: {}", listed("", names)),
            Self::AdoptDatabase { name, .. } => write!(f, "recognize database {name}"),
            Self::ChangeOwner { found_as, owner, .. } => {
                write!(f, "give database {found_as} to role {owner}")
            }
            Self::IntendDatabase { name, .. } => write!(f, "announce database {name}"),
            Self::DropDatabase { found_as, .. } => write!(f, "drop database {found_as}"),
            Self::RenameDatabase { found_as, to, .. } => {
                write!(f, "rename database {found_as} to {to}")
            }
            Self::CreateDatabase { name, owner, .. } => {
                write!(f, "create database {name}, owned by role {owner}")
            }
            Self::CleanUp { found_as, database, estate, .. } => {
                write!(f, "{}", emptying(found_as, database, estate))
            }
            Self::RemoveRole { found_as, .. } => write!(f, "remove role {found_as}"),
        }
    }
}

/// Returns what becomes of that which a role has in a database, in words.
fn emptying(role: &str, database: &str, estate: &Estate) -> String {
    match estate {
        Estate::Given(heir) => {
            format!("give what role {role} has in database {database} to role {heir}")
        }
        Estate::Unclaimed => format!("take what role {role} was granted in database {database}"),
        Estate::Dropped => format!("drop what role {role} has in database {database}"),
    }
}

fn listed<T: fmt::Display>(sign: &str, things: &[T]) -> String {
    things.iter().map(|thing| format!("{sign}{thing}")).collect::<Vec<_>>().join(" ")
}

/// Returns how a role logs in, in words.
#[must_use]
pub fn with(login: &Login<Verifier>) -> &'static str {
    match login {
        Login::Never => "without login",
        Login::Unset => "without a password",
        Login::Password(_) => "with a password",
    }
}
