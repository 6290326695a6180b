//! Points in time, as requests name them.

use std::fmt;

use crate::api::error::ApiError;
use crate::control::History;
use crate::model::lsn::LsnError;
use crate::model::point::Point;
use crate::wire::neon::error::ErrorCode;
use crate::wire::time::{Time, TimeError};

/// Why a request names no point.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PointError {
    #[error("{0}_lsn and {0}_timestamp are both given; give one of them")]
    Both(&'static str),
    #[error("{0}_lsn: {1}")]
    Lsn(&'static str, LsnError),
    #[error("{0}_timestamp: {1}")]
    Time(&'static str, TimeError),
}

/// Returns the point on its parent at which a branch is to begin.
pub(super) fn parse_parent(
    lsn: Option<&str>,
    timestamp: Option<&str>,
) -> Result<Point, PointError> {
    parse("parent", lsn, timestamp)
}

/// Returns the point on a source to which a branch is to be restored.
pub(super) fn parse_source(
    lsn: Option<&str>,
    timestamp: Option<&str>,
) -> Result<Point, PointError> {
    parse("source", lsn, timestamp)
}

/// Reads a point from the fields whose names begin with `of`.
fn parse(
    of: &'static str,
    lsn: Option<&str>,
    timestamp: Option<&str>,
) -> Result<Point, PointError> {
    match (lsn, timestamp) {
        (None, None) => Ok(Point::Head),
        (Some(lsn), None) => {
            lsn.parse().map(Point::Lsn).map_err(|error| PointError::Lsn(of, error))
        }
        (None, Some(text)) => match text.parse() {
            Ok(Time(at)) => Ok(Point::Time(at)),
            Err(error) => Err(PointError::Time(of, error)),
        },
        (Some(_), Some(_)) => Err(PointError::Both(of)),
    }
}

impl PointError {
    /// Returns the error that also says which points there are.
    pub(super) fn told(&self, history: &History) -> ApiError {
        let message = format!("{self}; {}", Interval(history));
        ApiError::told(ErrorCode::WrongLsnOrTimestamp, message)
    }
}

/// The points of a branch that can be asked for, in words.
struct Interval<'a>(&'a History);

impl fmt::Display for Interval<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let History { earliest, latest, lsn } = self.0;
        write!(f, "the branch's history is from {} to {}", Time(*earliest), Time(*latest))?;
        match lsn {
            Some((first, last)) => write!(f, ", and from LSN {first} to {last}"),
            None => f.write_str(", and no LSN of it is known yet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lsn::Lsn;
    use crate::model::revision::Timestamp;

    fn message(lsn: Option<&str>, timestamp: Option<&str>) -> String {
        let at = |micros| Timestamp::from_timestamp_micros(micros).expect("a time");
        let history =
            History { earliest: at(0), latest: at(60_000_000), lsn: Some((Lsn(1), Lsn(255))) };
        let error = parse_parent(lsn, timestamp).expect_err("a malformed point").told(&history);
        assert_eq!(error.code(), ErrorCode::WrongLsnOrTimestamp);
        error.message().to_owned()
    }

    #[test]
    fn a_point_is_the_head_unless_one_is_named() {
        let noon = Timestamp::from_timestamp(1_769_860_800, 0).expect("a time");
        assert_eq!(parse_parent(None, None), Ok(Point::Head));
        assert_eq!(parse_parent(Some("0/1A"), None), Ok(Point::Lsn(Lsn(26))));
        for text in ["2026-01-31T12:00:00Z", "2026-01-31T14:00:00+02:00"] {
            assert_eq!(parse_parent(None, Some(text)), Ok(Point::Time(noon)), "{text}");
        }
    }

    #[test]
    fn a_malformed_point_is_refused_with_the_points_that_there_are() {
        let interval = "the branch's history is from 1970-01-01T00:00:00.000000Z to \
                        1970-01-01T00:01:00.000000Z, and from LSN 0/1 to 0/FF";
        for (lsn, timestamp, words) in [
            (Some("0/1"), Some("2026-01-31T12:00:00Z"), "both given"),
            (Some("xyz"), None, "parent_lsn: `xyz` is not an LSN"),
            (Some(""), None, "parent_lsn: `` is not an LSN"),
            (None, Some("2026-01-31T12:00:00"), "has no time zone"),
            (None, Some("yesterday"), "parent_timestamp: `yesterday` is not a time"),
        ] {
            let message = message(lsn, timestamp);
            assert!(message.contains(words) && message.contains(interval), "{message}");
        }
    }
}
