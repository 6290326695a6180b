//! Permission: somebody to whom a project was opened, by their address. It is kept and given back;
//! there are no accounts here that it could open anything to.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::model::revision::Timestamp;

/// The longest address, in bytes, as in Neon's own definition.
pub const EMAIL_MAX_BYTES: usize = 256;

/// The most permissions on a project.
pub const MAX_PERMISSIONS: usize = 1000;

/// A permission's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PermissionId(pub Uuid);

impl fmt::Display for PermissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An address of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(Box<str>);

/// The text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("email must be an address like `casey@example.com`, of at most {max} bytes", max = EMAIL_MAX_BYTES)]
pub struct EmailError;

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let is_plain = text.chars().all(|c| c.is_ascii_graphic());
        let has_both = text.split_once('@').is_some_and(|(name, domain)| {
            let labels = || domain.split('.');
            let is_label = |label: &str| {
                !label.is_empty()
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            };
            let is_word = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
            !name.is_empty()
                && name.chars().all(is_word)
                && !name.starts_with('.')
                && !name.ends_with('.')
                && !name.contains("..")
                && labels().all(is_label)
        });
        let is_address = is_plain && has_both && text.len() <= EMAIL_MAX_BYTES;
        if is_address { Ok(Self(text.into())) } else { Err(EmailError) }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A permission on a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Its id.
    pub id: PermissionId,
    /// To whom.
    pub email: Email,
    /// Since when.
    pub granted_at: Timestamp,
    /// Until when. Only the answer that revokes it says so.
    pub revoked_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_domain() {
        for text in ["casey@example.com", "c.a+b@x", "a_b%c@a-b.example"] {
            assert_eq!(text.parse::<Email>().expect("an address").to_string(), text);
        }
        let long = format!("{}@example.com", "a".repeat(EMAIL_MAX_BYTES));
        for text in ["", "casey", "@x", "a@", "a@b..c", "a@-b", "a b@c", ".a@b", "a@b@c", &long] {
            assert_eq!(text.parse::<Email>(), Err(EmailError), "{text}");
        }
    }
}
