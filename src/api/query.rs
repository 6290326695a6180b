//! Query strings, as Neon's clients write them.

use std::convert::Infallible;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::api::error::ApiError;
use crate::model::revision::Timestamp;
use crate::wire::time::Time;

/// The parameters of a query. Unknown ones are ignored, and one without a value is absent.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((decoded(name), decoded(value))).filter(|(_, value)| !value.is_empty())
        });
        Self(pairs.collect())
    }

    /// Returns a parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the words of a parameter that can be given more than once, or with commas.
    pub(super) fn words(&self, name: &str) -> impl Iterator<Item = &str> {
        let given = self.0.iter().filter(move |(known, _)| known == name);
        given.flat_map(|(_, value)| value.split(',')).filter(|word| !word.is_empty())
    }

    /// Returns a parameter that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name).ok_or_else(|| {
            ApiError::invalid(format_args!("the query parameter `{name}` is required"))
        })
    }

    /// Returns a parameter that says yes or no, and says no where it is absent. Python writes
    /// `True`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.text(name) {
            None | Some("false" | "False") => Ok(false),
            Some("true" | "True") => Ok(true),
            Some(_) => Err(ApiError::invalid(format_args!(
                "the query parameter `{name}` must be `true` or `false`"
            ))),
        }
    }

    /// Returns a length of time: `30s`, `500ms`, `1m 30s`.
    pub(super) fn time(&self, name: &str) -> Result<Option<Duration>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        humantime::parse_duration(text).map(Some).map_err(|_| {
            ApiError::invalid(format_args!(
                "the query parameter `{name}` must be a length of time, such as `30s`"
            ))
        })
    }

    /// Returns a moment, in RFC 3339.
    pub(super) fn moment(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let parsed = self.text(name).map(str::parse::<Time>).transpose();
        let parsed = parsed.map_err(|error| {
            ApiError::invalid(format_args!("the query parameter `{name}`: {error}"))
        })?;
        Ok(parsed.map(|Time(at)| at))
    }

    /// Returns how many items a page is to have.
    pub(super) fn limit(&self, range: RangeInclusive<usize>) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.text("limit") else { return Ok(None) };
        let limit = text.parse().ok().filter(|limit| range.contains(limit));
        limit.map(Some).ok_or_else(|| {
            ApiError::invalid(format_args!(
                "the query parameter `limit` must be a number from {} to {}",
                range.start(),
                range.end()
            ))
        })
    }

    /// Returns where the page begins, where the cursor is an id.
    pub(super) fn cursor<T: FromStr>(&self) -> Result<Option<T>, ApiError> {
        self.text("cursor").map(str::parse).transpose().map_err(|_| bad_cursor())
    }
}

/// Returns the error of a cursor that no page ever ended with.
pub(super) fn bad_cursor() -> ApiError {
    ApiError::invalid(
        "the query parameter `cursor` is not one that a page ended with; leave it out to begin at \
         the first",
    )
}

/// Undoes the escapes once. A plus is a blank: so JavaScript's clients write it.
fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_decoded_once() {
        let query = Query::parse("search=a+b%2Bc%2520&x&cursor=&role_name=we%20ird%2Fn");
        assert_eq!(query.text("search"), Some("a b+c%20"));
        assert_eq!(query.text("role_name"), Some("we ird/n"));
        assert_eq!((query.text("x"), query.text("cursor")), (None, None));
    }

    #[test]
    fn words_are_given_one_by_one_or_with_commas() {
        let query = Query::parse("action=a,b&x=1&action=&action=c%2Cd,");
        assert_eq!(query.words("action").collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!(query.words("none").count(), 0);
    }

    #[test]
    fn a_flag_is_written_in_javascript_or_in_python() {
        let flag = |query| Query::parse(query).flag("pooled");
        assert_eq!(flag("pooled=true"), Ok(true));
        assert_eq!(flag("pooled=True"), Ok(true));
        assert_eq!(flag("pooled=False"), Ok(false));
        assert_eq!(flag(""), Ok(false));
        assert!(flag("pooled=1").is_err());
    }

    #[test]
    fn a_time_has_a_unit() {
        let time = |query| Query::parse(query).time("wait");
        assert_eq!(time(""), Ok(None));
        assert_eq!(time("wait=30s"), Ok(Some(Duration::from_secs(30))));
        assert_eq!(time("wait=1m+500ms"), Ok(Some(Duration::from_millis(60_500))));
        for query in ["wait=30", "wait=-1s", "wait=soon", "wait=99999999999999999999s"] {
            assert!(time(query).is_err(), "{query}");
        }
    }

    #[test]
    fn a_limit_outside_its_range_is_refused() {
        let limit = |query| Query::parse(query).limit(1..=400);
        assert_eq!(limit(""), Ok(None));
        assert_eq!(limit("limit=400"), Ok(Some(400)));
        for query in ["limit=0", "limit=401", "limit=-1", "limit=ten"] {
            assert!(limit(query).is_err(), "{query}");
        }
    }
}
