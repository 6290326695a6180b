//! The vault: encrypts what must be kept secret at rest and read back later.
//!
//! One key a server, XChaCha20-Poly1305, a drawn nonce for each secret. The context says what a
//! secret is and whose, so that one cannot be put in another's place.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

use crate::entropy::{self, Entropy};
use crate::model::secret::{Password, Sealed};

/// How long a key is, in bytes.
pub const KEY_BYTES: usize = 32;

const NONCE_BYTES: usize = 24;

/// A secret could not be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored secret does not open: it was sealed with another key, or is damaged")]
pub struct OpenError;

/// Seals and opens secrets.
pub struct Vault {
    key: [u8; KEY_BYTES],
    cipher: XChaCha20Poly1305,
    fingerprint: [u8; 8],
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    /// Returns the vault of a key.
    #[must_use]
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        let digest = Sha256::new().chain_update(b"offshoot vault key").chain_update(key).finalize();
        let mut fingerprint = [0; 8];
        fingerprint.copy_from_slice(&digest[..8]);
        Self { key: *key, cipher: XChaCha20Poly1305::new(key.into()), fingerprint }
    }

    /// Returns the vault whose secrets open with the same word alone, which is kept nowhere.
    #[must_use]
    pub fn with_word(&self, word: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"offshoot vault word")
            .chain_update(self.key)
            .chain_update(word);
        Self::new(&digest.finalize().into())
    }

    /// Returns a number that tells keys apart and says nothing about them.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 8] {
        self.fingerprint
    }

    /// Encrypts a secret.
    #[must_use]
    pub fn seal(&self, entropy: &dyn Entropy, context: &str, secret: &Password) -> Sealed {
        let nonce = entropy::array::<NONCE_BYTES>(entropy);
        let payload = Payload { msg: secret.reveal().as_bytes(), aad: context.as_bytes() };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a secret far shorter than the cipher's limit");
        Sealed([nonce.as_slice(), &sealed].concat().into())
    }

    /// Decrypts a secret.
    pub fn open(&self, context: &str, sealed: &Sealed) -> Result<Password, OpenError> {
        let (nonce, sealed) = sealed.0.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError)?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        let secret = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| OpenError)?;
        String::from_utf8(secret).map(Password::new).map_err(|_| OpenError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    fn sealed(vault: &Vault) -> Sealed {
        vault.seal(&SeededEntropy::new(1), "role sally", &Password::new("npg_secret"))
    }

    #[test]
    fn a_sealed_secret_opens_under_its_key_and_context() {
        let vault = Vault::new(&[7; KEY_BYTES]);
        let opened = vault.open("role sally", &sealed(&vault)).expect("the secret");
        assert_eq!(opened.reveal(), "npg_secret");
    }

    #[test]
    fn a_sealed_secret_opens_under_no_other_key_or_context_and_not_when_damaged() {
        let vault = Vault::new(&[7; KEY_BYTES]);
        let mut damaged = sealed(&vault);
        damaged.0[NONCE_BYTES] ^= 1;
        assert_eq!(Vault::new(&[8; KEY_BYTES]).open("role sally", &sealed(&vault)), Err(OpenError));
        assert_eq!(vault.open("role bob", &sealed(&vault)), Err(OpenError));
        assert_eq!(vault.open("role sally", &damaged), Err(OpenError));
        assert_eq!(vault.open("role sally", &Sealed(Box::new([1, 2]))), Err(OpenError));
    }

    #[test]
    fn what_was_sealed_with_a_word_opens_with_the_key_and_the_word_together() {
        let vault = Vault::new(&[7; KEY_BYTES]);
        let sealed = sealed(&vault.with_word("open"));
        assert!(vault.with_word("open").open("role sally", &sealed).is_ok());
        let other = Vault::new(&[8; KEY_BYTES]);
        for vault in [&vault, &vault.with_word("Open"), &other.with_word("open")] {
            assert_eq!(vault.open("role sally", &sealed), Err(OpenError));
        }
    }
}
