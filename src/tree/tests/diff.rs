//! The difference of two trees against the difference of two sorted maps, and what it loads against
//! what the trees do not share.

use std::collections::{BTreeSet, HashSet};

use super::super::diff::{Change, Span};
use super::history::{KEYS, Origin, key_of, large, pair, wide_key};
use super::*;

/// Counts the loads of kept nodes.
struct Counting<'a> {
    kept: &'a Kept,
    loaded: RefCell<Vec<NodeId>>,
}

impl Nodes for Counting<'_> {
    type Error = Infallible;

    fn node(&self, id: NodeId) -> Result<Arc<Node>, Infallible> {
        self.loaded.borrow_mut().push(id);
        self.kept.node(id)
    }
}

/// A key, and its values before and after.
type Difference = (Bytes, Option<Bytes>, Option<Bytes>);

impl Kept {
    /// Returns how `a` and `b` differ, and the nodes that were loaded to see it, sorted.
    fn diff(&self, a: &Tree, b: &Tree, span: Span<'_>) -> (Vec<Difference>, Vec<NodeId>) {
        let nodes = Counting { kept: self, loaded: RefCell::default() };
        let mut found = Vec::new();
        a.diff(b, &nodes, span, |key, change| {
            let (before, after) = match change {
                Change::Inserted(after) => (None, Some(after)),
                Change::Replaced { before, after } => (Some(before), Some(after)),
                Change::Removed(before) => (Some(before), None),
            };
            found.push((key.into(), before.map(Into::into), after.map(Into::into)));
            ControlFlow::Continue(())
        })
        .expect("infallible");
        let mut loaded = nodes.loaded.into_inner();
        loaded.sort();
        (found, loaded)
    }

    /// Returns the kept nodes that a tree has.
    fn nodes_of(&self, tree: &Tree) -> HashSet<NodeId> {
        let mut found = HashSet::new();
        let mut waiting: Vec<Link> = tree.root.iter().cloned().collect();
        while let Some(link) = waiting.pop() {
            if let Link::Kept(id) = link
                && !found.insert(id)
            {
                continue;
            }
            if let Node::Inner(children) = &*self.load(&link) {
                waiting.extend(children.iter().map(|(_, child)| child.clone()));
            }
        }
        found
    }

    /// Returns the nodes that only one of the trees has, sorted.
    fn unshared(&self, a: &Tree, b: &Tree) -> Vec<NodeId> {
        if a == b {
            return Vec::new();
        }
        let mut found: Vec<NodeId> = (&self.nodes_of(a) ^ &self.nodes_of(b)).into_iter().collect();
        found.sort();
        found
    }
}

fn differences(a: &Map, b: &Map) -> Vec<Difference> {
    let keys: BTreeSet<&Bytes> = a.keys().chain(b.keys()).collect();
    let sides = |key: &Bytes| (key.clone(), a.get(key).cloned(), b.get(key).cloned());
    keys.into_iter().map(sides).filter(|(_, before, after)| before != after).collect()
}

/// How many nodes of a level an edit can make new or supersede: it can split one, or join two and
/// split them again.
const NODES_PER_EDIT_AND_LEVEL: usize = 4;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn trees_differ_as_maps_do_and_their_difference_makes_one_the_other(pair in pair()) {
        let (kept, a, b) = pair.live();
        let (found, _) = kept.diff(&a.tree, &b.tree, Span::ALL);
        prop_assert_eq!(&found, &differences(&a.map, &b.map));
        let back = found.iter().cloned().map(|(key, before, after)| (key, after, before));
        prop_assert_eq!(kept.diff(&b.tree, &a.tree, Span::ALL).0, back.collect::<Vec<_>>());
        let mut made = a.tree;
        for (key, _, after) in found {
            match after {
                Some(value) => made.insert(&kept, key, value).expect("infallible"),
                None => prop_assert!(made.remove(&kept, &key).expect("infallible")),
            }
        }
        prop_assert_eq!(kept.entries(&made, b""), b.map);
    }

    #[test]
    fn all_that_two_trees_do_not_share_is_loaded_once_and_nothing_else(pair in pair()) {
        let (kept, a, b) = pair.live();
        let (_, loaded) = kept.diff(&a.tree, &b.tree, Span::ALL);
        prop_assert_eq!(&loaded, &kept.unshared(&a.tree, &b.tree));
        let edits = match pair.origin {
            Origin::Behind if pair.is_kept[0] => b.edits - a.edits,
            // What is new in the first tree has got numbers in the second, and nothing tells that.
            Origin::Behind | Origin::Together => a.edits + b.edits,
            Origin::Apart => return Ok(()),
        };
        let most = NODES_PER_EDIT_AND_LEVEL * edits * a.levels.max(b.levels) + 2;
        prop_assert!(loaded.len() <= most, "{} loads, not {most}", loaded.len());
    }

    #[test]
    fn the_difference_in_a_span_is_what_the_whole_difference_has_there(
        pair in pair(),
        prefix in "[a-s]?[0-9a-f]{0,2}",
        after in prop::option::of(0..KEYS),
    ) {
        let (kept, a, b) = pair.live();
        let (prefix, after) = (prefix.as_bytes(), after.map(key_of));
        let under = Span::under(prefix);
        let span = after.as_deref().map_or(under, |after| under.after(after));
        let mut expected = differences(&a.map, &b.map);
        expected.retain(|(key, ..)| {
            key.starts_with(prefix) && after.as_ref().is_none_or(|after| after < key)
        });
        let (found, loaded) = kept.diff(&a.tree, &b.tree, span);
        prop_assert_eq!(found, expected);
        prop_assert!(loaded.is_sorted_by(|a, b| a < b), "a node is loaded twice");
        let unshared = kept.unshared(&a.tree, &b.tree);
        let shared = loaded.iter().filter(|id| !unshared.contains(id)).count();
        // Of the nodes around the beginning of the span, only they themselves tell how far they reach.
        prop_assert!(shared <= a.levels.max(b.levels), "{} shared nodes are loaded", shared);
    }
}

#[test]
fn nine_changes_among_ten_thousand_entries_take_at_most_sixty_loads() {
    let (mut history, before) = large();
    let mut after = before.clone();
    for number in 0..9 {
        history.insert(&mut after, wide_key(number * 1000), 1);
    }
    history.keep(&mut after);
    let (found, loaded) = history.kept.diff(&before.tree, &after.tree, Span::ALL);
    assert_eq!(found.len(), 9);
    assert!(loaded.len() <= 60, "{} loads", loaded.len());
}

#[test]
fn a_tree_does_not_differ_from_itself_and_nothing_is_loaded_to_see_it() {
    let (history, kept) = large();
    let mut new = kept.clone();
    history.insert(&mut new, wide_key(0), 1);
    for tree in [Tree::default(), kept.tree, new.tree] {
        assert_eq!(history.kept.diff(&tree, &tree.clone(), Span::ALL), (vec![], vec![]));
    }
}

#[test]
fn what_two_trees_share_at_other_heights_is_not_loaded() {
    let (mut history, before) = large();
    let mut after = before.clone();
    for key in before.map.keys().take(9_700) {
        history.remove(&mut after, key);
    }
    history.keep(&mut after);
    let kept = &history.kept;
    assert!(kept.levels(&after.tree) < kept.levels(&before.tree));
    let shared = &kept.nodes_of(&before.tree) & &kept.nodes_of(&after.tree);
    assert!(40 <= shared.len(), "{} nodes are shared", shared.len());
    let (_, loaded) = kept.diff(&before.tree, &after.tree, Span::ALL);
    assert!(loaded.iter().all(|id| !shared.contains(id)));
}

#[test]
fn changes_outside_of_a_span_are_not_loaded() {
    let (mut history, before) = large();
    for (changed, span) in [(0, b"r"), (1, b"d")] {
        let mut after = before.clone();
        for number in (changed..2000).step_by(2) {
            history.insert(&mut after, wide_key(number), 1);
        }
        history.keep(&mut after);
        let (found, loaded) = history.kept.diff(&before.tree, &after.tree, Span::under(span));
        assert_eq!(found, []);
        // One path in each tree, to where the span ends or begins.
        assert!(loaded.len() <= 2 * history.kept.levels(&before.tree), "{} loads", loaded.len());
    }
}

#[test]
fn nothing_is_loaded_after_the_visitor_breaks() {
    let (mut history, before) = large();
    let mut after = before.clone();
    for number in 0..1000 {
        history.insert(&mut after, wide_key(number), 1);
    }
    history.keep(&mut after);
    let nodes = Counting { kept: &history.kept, loaded: RefCell::default() };
    let mut seen = 0;
    before
        .tree
        .diff(&after.tree, &nodes, Span::ALL, |_, _| {
            seen += 1;
            if seen < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .expect("infallible");
    let (all, loads) = (history.kept.unshared(&before.tree, &after.tree), nodes.loaded.borrow());
    assert_eq!(seen, 3);
    assert!(loads.len() < all.len() / 20, "{} loads of {}", loads.len(), all.len());
}
