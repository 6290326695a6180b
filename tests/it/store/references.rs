//! The checker looks after what records refer to.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use offshoot::model::cause::Deed;
use offshoot::model::revision::Revision;
use offshoot::model::webhook::{Place, WebhookId};
use offshoot::store::check::check;
use offshoot::store::engine::{Engine, LogId};
use offshoot::store::keys;
use offshoot::store::row::{Encoder, Row};
use offshoot::store::stored::{Stored as _, StoredPlace};
use offshoot::tree::node::Bytes;
use offshoot::tree::{Node, NodeId, Nodes, Tree};

use super::memory::Memory;
use super::sample;
use super::support::{cause, time};

type Records = BTreeMap<Bytes, Bytes>;

/// The nodes of the sample's log.
struct Sample(Arc<Memory>);

impl Nodes for Sample {
    type Error = std::convert::Infallible;

    fn node(&self, id: NodeId) -> Result<Arc<Node>, Self::Error> {
        let rows = self.0.rows();
        let row = Row::decode(&rows[&(sample::LOG, Revision(id.revision()))]).expect("a row");
        Ok(Arc::clone(&row.nodes[id.index()]))
    }
}

/// Returns the records of the sample's newest state, without the catalogs of its branches.
async fn records() -> Records {
    let sample = Sample(sample::engine().await);
    let head = sample.0.head(sample::LOG).expect("a head");
    let root = Row::decode(&sample.0.rows()[&(sample::LOG, head)]).expect("a row").root;
    let mut records = Records::new();
    Tree::at(root)
        .scan(&sample, &[], |key, value| {
            records.insert(key.into(), value.into());
            ControlFlow::Continue(())
        })
        .expect("infallible");
    records
}

/// Returns what is wrong with a log that has `states`, a row each. That the catalogs of the branches
/// are not there is left out.
fn wrong(states: &[&Records]) -> Vec<String> {
    let engine = Arc::new(Memory::default());
    let mut tree = Tree::default();
    let mut before = &Records::new();
    for (number, state) in (1..).zip(states) {
        for key in before.keys().filter(|key| !state.contains_key(*key)) {
            tree.remove(&Sample(engine.clone()), key).expect("infallible");
        }
        for (key, value) in state.iter().filter(|(key, value)| before.get(*key) != Some(*value)) {
            tree.insert(&Sample(engine.clone()), key.clone(), value.clone()).expect("infallible");
        }
        before = state;
        let mut nodes = Vec::new();
        let root = tree.keep(&mut |node| {
            nodes.push(node);
            NodeId::new(number, nodes.len() - 1)
        });
        let at = time(i64::try_from(number).expect("a few"));
        let row = Row { at, cause: cause(Deed::SetUp), root, nodes };
        engine.rows().insert((sample::LOG, Revision(number)), Encoder::default().encode(&row));
    }
    let wrong = check(&(engine as Arc<dyn Engine>), |_| {}).expect("a check").wrong;
    wrong.into_iter().filter(|sentence| sentence.contains("leads to")).collect()
}

fn without(records: &Records, key: &[u8]) -> Records {
    let mut records = records.clone();
    records.remove(key).expect("a record");
    records
}

fn first<'a>(records: &'a Records, prefix: &[u8]) -> &'a Bytes {
    records.keys().find(|key| key.starts_with(prefix)).expect("a record of the kind")
}

#[tokio::test]
async fn a_record_whose_other_end_is_missing_is_found() {
    let records = records().await;
    assert_eq!(wrong(&[&records]), [""; 0]);
    for prefix in [b"N", b"B", b"E", b"P", b"R", b"Q"] {
        let gone = without(&records, first(&records, prefix));
        assert_ne!(wrong(&[&gone]), [""; 0], "{}", char::from(prefix[0]));
        // A state in the past, and one that only lost what another record led to.
        assert_ne!(wrong(&[&gone, &records]), [""; 0], "{}", char::from(prefix[0]));
        assert_ne!(wrong(&[&records, &gone]), [""; 0], "{}", char::from(prefix[0]));
    }
    let unfinished = first(&records, b"P");
    let operation = [b"O", &unfinished[unfinished.len() - 16..]].concat();
    let gone = without(&records, &operation);
    assert_eq!(wrong(&[&gone]).len(), 1);
}

#[tokio::test]
async fn an_operation_that_ended_and_is_listed_as_unfinished_is_found() {
    let records = records().await;
    let listed: Vec<_> = records.keys().filter(|key| key.starts_with(b"P")).collect();
    let is_unfinished = |key: &[u8]| listed.iter().any(|listed| listed.ends_with(&key[1..]));
    let ended = records.keys().find(|key| key.starts_with(b"O") && !is_unfinished(key));
    let ended = ended.expect("an operation that ended");
    let mut wrongly = records.clone();
    let mut key = listed[0].to_vec();
    let at = key.len() - 16;
    key.splice(at.., ended[1..].iter().copied());
    // The record says which operation it is, as its key does.
    let mut value = records[listed[0]].to_vec();
    let at = value.len() - 16;
    value.splice(at.., ended[1..].iter().copied());
    wrongly.insert(key.into(), value.into());
    assert_ne!(wrong(&[&wrongly]), [""; 0]);
}

#[tokio::test]
async fn a_project_of_the_directory_without_its_log_is_found() {
    let sample = sample::engine().await;
    let check = || check(&(sample.clone() as Arc<dyn Engine>), |_| {}).expect("a check").wrong;
    assert_eq!(check(), [""; 0]);
    sample.rows().retain(|(log, _), _| *log != sample::LOG);
    assert!(check().iter().any(|sentence| sentence.contains("leads to")));
}

#[tokio::test]
async fn what_is_kept_of_a_webhook_that_is_gone_is_found() {
    let mut state = records().await;
    let (webhook, log) = (WebhookId(7), LogId(9));
    let place = StoredPlace::to_bytes(Place::after(Revision(3))).expect("a small record");
    state.insert(keys::place(webhook, log).into(), place.into());
    assert_eq!(wrong(&[&state]).len(), 1);
}
