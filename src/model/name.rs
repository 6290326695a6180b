//! Names: checked once, when they are parsed. A name that exists is valid.

use std::fmt;
use std::str::FromStr;

/// Why a text cannot be the name of a role or a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is no name.
    #[error("{what} name is empty; give 1 to 63 bytes")]
    Empty {
        /// What was to be named.
        what: &'static str,
    },
    /// Postgres would silently cut the name.
    #[error(
        "{what} name has {bytes} bytes, and Postgres keeps only {max}; give a shorter one",
        max = PG_NAME_MAX_BYTES
    )]
    TooLong {
        /// What was to be named.
        what: &'static str,
        /// How long the name is, in bytes of UTF-8.
        bytes: usize,
    },
    /// Control characters make names that cannot be told apart on a screen.
    #[error("{what} name has the control character U+{code:04X}; leave it out")]
    ControlCharacter {
        /// What was to be named.
        what: &'static str,
        /// The character's code point.
        code: u32,
    },
    /// A blank that nobody can see.
    #[error("{what} name begins or ends with a blank; leave it out")]
    OuterBlank {
        /// What was to be named.
        what: &'static str,
    },
    /// In a path, the name would be taken for a step up: to delete the role `..` would be to delete
    /// its branch.
    #[error("{what} name `{name}` would mean another place in a path; choose another")]
    Step {
        /// What was to be named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Some clients put names into URLs as they are.
    #[error(
        "{what} name `{name}` is not one of lower-case letters, digits and underscores that begins \
         with no digit; choose such a name"
    )]
    NotPlain {
        /// What was to be named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Postgres, Neon or Offshoot keeps the name for itself.
    #[error("{what} name `{name}` is reserved; choose another")]
    Reserved {
        /// What was to be named.
        what: &'static str,
        /// The reserved name.
        name: String,
    },
}

/// The longest identifier that Postgres keeps, in bytes (`NAMEDATALEN - 1`).
pub const PG_NAME_MAX_BYTES: usize = 63;

/// The group of which every role made over the API is a member, where a Postgres has it.
pub const ROLE_GROUP: &str = "neon_superuser";

/// The superuser of the computes that Offshoot runs itself.
pub const COMPUTE_ADMIN: &str = "cloud_admin";

/// The system role with which projects of the older shape are born, and which nobody can change or
/// delete.
pub const SYSTEM_ROLE: &str = "web_access";

/// Names that no client may give to a role. Postgres itself refuses `public` and `none`; the
/// others it would take, and each would then be mistaken for something else.
const RESERVED_ROLES: &[&str] = &[
    "public",
    "none",
    "current_role",
    "current_user",
    "session_user",
    "user",
    ROLE_GROUP,
    COMPUTE_ADMIN,
    SYSTEM_ROLE,
    "zenith_admin",
    "neon_service",
    "postgres",
];

/// Databases that every cluster has.
const RESERVED_DATABASES: &[&str] = &["postgres", "template0", "template1"];

/// What URLs take for a step that stays or goes up, escaped or not.
const STEPS: &[&str] = &[".", ".."];

/// Postgres keeps this prefix for its own roles, in lower case only.
const RESERVED_ROLE_PREFIX: &str = "pg_";

/// Offshoot keeps this prefix for the names that it gives to roles and databases for a while.
const TEMPORARY_PREFIX: &str = "offshoot_";

/// Checks what new names must be besides.
fn check_new(
    what: &'static str,
    text: &str,
    is_reserved: impl FnOnce(&str) -> bool,
) -> Result<(), NameError> {
    check(what, text)?;
    if STEPS.contains(&text) {
        return Err(NameError::Step { what, name: text.into() });
    }
    if is_reserved(text) {
        return Err(NameError::Reserved { what, name: text.into() });
    }
    Ok(())
}

fn check(what: &'static str, text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if PG_NAME_MAX_BYTES < text.len() {
        return Err(NameError::TooLong { what, bytes: text.len() });
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(NameError::ControlCharacter { what, code: c.into() });
    }
    if text.trim() != text {
        return Err(NameError::OuterBlank { what });
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name!(
    /// The name of a Postgres role. Any legal Postgres identifier but the reserved ones.
    RoleName
);
name!(
    /// The name of a Postgres database. Any legal Postgres identifier but the reserved ones.
    DatabaseName
);
name!(
    /// The name of a branch. Unique within its project.
    BranchName
);
name!(
    /// The name of a project. Not unique: projects are told apart by their ids.
    ProjectName
);

impl RoleName {
    const WHAT: &'static str = "the role";

    /// Returns the name of the system role, which [`FromStr`] refuses as reserved.
    #[must_use]
    pub fn system() -> Self {
        Self(SYSTEM_ROLE.into())
    }

    /// Parses a name that was already accepted once, the system role's among them: one from the
    /// store, or one in the path of a request, which can name no role that was refused before.
    pub fn parse_existing(text: impl AsRef<str> + Into<Box<str>>) -> Result<Self, NameError> {
        check(Self::WHAT, text.as_ref())?;
        Ok(Self(text.into()))
    }
}

impl RoleName {
    /// Parses a new name that can stand in a URL as it is.
    pub fn parse_plain(text: &str) -> Result<Self, NameError> {
        let parsed: Self = text.parse()?;
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let starts_plain = !text.starts_with(|c: char| c.is_ascii_digit());
        if starts_plain && text.bytes().all(is_plain) {
            return Ok(parsed);
        }
        Err(NameError::NotPlain { what: Self::WHAT, name: text.into() })
    }
}

impl FromStr for RoleName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check_new(Self::WHAT, text, |text| {
            [RESERVED_ROLE_PREFIX, TEMPORARY_PREFIX].iter().any(|prefix| text.starts_with(prefix))
                || RESERVED_ROLES.contains(&text)
        })?;
        Ok(Self(text.into()))
    }
}

impl DatabaseName {
    const WHAT: &'static str = "the database";

    /// Parses a name that was already accepted once: one from the store or from a mark, one in the
    /// path of a request, or one that Offshoot gives for a while.
    pub fn parse_existing(text: impl AsRef<str> + Into<Box<str>>) -> Result<Self, NameError> {
        check(Self::WHAT, text.as_ref())?;
        Ok(Self(text.into()))
    }
}

impl FromStr for DatabaseName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check_new(Self::WHAT, text, |text| {
            text.starts_with(TEMPORARY_PREFIX) || RESERVED_DATABASES.contains(&text)
        })?;
        Ok(Self(text.into()))
    }
}

/// Why a text cannot be the name of a branch or a project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} name has {chars} characters; give 1 to {max}", max = TITLE_MAX_CHARS)]
pub struct TitleError {
    what: &'static str,
    chars: usize,
}

/// The longest name of a branch or project, in characters, as in Neon's own definition.
pub const TITLE_MAX_CHARS: usize = 256;

fn check_title(what: &'static str, text: &str) -> Result<(), TitleError> {
    let chars = text.chars().count();
    if (1..=TITLE_MAX_CHARS).contains(&chars) { Ok(()) } else { Err(TitleError { what, chars }) }
}

impl FromStr for BranchName {
    type Err = TitleError;

    fn from_str(text: &str) -> Result<Self, TitleError> {
        check_title("the branch", text)?;
        Ok(Self(text.into()))
    }
}

impl FromStr for ProjectName {
    type Err = TitleError;

    fn from_str(text: &str) -> Result<Self, TitleError> {
        check_title("the project", text)?;
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str) -> NameError {
        text.parse::<RoleName>().expect_err("a refused name")
    }

    #[test]
    fn a_name_is_measured_in_bytes_not_characters() {
        assert!("ä".repeat(31).parse::<RoleName>().is_ok());
        assert_eq!(
            refused(&"ä".repeat(32)),
            NameError::TooLong { what: RoleName::WHAT, bytes: 64 }
        );
        assert!("x".repeat(63).parse::<RoleName>().is_ok());
    }

    #[test]
    fn every_name_that_postgres_takes_and_people_can_see_is_accepted() {
        for text in ["we ird/n", "a\"b", "a'b", "a\\b", "50%", "🦀", "PG_upper", "App", "Public"]
        {
            assert_eq!(text.parse::<RoleName>().expect("a legal name").as_str(), text);
        }
    }

    #[test]
    fn reserved_names_are_refused_by_name() {
        for text in ["pg_x", "pg_", "public", "none", "neon_superuser", "cloud_admin", "web_access"]
        {
            assert!(matches!(refused(text), NameError::Reserved { .. }), "{text}");
        }
        assert!("template1".parse::<DatabaseName>().is_err());
        assert!(matches!(refused("offshoot_retired_7"), NameError::Reserved { .. }));
        assert!("offshoot_renaming_7".parse::<DatabaseName>().is_err());
        assert!("offshoot".parse::<DatabaseName>().is_ok());
    }

    #[test]
    fn a_name_that_was_accepted_once_is_read_even_if_it_is_reserved_now() {
        for text in ["offshoot_of_old", "postgres"] {
            assert_eq!(RoleName::parse_existing(text).expect("a name").as_str(), text);
            assert_eq!(DatabaseName::parse_existing(text).expect("a name").as_str(), text);
        }
        assert!(DatabaseName::parse_existing("").is_err());
    }

    #[test]
    fn a_name_that_a_path_takes_for_a_step_is_refused() {
        for text in [".", ".."] {
            assert!(matches!(refused(text), NameError::Step { .. }), "{text}");
            assert!(text.parse::<DatabaseName>().is_err(), "{text}");
        }
        assert!("...".parse::<RoleName>().is_ok());
    }

    #[test]
    fn what_nobody_can_see_is_refused() {
        assert_eq!(refused(""), NameError::Empty { what: RoleName::WHAT });
        assert_eq!(refused("a\0b"), NameError::ControlCharacter { what: RoleName::WHAT, code: 0 });
        assert_eq!(refused("a "), NameError::OuterBlank { what: RoleName::WHAT });
        assert_eq!(refused("a\nb"), NameError::ControlCharacter { what: RoleName::WHAT, code: 10 });
    }

    #[test]
    fn the_name_of_a_branch_has_1_to_256_characters() {
        assert!("".parse::<BranchName>().is_err());
        assert!("ä".repeat(256).parse::<BranchName>().is_ok());
        assert!("a".repeat(257).parse::<BranchName>().is_err());
    }
}
