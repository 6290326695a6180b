//! LSN: a place in Postgres's write-ahead log.

use std::fmt;
use std::str::FromStr;

/// A place in the write-ahead log of one Postgres, written `16/B374D848`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

/// The text is not an LSN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an LSN; write two hexadecimal numbers of 1 to 8 digits, as in `16/B374D848`")]
pub struct LsnError(String);

/// The longest piece of a malformed LSN that an error repeats, in characters.
const ECHO_MAX_CHARS: usize = 40;

/// The most digits in one half of an LSN.
const HALF_MAX_DIGITS: usize = 8;

impl FromStr for Lsn {
    type Err = LsnError;

    fn from_str(text: &str) -> Result<Self, LsnError> {
        let half = |digits: &str| {
            let well_formed = (1..=HALF_MAX_DIGITS).contains(&digits.len())
                && digits.bytes().all(|b| b.is_ascii_hexdigit());
            well_formed.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
        };
        text.split_once('/')
            .and_then(|(high, low)| Some(Self(half(high)? << 32 | half(low)?)))
            .ok_or_else(|| LsnError(text.chars().take(ECHO_MAX_CHARS).collect()))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl fmt::Debug for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_lsn_reads_back_as_it_was_written() {
        for text in ["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"] {
            assert_eq!(text.parse::<Lsn>().expect("an LSN").to_string(), text);
        }
        assert_eq!("0/16b3f00".parse::<Lsn>(), Ok(Lsn(0x16B_3F00)));
    }

    #[test]
    fn what_is_not_an_lsn_is_refused() {
        for text in ["", "/", "0", "0/", "/0", "0/G", "0/123456789", "0x1/2", "+1/2", "1/2/3"] {
            assert!(text.parse::<Lsn>().is_err(), "{text:?}");
        }
    }
}
