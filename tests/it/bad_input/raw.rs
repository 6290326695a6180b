//! What comes over a connection that is no request, or never ends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::bad_input::Plane;
use crate::server::PATIENCE;

/// How many headers are more than anybody reads.
const HEADERS: usize = 100_000;

/// How large a chunk of a body is, in bytes.
const CHUNK_BYTES: usize = 65_536;

/// How many of them are more than a body may have.
const CHUNKS: usize = 64;

/// How long a client waits that has said nothing that could be answered.
const A_WHILE: Duration = Duration::from_millis(200);

pub async fn what_is_no_http(plane: &Plane) {
    for said in [
        &b"\0\xFF\x16\x03\x01garbage\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET /projects HTTP/9.9\r\n\r\n",
        b"GET /projects HTTP/1.1\r\n bad: header\r\n\r\n",
        b"POST /projects HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /projects HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /projects HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: rot13\r\n\r\nab",
    ] {
        let answer = say(plane, said, PATIENCE).await;
        let is_refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(is_refused, "{}: {answer}", String::from_utf8_lossy(said));
    }
    // Half a request, and then nothing or the end of the connection.
    let half = format!("POST /projects HTTP/1.1\r\nAuthorization: Bearer {}\r\n", plane.remote.key);
    assert_eq!(say(plane, half.as_bytes(), A_WHILE).await, "");
    let half = format!("{half}Content-Length: 100\r\n\r\n{{\"project\":");
    assert_eq!(say(plane, half.as_bytes(), A_WHILE).await, "");
    let flood = "X-Flood: 1\r\n".repeat(HEADERS);
    let flood = format!("GET /projects HTTP/1.1\r\nHost: a\r\n{flood}\r\n");
    let answer = say(plane, flood.as_bytes(), PATIENCE).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(1 << 20));
    let answer = say(plane, long.as_bytes(), PATIENCE).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_alive(plane).await;
}

pub async fn bodies_without_an_end(plane: &Plane) {
    let path = plane.in_branch("/roles");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {}\r\n",
        plane.remote.key
    );
    let chunk = format!("{CHUNK_BYTES:x}\r\n{}\r\n", " ".repeat(CHUNK_BYTES));
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(CHUNKS));
    let answer = say(plane, chunked.as_bytes(), PATIENCE).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains(r#""code":"PAYLOAD_TOO_LARGE""#), "{answer}");
    let promised = format!("{head}Content-Length: 10000000000\r\n\r\n{{");
    let answer = say(plane, promised.as_bytes(), PATIENCE).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let broken = format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n");
    let answer = say(plane, broken.as_bytes(), PATIENCE).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains(r#""code":"INVALID_REQUEST""#), "{answer}");
    assert_alive(plane).await;
}

/// Says something over a connection of its own, and returns all that is answered until the server
/// closes it or `patience` ends.
async fn say(plane: &Plane, words: &[u8], patience: Duration) -> String {
    let mut stream = TcpStream::connect(plane.remote.address).await.expect("a connection");
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    // The server may close its end before it has heard everything, which is not ours to complain of.
    let write = async { writer.write_all(words).await.ok() };
    let read = timeout(patience, reader.read_to_end(&mut answer));
    let (_, read) = tokio::join!(write, read);
    let is_over = read.is_ok() || patience == A_WHILE;
    assert!(is_over, "no end of the answer to {:.80}", String::from_utf8_lossy(words));
    String::from_utf8_lossy(&answer).into_owned()
}

async fn assert_alive(plane: &Plane) {
    plane.remote.get(&plane.in_project("")).await.json(200);
}
