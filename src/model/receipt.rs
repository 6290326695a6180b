//! Receipt: what is kept of a request that was carried out under a key of its client's, so that it
//! is carried out once, however often it is sent.
//!
//! There is no answer in it. What the request did is in the commit that the receipt is part of, and
//! is read from there again.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use crate::model::refusal::Refusal;
use crate::model::revision::{Revision, Timestamp};
use crate::model::secret::Sealed;

/// The longest key, in characters.
pub const KEY_MAX_CHARS: usize = 255;

/// How long a receipt is good.
pub const GOOD: TimeDelta = TimeDelta::hours(24);

/// The most receipts of one log.
pub const MAX_RECEIPTS: u64 = 50_000;

/// What a client calls a request that it may have to send again. Secrets that the request drew are
/// sealed with it, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(Box<str>);

/// The text cannot be a key for retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Idempotency-Key must have 1 to {max} visible ASCII characters and no blanks; a UUID is a good \
     one",
    max = KEY_MAX_CHARS
)]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    /// Returns the clear text. Every caller is a place to look at in a security review.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns what is kept of the key.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&*self.0).into()
    }
}

impl FromStr for IdempotencyKey {
    type Err = IdempotencyKeyError;

    fn from_str(text: &str) -> Result<Self, IdempotencyKeyError> {
        let is_key = (1..=KEY_MAX_CHARS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_key { Ok(Self(text.into())) } else { Err(IdempotencyKeyError) }
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

/// What tells one request from another: a hash of who asks, where, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestPrint(pub [u8; 32]);

/// A request that may be sent more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What its client calls it.
    pub key: IdempotencyKey,
    /// Which request it is.
    pub print: RequestPrint,
}

/// What is kept of a request that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its number among the log's receipts: later ones have higher numbers.
    pub number: u64,
    /// Which request it was.
    pub print: RequestPrint,
    /// The commit that carried it out.
    pub revision: Revision,
    /// When that was.
    pub at: Timestamp,
    /// What decided the secrets that the answer shows, if it shows any. It opens with the client's
    /// key alone.
    pub secrets: Option<Sealed>,
}

impl Receipt {
    /// Whether the request is still the one that its key stands for.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        now - self.at < GOOD
    }

    /// Checks that an attempt is one at the same request.
    pub fn check(self, attempt: &Attempt) -> Result<Self, Refusal> {
        if self.print == attempt.print { Ok(self) } else { Err(Refusal::IdempotencyKeyReused) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_ascii_of_bounded_length() {
        let longest = "k".repeat(KEY_MAX_CHARS);
        for text in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "\"quoted\"", "~!", &longest] {
            assert_eq!(text.parse::<IdempotencyKey>().expect("a key").reveal(), text);
        }
        let too_long = "k".repeat(KEY_MAX_CHARS + 1);
        for text in ["", " ", "a b", "a\tb", "é", "a\u{7f}", &too_long] {
            assert_eq!(text.parse::<IdempotencyKey>(), Err(IdempotencyKeyError), "{text:?}");
        }
    }

    #[test]
    fn a_key_says_nothing_when_printed() {
        let key: IdempotencyKey = "secret".parse().expect("a key");
        assert_eq!(format!("{key:?}"), "IdempotencyKey(..)");
    }
}
