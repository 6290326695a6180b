//! The tree against a plain sorted map, and its invariants after every edit.

mod diff;
mod history;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;

use proptest::prelude::*;

use super::encoding;
use super::node::{Bytes, Link, MAX_CHILDREN, MAX_LEAF_ENTRIES, Node, NodeId, Nodes, Tree};

type Map = BTreeMap<Bytes, Bytes>;

/// Keeps nodes as bytes, so that every load decodes.
#[derive(Default)]
struct Kept {
    nodes: RefCell<HashMap<NodeId, Vec<u8>>>,
}

impl Nodes for Kept {
    type Error = Infallible;

    fn node(&self, id: NodeId) -> Result<Arc<Node>, Infallible> {
        let nodes = self.nodes.borrow();
        let bytes = nodes.get(&id).expect("a kept node");
        Ok(Arc::new(encoding::decode(&mut &bytes[..]).expect("a well-formed node")))
    }
}

impl Kept {
    fn keep(&self, tree: &mut Tree, revision: u64) {
        let mut index = 0;
        tree.keep(&mut |node| {
            let id = NodeId::new(revision, index);
            index += 1;
            let mut bytes = Vec::new();
            encoding::encode(&node, &mut bytes);
            assert!(self.nodes.borrow_mut().insert(id, bytes).is_none(), "{id:?} is taken");
            id
        });
    }

    fn load(&self, link: &Link) -> Arc<Node> {
        match link {
            Link::Kept(id) => self.node(*id).expect("infallible"),
            Link::New(node) => Arc::clone(node),
        }
    }

    fn entries(&self, tree: &Tree, from: &[u8]) -> Map {
        let mut map = Map::new();
        tree.scan(self, from, |key, value| {
            map.insert(key.into(), value.into());
            ControlFlow::Continue(())
        })
        .expect("infallible");
        map
    }

    /// Checks the invariants below `link`, and returns how deep its leaves are.
    fn check(&self, link: &Link, is_root: bool) -> usize {
        match &*self.load(link) {
            Node::Leaf(entries) => {
                assert!((1..=MAX_LEAF_ENTRIES).contains(&entries.len()));
                assert!(entries.is_sorted_by(|a, b| a.0 < b.0), "keys ascend strictly");
                0
            }
            Node::Inner(children) => {
                assert!((1..=MAX_CHILDREN).contains(&children.len()));
                assert!(!is_root || 1 < children.len(), "a root has more than one child");
                assert!(children.is_sorted_by(|a, b| a.0 < b.0), "keys ascend strictly");
                let depths: Vec<usize> = children
                    .iter()
                    .map(|(key, child)| {
                        assert_eq!(key, self.load(child).smallest_key());
                        if let Link::Kept(parent) = link {
                            let Link::Kept(child) = child else { panic!("a child is not kept") };
                            assert!(child < parent, "a node is numbered after its children");
                        }
                        self.check(child, false)
                    })
                    .collect();
                assert!(depths.iter().all(|depth| *depth == depths[0]), "leaves are equally deep");
                depths[0] + 1
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Insert(Bytes, Bytes),
    Remove(Bytes),
    Keep,
}

/// Few keys, so that edits meet; of several lengths, so that one is often the beginning of another.
fn key() -> impl Strategy<Value = Bytes> {
    "[a-d]{1,4}".prop_map(|text| text.as_bytes().into())
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => (key(), "[xyz]{0,2}").prop_map(|(k, v)| Edit::Insert(k, v.as_bytes().into())),
        5 => key().prop_map(Edit::Remove),
        1 => Just(Edit::Keep),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_tree_holds_what_a_sorted_map_holds_and_every_kept_version_stays(
        edits in prop::collection::vec(edit(), 0..600),
        probes in prop::collection::vec(key(), 20),
    ) {
        let kept = Kept::default();
        let mut tree = Tree::default();
        let mut map = Map::new();
        let mut versions = Vec::new();
        for edit in edits {
            match edit {
                Edit::Insert(key, value) => {
                    tree.insert(&kept, key.clone(), value.clone()).expect("infallible");
                    map.insert(key, value);
                }
                Edit::Remove(key) => {
                    let found = tree.remove(&kept, &key).expect("infallible");
                    prop_assert_eq!(found, map.remove(&key).is_some());
                }
                Edit::Keep => {
                    kept.keep(&mut tree, versions.len() as u64 + 1);
                    versions.push((tree.kept_root(), map.clone()));
                }
            }
            if let Some(root) = &tree.root {
                kept.check(root, true);
            }
        }
        kept.keep(&mut tree, versions.len() as u64 + 1);
        versions.push((tree.kept_root(), map));
        for (root, map) in versions {
            let tree = Tree::at(root);
            prop_assert_eq!(&kept.entries(&tree, b""), &map);
            for probe in &probes {
                check_probe(&kept, &tree, &map, probe);
            }
        }
    }
}

fn check_probe(kept: &Kept, tree: &Tree, map: &Map, probe: &Bytes) {
    assert_eq!(tree.get(kept, probe).expect("infallible").as_ref(), map.get(probe));
    let until = map.range(..=probe.clone()).next_back();
    let found = tree.last_until(kept, probe).expect("infallible");
    assert_eq!(found.as_ref().map(|(k, v)| (k, v)), until);
    let from: Map = map.range(probe.clone()..).map(|(k, v)| (k.clone(), v.clone())).collect();
    assert_eq!(kept.entries(tree, probe), from);
    let mut back = Vec::new();
    tree.scan_back(kept, probe, |key, _| {
        back.push(Bytes::from(key));
        ControlFlow::Continue(())
    })
    .expect("infallible");
    assert_eq!(back, map.range(..probe.clone()).rev().map(|(k, _)| k.clone()).collect::<Vec<_>>());
}

#[test]
fn an_edit_writes_one_path_whatever_the_size_of_the_tree() {
    let kept = Kept::default();
    let mut tree = Tree::default();
    for number in 0..20_000_u32 {
        let key = number.to_be_bytes().into_iter().rev().collect::<Vec<_>>();
        tree.insert(&kept, key.into(), (*b"value").into()).expect("infallible");
    }
    kept.keep(&mut tree, 1);
    let before = kept.nodes.borrow().len();
    tree.insert(&kept, (*b"\x07").into(), (*b"new").into()).expect("infallible");
    kept.keep(&mut tree, 2);
    let written = kept.nodes.borrow().len() - before;
    let depth = kept.check(tree.root.as_ref().expect("a root"), true);
    // One node for each level, and one more for each that split.
    assert!(written <= 2 * (depth + 1) + 1, "{written} nodes written, {depth} levels");
    assert!(depth <= 6, "{depth}");
}

#[test]
fn nothing_is_numbered_that_a_later_edit_of_the_same_commit_superseded() {
    let kept = Kept::default();
    let mut tree = Tree::default();
    for value in 0..100_u8 {
        tree.insert(&kept, (*b"key").into(), [value].into()).expect("infallible");
    }
    kept.keep(&mut tree, 1);
    assert_eq!(kept.nodes.borrow().len(), 1);
}
