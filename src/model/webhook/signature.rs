//! Signatures, as Standard Webhooks has them: HMAC-SHA-256 over the event's id, the time and the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::secret::Password;

/// What secrets begin with.
const PREFIX: &str = "whsec_";

/// How many bytes a secret has. The standard wants 24 to 64.
pub const SECRET_BYTES: usize = 32;

/// The text is no secret of the standard's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a secret of the form whsec_ and base64")]
pub struct SecretError;

/// Returns the secret that these bytes are.
#[must_use]
pub fn secret(bytes: [u8; SECRET_BYTES]) -> Password {
    Password::new(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

/// Returns the header `webhook-signature`: a signature with each secret, between blanks.
pub fn signatures(
    secrets: &[Password],
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Result<String, SecretError> {
    let signed = secrets.iter().map(|secret| sign(secret, id, timestamp, body));
    Ok(signed.collect::<Result<Vec<_>, _>>()?.join(" "))
}

fn sign(secret: &Password, id: &str, timestamp: i64, body: &[u8]) -> Result<String, SecretError> {
    let key = secret.reveal().strip_prefix(PREFIX).ok_or(SecretError)?;
    let key = STANDARD.decode(key).map_err(|_| SecretError)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("an HMAC key of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[test]
    fn the_vectors_of_other_implementations_are_signed_alike() {
        let secret = [Password::new(SECRET)];
        let body = concat!(
            r#"{"type":"postgres_credentials_created","timestamp":"2026-11-22T02:00:00.123456789Z","#,
            r#""data":{"id":"evt-d7sgb2s7avr4c73b5a10","serviceId":"dpg-d7sg9ln7f7vs73d9bg5g-a","#,
            r#""serviceName":"my-db"}}"#
        );
        let signed =
            signatures(&secret, "evt-d7sgb2s7avr4c73b5a10", 1_795_312_800, body.as_bytes());
        assert_eq!(signed.expect("a secret"), "v1,p3CSWk+pmJ5ChLih4nw6J5ygz8CveB/rmkPbPGzJuLg=");
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let signed = signatures(&secret, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body);
        assert_eq!(signed.expect("a secret"), "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn each_secret_has_a_signature_of_its_own() {
        let secrets = [secret([1; SECRET_BYTES]), secret([2; SECRET_BYTES])];
        let both = signatures(&secrets, "evt-1", 7, b"{}").expect("secrets");
        let one = |secret| signatures(std::slice::from_ref(secret), "evt-1", 7, b"{}");
        let each = secrets.each_ref().map(|secret| one(secret).expect("a secret"));
        assert_eq!(both, each.join(" "));
        assert_ne!(each[0], each[1]);
    }

    #[test]
    fn what_is_no_secret_signs_nothing() {
        for text in ["", "whsec", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_*"] {
            let signed = signatures(&[Password::new(text)], "evt-1", 7, b"{}");
            assert_eq!(signed, Err(SecretError), "{text}");
        }
    }
}
