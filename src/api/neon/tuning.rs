//! What clients tune.

use crate::api::error::ApiError;
use crate::model::endpoint::{Tuning, TuningChange};

/// The fewest compute units of an endpoint, in hundredths.
const MIN_CU_HUNDREDTHS: f64 = 25.0;

/// The most compute units of an endpoint, in hundredths. Nothing here is sized by it.
const MAX_CU_HUNDREDTHS: f64 = 100_000.0;

/// The shortest and longest idle time that an endpoint can be given, in seconds.
const SUSPEND_TIMEOUT_SECONDS: std::ops::RangeInclusive<i32> = 60..=604_800;

/// What a request says; what is absent is the default.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    pub min_cu: Option<f64>,
    pub max_cu: Option<f64>,
    pub suspend_timeout_seconds: Option<i64>,
}

impl Limits {
    /// Returns what the request says, checked. A limit that is absent follows the other.
    pub(super) fn parse(self) -> Result<Tuning, ApiError> {
        let tuning = Tuning::default().with(self.change()?);
        Ok(tuning.expect("a change whose limits were checked"))
    }

    /// Returns what the request changes, checked.
    pub(super) fn change(self) -> Result<TuningChange, ApiError> {
        let change = TuningChange {
            min_cu_hundredths: hundredths("autoscaling_limit_min_cu", self.min_cu)?,
            max_cu_hundredths: hundredths("autoscaling_limit_max_cu", self.max_cu)?,
            suspend_timeout_seconds: self.suspend_timeout_seconds.map(timeout).transpose()?,
        };
        if Tuning::default().with(change).is_none() {
            return Err(ApiError::invalid(
                "autoscaling_limit_max_cu is less than autoscaling_limit_min_cu",
            ));
        }
        Ok(change)
    }
}

fn hundredths(field: &str, units: Option<f64>) -> Result<Option<u32>, ApiError> {
    let Some(units) = units else { return Ok(None) };
    let hundredths = (units * 100.0).round();
    if (MIN_CU_HUNDREDTHS..=MAX_CU_HUNDREDTHS).contains(&hundredths) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number between two small positive ones"
        )]
        Ok(Some(hundredths as u32))
    } else {
        Err(ApiError::invalid(format_args!("{field} must be a number from 0.25 to 1000")))
    }
}

fn timeout(seconds: i64) -> Result<i32, ApiError> {
    let known =
        |seconds: &i32| matches!(seconds, -1 | 0) || SUSPEND_TIMEOUT_SECONDS.contains(seconds);
    i32::try_from(seconds).ok().filter(known).ok_or_else(|| {
        ApiError::invalid(
            "suspend_timeout_seconds must be -1 (never), 0 (the default), or from 60 to 604800",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(min_cu: Option<f64>, max_cu: Option<f64>) -> Result<(u32, u32), ApiError> {
        let tuning = Limits { min_cu, max_cu, suspend_timeout_seconds: None }.parse()?;
        Ok((tuning.min_cu_hundredths, tuning.max_cu_hundredths))
    }

    #[test]
    fn a_limit_that_is_absent_follows_the_other() {
        assert_eq!(limits(None, None), Ok((25, 25)));
        assert_eq!(limits(Some(2.0), None), Ok((200, 200)));
        assert_eq!(limits(None, Some(4.0)), Ok((25, 400)));
    }

    #[test]
    fn limits_that_make_no_sense_are_refused() {
        for (min, max) in [(4.0, 2.0), (0.1, 1.0), (-1.0, 1.0), (1.0, 1e9), (f64::NAN, 1.0)] {
            assert!(limits(Some(min), Some(max)).is_err(), "{min} {max}");
        }
    }

    #[test]
    fn an_idle_time_is_never_the_default_or_a_minute_to_a_week() {
        for seconds in [-1, 0, 60, 604_800] {
            assert!(timeout(seconds).is_ok(), "{seconds}");
        }
        for seconds in [-2, 1, 59, 604_801, i64::MAX] {
            assert!(timeout(seconds).is_err(), "{seconds}");
        }
    }
}
