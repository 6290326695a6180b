//! Histories, the audit, and what a cutoff left out.

use std::net::{IpAddr, Ipv4Addr};

use offshoot::model::cause::{Caller, Deed, Topic};
use offshoot::model::changes::{AttributeChange, Value as Attribute};
use offshoot::model::key::KeyId;
use offshoot::model::operation::Subject;
use offshoot::model::origin::Origin;
use offshoot::model::revision::{Moment, Revision};
use offshoot::wire::neon;
use offshoot::wire::neon::history::{BEGINNING, Change, HistoryAnswer, HistoryEntry, TRIMMED};
use offshoot::wire::neon::left_out::{LeftOut, LeftOutItem};
use serde_json::Value;

use super::{at, branch_id, pagination, project_id, value};

pub(super) fn left_out() -> LeftOut {
    let origin = Origin { branch: branch_id(), revision: Revision(9) };
    let item = |why: &str| LeftOutItem {
        name: "sally".into(),
        why: why.into(),
        origin: neon::origin::Origin::new(&origin, at()),
    };
    LeftOut {
        source_branch_id: branch_id().to_string(),
        cutoff: 7,
        revision: 9,
        roles: Some(vec![item("created_after_cutoff"), item("changed_after_cutoff")]),
        databases: Some(vec![item("dropped_after_cutoff")]),
        truncated: false,
    }
}

fn entry(topic: Topic, deed: Deed) -> HistoryEntry {
    let caller = Caller {
        key_id: Some(KeyId(1)),
        key: "admin".into(),
        request_id: uuid::Uuid::from_u128(7),
        address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    };
    let moment = Moment { revision: Revision(7), at: at() };
    let cause = caller.asks(deed, topic.clone());
    let attribute = |before, after| AttributeChange { name: "expires_at", before, after };
    let sally = "sally".parse().expect("a name");
    let shop = "shop".parse().expect("a name");
    let changes = [
        Change::new(Subject::Whole, attribute(Some(Attribute::Time(at())), None)),
        Change::new(Subject::Role(sally), attribute(None, None)),
        Change::new(Subject::Database(shop), attribute(None, Some(Attribute::Time(at())))),
    ];
    let operations = Vec::new();
    let entry = HistoryEntry::new(&project_id(), moment, cause, topic, operations);
    HistoryEntry { changes: Some(changes.into()), ..entry }
}

pub(super) fn all() -> Vec<(&'static str, Value)> {
    let role = Topic::Role(branch_id(), "sally".parse().expect("a name"));
    let database = Topic::Database(branch_id(), "shop".parse().expect("a name"));
    let endpoint = Topic::Endpoint(branch_id(), "ep-royal-brook-a5kfgaqo".parse().expect("an id"));
    let topics = [Topic::Whole, Topic::Branch(branch_id()), role, database, endpoint];
    let deeds = Deed::ALL.iter().map(|deed| entry(Topic::Whole, *deed));
    let entries: Vec<_> =
        topics.into_iter().map(|topic| entry(topic, Deed::UpdateRole)).chain(deeds).collect();
    let page = HistoryAnswer { entries, pagination: Some(pagination()), end: None };
    let last = |end: &str| HistoryAnswer {
        entries: Vec::new(),
        pagination: None,
        end: Some(end.to_owned()),
    };
    vec![
        ("HistoryAnswer", value(page)),
        ("HistoryAnswer", value(last(BEGINNING))),
        ("HistoryAnswer", value(last(TRIMMED))),
    ]
}
