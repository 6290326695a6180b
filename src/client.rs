//! The API of a server as typed calls, for the commands. Shapes are the wire's own.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, http};

use crate::chain::Chain;
use crate::wire::neon::error::ErrorBody;
use crate::wire::neon::operations::{Operation, OperationAnswer};
use crate::wire::neon::plans::{ReconcileAnswer, ReconcileRequest};

/// Under which path of a server the API stands.
const BASE: &str = "/api/v2";

/// How long an answer may take: longer than the server allows itself.
const ANSWER_TIME: Duration = Duration::from_secs(40);

/// How much of an answer that is none of ours is shown, in characters.
const ECHO_MAX_CHARS: usize = 200;

/// The API of a server, with a key.
pub struct Client {
    http: Agent,
    origin: String,
    key: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server was not reached, or broke off.
    #[error("the server at {origin} does not answer: {reason}")]
    Unreachable {
        /// Where it should be.
        origin: String,
        /// What went wrong, with all its causes.
        reason: String,
    },
    /// The server refused.
    #[error("{message} ({code}, request {request_id})")]
    Refused {
        /// What kind of refusal it is.
        code: String,
        /// What was wrong, and what to do.
        message: String,
        /// Under which the server's log has it.
        request_id: String,
    },
    /// Whoever answered is no Offshoot, or another version of it.
    #[error("the server at {origin} answered {status} with what is not understood: {text}")]
    Foreign {
        /// Where it is.
        origin: String,
        /// The HTTP status.
        status: u16,
        /// How the answer begins.
        text: String,
    },
}

/// Where a branch is.
#[derive(Clone, Debug)]
pub struct At {
    /// The project's id.
    pub project: String,
    /// The branch's id.
    pub branch: String,
}

impl At {
    fn path(&self, rest: &str) -> String {
        format!("/projects/{}/branches/{}{rest}", self.project, self.branch)
    }
}

impl Client {
    /// Returns the API of the server at `origin`, such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn new(origin: &str, key: &str) -> Self {
        let mut agent = Agent::config_builder()
            .timeout_global(Some(ANSWER_TIME))
            .http_status_as_error(false)
            .max_redirects(0);
        if origin.starts_with("https:") {
            agent = agent.tls_config(TlsConfig::builder().root_certs(trusted()).build());
        }
        let http = agent.build().into();
        Self { http, origin: origin.trim_end_matches('/').into(), key: key.into() }
    }

    /// Asks for a pass over a branch's Postgres, or what one would do.
    pub fn reconcile(&self, at: &At, dry_run: bool) -> Result<ReconcileAnswer, ClientError> {
        self.post(&at.path("/reconcile"), &ReconcileRequest { dry_run: Some(dry_run) })
    }

    /// Returns an operation.
    pub fn operation(&self, project: &str, id: &str) -> Result<Operation, ClientError> {
        let answer: OperationAnswer = self.get(&format!("/projects/{project}/operations/{id}"))?;
        Ok(answer.operation)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let request = self.http.get(self.url(path)).header("authorization", self.bearer());
        self.read(request.call())
    }

    fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let request = self.http.post(self.url(path)).header("authorization", self.bearer());
        self.read(request.send_json(body))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{BASE}{path}", self.origin)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }

    fn read<T: DeserializeOwned>(
        &self,
        answer: Result<http::Response<Body>, ureq::Error>,
    ) -> Result<T, ClientError> {
        let unreachable = |error: ureq::Error| ClientError::Unreachable {
            origin: self.origin.clone(),
            reason: Chain(&error).to_string(),
        };
        let mut answer = answer.map_err(unreachable)?;
        let status = answer.status();
        let body = answer.body_mut().read_to_vec().map_err(unreachable)?;
        if status.is_success()
            && let Ok(answer) = serde_json::from_slice(&body)
        {
            return Ok(answer);
        }
        match serde_json::from_slice(&body) {
            Ok(ErrorBody { request_id, code, message, conflicts: _ }) => {
                Err(ClientError::Refused { code, message, request_id })
            }
            Err(_) => Err(ClientError::Foreign {
                origin: self.origin.clone(),
                status: status.as_u16(),
                text: String::from_utf8_lossy(&body).chars().take(ECHO_MAX_CHARS).collect(),
            }),
        }
    }
}

/// Returns whom this machine trusts.
fn trusted() -> RootCerts {
    let found = rustls_native_certs::load_native_certs().certs;
    let certificates = found.iter().map(|found| Certificate::from_der(found).to_owned());
    RootCerts::Specific(Arc::new(certificates.collect()))
}
