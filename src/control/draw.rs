//! What is drawn: ids, names and passwords.

use crate::control::secrets::Secrets;
use crate::control::{BranchRef, ControlPlane};
use crate::entropy;
use crate::model::id::{BranchId, EndpointId, ProjectId};
use crate::model::name::RoleName;
use crate::model::role::Credential;
use crate::model::scram;

const ADJECTIVES: &[&str] = &[
    "aged",
    "autumn",
    "billowing",
    "bold",
    "broad",
    "calm",
    "cold",
    "cool",
    "curly",
    "damp",
    "dark",
    "dawn",
    "delicate",
    "divine",
    "dry",
    "empty",
    "falling",
    "fancy",
    "flat",
    "fragrant",
    "frosty",
    "gentle",
    "green",
    "hidden",
    "holy",
    "icy",
    "jolly",
    "late",
    "lingering",
    "little",
    "lively",
    "long",
    "lucky",
    "misty",
    "morning",
    "muddy",
    "nameless",
    "noisy",
    "odd",
    "old",
    "orange",
    "patient",
    "plain",
    "polished",
    "proud",
    "purple",
    "quiet",
    "rapid",
    "raspy",
    "red",
    "restless",
    "rough",
    "round",
    "royal",
    "shiny",
    "shrill",
    "shy",
    "silent",
    "small",
    "snowy",
    "soft",
    "solitary",
    "sparkling",
    "spring",
];

const NOUNS: &[&str] = &[
    "bar",
    "base",
    "bird",
    "block",
    "boat",
    "bonus",
    "bread",
    "breeze",
    "brook",
    "bush",
    "butterfly",
    "cake",
    "cell",
    "cherry",
    "cloud",
    "credit",
    "darkness",
    "dawn",
    "dew",
    "disk",
    "dream",
    "dust",
    "feather",
    "field",
    "fire",
    "firefly",
    "flower",
    "fog",
    "forest",
    "frog",
    "frost",
    "glade",
    "glitter",
    "grass",
    "hall",
    "hat",
    "haze",
    "heart",
    "hill",
    "king",
    "lab",
    "lake",
    "leaf",
    "limit",
    "math",
    "meadow",
    "mode",
    "moon",
    "morning",
    "mountain",
    "mouse",
    "mud",
    "night",
    "paper",
    "pine",
    "poetry",
    "pond",
    "queen",
    "rain",
    "recipe",
    "resonance",
    "rice",
    "river",
    "salad",
];

const DIGITS: &[u8] = b"0123456789";
const LOWER_ALPHANUMERICS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

impl ControlPlane {
    fn draw_words(&self) -> String {
        let [adjective, noun] = entropy::array(self.entropy());
        let adjective = ADJECTIVES[usize::from(adjective) % ADJECTIVES.len()];
        let noun = NOUNS[usize::from(noun) % NOUNS.len()];
        format!("{adjective}-{noun}")
    }

    pub(super) fn draw_project_id(&self) -> ProjectId {
        let digits = entropy::text(self.entropy(), DIGITS, 8);
        format!("{}-{digits}", self.draw_words()).parse().expect("words and digits")
    }

    pub(super) fn draw_branch_id(&self) -> BranchId {
        let tail = entropy::text(self.entropy(), LOWER_ALPHANUMERICS, 8);
        format!("br-{}-{tail}", self.draw_words()).parse().expect("words and letters")
    }

    pub(super) fn draw_endpoint_id(&self) -> EndpointId {
        let tail = entropy::text(self.entropy(), LOWER_ALPHANUMERICS, 8);
        format!("ep-{}-{tail}", self.draw_words()).parse().expect("words and letters")
    }

    /// Returns what is to be kept of the password that is drawn for a role of a branch.
    pub(super) fn draw_credential(
        &self,
        secrets: &Secrets,
        at: &BranchRef,
        role: &RoleName,
        is_stored: bool,
    ) -> Credential {
        let BranchRef { project, branch } = at;
        let password = secrets.password(at, role);
        let verifier = scram::verifier(&password, entropy::array(self.entropy()));
        let context = password_context(project, role);
        let sealed = is_stored.then(|| self.inner.vault.seal(self.entropy(), &context, &password));
        Credential { verifier, sealed, branch: branch.clone() }
    }
}

/// Says whose a sealed password is. The branch is no part of it: children inherit passwords.
pub(super) fn password_context(project: &ProjectId, role: &RoleName) -> String {
    format!("password of role {role} in project {project}")
}

/// Says whose a sealed administrative login is.
pub(super) fn login_context(endpoint: &EndpointId) -> String {
    format!("administrative login of endpoint {endpoint}")
}
