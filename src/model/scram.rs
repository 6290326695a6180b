//! SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677), in the form in which Postgres keeps them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::model::secret::{Password, Verifier};

/// How many bytes of salt a verifier has. Postgres takes any number; this is what it draws itself.
pub const SALT_BYTES: usize = 16;

/// How often the password is hashed. Fewer are refused by the JDBC driver; more cost the server
/// time at every login.
const ITERATIONS: u32 = 4096;

/// The most rounds of a verifier that somebody else made.
const MAX_ITERATIONS: u32 = 16_384;

/// How many bytes each of a verifier's keys has.
const KEY_BYTES: usize = 32;

/// Returns the verifier of `password` under `salt`.
///
/// The password must be printable ASCII, as Offshoot's own are: then `SASLprep` changes nothing.
#[must_use]
pub fn verifier(password: &Password, salt: [u8; SALT_BYTES]) -> Verifier {
    let salted =
        pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.reveal().as_bytes(), &salt, ITERATIONS);
    let stored_key = Sha256::digest(keyed(&salted, b"Client Key"));
    let server_key = keyed(&salted, b"Server Key");
    Verifier::from_trusted(format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored_key),
        STANDARD.encode(server_key),
    ))
}

/// Returns what Postgres keeps as a password if it is a verifier like those that are made here: with
/// as many rounds, or up to four times as many. Postgres checks a verifier that it is sent by hashing,
/// so more rounds would cost it time at each change.
#[must_use]
pub fn verifier_of(kept: &str) -> Option<Verifier> {
    let (rounds, rest) = kept.strip_prefix("SCRAM-SHA-256$")?.split_once(':')?;
    let (salt, keys) = rest.split_once('$')?;
    let (stored_key, server_key) = keys.split_once(':')?;
    let is_number = rounds.bytes().all(|b| b.is_ascii_digit()) && !rounds.starts_with('0');
    let is_usual = (ITERATIONS..=MAX_ITERATIONS).contains(&rounds.parse().ok()?);
    let has_length =
        |text: &str, length| STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == length);
    let is_whole = has_length(salt, SALT_BYTES)
        && has_length(stored_key, KEY_BYTES)
        && has_length(server_key, KEY_BYTES);
    (is_number && is_usual && is_whole).then(|| Verifier::from_trusted(kept))
}

fn keyed(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("an HMAC key of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_and_usual_verifier_is_taken_for_one() {
        let good = verifier(&Password::new("pencil"), [7; SALT_BYTES]);
        assert_eq!(verifier_of(good.reveal()), Some(good.clone()));
        let cut = &good.reveal()[..good.reveal().len() - 1];
        let spaced = format!("{} ", good.reveal());
        let rounds = |rounds| good.reveal().replacen("4096", rounds, 1);
        for bad in [cut, &spaced, &rounds("4095"), &rounds("16385"), &rounds("+4096"), "md5a", ""] {
            assert_eq!(verifier_of(bad), None, "{bad}");
        }
        assert!(verifier_of(&rounds("8192")).is_some());
    }

    #[test]
    fn a_verifier_with_one_part_that_is_wrong_is_none() {
        let good = verifier(&Password::new("pencil"), [7; SALT_BYTES]);
        let (head, keys) = good.reveal().rsplit_once('$').expect("keys");
        let (head, salt) = head.rsplit_once(':').expect("a salt");
        let (stored, server) = keys.split_once(':').expect("two keys");
        assert_eq!(verifier_of(&format!("{head}:{salt}${stored}:{server}")), Some(good.clone()));
        let bytes = |count: usize| STANDARD.encode(vec![7; count]);
        let rounds = ["", "0", "1", "-1", "04096", " 4096", "4096 ", "0x1000", "2147483647"];
        let rounds = rounds.map(|rounds| format!("SCRAM-SHA-256${rounds}:{salt}${keys}"));
        let large = format!("SCRAM-SHA-256${}:{salt}${keys}", u64::MAX);
        let salts = [String::new(), bytes(15), bytes(17), salt.replace('=', ""), "*".repeat(24)];
        let salts = salts.map(|salt| format!("{head}:{salt}${keys}"));
        let others = [String::new(), bytes(31), bytes(33), stored.replace('=', ""), "*".repeat(44)];
        let stored_keys = others.clone().map(|key| format!("{head}:{salt}${key}:{server}"));
        let server_keys = others.map(|key| format!("{head}:{salt}${stored}:{key}"));
        let shapes = [
            format!("{head}:{salt}${stored}"),
            format!("{head}:{salt}"),
            head.to_owned(),
            format!("{head}${salt}${keys}"),
            format!("{head}:{salt}:{keys}"),
            format!("{}:{server}", good.reveal()),
            format!("{}\n", good.reveal()),
            format!(" {}", good.reveal()),
            good.reveal().replace('$', ""),
            good.reveal().to_lowercase(),
            good.reveal().replace("SHA-256", "SHA-1"),
            good.reveal().replace("SHA-256", "SHA-256-PLUS"),
        ];
        let all = [&[large][..], &rounds, &salts, &stored_keys, &server_keys, &shapes].concat();
        for bad in all {
            assert_eq!(verifier_of(&bad), None, "{bad}");
        }
    }

    /// The example of RFC 7677, section 3: password `pencil`, that salt, 4096 iterations. Its
    /// server signature there proves the server key; the whole was also compared with what
    /// PostgreSQL 15 makes of the same password and salt.
    #[test]
    fn the_verifier_is_the_one_of_the_rfc() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let verifier =
            verifier(&Password::new("pencil"), salt.try_into().expect("16 bytes of salt"));
        assert_eq!(
            verifier.reveal(),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
             WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }
}
