//! Secrets: they cannot be printed, only revealed.

use std::fmt;

/// A password in clear text. It exists from the moment it is drawn until the response that shows
/// it; Postgres is only ever sent the [`Verifier`].
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Box<str>);

impl Password {
    /// Takes `text` for a password.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the clear text. Every caller is a place to look at in a security review.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// What Postgres keeps in place of a password: `SCRAM-SHA-256$iterations:salt$keys`. Made by
/// [`crate::model::scram`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Verifier(Box<str>);

impl Verifier {
    /// Takes `text` for a verifier. Postgres hashes a malformed one as if it were a password, so
    /// only [`crate::model::scram`] and the store's decoder call this.
    #[must_use]
    pub fn from_trusted(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the verifier as Postgres takes it. It belongs in SQL and in the store, nowhere else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(..)")
    }
}

/// A secret encrypted at rest, as [`crate::vault`] sealed it: nonce and ciphertext.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Box<[u8]>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_say_nothing_when_printed() {
        let printed = format!(
            "{:?} {:?} {:?}",
            Password::new("hunter2"),
            Verifier::from_trusted("SCRAM-SHA-256$4096:c2FsdA==$a:b"),
            Sealed(Box::new([104, 117]))
        );
        assert_eq!(printed, "Password(..) Verifier(..) Sealed(..)");
    }
}
