//! The three-way comparison of one thing: what the source made of it since the base, and what the
//! target did.

use crate::model::merge::{Side, Why};

/// A thing as far as merges compare it.
pub(super) trait Content: Clone + PartialEq {
    /// Merges the attributes of what both sides have.
    fn merge(merge: &mut Attributes, base: Option<&Self>, source: &Self, target: &Self) -> Self;
}

/// A merge of attributes, one by one.
pub(super) struct Attributes {
    /// The side that decides where the two disagree.
    side: Side,
    /// The attributes about which the two disagree.
    contested: Vec<&'static str>,
}

impl Attributes {
    /// Returns what an attribute becomes.
    pub fn pick<T: Clone + PartialEq>(
        &mut self,
        name: &'static str,
        base: Option<&T>,
        source: &T,
        target: &T,
    ) -> T {
        if source == target || base == Some(source) {
            return target.clone();
        }
        if base != Some(target) {
            self.contested.push(name);
            if self.side == Side::Target {
                return target.clone();
            }
        }
        source.clone()
    }
}

/// Returns what an attribute becomes about which nobody disagrees: of two changes, the one that was
/// made later holds.
pub(super) fn later<T: Clone + PartialEq, K: Ord>(
    base: Option<&T>,
    source: &T,
    target: &T,
    made_at: impl Fn(&T) -> K,
) -> T {
    let is_changed = |side| base != Some(side);
    let is_sources =
        is_changed(source) && (!is_changed(target) || made_at(target) < made_at(source));
    if is_sources { source.clone() } else { target.clone() }
}

/// What a merge does about a thing.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict<T> {
    /// Nothing: the source did not change it, or the target has the change already.
    Leave,
    /// The target gets this.
    Put(T),
    /// The target loses it.
    Remove,
    /// The sides disagree, and nobody decides.
    Contest { why: Why, attributes: Vec<&'static str> },
}

/// Decides about a thing of which the base, the source and the target have this. Where the two
/// disagree, `side` does.
pub(super) fn decide<T: Content>(
    base: Option<&T>,
    source: Option<&T>,
    target: Option<&T>,
    side: Option<Side>,
) -> Verdict<T> {
    if source == base || source == target {
        return Verdict::Leave;
    }
    let why = match (source, target) {
        (Some(source), Some(target)) => return decide_both(base, source, target, side),
        (Some(source), None) if base.is_none() => return Verdict::Put(source.clone()),
        (None, Some(_)) if base == target => return Verdict::Remove,
        (None, _) => Why::RemovedInSource,
        (Some(_), None) => Why::RemovedInTarget,
    };
    match (side, source) {
        (Some(Side::Target), _) => Verdict::Leave,
        (Some(Side::Source), Some(source)) => Verdict::Put(source.clone()),
        (Some(Side::Source), None) => Verdict::Remove,
        (None, _) => Verdict::Contest { why, attributes: Vec::new() },
    }
}

/// Decides about a thing that both sides have.
fn decide_both<T: Content>(
    base: Option<&T>,
    source: &T,
    target: &T,
    side: Option<Side>,
) -> Verdict<T> {
    let decided = side.unwrap_or(Side::Target);
    let mut merge = Attributes { side: decided, contested: Vec::new() };
    let merged = T::merge(&mut merge, base, source, target);
    if side.is_none() && !merge.contested.is_empty() {
        let why = if base.is_none() { Why::BothAdded } else { Why::BothChanged };
        return Verdict::Contest { why, attributes: merge.contested };
    }
    if merged == *target { Verdict::Leave } else { Verdict::Put(merged) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two attributes.
    #[derive(Clone, Debug, PartialEq)]
    struct Pair(u8, u8);

    impl Content for Pair {
        fn merge(merge: &mut Attributes, base: Option<&Self>, a: &Self, b: &Self) -> Self {
            let first = merge.pick("first", base.map(|base| &base.0), &a.0, &b.0);
            Self(first, merge.pick("second", base.map(|base| &base.1), &a.1, &b.1))
        }
    }

    type Three = [Option<Pair>; 3];

    fn with(side: Option<Side>, [base, source, target]: &Three) -> Verdict<Pair> {
        decide(base.as_ref(), source.as_ref(), target.as_ref(), side)
    }

    #[test]
    fn what_only_the_source_changed_is_taken() {
        for (three, verdict) in [
            ([None, Some(Pair(1, 1)), None], Verdict::Put(Pair(1, 1))),
            ([Some(Pair(0, 0)), Some(Pair(1, 0)), Some(Pair(0, 0))], Verdict::Put(Pair(1, 0))),
            ([Some(Pair(0, 0)), None, Some(Pair(0, 0))], Verdict::Remove),
            ([Some(Pair(0, 0)), Some(Pair(1, 0)), Some(Pair(0, 1))], Verdict::Put(Pair(1, 1))),
        ] {
            for side in [None, Some(Side::Source), Some(Side::Target)] {
                assert_eq!(with(side, &three), verdict, "{three:?}");
            }
        }
    }

    #[test]
    fn what_the_source_left_alone_or_the_target_has_already_is_left() {
        for three in [
            [Some(Pair(0, 0)), Some(Pair(0, 0)), Some(Pair(1, 1))],
            [Some(Pair(0, 0)), Some(Pair(0, 0)), None],
            [None, None, Some(Pair(1, 1))],
            [Some(Pair(0, 0)), Some(Pair(1, 0)), Some(Pair(1, 1))],
            [None, Some(Pair(1, 1)), Some(Pair(1, 1))],
            [Some(Pair(0, 0)), None, None],
        ] {
            for side in [None, Some(Side::Source), Some(Side::Target)] {
                assert_eq!(with(side, &three), Verdict::Leave, "{three:?}");
            }
        }
    }

    #[test]
    fn of_two_changes_about_which_nobody_disagrees_the_later_one_holds() {
        let becomes =
            |base: Option<u8>, source, target| later(base.as_ref(), &source, &target, |made| *made);
        for (base, source, target, after) in [
            (Some(0), 1, 0, 1),
            (Some(0), 0, 1, 1),
            (Some(0), 1, 2, 2),
            (Some(0), 2, 1, 2),
            (Some(3), 1, 3, 1),
            (None, 2, 1, 2),
            (None, 1, 2, 2),
            (None, 1, 1, 1),
        ] {
            assert_eq!(becomes(base, source, target), after, "{base:?} {source} {target}");
        }
    }

    #[test]
    fn what_both_changed_differently_is_for_a_side_to_decide() {
        let (first, both) = (vec!["first"], vec!["first", "second"]);
        for (three, why, attributes, taken) in [
            (
                [Some(Pair(0, 0)), Some(Pair(1, 2)), Some(Pair(3, 0))],
                Why::BothChanged,
                first,
                [Verdict::Put(Pair(1, 2)), Verdict::Put(Pair(3, 2))],
            ),
            (
                [None, Some(Pair(1, 2)), Some(Pair(3, 4))],
                Why::BothAdded,
                both,
                [Verdict::Put(Pair(1, 2)), Verdict::Leave],
            ),
            (
                [Some(Pair(0, 0)), None, Some(Pair(3, 0))],
                Why::RemovedInSource,
                vec![],
                [Verdict::Remove, Verdict::Leave],
            ),
            (
                [Some(Pair(0, 0)), Some(Pair(3, 0)), None],
                Why::RemovedInTarget,
                vec![],
                [Verdict::Put(Pair(3, 0)), Verdict::Leave],
            ),
        ] {
            assert_eq!(with(None, &three), Verdict::Contest { why, attributes });
            let sides = [Some(Side::Source), Some(Side::Target)];
            assert_eq!(sides.map(|side| with(side, &three)), taken, "{three:?}");
        }
    }
}
