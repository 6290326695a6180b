//! Causes of commits, stored.

use std::net::IpAddr;

use bincode::{Decode, Encode};
use uuid::Uuid;

use super::{Invalid, Stored, known};
use crate::model::cause::{Caller, Cause, Deed, Topic};
use crate::model::key::KeyId;
use crate::model::name::{DatabaseName, RoleName};

/// Who asked for a commit, and for what.
#[derive(Encode, Decode)]
pub struct StoredCause {
    deed: u8,
    topic: StoredTopic,
    key_id: Option<u64>,
    key: String,
    request_id: [u8; 16],
    address: Option<IpAddr>,
}

#[derive(Encode, Decode)]
enum StoredTopic {
    Whole,
    Branch(String),
    Role(String, String),
    Database(String, String),
    Endpoint(String, String),
    Project(String),
}

impl Stored for StoredCause {
    type Model = Cause;

    fn from_model(cause: Cause) -> Self {
        let Cause { deed, topic, caller: Caller { key_id, key, request_id, address } } = cause;
        let topic = match topic {
            Topic::Whole => StoredTopic::Whole,
            Topic::Branch(branch) => StoredTopic::Branch(branch.to_string()),
            Topic::Role(branch, name) => StoredTopic::Role(branch.to_string(), name.to_string()),
            Topic::Database(branch, name) => {
                StoredTopic::Database(branch.to_string(), name.to_string())
            }
            Topic::Endpoint(branch, id) => {
                StoredTopic::Endpoint(branch.to_string(), id.to_string())
            }
            Topic::Project(id) => StoredTopic::Project(id.to_string()),
        };
        let key_id = key_id.map(|KeyId(number)| number);
        let request_id = *request_id.as_bytes();
        Self { deed: deed.number(), topic, key_id, key, request_id, address }
    }

    fn into_model(self) -> Result<Cause, Invalid> {
        let Self { deed, topic, key_id, key, request_id, address } = self;
        let topic = match topic {
            StoredTopic::Whole => Topic::Whole,
            StoredTopic::Branch(branch) => Topic::Branch(branch.parse()?),
            StoredTopic::Role(branch, name) => {
                Topic::Role(branch.parse()?, RoleName::parse_existing(name)?)
            }
            StoredTopic::Database(branch, name) => {
                Topic::Database(branch.parse()?, DatabaseName::parse_existing(name)?)
            }
            StoredTopic::Endpoint(branch, id) => Topic::Endpoint(branch.parse()?, id.parse()?),
            StoredTopic::Project(id) => Topic::Project(id.parse()?),
        };
        Ok(Cause {
            deed: known(Deed::numbered, "deed", deed)?,
            topic,
            caller: Caller {
                key_id: key_id.map(KeyId),
                key,
                request_id: Uuid::from_bytes(request_id),
                address,
            },
        })
    }
}
