//! Times on the wire: RFC 3339, UTC, with microseconds.
//!
//! The fraction is always written. A commit's time is exact to the microsecond, and a client that
//! hands one back as a point in time must get that commit, not the one before it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::revision::Timestamp;

/// A time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

/// The text is not a time with a zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Without a zone the same text names another moment on every machine.
    #[error(
        "`{0}` has no time zone; write it in RFC 3339 with `Z` or an offset, as in \
         `2026-01-31T12:00:00Z`"
    )]
    Zoneless(String),
    /// It is something else.
    #[error("`{0}` is not a time; write it in RFC 3339, as in `2026-01-31T12:00:00Z`")]
    Malformed(String),
}

/// The longest piece of a malformed time that an error repeats, in characters.
const ECHO_MAX_CHARS: usize = 40;

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self(at.with_timezone(&Utc)));
        }
        let zoned = format!("{text}Z");
        let echo = text.chars().take(ECHO_MAX_CHARS).collect();
        Err(match DateTime::parse_from_rfc3339(&zoned) {
            Ok(_) => TimeError::Zoneless(echo),
            Err(_) => TimeError::Malformed(echo),
        })
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Result<Time, TimeError> {
        text.parse()
    }

    #[test]
    fn a_time_is_written_in_utc_with_its_microseconds() {
        for (text, written) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
            ("2026-01-31T12:00:00.000001Z", "2026-01-31T12:00:00.000001Z"),
            ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00.000000Z"),
            ("2026-01-31t12:00:00.5-05:30", "2026-01-31T17:30:00.500000Z"),
        ] {
            assert_eq!(time(text).expect("a time").to_string(), written);
        }
    }

    #[test]
    fn a_time_that_was_written_is_read_back_unchanged() {
        let written = "2026-01-31T12:00:00.123456Z";
        let json = format!("\"{written}\"");
        let read: Time = serde_json::from_str(&json).expect("a time");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), json);
    }

    #[test]
    fn a_time_without_a_zone_is_told_apart_from_what_is_no_time() {
        for text in ["2026-01-31T12:00:00", "2026-01-31 12:00:00.5"] {
            assert_eq!(time(text), Err(TimeError::Zoneless(text.into())));
        }
        for text in ["", "yesterday", "2026-01-31", "1769860800", "2026-02-30T00:00:00Z"] {
            assert_eq!(time(text), Err(TimeError::Malformed(text.into())));
        }
    }
}
