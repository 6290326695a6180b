//! Sender: sends an event to a webhook once, over HTTP. The only code that names its crates.
//!
//! It connects to an address that was looked at, follows nothing, reads little, and gives up in time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::DateTime;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;
use url::Host;

use crate::chain::Chain;
use crate::control::deliveries::Delivery;
use crate::model::revision::Timestamp;
use crate::model::webhook::schedule::RetryAfter;
use crate::model::webhook::signature::signatures;
use crate::model::webhook::target::Target;
use crate::model::webhook::{ANSWER_MAX_BYTES, Answer};
use crate::reach::{Reach, Unreachable};
use crate::wire::render::events::EventPayload;

/// How long a receiver may take to answer.
pub const ANSWER_TIME: Duration = Duration::from_secs(15);

/// The longest head of an answer, in bytes.
const HEAD_MAX_BYTES: usize = 16 * 1024;

/// The most headers of an answer.
const MAX_HEADERS: usize = 100;

/// How many addresses of a receiver are tried.
const MAX_ADDRESSES: usize = 4;

/// The longest reason for which there is no answer, in characters.
const ERROR_MAX_CHARS: usize = 500;

/// Who sends.
const AGENT: &str = concat!("Offshoot/", env!("CARGO_PKG_VERSION"));

/// Sends events.
pub struct Sender {
    reach: Arc<Reach>,
    tls: TlsConnector,
    time: Duration,
}

/// What became of an event that was sent once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What was answered.
    pub answer: Answer,
    /// After how long the receiver wants it again, if it said so.
    pub retry_after: RetryAfter,
}

/// There was no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error("the connection failed")]
    Connection(#[source] io::Error),
    #[error("TLS failed")]
    Tls(#[source] io::Error),
    #[error("the host of url cannot be in a certificate")]
    Name,
    #[error("the connection ended before the answer did")]
    Http(#[source] hyper::Error),
    #[error("there was no whole answer in {0:?}")]
    Late(Duration),
}

/// A stream to a receiver.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Sender {
    /// Returns a sender that trusts the machine's certificates, and waits for an answer no longer than
    /// `time`.
    #[must_use]
    pub fn new(reach: Arc<Reach>, time: Duration) -> Self {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        let _unusable = roots.add_parsable_certificates(found.certs);
        Self::trusting(reach, time, roots)
    }

    /// Returns a sender that trusts these certificates.
    #[must_use]
    pub fn trusting(reach: Arc<Reach>, time: Duration, roots: RootCertStore) -> Self {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions that the provider has")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { reach, tls: TlsConnector::from(Arc::new(config)), time }
    }

    /// Sends an event once, and returns what became of it, and how long that took.
    pub async fn send(&self, delivery: &Delivery, at: Timestamp) -> (Taken, Duration) {
        let started = Instant::now();
        let exchanged = tokio::time::timeout(self.time, self.exchange(delivery, at)).await;
        let taken = match exchanged.unwrap_or(Err(Failure::Late(self.time))) {
            Ok((status, headers, body)) => answered(status, &headers, body, at),
            Err(failure) => {
                let error = Chain(&failure).to_string();
                let error = Some(error.chars().take(ERROR_MAX_CHARS).collect());
                Taken { answer: Answer { error, ..Answer::default() }, retry_after: None }
            }
        };
        (taken, started.elapsed())
    }

    async fn exchange(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<(StatusCode, HeaderMap, String), Failure> {
        let stream = self.connect(&delivery.target).await?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEAD_MAX_BYTES).max_headers(MAX_HEADERS);
        let (mut client, connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(Failure::Http)?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let response = client.send_request(request(delivery, at)).await.map_err(Failure::Http)?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok((status, headers, excerpt(response).await?))
    }

    async fn connect(&self, target: &Target) -> Result<Box<dyn Stream>, Failure> {
        let addresses = self.reach.addresses(target).await?;
        let stream = connect_any(&addresses).await.map_err(Failure::Connection)?;
        if !target.is_https() {
            return Ok(Box::new(stream));
        }
        let name = match target.host() {
            Host::Domain(name) => {
                ServerName::try_from(name.to_owned()).map_err(|_| Failure::Name)?
            }
            Host::Ipv4(address) => ServerName::IpAddress(std::net::IpAddr::from(address).into()),
            Host::Ipv6(address) => ServerName::IpAddress(std::net::IpAddr::from(address).into()),
        };
        Ok(Box::new(self.tls.connect(name, stream).await.map_err(Failure::Tls)?))
    }
}

/// Connects to the first of the addresses that answers.
async fn connect_any(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses.iter().take(MAX_ADDRESSES) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn request(delivery: &Delivery, at: Timestamp) -> Request<Full<Bytes>> {
    let Delivery { target, secrets, event, .. } = delivery;
    let body = serde_json::to_vec(&EventPayload::from(event)).expect("a shape of strings");
    let (id, timestamp) = (event.id.to_string(), at.timestamp());
    let signed = signatures(secrets, &id, timestamp, &body).expect("secrets that we made");
    Request::post(target.path())
        .header(HOST, target.authority())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close")
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signed)
        .body(Full::new(body.into()))
        .expect("a request of checked parts")
}

/// Returns the beginning of an answer's body. What follows is not read.
async fn excerpt(response: Response<Incoming>) -> Result<String, Failure> {
    let mut body = response.into_body();
    let mut read = Vec::new();
    while read.len() < ANSWER_MAX_BYTES
        && let Some(frame) = body.frame().await
    {
        if let Ok(data) = frame.map_err(Failure::Http)?.into_data() {
            let rest = ANSWER_MAX_BYTES - read.len();
            read.extend_from_slice(&data[..data.len().min(rest)]);
        }
    }
    Ok(String::from_utf8_lossy(&read).into_owned())
}

/// Returns what an answer means.
fn answered(status: StatusCode, headers: &HeaderMap, body: String, at: Timestamp) -> Taken {
    let error = if status.is_success() {
        None
    } else if status.is_redirection() {
        Some(format!("the receiver answered {}; redirects are not followed", status.as_u16()))
    } else {
        Some(format!("the receiver answered {}", status.as_u16()))
    };
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| wait(value, at));
    Taken { answer: Answer { status: Some(status.as_u16()), body, error }, retry_after }
}

/// Returns what a `Retry-After` asks for: seconds, or a date.
fn wait(text: &str, now: Timestamp) -> RetryAfter {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    date.signed_duration_since(now).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_asks_for_time_in_seconds_or_by_a_date() {
        let now = DateTime::from_timestamp(784_111_777, 0).expect("a time");
        for (text, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:51:07 GMT", Some(90)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", None),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(wait(text, now), expected.map(Duration::from_secs), "{text}");
        }
    }
}
