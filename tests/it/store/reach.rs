//! Which rows a log needs, found in the plainest way: by reading every state that can be asked for.

use std::collections::{BTreeSet, HashSet};

use offshoot::model::revision::Revision;
use offshoot::store::engine::{Engine, LogId};
use offshoot::store::row::Row;
use offshoot::store::stored::StoredBranch;
use offshoot::tree::{Link, Node, NodeId};

fn row(engine: &dyn Engine, log: LogId, revision: Revision) -> Row {
    let bytes = engine.row(log, revision).expect("a read").expect("a row");
    Row::decode(&bytes).expect("a whole row")
}

/// Returns the rows below the floor that hold a node which a state from there on reaches.
pub fn needed(engine: &dyn Engine, log: LogId) -> BTreeSet<Revision> {
    let (floor, head) = (engine.floor(log).expect("a floor"), engine.head(log).expect("a head"));
    let mut nodes = HashSet::new();
    for number in floor.0..=head.0 {
        if let Some(root) = row(engine, log, Revision(number)).root {
            reach(engine, log, root, &mut nodes);
        }
    }
    let mut rows: BTreeSet<Revision> = nodes.iter().map(|id| Revision(id.revision())).collect();
    rows.split_off(&floor);
    rows
}

fn reach(engine: &dyn Engine, log: LogId, id: NodeId, nodes: &mut HashSet<NodeId>) {
    if !nodes.insert(id) {
        return;
    }
    match &*row(engine, log, Revision(id.revision())).nodes[id.index()] {
        Node::Inner(children) => {
            for (_, link) in children {
                let Link::Kept(child) = link else { panic!("a row with a node that is not kept") };
                reach(engine, log, *child, nodes);
            }
        }
        Node::Leaf(entries) => {
            for (key, value) in entries.iter().filter(|(key, _)| key.starts_with(b"B")) {
                for root in StoredBranch::roots(key, value).expect("a branch") {
                    reach(engine, log, root, nodes);
                }
            }
        }
    }
}

/// Returns the rows that there are below the floor.
pub fn kept(engine: &dyn Engine, log: LogId) -> BTreeSet<Revision> {
    let floor = engine.floor(log).expect("a floor");
    engine.rows(log, floor, usize::MAX).expect("rows").into_iter().collect()
}
