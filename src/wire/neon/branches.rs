//! Branches.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::branch::{self, Beginning, BranchPoint, Lineage, Source};
use crate::model::project;
use crate::wire::field::Field;
use crate::wire::neon::CREATION_SOURCE;
use crate::wire::neon::connection::ConnectionDetails;
use crate::wire::neon::databases::Database;
use crate::wire::neon::endpoints::{Endpoint, NewEndpoint};
use crate::wire::neon::left_out::LeftOut;
use crate::wire::neon::operations::Operation;
use crate::wire::neon::roles::Role;
use crate::wire::time::Time;

/// A branch of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    pub id: String,
    pub project_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_lsn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_timestamp: Option<Time>,
    pub name: String,
    pub current_state: String,
    pub state_changed_at: Time,
    pub logical_size: u64,
    pub creation_source: String,
    pub primary: bool,
    pub default: bool,
    pub protected: bool,
    pub cpu_used_sec: u64,
    pub compute_time_seconds: u64,
    pub active_time_seconds: u64,
    pub written_data_bytes: u64,
    pub data_transfer_bytes: u64,
    pub created_at: Time,
    pub updated_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_interval_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reset_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<String>,
    /// What it does with the passwords that come with a catalog; Neon's branches have no such word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_policy: Option<String>,
}

/// One branch, and what was noted about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchAnswer {
    pub branch: Branch,
    pub annotation: Annotation,
}

/// What was noted about a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    pub object: AnnotationObject,
    pub value: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Time>,
}

/// What a note is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnotationObject {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
}

/// A page of branches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchesAnswer {
    pub branches: Vec<Branch>,
    pub annotations: BTreeMap<String, Annotation>,
    pub pagination: BranchesPagination,
}

/// How the branches are sorted, and where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchesPagination {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    pub sort_by: String,
    pub sort_order: String,
}

/// A branch that was changed, and what is left to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchOperations {
    pub branch: Branch,
    pub operations: Vec<Operation>,
}

/// A branch that was created, with all that it was born with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreatedBranch {
    pub branch: Branch,
    pub endpoints: Vec<Endpoint>,
    pub operations: Vec<Operation>,
    pub roles: Vec<Role>,
    pub databases: Vec<Database>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_uris: Option<Vec<ConnectionDetails>>,
    /// What the parent has by now that the branch does not; Neon's answers have nothing like it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
}

/// A branch that is to be created.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct BranchCreateRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<NewBranch>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<NewEndpoint>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotation_value: Option<BTreeMap<String, String>>,
}

/// What is asked of the new branch; what is absent is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct NewBranch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_lsn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_timestamp: Option<String>,
    /// What a read shows in its header; Neon's requests have no such word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_revision: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_policy: Option<String>,
}

/// A restore that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct BranchRestoreRequest {
    pub source_branch_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_lsn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_timestamp: Option<String>,
    /// What a read shows in its header; Neon's requests have no such word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_revision: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preserve_under_name: Option<String>,
}

/// What is to change about a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct BranchUpdateRequest {
    pub branch: BranchUpdate,
}

/// The changes; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct BranchUpdate {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub expires_at: Field<String>,
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub password_policy: Field<String>,
}

impl Branch {
    /// Shows a branch of a project.
    #[must_use]
    pub fn new(project: &project::Project, branch: branch::Branch) -> Self {
        let last_reset_at = branch.reset_at().map(Time);
        let branch::Branch {
            id,
            name,
            born: _,
            lineage,
            began: Beginning { moment, source },
            endpoint: _,
            protected,
            expiry,
            password_policy,
            annotation: _,
            merges: _,
            created_at,
            updated_at,
        } = branch;
        let restored_from = match (last_reset_at, source) {
            (Some(_), Some(Source { branch, cutoff: _ })) => Some(branch.to_string()),
            _ => None,
        };
        let default = id == project.default_branch;
        let (parent_id, parent_lsn, parent_timestamp, init_source) = match lineage {
            Lineage::Root => (None, None, None, None),
            Lineage::Child(BranchPoint { parent, cutoff: _, at, lsn }) => (
                Some(parent.to_string()),
                lsn.map(|lsn| lsn.to_string()),
                Some(Time(at)),
                Some("parent-data".to_owned()),
            ),
        };
        Self {
            id: id.to_string(),
            project_id: project.id.to_string(),
            parent_id,
            parent_lsn,
            parent_timestamp,
            name: name.to_string(),
            current_state: "ready".to_owned(),
            state_changed_at: Time(moment.at),
            logical_size: 0,
            creation_source: CREATION_SOURCE.to_owned(),
            primary: default,
            default,
            protected,
            cpu_used_sec: 0,
            compute_time_seconds: 0,
            active_time_seconds: 0,
            written_data_bytes: 0,
            data_transfer_bytes: 0,
            created_at: Time(created_at),
            updated_at: Time(updated_at),
            init_source,
            expires_at: expiry.map(|expiry| Time(expiry.at)),
            ttl_interval_seconds: expiry.map(|expiry| expiry.ttl_seconds),
            last_reset_at,
            restored_from,
            password_policy: password_policy.map(|policy| policy.as_str().to_owned()),
        }
    }
}

impl Annotation {
    /// Shows what was noted about a branch.
    #[must_use]
    pub fn of(branch: &branch::Branch) -> Self {
        let kind = "console/branch".to_owned();
        let texts = branch.annotation.texts();
        let noted_at = (!branch.annotation.is_empty()).then_some(Time(branch.created_at));
        Self {
            object: AnnotationObject { kind, id: branch.id.to_string() },
            value: texts.map(|(key, text)| (key.to_owned(), text.to_owned())).collect(),
            created_at: noted_at,
            updated_at: noted_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::model::endpoint::Tuning;
    use crate::model::lsn::Lsn;
    use crate::model::project::PgVersion;
    use crate::model::revision::{Moment, Revision, Timestamp};

    fn shown(lineage: Lineage) -> Value {
        let project = project::Project {
            id: "a-b-1".parse().expect("an id"),
            name: "shop".parse().expect("a name"),
            pg_version: PgVersion::DEFAULT,
            store_passwords: true,
            history_retention_seconds: 0,
            password_policy: None,
            settings: project::ProjectSettings::default(),
            endpoint_defaults: Tuning::default(),
            default_branch: "br-main".parse().expect("an id"),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            deleted_at: None,
        };
        let id = if lineage == Lineage::Root { "br-main" } else { "br-child" };
        let branch = branch::Branch {
            id: id.parse().expect("an id"),
            born: Revision(1),
            name: "x".parse().expect("a name"),
            lineage,
            began: Beginning {
                moment: Moment { revision: Revision(1), at: Timestamp::UNIX_EPOCH },
                source: None,
            },
            endpoint: None,
            protected: false,
            expiry: None,
            password_policy: None,
            annotation: crate::model::annotation::Annotation::default(),
            merges: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        serde_json::to_value(Branch::new(&project, branch)).expect("JSON")
    }

    #[test]
    fn a_root_says_nothing_of_a_parent() {
        let root = shown(Lineage::Root);
        for field in ["parent_id", "parent_lsn", "parent_timestamp"] {
            assert!(root.get(field).is_none(), "{field}");
        }
        assert_eq!((&root["default"], &root["primary"]), (&Value::Bool(true), &Value::Bool(true)));
    }

    #[test]
    fn a_child_names_its_parent_and_the_point_where_it_began() {
        let child = shown(Lineage::Child(BranchPoint {
            parent: "br-main".parse().expect("an id"),
            cutoff: Revision(4),
            at: Timestamp::UNIX_EPOCH,
            lsn: Some(Lsn(0x16B_3F00)),
        }));
        assert_eq!(child["parent_id"], "br-main");
        assert_eq!(child["parent_lsn"], "0/16B3F00");
        assert_eq!(child["parent_timestamp"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(child["default"], false);
    }
}
