//! A proxy between Offshoot and a Postgres that cuts where it is told to.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cut::frames::{self, Side, Wire};

/// How often it is tried to listen again, and how long after each time.
const TRIES: usize = 500;
const PAUSE: Duration = Duration::from_millis(10);

/// Where a pass is cut. Messages are counted over all of its connections, for each side alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Nowhere,
    /// This connection is refused, and every later one.
    Connection(usize),
    /// At a message.
    Message {
        side: Side,
        at: usize,
        how: How,
    },
    /// The answer to this `COMMIT` is lost.
    Commit(usize),
    /// In the place of this `COMMIT` Postgres rolls back, as it does where the transaction had failed.
    Undone(usize),
}

/// What becomes of a message where it is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It does not arrive, and the connection is reset.
    Before,
    /// A part of it arrives, and the connection is reset.
    Inside,
    /// It is held, with all that follows it from its side, until it is let go.
    Held,
}

/// What passed through since a cut was ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub connections: usize,
    pub from_offshoot: usize,
    pub from_postgres: usize,
    pub commits: usize,
    /// The first `COMMIT` among the messages of Offshoot.
    pub commit: usize,
}

/// A proxy of one Postgres. It listens on a port of its own.
pub struct Proxy {
    pub port: u16,
    listening: Option<JoinHandle<()>>,
    book: Arc<Book>,
}

/// What all connections of a proxy share.
struct Book {
    postgres: u16,
    wire: Wire,
    entries: Mutex<Entries>,
    /// Whether a message is held, or was.
    holds: watch::Sender<bool>,
    /// Whether it is to be let go.
    lets_go: watch::Sender<bool>,
}

struct Entries {
    cut: Cut,
    seen: Seen,
    has_cut: bool,
}

/// What becomes of a `COMMIT`.
enum End {
    Told,
    Untold,
    Undone,
}

/// What is done with a message.
enum Verdict {
    Passes,
    Lost,
    Torn,
    Held,
}

impl Proxy {
    /// Returns a proxy of the Postgres on this port.
    pub async fn of(postgres: u16, wire: Wire) -> Self {
        let entries = Entries { cut: Cut::Nowhere, seen: Seen::default(), has_cut: false };
        let (holds, lets_go) = (watch::Sender::new(false), watch::Sender::new(false));
        let entries = Mutex::new(entries);
        let book = Arc::new(Book { postgres, wire, entries, holds, lets_go });
        let mut proxy = Self { port: 0, listening: None, book };
        proxy.listen().await;
        proxy
    }

    /// Orders where the next pass is cut, and counts from nothing.
    pub async fn cut(&mut self, cut: Cut) {
        *self.book.entries() = Entries { cut, seen: Seen::default(), has_cut: false };
        self.book.holds.send_replace(false);
        self.book.lets_go.send_replace(false);
        self.listen().await;
        if cut == Cut::Connection(0) {
            self.book.entries().has_cut = true;
            self.close().await;
        }
    }

    /// Returns what passed through since, and whether it was cut there.
    pub fn seen(&self) -> (Seen, bool) {
        let entries = self.book.entries();
        (entries.seen, entries.has_cut)
    }

    /// Waits until a message is held.
    pub async fn holds(&self) {
        let mut holds = self.book.holds.subscribe();
        holds.wait_for(|holds| *holds).await.expect("a proxy that is there");
    }

    /// Lets go what is held, or would be.
    pub fn let_go(&self) {
        self.book.lets_go.send_replace(true);
    }

    async fn close(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
            listening.await.ok();
        }
    }

    async fn listen(&mut self) {
        self.close().await;
        for _ in 0..TRIES {
            if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await {
                self.port = listener.local_addr().expect("an address").port();
                self.listening = Some(tokio::spawn(accept(listener, Arc::clone(&self.book))));
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("port {} was taken by another", self.port);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
    }
}

async fn accept(listener: TcpListener, book: Arc<Book>) {
    loop {
        let (offshoot, _) = listener.accept().await.expect("a connection");
        tokio::spawn(relay(offshoot, Arc::clone(&book)));
        if book.is_last() {
            return;
        }
    }
}

/// Passes on what both sides say until one leaves, or until it is cut.
async fn relay(mut offshoot: TcpStream, book: Arc<Book>) {
    let Ok(mut postgres) = TcpStream::connect((Ipv4Addr::LOCALHOST, book.postgres)).await else {
        return;
    };
    for stream in [&offshoot, &postgres] {
        stream.set_nodelay(true).expect("a socket");
    }
    let commit = Mutex::new(false);
    let (mut from_offshoot, mut to_offshoot) = offshoot.split();
    let (mut from_postgres, mut to_postgres) = postgres.split();
    let there = pump((&mut from_offshoot, &mut to_postgres), Side::Offshoot, &book, &commit);
    let back = pump((&mut from_postgres, &mut to_offshoot), Side::Postgres, &book, &commit);
    let is_cut = tokio::select! {
        is_cut = there => is_cut,
        is_cut = back => is_cut,
    };
    if is_cut {
        for stream in [&offshoot, &postgres] {
            stream.set_zero_linger().expect("a socket");
        }
    }
}

/// Passes on what one side says. Returns whether it was cut. `commit` tells the other side that the
/// answer to a `COMMIT` is to be lost.
async fn pump(
    (from, to): (&mut (impl AsyncRead + Unpin), &mut (impl AsyncWrite + Unpin)),
    side: Side,
    book: &Book,
    commit: &Mutex<bool>,
) -> bool {
    for index in 0.. {
        let Ok(Some(mut message)) = frames::read(from, (book.wire, side), index).await else {
            break;
        };
        let is_last_commit = || *commit.lock().expect("a lock that no panic poisons");
        if side == Side::Postgres && frames::confirms(&message, "COMMIT") && is_last_commit() {
            book.entries().has_cut = true;
            return true;
        }
        if side == Side::Offshoot && frames::asks(&message, "COMMIT") {
            match book.commits() {
                End::Told => {}
                End::Untold => *commit.lock().expect("a lock that no panic poisons") = true,
                End::Undone => message = frames::question("ROLLBACK"),
            }
        }
        match book.verdict(side) {
            Verdict::Passes => {}
            Verdict::Lost => return true,
            Verdict::Torn => {
                to.write_all(&message[..message.len() / 2]).await.ok();
                return true;
            }
            Verdict::Held => {
                let mut lets_go = book.lets_go.subscribe();
                book.holds.send_replace(true);
                lets_go.wait_for(|lets_go| *lets_go).await.expect("a proxy that is there");
            }
        }
        if to.write_all(&message).await.is_err() {
            break;
        }
    }
    false
}

impl Book {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().expect("a lock that no panic poisons")
    }

    /// Counts a connection. Returns whether all later ones are refused.
    fn is_last(&self) -> bool {
        let mut entries = self.entries();
        entries.seen.connections += 1;
        let is_last = entries.cut == Cut::Connection(entries.seen.connections);
        entries.has_cut |= is_last;
        is_last
    }

    /// Counts a `COMMIT`, and returns what becomes of it.
    fn commits(&self) -> End {
        let mut entries = self.entries();
        if entries.seen.commits == 0 {
            entries.seen.commit = entries.seen.from_offshoot;
        }
        let number = entries.seen.commits;
        entries.seen.commits += 1;
        match entries.cut {
            Cut::Commit(at) if at == number => End::Untold,
            Cut::Undone(at) if at == number => {
                entries.has_cut = true;
                End::Undone
            }
            Cut::Nowhere
            | Cut::Connection(_)
            | Cut::Message { .. }
            | Cut::Commit(_)
            | Cut::Undone(_) => End::Told,
        }
    }

    /// Counts a message, and returns what is done with it.
    fn verdict(&self, side: Side) -> Verdict {
        let mut entries = self.entries();
        let seen = match side {
            Side::Offshoot => &mut entries.seen.from_offshoot,
            Side::Postgres => &mut entries.seen.from_postgres,
        };
        let now = *seen;
        *seen += 1;
        let Cut::Message { side: cut, at, how } = entries.cut else { return Verdict::Passes };
        if (cut, at) != (side, now) {
            return Verdict::Passes;
        }
        entries.has_cut = true;
        match how {
            How::Before => Verdict::Lost,
            How::Inside => Verdict::Torn,
            How::Held => Verdict::Held,
        }
    }
}
