//! Events: what receivers are sent, and what they read when they ask for more.

use serde::{Deserialize, Serialize};

use crate::model::account::{PERSON, PERSON_EMAIL};
use crate::model::event::{self, Subject};
use crate::model::revision::Revision;
use crate::wire::time::Time;

/// What a receiver is sent: which event it is, and where. The rest is read with the event's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPayload {
    #[serde(rename = "type")]
    pub kind: String,
    pub timestamp: Time,
    pub data: EventPayloadData,
}

/// Which event it is, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventPayloadData {
    pub id: String,
    pub service_id: String,
    pub service_name: String,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub id: String,
    pub timestamp: Time,
    pub service_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub details: EventDetails,
}

/// What happened, as far as the event's type has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventDetails {
    pub user: EventUser,
    pub key_name: String,
    pub project_id: String,
    pub branch_id: String,
    pub branch_name: String,
    pub revision: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<EventDrift>,
}

/// What differs in a branch's Postgres, and what is done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDrift {
    pub id: String,
    pub kind: String,
    pub name: String,
    pub attribute: String,
    pub response: String,
}

/// Who did it: there is one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventUser {
    pub id: String,
    pub email: String,
}

impl From<&event::Event> for EventPayload {
    fn from(event: &event::Event) -> Self {
        Self {
            kind: event.kind.as_str().into(),
            timestamp: Time(event.moment.at),
            data: EventPayloadData {
                id: event.id.to_string(),
                service_id: event.alias.to_string(),
                service_name: event.name.to_string(),
            },
        }
    }
}

impl From<event::Event> for Event {
    fn from(event: event::Event) -> Self {
        let event::Event { id, kind, moment, caller, project, branch, alias, name, subject } =
            event;
        let Revision(revision) = moment.revision;
        let common = EventDetails {
            user: EventUser { id: PERSON.to_string(), email: PERSON_EMAIL.into() },
            key_name: caller.key,
            project_id: project.to_string(),
            branch_id: branch.to_string(),
            branch_name: name.to_string(),
            revision,
            username: None,
            default: None,
            rotation_id: None,
            stage: None,
            operation_id: None,
            action: None,
            error: None,
            drift: None,
        };
        Self {
            id: id.to_string(),
            timestamp: Time(moment.at),
            service_id: alias.to_string(),
            kind: kind.as_str().into(),
            details: details(common, subject),
        }
    }
}

fn details(common: EventDetails, subject: Subject) -> EventDetails {
    match subject {
        Subject::Branch => common,
        Subject::Role { name, is_default } => {
            EventDetails { username: Some(name.to_string()), default: Some(is_default), ..common }
        }
        Subject::Rotation { id, stage, to } => EventDetails {
            rotation_id: Some(id.to_string()),
            stage: Some(stage.into()),
            username: Some(to.to_string()),
            ..common
        },
        Subject::Operation { id, action, error } => EventDetails {
            operation_id: Some(id.to_string()),
            action: Some(action.into()),
            error,
            ..common
        },
        Subject::Drift { item, response } => EventDetails {
            drift: Some(EventDrift {
                id: item.id().to_string(),
                kind: item.kind.as_str().into(),
                name: item.name,
                attribute: item.attribute.as_str().into(),
                response: response.as_str().into(),
            }),
            ..common
        },
    }
}
