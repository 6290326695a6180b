//! Where randomness comes from.

use std::fmt;
use std::sync::Mutex;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

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
    fn every_letter_of_an_alphabet_is_about_as_likely_as_any_other() {
        let alphabet = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let drawn = text(&SeededEntropy::new(1), alphabet, 62_000);
        for letter in alphabet {
            let count = drawn.bytes().filter(|b| b == letter).count();
            assert!((800..1200).contains(&count), "{}: {count}", char::from(*letter));
        }
    }
}
