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

fn keyed(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("an HMAC key of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

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
