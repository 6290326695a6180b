//! The secrets of one request, all decided by one that is drawn: whoever may see the request's
//! answer again needs that one alone.

use crate::control::{BranchRef, ControlPlane};
use crate::entropy::{self, DerivedEntropy};
use crate::model::name::RoleName;
use crate::model::receipt::IdempotencyKey;
use crate::model::secret::{Password, Sealed};
use crate::vault::OpenError;

const ALPHANUMERICS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LOWER_ALPHANUMERICS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// How many characters decide all: 256 bits.
const SEED_CHARS: usize = 43;

/// What passwords begin with, so that one is recognized where it does not belong.
const PASSWORD_PREFIX: &str = "npg_";

/// How many characters follow: 143 bits.
const PASSWORD_CHARS: usize = 24;

/// What API keys begin with, so that one is recognized where it does not belong.
const API_KEY_PREFIX: &str = "napi_";

/// How many characters follow: 330 bits. So many are never decided by fewer bits than anybody can
/// try.
const API_KEY_CHARS: usize = 64;

/// What the seed of a request's secrets is sealed as.
const CONTEXT: &str = "secrets of a request";

/// What decides the secrets of one request.
#[derive(Clone)]
pub(super) struct Secrets(Password);

impl Secrets {
    /// Returns the password that is drawn for a role of a branch.
    pub(super) fn password(&self, at: &BranchRef, role: &RoleName) -> Password {
        let BranchRef { project, branch } = at;
        let what = format!("password of role {role} of branch {branch} in project {project}");
        self.text(&what, PASSWORD_PREFIX, ALPHANUMERICS, PASSWORD_CHARS)
    }

    /// Returns the API key that is drawn.
    pub(super) fn api_key(&self) -> Password {
        self.text("API key", API_KEY_PREFIX, LOWER_ALPHANUMERICS, API_KEY_CHARS)
    }

    fn text(&self, what: &str, prefix: &str, alphabet: &[u8], length: usize) -> Password {
        let tail = entropy::text(&DerivedEntropy::new(self.0.reveal(), what), alphabet, length);
        Password::new(format!("{prefix}{tail}"))
    }
}

impl ControlPlane {
    pub(super) fn draw_secrets(&self) -> Secrets {
        let seed = entropy::text(self.entropy(), ALPHANUMERICS, SEED_CHARS);
        Secrets(Password::new(seed))
    }

    /// Seals the secrets of a request so that they open with its client's key alone.
    pub(super) fn seal_secrets(&self, key: &IdempotencyKey, secrets: &Secrets) -> Sealed {
        self.inner.vault.with_word(key.reveal()).seal(self.entropy(), CONTEXT, &secrets.0)
    }

    /// Opens the secrets of a request for whoever brings its key.
    pub(super) fn open_secrets(
        &self,
        key: &IdempotencyKey,
        sealed: &Sealed,
    ) -> Result<Secrets, OpenError> {
        self.inner.vault.with_word(key.reveal()).open(CONTEXT, sealed).map(Secrets)
    }
}
