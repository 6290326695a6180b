//! Messages of Postgres's protocol, read just enough to tell where one ends.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Offshoot,
    Postgres,
}

/// How a connection is spoken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// In the clear.
    Plain,
    /// Encrypted, after the question whether that can be. What is told apart are records of TLS.
    Tls,
}

/// A message that is longer than any of a test's would be a mistake in the reading.
const MAX_BYTES: usize = 1 << 24;

/// How a message says how long it is.
enum Shape {
    /// It is a byte.
    Byte,
    /// By its length, with which it begins.
    Untagged,
    /// By its length, which follows its kind.
    Tagged,
    /// By the length of what follows its head of five bytes.
    Record,
}

impl Shape {
    fn of(wire: Wire, side: Side, index: usize) -> Self {
        match (wire, side, index) {
            (_, Side::Offshoot, 0) => Self::Untagged,
            (Wire::Plain, ..) => Self::Tagged,
            (Wire::Tls, Side::Postgres, 0) => Self::Byte,
            (Wire::Tls, ..) => Self::Record,
        }
    }

    fn head(&self) -> usize {
        match self {
            Self::Byte => 1,
            Self::Untagged => 4,
            Self::Tagged | Self::Record => 5,
        }
    }

    /// Returns how long the message is that begins with this head.
    fn length(&self, head: &[u8]) -> usize {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        match self {
            Self::Byte => 1,
            Self::Untagged => number(head),
            Self::Tagged => 1 + number(&head[1..]),
            Self::Record => 5 + number(&head[3..]),
        }
    }
}

/// Returns the message with which this is asked.
pub fn question(sql: &str) -> Vec<u8> {
    let length = u32::try_from(sql.len() + 5).expect("a short question");
    [b"Q".as_slice(), &length.to_be_bytes(), sql.as_bytes(), &[0]].concat()
}

/// Reads the message of a connection that is the `index`th of its side; nothing, where the
/// connection ends before it.
pub async fn read(
    from: &mut (impl AsyncRead + Unpin),
    (wire, side): (Wire, Side),
    index: usize,
) -> io::Result<Option<Vec<u8>>> {
    let shape = Shape::of(wire, side, index);
    let mut message = vec![0; shape.head()];
    match from.read_exact(&mut message).await {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let (head, length) = (message.len(), shape.length(&message));
    assert!((head..MAX_BYTES).contains(&length), "no message begins with {message:?}");
    message.resize(length, 0);
    from.read_exact(&mut message[head..]).await?;
    Ok(Some(message))
}

/// Whether Offshoot's message asks for this, in one statement.
pub fn asks(message: &[u8], sql: &str) -> bool {
    message.first() == Some(&b'Q') && message[5..] == [sql.as_bytes(), &[0]].concat()
}

/// Whether Postgres's message says that this was done.
pub fn confirms(message: &[u8], tag: &str) -> bool {
    message.first() == Some(&b'C') && message[5..] == [tag.as_bytes(), &[0]].concat()
}
