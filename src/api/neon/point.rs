//! Points in time, as requests name them.

use std::fmt;

use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::control::History;
use crate::model::lsn::LsnError;
use crate::model::point::Point;
use crate::model::revision::{Revision, Timestamp};
use crate::wire::neon::error::ErrorCode;
use crate::wire::time::{Time, TimeError};

/// Why a request names no point.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PointError {
    #[error("{0}_{1} and {0}_{2} are both given; give one of them")]
    Both(&'static str, &'static str, &'static str),
    #[error("{0}_lsn: {1}")]
    Lsn(&'static str, LsnError),
    #[error("{0}_timestamp: {1}")]
    Time(&'static str, TimeError),
}

/// The ways in which a body names a point.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Named<'a> {
    pub lsn: Option<&'a str>,
    pub timestamp: Option<&'a str>,
    pub revision: Option<u64>,
}

/// Returns the point on its parent at which a branch is to begin.
pub(super) fn parse_parent(named: Named<'_>) -> Result<Point, PointError> {
    parse("parent", named)
}

/// Returns the point on a source to which a branch is to be restored.
pub(super) fn parse_source(named: Named<'_>) -> Result<Point, PointError> {
    parse("source", named)
}

/// Reads a point from the fields whose names begin with `of`.
fn parse(of: &'static str, named: Named<'_>) -> Result<Point, PointError> {
    match named {
        Named { lsn: None, timestamp: None, revision: None } => Ok(Point::Head),
        Named { lsn: Some(lsn), timestamp: None, revision: None } => {
            lsn.parse().map(Point::Lsn).map_err(|error| PointError::Lsn(of, error))
        }
        Named { lsn: None, timestamp: Some(text), revision: None } => match text.parse() {
            Ok(Time(at)) => Ok(Point::Time(at)),
            Err(error) => Err(PointError::Time(of, error)),
        },
        Named { lsn: None, timestamp: None, revision: Some(revision) } => {
            Ok(Point::Revision(Revision(revision)))
        }
        Named { lsn: Some(_), timestamp: Some(_), .. } => {
            Err(PointError::Both(of, "lsn", "timestamp"))
        }
        Named { lsn: Some(_), revision: Some(_), .. } => {
            Err(PointError::Both(of, "lsn", "revision"))
        }
        Named { timestamp: Some(_), revision: Some(_), .. } => {
            Err(PointError::Both(of, "timestamp", "revision"))
        }
    }
}

/// Returns the point at which a query asks to look. What it is shows in how it is written: digits
/// alone are a revision, an LSN has a slash, and all else is a time.
pub(super) fn at(query: &Query) -> Result<Point, ApiError> {
    named(query, "at")
}

/// Returns the point that a parameter of a query names, as [`at`] does.
pub(super) fn named(query: &Query, name: &str) -> Result<Point, ApiError> {
    let Some(text) = query.text(name) else { return Ok(Point::Head) };
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let revision = text.parse().map_err(|_| told(name, "the revision is too large"))?;
        return Ok(Point::Revision(Revision(revision)));
    }
    if text.contains('/') {
        return text.parse().map(Point::Lsn).map_err(|error| told(name, error));
    }
    time(query, name).map(|at| at.map_or(Point::Head, Point::Time))
}

/// Returns the point at which a query asks for a schema, by the parameters whose names begin with
/// `of`.
pub(super) fn of_schema(query: &Query, of: &str) -> Result<Point, ApiError> {
    let (lsn, timestamp) = (format!("{of}lsn"), format!("{of}timestamp"));
    match (query.text(&lsn), time(query, &timestamp)?) {
        (None, None) => Ok(Point::Head),
        (None, Some(at)) => Ok(Point::Time(at)),
        (Some(text), None) => text.parse().map(Point::Lsn).map_err(|error| told(&lsn, error)),
        (Some(_), Some(_)) => {
            Err(told(&lsn, format_args!("`{timestamp}` is given too; give one of them")))
        }
    }
}

/// Returns the time that a parameter of a query names.
pub(super) fn time(query: &Query, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = query.text(name) else { return Ok(None) };
    // The plus of an offset that was not escaped is a blank by now, and no time ends like that.
    let escaped = match text.rsplit_once(' ') {
        Some((local, offset)) if local.contains(['T', 't']) => format!("{local}+{offset}"),
        Some(_) | None => text.to_owned(),
    };
    let Time(at) = escaped.parse().map_err(|error| told(name, error))?;
    Ok(Some(at))
}

fn told(name: &str, error: impl fmt::Display) -> ApiError {
    let message = format!("the query parameter `{name}`: {error}");
    ApiError::told(ErrorCode::WrongLsnOrTimestamp, message)
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

    fn message(named: Named<'_>) -> String {
        let at = |micros| Timestamp::from_timestamp_micros(micros).expect("a time");
        let history =
            History { earliest: at(0), latest: at(60_000_000), lsn: Some((Lsn(1), Lsn(255))) };
        let error = parse_parent(named).expect_err("a malformed point").told(&history);
        assert_eq!(error.code(), ErrorCode::WrongLsnOrTimestamp);
        error.message().to_owned()
    }

    fn lsn(text: &str) -> Named<'_> {
        Named { lsn: Some(text), ..Named::default() }
    }

    fn timestamp(text: &str) -> Named<'_> {
        Named { timestamp: Some(text), ..Named::default() }
    }

    fn noon() -> Timestamp {
        Timestamp::from_timestamp(1_769_860_800, 0).expect("a time")
    }

    #[test]
    fn a_point_is_the_head_unless_one_is_named() {
        let revision = Named { revision: Some(7), ..Named::default() };
        assert_eq!(parse_parent(Named::default()), Ok(Point::Head));
        assert_eq!(parse_parent(lsn("0/1A")), Ok(Point::Lsn(Lsn(26))));
        assert_eq!(parse_parent(revision), Ok(Point::Revision(Revision(7))));
        for text in ["2026-01-31T12:00:00Z", "2026-01-31T14:00:00+02:00"] {
            assert_eq!(parse_parent(timestamp(text)), Ok(Point::Time(noon())), "{text}");
        }
    }

    #[test]
    fn a_malformed_point_is_refused_with_the_points_that_there_are() {
        let interval = "the branch's history is from 1970-01-01T00:00:00.000000Z to \
                        1970-01-01T00:01:00.000000Z, and from LSN 0/1 to 0/FF";
        let both = Named { lsn: Some("0/1"), ..timestamp("2026-01-31T12:00:00Z") };
        for (named, words) in [
            (both, "parent_lsn and parent_timestamp are both given"),
            (Named { revision: Some(1), ..lsn("0/1") }, "parent_lsn and parent_revision are both"),
            (lsn("xyz"), "parent_lsn: `xyz` is not an LSN"),
            (lsn(""), "parent_lsn: `` is not an LSN"),
            (timestamp("2026-01-31T12:00:00"), "has no time zone"),
            (timestamp("yesterday"), "parent_timestamp: `yesterday` is not a time"),
        ] {
            let message = message(named);
            assert!(message.contains(words) && message.contains(interval), "{message}");
        }
    }

    #[test]
    fn what_a_query_asks_to_look_at_shows_in_how_it_is_written() {
        for (query, point) in [
            ("", Point::Head),
            ("at=", Point::Head),
            ("at=7", Point::Revision(Revision(7))),
            ("at=20260131", Point::Revision(Revision(20_260_131))),
            ("at=0%2F1A", Point::Lsn(Lsn(26))),
            ("at=0/1A", Point::Lsn(Lsn(26))),
            ("at=2026-01-31T12:00:00Z", Point::Time(noon())),
            ("at=2026-01-31T14:00:00%2B02:00", Point::Time(noon())),
            ("at=2026-01-31T14:00:00+02:00", Point::Time(noon())),
            ("at=2026-01-31T12:00:00.000000Z", Point::Time(noon())),
        ] {
            assert_eq!(at(&Query::parse(query)), Ok(point), "{query}");
        }
    }

    #[test]
    fn a_schema_is_asked_for_at_one_point_at_the_most() {
        let of = |query, of| of_schema(&Query::parse(query), of);
        assert_eq!(of("base_lsn=0/1A", ""), Ok(Point::Head));
        assert_eq!(of("base_lsn=0/1A", "base_"), Ok(Point::Lsn(Lsn(26))));
        assert_eq!(of("timestamp=2026-01-31T12:00:00Z", ""), Ok(Point::Time(noon())));
        let error = of("lsn=0/1&timestamp=2026-01-31T12:00:00Z", "").expect_err("two points");
        assert_eq!(error.code(), ErrorCode::WrongLsnOrTimestamp);
        let error = of("lsn=head", "").expect_err("no LSN");
        assert!(error.message().contains("`lsn`: `head` is not an LSN"), "{}", error.message());
    }

    #[test]
    fn what_names_no_point_is_refused_in_words() {
        for (query, words) in [
            ("at=yesterday", "`at`: `yesterday` is not a time"),
            ("at=2026-01-31T12:00:00", "`at`: `2026-01-31T12:00:00` has no time zone"),
            ("at=2026-01-31", "is not a time"),
            ("at=-1", "is not a time"),
            ("at=1.5", "is not a time"),
            ("at=0/xyz", "`at`: `0/xyz` is not an LSN"),
            ("at=99999999999999999999", "`at`: the revision is too large"),
        ] {
            let error = at(&Query::parse(query)).expect_err("a refusal");
            assert_eq!(error.code(), ErrorCode::WrongLsnOrTimestamp, "{query}");
            assert!(error.message().contains(words), "{query}: {}", error.message());
        }
    }
}
