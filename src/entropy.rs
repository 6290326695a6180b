//! Where randomness comes from.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// Draws random bytes.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws from the machine")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// Randomness that a seed decides, for tests.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<StdRng>);

impl SeededEntropy {
    /// Returns the randomness that `seed` decides.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().expect("a lock that no panic poisons").fill_bytes(bytes);
    }
}

/// Randomness that a drawn secret decides: whoever has the secret can have the same again, in this
/// version of Offshoot and in later ones.
pub struct DerivedEntropy {
    key: [u8; 32],
    blocks: AtomicU64,
}

impl DerivedEntropy {
    /// Returns the randomness that `secret` decides for one purpose.
    #[must_use]
    pub fn new(secret: &str, purpose: &str) -> Self {
        let length = u64::try_from(secret.len()).expect("a length of 64 bits").to_be_bytes();
        let digest = Sha256::new().chain_update(length).chain_update(secret).chain_update(purpose);
        Self { key: digest.finalize().into(), blocks: AtomicU64::new(0) }
    }
}

impl fmt::Debug for DerivedEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivedEntropy(..)")
    }
}

impl Entropy for DerivedEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let number = self.blocks.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            let block = Sha256::new().chain_update(self.key).chain_update(number).finalize();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// Draws an array.
pub fn array<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// Draws 64 bits.
pub fn bits(entropy: &dyn Entropy) -> u64 {
    u64::from_be_bytes(array(entropy))
}

/// Draws a text of `length` characters from `alphabet`, each as likely as any other.
pub fn text(entropy: &dyn Entropy, alphabet: &[u8], length: usize) -> String {
    // Bytes past the last whole multiple of the alphabet would favour its first letters.
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in array::<32>(entropy).map(usize::from) {
            if byte < fair && text.len() < length {
                text.push(char::from(alphabet[byte % alphabet.len()]));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_decides_the_same_for_a_purpose_and_another_for_another() {
        let drawn =
            |secret, purpose| text(&DerivedEntropy::new(secret, purpose), b"0123456789", 40);
        // A promise: what was drawn by one version is drawn again by the next.
        insta::assert_snapshot!(drawn("secret", "a"), @"9422489905094629690820074947487071470371");
        assert_eq!(drawn("secret", "a"), drawn("secret", "a"));
        for (secret, purpose) in [("secret", "b"), ("secre", "ta"), ("Secret", "a")] {
            assert_ne!(drawn("secret", "a"), drawn(secret, purpose));
        }
    }

    #[test]
    fn every_letter_of_an_alphabet_is_about_as_likely_as_any_other() {
        let alphabet = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let drawn = text(&SeededEntropy::new(1), alphabet, 62_000);
        for letter in alphabet {
            let count = drawn.bytes().filter(|b| b == letter).count();
            assert!((800..1200).contains(&count), "{}: {count}", char::from(*letter));
        }
    }
}
