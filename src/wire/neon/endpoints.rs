//! Endpoints.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::circuit::Circuit;
use crate::model::endpoint::{
    self, Attachment, EndpointState, LOCAL_HOST, Power, Site, Tuning, authority,
};
use crate::model::id::ProjectId;
use crate::wire::neon::operations::Operation;
use crate::wire::neon::{CREATION_SOURCE, PROVISIONER, REGION};
use crate::wire::secret::Secret;
use crate::wire::time::Time;

/// The address of a branch's compute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    pub host: String,
    pub hostname: String,
    pub port: u16,
    pub id: String,
    pub project_id: String,
    pub branch_id: String,
    pub autoscaling_limit_min_cu: f64,
    pub autoscaling_limit_max_cu: f64,
    pub region_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub current_state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_state: Option<String>,
    pub settings: Map<String, Value>,
    pub pooler_enabled: bool,
    pub pooler_mode: String,
    pub disabled: bool,
    pub passwordless_access: bool,
    pub creation_source: String,
    pub created_at: Time,
    pub updated_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_at: Option<Time>,
    pub proxy_host: String,
    pub suspend_timeout_seconds: i32,
    pub provisioner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<Attached>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit: Option<EndpointCircuit>,
}

/// Whether the endpoint's Postgres can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointCircuit {
    pub state: String,
    pub failures_count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The Postgres that an endpoint is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub sslmode: String,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointAnswer {
    pub endpoint: Endpoint,
}

/// The endpoints of a project or a branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointsAnswer {
    pub endpoints: Vec<Endpoint>,
}

/// An endpoint that was changed, and what is left to do about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointOperations {
    pub endpoint: Endpoint,
    pub operations: Vec<Operation>,
}

/// An endpoint that is to be created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct EndpointCreateRequest {
    pub endpoint: NewEndpoint,
}

/// What is asked of the new endpoint. Where it comes with a branch, that is its branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct NewEndpoint {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch_id: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<NewAttachment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling_limit_min_cu: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling_limit_max_cu: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend_timeout_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooler_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// An endpoint that is to be changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct EndpointUpdateRequest {
    pub endpoint: EndpointUpdate,
}

/// The changes; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct EndpointUpdate {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling_limit_min_cu: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling_limit_max_cu: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend_timeout_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooler_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// The Postgres to which an endpoint is to be attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct NewAttachment {
    pub host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    pub user: String,
    pub password: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sslmode: Option<String>,
}

impl Endpoint {
    /// Shows an endpoint of a project.
    #[must_use]
    pub fn new(project: &ProjectId, endpoint: endpoint::Endpoint) -> Self {
        let endpoint::Endpoint {
            id,
            branch,
            site,
            desired,
            state,
            tuning: Tuning { min_cu_hundredths, max_cu_hundredths, suspend_timeout_seconds },
            created_at,
            updated_at,
            started_at,
            suspended_at,
        } = endpoint;
        let (hostname, port, attached) = match site {
            Site::Local { port } => (LOCAL_HOST.to_owned(), port, None),
            Site::Attached(attachment) => {
                (attachment.host.clone(), attachment.port, Some(attachment.into()))
            }
        };
        Self {
            // Neon's clients put it into a connection string as it is, and know of no port.
            host: authority(&hostname, port),
            proxy_host: hostname.clone(),
            hostname,
            port,
            id: id.to_string(),
            project_id: project.to_string(),
            branch_id: branch.to_string(),
            autoscaling_limit_min_cu: f64::from(min_cu_hundredths) / 100.0,
            autoscaling_limit_max_cu: f64::from(max_cu_hundredths) / 100.0,
            region_id: REGION.to_owned(),
            kind: "read_write".to_owned(),
            current_state: state_word(state).to_owned(),
            pending_state: pending_word(state, desired).map(str::to_owned),
            settings: Map::new(),
            pooler_enabled: false,
            pooler_mode: "transaction".to_owned(),
            disabled: false,
            passwordless_access: true,
            creation_source: CREATION_SOURCE.to_owned(),
            created_at: Time(created_at),
            updated_at: Time(updated_at),
            started_at: started_at.map(Time),
            suspended_at: suspended_at.map(Time),
            suspend_timeout_seconds,
            provisioner: PROVISIONER.to_owned(),
            attached,
            circuit: None,
        }
    }

    /// Shows whether its Postgres can be reached, too, where that is known.
    #[must_use]
    pub fn with_circuit(self, circuit: Option<Circuit>) -> Self {
        Self { circuit: circuit.map(EndpointCircuit::from), ..self }
    }

    /// Shows several endpoints of a project.
    #[must_use]
    pub fn list(project: &ProjectId, endpoints: Vec<endpoint::Endpoint>) -> Vec<Self> {
        endpoints.into_iter().map(|endpoint| Self::new(project, endpoint)).collect()
    }
}

impl From<Circuit> for EndpointCircuit {
    fn from(Circuit { state, failures, opened_at, error }: Circuit) -> Self {
        Self {
            state: state.as_str().to_owned(),
            failures_count: failures,
            opened_at: opened_at.map(Time),
            error,
        }
    }
}

impl From<Attachment> for Attached {
    fn from(Attachment { host, port, database, user, password: _, tls }: Attachment) -> Self {
        Self { host, port, database, user, sslmode: tls.as_str().to_owned() }
    }
}

fn state_word(state: EndpointState) -> &'static str {
    match state {
        EndpointState::Init => "init",
        EndpointState::Active => "active",
        EndpointState::Idle => "idle",
    }
}

/// Returns the state that an endpoint is on its way to. One that never ran and is not to run is on
/// its way to none.
fn pending_word(state: EndpointState, desired: Power) -> Option<&'static str> {
    match (state, desired) {
        (EndpointState::Init | EndpointState::Idle, Power::Active) => Some("active"),
        (EndpointState::Active, Power::Idle) => Some("idle"),
        (EndpointState::Active, Power::Active)
        | (EndpointState::Init | EndpointState::Idle, Power::Idle) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::endpoint::TlsMode;
    use crate::model::revision::Timestamp;
    use crate::model::secret::Sealed;

    fn shown(site: Site, state: EndpointState, desired: Power) -> Endpoint {
        let endpoint = endpoint::Endpoint {
            id: "ep-a-b-c".parse().expect("an id"),
            branch: "br-a-b-c".parse().expect("an id"),
            site,
            desired,
            state,
            tuning: Tuning::default(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            started_at: None,
            suspended_at: None,
        };
        Endpoint::new(&"a-b-1".parse().expect("an id"), endpoint)
    }

    #[test]
    fn an_endpoint_says_where_it_is_and_where_it_is_going() {
        for (state, desired, current, pending) in [
            (EndpointState::Init, Power::Active, "init", Some("active")),
            (EndpointState::Idle, Power::Active, "idle", Some("active")),
            (EndpointState::Active, Power::Active, "active", None),
            (EndpointState::Active, Power::Idle, "active", Some("idle")),
            (EndpointState::Idle, Power::Idle, "idle", None),
            (EndpointState::Init, Power::Idle, "init", None),
        ] {
            let endpoint = shown(Site::Local { port: 5433 }, state, desired);
            assert_eq!(endpoint.current_state, current);
            assert_eq!(endpoint.pending_state.as_deref(), pending);
            assert_eq!(endpoint.host, "127.0.0.1:5433");
            assert_eq!((endpoint.hostname.as_str(), endpoint.port), ("127.0.0.1", 5433));
        }
    }

    #[test]
    fn an_attached_endpoint_shows_its_postgres_but_not_the_password() {
        let attachment = Attachment {
            host: "db.example.com".into(),
            port: 6432,
            database: "postgres".into(),
            user: "admin".into(),
            password: Sealed(Box::new([7; 40])),
            tls: TlsMode::VerifyFull,
        };
        let endpoint = shown(Site::Attached(attachment), EndpointState::Active, Power::Active);
        assert_eq!(endpoint.host, "db.example.com:6432");
        assert_eq!((endpoint.hostname.as_str(), endpoint.port), ("db.example.com", 6432));
        insta::assert_snapshot!(
            serde_json::to_string(&endpoint.attached).expect("JSON"),
            @r#"{"host":"db.example.com","port":6432,"database":"postgres","user":"admin","sslmode":"verify-full"}"#
        );
    }
}
