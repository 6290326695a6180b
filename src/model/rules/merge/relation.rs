//! How two branches are related: what they last had in common.
//!
//! A branch has a life from each of its beginnings to the next. A life descends from what its
//! source had at the cutoff, so two branches are followed back until both are in the same life of
//! the same branch. The one whose life began later is followed first: the other's life, and all
//! that it descends from, is older than that, so the later one cannot be among it.

use crate::model::branch::Branch;
use crate::model::refusal::Refusal;
use crate::model::revision::Revision;
use crate::model::rules::refuse;
use crate::model::state::{Denied, Held, Place, Read};

/// How many beginnings are followed at the most. Branches that are less related than that are not
/// merged.
pub const MAX_BEGINNINGS: usize = 256;

/// A life of a branch, and where its record is read.
struct Life {
    branch: Branch,
    at: Option<Revision>,
}

impl Life {
    fn place(&self, held: Held) -> Place {
        Place { branch: self.branch.id.clone(), at: self.at, held }
    }

    fn is(&self, other: &Self) -> bool {
        self.branch.id == other.branch.id && self.began() == other.began()
    }

    fn began(&self) -> Revision {
        self.branch.began.moment.revision
    }
}

/// The way back from a branch.
struct Way {
    /// Where it has come to.
    life: Life,
    /// How it has come there; none where it has not moved.
    last: Option<Step>,
    steps: usize,
}

/// A life that was left for its source, and the last of the source's revisions that it has.
struct Step {
    from: Life,
    cutoff: Revision,
}

impl Way {
    fn from(branch: &Branch) -> Self {
        let life = Life { branch: branch.clone(), at: None };
        Self { life, last: None, steps: 0 }
    }

    /// Goes back to the life from which this one was copied, if it can be found.
    fn go_back<S: Read>(&mut self, state: &S) -> Result<bool, S::Error> {
        let Some(source) = self.life.branch.began.source.clone() else { return Ok(false) };
        let is_same_life = |now: &Branch| now.began.moment.revision <= source.cutoff;
        let life = match state.branch(&source.branch)?.filter(is_same_life) {
            Some(branch) => Life { branch, at: None },
            None => match state.branch_at(&source.branch, source.cutoff)? {
                Some(branch) => Life { branch, at: Some(source.cutoff) },
                None => return Ok(false),
            },
        };
        let from = std::mem::replace(&mut self.life, life);
        self.last = Some(Step { from, cutoff: source.cutoff });
        self.steps += 1;
        Ok(true)
    }
}

/// Finds where that is which two branches last had in common.
pub(super) fn base<S: Read>(
    state: &S,
    source: &Branch,
    target: &Branch,
) -> Result<Place, Denied<S::Error>> {
    if let Some(place) = last_merge(source, target) {
        return Ok(place);
    }
    let (mut of_source, mut of_target) = (Way::from(source), Way::from(target));
    while !of_source.life.is(&of_target.life) {
        let is_source_older = of_source.life.began() < of_target.life.began();
        let later = if is_source_older { &mut of_target } else { &mut of_source };
        if later.steps == MAX_BEGINNINGS || !later.go_back(state)? {
            let (source_id, target_id) = (source.id.clone(), target.id.clone());
            return refuse(Refusal::MergeWithoutOrigin { source_id, target_id });
        }
    }
    Ok(origin(of_source, of_target).expect("two branches meet when one of them has gone back"))
}

/// Returns what the two had in common when one was last merged into the other, if that was in the
/// lives that they still have: what the one had then that was merged.
fn last_merge(source: &Branch, target: &Branch) -> Option<Place> {
    let merge = |into: &Branch, from: &Branch| {
        let mut merges = into.merges.iter().rev();
        let found = merges
            .find(|merge| merge.source == from.id && from.began.moment.revision < merge.revision);
        found.map(|merge| merge.revision)
    };
    let (there, back) = (merge(target, source), merge(source, target));
    let (into, from) = if back < there { (target, source) } else { (source, target) };
    let held = Held::Merged(from.id.clone());
    there.or(back).map(|_| Place { branch: into.id.clone(), at: None, held })
}

/// Returns what the two have in common since their lives parted: what the life in which they meet
/// had at the earlier of the two cutoffs.
fn origin(of_source: Way, of_target: Way) -> Option<Place> {
    let is_of_source = match (&of_source.last, &of_target.last) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(source), Some(target)) => source.cutoff <= target.cutoff,
    };
    let Way { last, steps, life: _ } = if is_of_source { of_source } else { of_target };
    // What the source itself began with is what it had from there, and differs less from what it
    // has now: its passwords are its own.
    let held = if is_of_source && steps == 1 { Held::Start } else { Held::Source };
    last.map(|Step { from, cutoff: _ }| from.place(held))
}
