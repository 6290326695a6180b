//! Drift, stored.

use bincode::{Decode, Encode};

use super::{Invalid, Stored, known, time};
use crate::model::drift::{
    Attribute, Drift, DriftPolicy, Item, Kind, Policy, Print, Response, Verdict,
};

/// A drift.
#[derive(Encode, Decode)]
pub struct StoredDrift {
    branch: String,
    kind: u8,
    name: String,
    attribute: u8,
    desired: String,
    found: String,
    print: u64,
    response: u8,
    verdict: Option<u8>,
    since: i64,
    ended_at: Option<i64>,
}

/// What a branch does about drift: attributes and policies.
#[derive(Encode, Decode)]
pub struct StoredDriftPolicy(Vec<(u8, u8)>);

impl Stored for StoredDrift {
    type Model = Drift;

    fn from_model(drift: Drift) -> Self {
        let Drift {
            branch,
            item: Item { kind, name, attribute },
            desired,
            found,
            print: Print(print),
            response,
            verdict,
            since,
            ended_at,
        } = drift;
        Self {
            branch: branch.to_string(),
            kind: kind.number(),
            name,
            attribute: attribute.number(),
            desired,
            found,
            print,
            response: response.number(),
            verdict: verdict.map(Verdict::number),
            since: time::store(since),
            ended_at: ended_at.map(time::store),
        }
    }

    fn into_model(self) -> Result<Drift, Invalid> {
        let verdict = |number| known(Verdict::numbered, "verdict", number);
        Ok(Drift {
            branch: self.branch.parse()?,
            item: Item {
                kind: known(Kind::numbered, "kind of thing", self.kind)?,
                name: self.name,
                attribute: known(Attribute::numbered, "attribute", self.attribute)?,
            },
            desired: self.desired,
            found: self.found,
            print: Print(self.print),
            response: known(Response::numbered, "response", self.response)?,
            verdict: self.verdict.map(verdict).transpose()?,
            since: time::load(self.since)?,
            ended_at: self.ended_at.map(time::load).transpose()?,
        })
    }
}

impl Stored for StoredDriftPolicy {
    type Model = DriftPolicy;

    fn from_model(DriftPolicy(policies): DriftPolicy) -> Self {
        let each = policies.into_iter();
        let each = each.map(|(attribute, policy)| (attribute.number(), policy.number()));
        Self(each.collect())
    }

    fn into_model(self) -> Result<DriftPolicy, Invalid> {
        let each = self.0.into_iter().map(|(attribute, policy)| {
            let attribute = known(Attribute::numbered, "attribute", attribute)?;
            Ok((attribute, known(Policy::numbered, "policy", policy)?))
        });
        each.collect::<Result<_, _>>().map(DriftPolicy)
    }
}
