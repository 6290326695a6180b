//! What was done: histories and the audit. Neon's API has nothing like them.

use serde::{Deserialize, Serialize};

use crate::model::cause::{self, Cause, Topic};
use crate::model::changes::{AttributeChange, Value};
use crate::model::id::ProjectId;
use crate::model::key::KeyId;
use crate::model::operation::{self, Subject};
use crate::model::revision::Moment;
use crate::wire::neon::operations::{Operation, Pagination};
use crate::wire::time::Time;

/// A page of a history, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryAnswer {
    pub entries: Vec<HistoryEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

/// How a history ends that goes back to the beginning.
pub const BEGINNING: &str = "beginning";
/// How a history ends whose first part is not kept any more.
pub const TRIMMED: &str = "trimmed";

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    pub revision: u64,
    pub at: Time,
    pub action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    pub caller: Caller,
    pub operations: Vec<Operation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Change>>,
    #[serde(default)]
    pub changes_truncated: bool,
}

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<u64>,
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// What became of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_name: Option<String>,
    pub attribute: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl HistoryEntry {
    /// Shows what was done in a commit, without what it changed.
    #[must_use]
    pub fn new(
        project: &ProjectId,
        moment: Moment,
        cause: Cause,
        topic: Topic,
        operations: Vec<operation::Operation>,
    ) -> Self {
        let Moment { revision, at } = moment;
        let Cause { deed, topic: _, caller } = cause;
        let mut entry = Self {
            revision: revision.0,
            at: Time(at),
            action: deed.as_str().to_owned(),
            branch_id: topic.branch().map(ToString::to_string),
            role_name: None,
            database_name: None,
            endpoint_id: None,
            caller: caller.into(),
            operations: Operation::list(project, operations),
            changes: None,
            changes_truncated: false,
        };
        match topic {
            Topic::Whole | Topic::Branch(_) | Topic::Project(_) => {}
            Topic::Role(_, name) => entry.role_name = Some(name.to_string()),
            Topic::Database(_, name) => entry.database_name = Some(name.to_string()),
            Topic::Endpoint(_, id) => entry.endpoint_id = Some(id.to_string()),
        }
        entry
    }
}

impl From<cause::Caller> for Caller {
    fn from(caller: cause::Caller) -> Self {
        let cause::Caller { key_id, key, request_id, address } = caller;
        Self {
            key_id: key_id.map(|KeyId(number)| number),
            key,
            // What Offshoot does by itself, no request asked for.
            request_id: (!request_id.is_nil()).then(|| request_id.to_string()),
            address: address.map(|address| address.to_string()),
        }
    }
}

impl Change {
    /// Shows what became of an attribute of something.
    #[must_use]
    pub fn new(of: Subject, attribute: AttributeChange) -> Self {
        let AttributeChange { name, before, after } = attribute;
        let (role_name, database_name) = match of {
            Subject::Whole => (None, None),
            Subject::Role(name) => (Some(name.to_string()), None),
            Subject::Database(name) => (None, Some(name.to_string())),
        };
        Self {
            role_name,
            database_name,
            attribute: name.to_owned(),
            before: before.map(text),
            after: after.map(text),
        }
    }
}

/// Values of all kinds are texts here: what kind each attribute has, its own place says.
pub(super) fn text(value: Value) -> String {
    match value {
        Value::Text(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Time(at) => Time(at).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cause::Deed;
    use crate::model::revision::{Revision, Timestamp};

    #[test]
    fn what_offshoot_does_by_itself_names_neither_a_request_nor_a_key() {
        let topic = Topic::Branch("br-a".parse().expect("an id"));
        let cause = cause::Caller::offshoot().asks(Deed::ExpireBranch, topic.clone());
        let moment = Moment { revision: Revision(7), at: Timestamp::UNIX_EPOCH };
        let project = "a-b-1".parse().expect("an id");
        let entry = HistoryEntry::new(&project, moment, cause, topic, Vec::new());
        insta::assert_snapshot!(
            serde_json::to_string(&entry).expect("JSON"),
            @r#"{"revision":7,"at":"1970-01-01T00:00:00.000000Z","action":"expire_branch","branch_id":"br-a","caller":{"key":"offshoot"},"operations":[],"changes_truncated":false}"#
        );
    }

    #[test]
    fn a_change_shows_values_of_every_kind_as_texts() {
        let shown = |before, after| {
            Change::new(Subject::Whole, AttributeChange { name: "x", before, after })
        };
        for (value, text) in [
            (Value::Text("sally".into()), "sally"),
            (Value::Number(-1), "-1"),
            (Value::Flag(true), "true"),
            (Value::Time(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(shown(None, Some(value)).after.as_deref(), Some(text));
        }
    }
}
