//! A receiver of events that answers as it is told, and remembers what it was sent.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How much is read at a time.
const CHUNK: usize = 4096;

/// What is done with a request. Without a word, it is taken.
#[derive(Clone, Debug)]
pub enum Act {
    /// It is answered so: a status, headers, and a body.
    Answer(u16, &'static str, &'static str),
    /// It is never answered.
    Keep,
    /// The connection is closed in the middle of the answer.
    Break,
}

/// A request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Returns the type of the event, and of what it is called.
    pub fn told(&self) -> String {
        let body = self.json();
        format!("{} {}", body["type"], body["data"]["serviceName"]).replace('"', "")
    }
}

#[derive(Default)]
struct Shared {
    acts: VecDeque<Act>,
    received: Vec<Received>,
}

/// A receiver. It goes away when it is dropped.
pub struct Receiver {
    pub address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub async fn new() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    pub async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::<Mutex<Shared>>::default();
        let served = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&served)));
            }
        });
        Self { address, shared, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook?token=t", self.address)
    }

    /// Says what is done with the requests that come next.
    pub fn expect(&self, acts: &[Act]) {
        self.shared.lock().expect("a lock").acts.extend(acts.iter().cloned());
    }

    /// Returns what arrived, and forgets it.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.shared.lock().expect("a lock").received)
    }

    /// Returns what arrived in words, and forgets it.
    pub fn told(&self) -> Vec<String> {
        self.take().iter().map(Received::told).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let Some(received) = read(&mut stream).await else { return };
    let act = {
        let mut shared = shared.lock().expect("a lock");
        shared.received.push(received);
        shared.acts.pop_front().unwrap_or(Act::Answer(204, "", ""))
    };
    let answer = match act {
        Act::Answer(status, headers, body) => {
            let length = if status == 204 { String::new() } else { length(body) };
            format!("HTTP/1.1 {status} x\r\n{headers}{length}\r\n{body}")
        }
        Act::Break => format!("HTTP/1.1 200 OK\r\n{}\r\nhalf", length("half and half")),
        Act::Keep => std::future::pending().await,
    };
    stream.write_all(answer.as_bytes()).await.ok();
    stream.shutdown().await.ok();
}

fn length(body: &str) -> String {
    format!("content-length: {}\r\n", body.len())
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; CHUNK];
        let read = stream.read(&mut chunk).await.ok().filter(|read| 0 < *read)?;
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8(bytes.clone()).expect("UTF-8");
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let line = lines.next()?.to_owned();
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let received = Received { line, headers, body: body.to_owned() };
        if received.header("content-length").parse() == Ok(body.len()) {
            return Some(received);
        }
    }
}
