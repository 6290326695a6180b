//! Drift, stored.

use bincode::{Decode, Encode};

use super::{Invalid, Stored, time};
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

fn number<T: Copy + PartialEq>(all: &[(T, &str, u8)], wanted: T) -> u8 {
    let found = all.iter().find(|(known, ..)| *known == wanted);
    found.expect("a table that has every word").2
}

fn word<T: Copy>(all: &[(T, &str, u8)], what: &str, wanted: u8) -> Result<T, Invalid> {
    let found = all.iter().find(|(.., number)| *number == wanted);
    found.map(|(known, ..)| *known).ok_or_else(|| Invalid::number(what, wanted))
}

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
            kind: number(Kind::ALL, kind),
            name,
            attribute: number(Attribute::ALL, attribute),
            desired,
            found,
            print,
            response: number(Response::ALL, response),
            verdict: verdict.map(|verdict| number(Verdict::ALL, verdict)),
            since: time::store(since),
            ended_at: ended_at.map(time::store),
        }
    }

    fn into_model(self) -> Result<Drift, Invalid> {
        let verdict = |number| word(Verdict::ALL, "verdict", number);
        Ok(Drift {
            branch: self.branch.parse()?,
            item: Item {
                kind: word(Kind::ALL, "kind of thing", self.kind)?,
                name: self.name,
                attribute: word(Attribute::ALL, "attribute", self.attribute)?,
            },
            desired: self.desired,
            found: self.found,
            print: Print(self.print),
            response: word(Response::ALL, "response", self.response)?,
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
        let each = each.map(|(attribute, policy)| {
            (number(Attribute::ALL, attribute), number(Policy::ALL, policy))
        });
        Self(each.collect())
    }

    fn into_model(self) -> Result<DriftPolicy, Invalid> {
        let each = self.0.into_iter().map(|(attribute, policy)| {
            let attribute = word(Attribute::ALL, "attribute", attribute)?;
            Ok((attribute, word(Policy::ALL, "policy", policy)?))
        });
        each.collect::<Result<_, _>>().map(DriftPolicy)
    }
}
