//! The recorder: it stands before a server, passes on what is asked and answered, and writes it
//! down.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::response::Response;
use reqwest::Client;

use crate::contract::exchange::{self, Exchange};
use crate::server::Remote;

/// The longest body that is passed on, in bytes.
const BODY_MAX_BYTES: usize = 16 << 20;

/// The path by which a client says what it does next.
const STEP: &str = "/step/";

/// What happened, in order.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A client said what it does next.
    Step(String),
    /// A request was answered.
    Exchange(Exchange),
}

/// The recorder.
pub struct Recorder {
    pub address: SocketAddr,
    pub key: String,
    noted: Arc<Mutex<Vec<Entry>>>,
}

#[derive(Clone)]
struct Wire {
    upstream: SocketAddr,
    http: Client,
    noted: Arc<Mutex<Vec<Entry>>>,
}

impl Recorder {
    /// Stands before a server.
    pub async fn before(remote: &Remote) -> Self {
        let noted = Arc::new(Mutex::new(Vec::new()));
        let (upstream, http) = (remote.address, remote.http.clone());
        let wire = Wire { upstream, http, noted: Arc::clone(&noted) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(pass).with_state(wire);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, key: remote.key.clone(), noted }
    }

    /// Returns the base of the API, as clients are given it.
    pub fn base(&self) -> String {
        format!("http://{}/api/v2", self.address)
    }

    /// Returns where clients say what they do next.
    pub fn steps(&self) -> String {
        format!("http://{}{STEP}", self.address)
    }

    /// Takes what was noted since the last time. All of it must be as the documents say.
    pub fn take(&self) -> Vec<Entry> {
        let noted = std::mem::take(&mut *self.noted.lock().expect("a lock that no panic poisons"));
        for entry in &noted {
            if let Entry::Exchange(exchange) = entry {
                exchange::check(exchange);
            }
        }
        noted
    }
}

impl Wire {
    fn note(&self, entry: Entry) {
        self.noted.lock().expect("a lock that no panic poisons").push(entry);
    }
}

async fn pass(State(wire): State<Wire>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(step) = parts.uri.path().strip_prefix(STEP) {
        let step = percent_encoding::percent_decode_str(step).decode_utf8_lossy().into_owned();
        wire.note(Entry::Step(step));
        return Response::new(Body::empty());
    }
    let asked = to_bytes(body, BODY_MAX_BYTES).await.expect("a body");
    let mut headers = parts.headers.clone();
    headers.remove(HOST);
    let url = format!("http://{}{}", wire.upstream, parts.uri);
    let request = wire.http.request(parts.method.clone(), url).headers(headers);
    let answered = request.body(asked).send().await.expect("an answer");
    let (status, mut headers) = (answered.status(), answered.headers().clone());
    let bytes = answered.bytes().await.expect("a body");
    let exchange = Exchange {
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        status: status.as_u16(),
        content_type: headers.get("content-type").map(|v| v.to_str().expect("text").to_owned()),
        answered: String::from_utf8_lossy(&bytes).into_owned(),
    };
    wire.note(Entry::Exchange(exchange));
    headers.remove(TRANSFER_ENCODING);
    headers.remove(CONTENT_LENGTH);
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
