//! Drift: what somebody changed in a branch's Postgres. Neon's API has nothing like it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::drift::{self, Attribute, DriftPolicy, Policy, Side};
use crate::wire::neon::operations::Operation;
use crate::wire::time::Time;

/// What differs in a branch's Postgres from its catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftAnswer {
    pub seen: String,
    pub drift: Vec<Drift>,
}

/// The drifts that have ended, the last first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftHistoryAnswer {
    pub drift: Vec<Drift>,
}

/// A drift about which somebody decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftOperations {
    pub drift: Drift,
    pub operations: Vec<Operation>,
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    pub id: String,
    pub kind: String,
    pub name: String,
    pub attribute: String,
    pub side: String,
    pub desired: String,
    pub found: String,
    pub response: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    pub since: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoptable: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revertible: Option<bool>,
}

/// What a branch does about drift, by attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftPolicyBody {
    pub policy: BTreeMap<String, String>,
}

impl Drift {
    /// Shows a drift.
    #[must_use]
    pub fn new(drift: drift::Drift, side: Side) -> Self {
        let id = drift.item.id().to_string();
        let drift::Drift {
            branch: _,
            item: drift::Item { kind, name, attribute },
            desired,
            found,
            print: _,
            response,
            verdict,
            since,
            ended_at,
        } = drift;
        Self {
            id,
            kind: kind.as_str().to_owned(),
            name,
            attribute: attribute.as_str().to_owned(),
            side: side.as_str().to_owned(),
            desired,
            found,
            response: response.as_str().to_owned(),
            verdict: verdict.map(|verdict| verdict.as_str().to_owned()),
            since: Time(since),
            ended_at: ended_at.map(Time),
            adoptable: None,
            revertible: None,
        }
    }
}

impl From<&DriftPolicy> for DriftPolicyBody {
    fn from(policy: &DriftPolicy) -> Self {
        let each = Attribute::ALL.iter().map(|attribute| {
            (attribute.as_str().to_owned(), policy.of(*attribute).as_str().to_owned())
        });
        Self { policy: each.collect() }
    }
}

impl DriftPolicyBody {
    /// Returns the policies that are said; the word that is none otherwise.
    pub fn read(&self) -> Result<DriftPolicy, String> {
        let attribute = |word: &str| Attribute::named(word).ok_or_else(|| word.to_owned());
        let policy = |word: &str| Policy::named(word).ok_or_else(|| word.to_owned());
        let each = self.policy.iter().map(|(name, word)| Ok((attribute(name)?, policy(word)?)));
        each.collect::<Result<_, _>>().map(DriftPolicy)
    }
}
