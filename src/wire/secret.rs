//! Secrets on the wire: they go out as text, and are never printed on the way.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::secret::Password;

/// A password, or a text that holds one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Returns the clear text. Every caller is a place to look at in a security review.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&Password> for Secret {
    fn from(password: &Password) -> Self {
        Self(password.reveal().to_owned())
    }
}

impl From<Secret> for Password {
    fn from(Secret(text): Secret) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_sent_but_not_printed() {
        let secret = Secret::from(&Password::new("npg_x"));
        assert_eq!(serde_json::to_string(&secret).expect("JSON"), "\"npg_x\"");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
