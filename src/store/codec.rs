//! Records as bytes: a format number, then bincode. The only code that names bincode.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::error::{DecodeError as BincodeError, EncodeError};

/// The format in which records are written. A change of any stored shape needs another number, and
/// a reader for the old one.
pub const FORMAT: u8 = 1;

/// The largest record, in bytes.
pub const MAX_RECORD_BYTES: usize = 16 * 1024;

type Config = Configuration<LittleEndian, Varint, Limit<MAX_RECORD_BYTES>>;

fn config() -> Config {
    let config: Configuration<LittleEndian, Varint> = bincode::config::standard();
    config.with_limit::<MAX_RECORD_BYTES>()
}

/// A record's bytes do not read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// There are none.
    #[error("the record is empty")]
    Empty,
    /// Another Offshoot wrote them.
    #[error("the record has format {0}, and this Offshoot reads format {FORMAT}; use a newer one")]
    Format(u8),
    /// They are not what they should be.
    #[error("the record is malformed")]
    Malformed(#[source] BincodeError),
    /// They go on after the record's end.
    #[error("the record has {0} bytes too many")]
    TooLong(usize),
}

/// The record has more bytes than one may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record has {0} bytes, and may have {MAX_RECORD_BYTES}")]
pub struct RecordTooLarge(pub usize);

/// Writes a record.
pub fn encode<T: bincode::Encode>(record: &T) -> Result<Vec<u8>, RecordTooLarge> {
    let mut bytes = vec![FORMAT];
    let result: Result<usize, EncodeError> =
        bincode::encode_into_std_write(record, &mut bytes, config());
    result.expect("a shape that bincode can write");
    if bytes.len() <= MAX_RECORD_BYTES { Ok(bytes) } else { Err(RecordTooLarge(bytes.len())) }
}

/// Reads a record.
pub fn decode<T: bincode::Decode<()>>(bytes: &[u8]) -> Result<T, CodecError> {
    let (format, bytes) = bytes.split_first().ok_or(CodecError::Empty)?;
    if *format != FORMAT {
        return Err(CodecError::Format(*format));
    }
    let (record, read) =
        bincode::decode_from_slice(bytes, config()).map_err(CodecError::Malformed)?;
    if read == bytes.len() { Ok(record) } else { Err(CodecError::TooLong(bytes.len() - read)) }
}
