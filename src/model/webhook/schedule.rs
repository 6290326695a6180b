//! When an event that was not taken is sent again: eight times over some 33 hours.

use std::time::Duration;

use chrono::TimeDelta;

/// How often an event is sent at the most.
pub const MAX_ATTEMPTS: u32 = 8;

/// How long after the first failure an event is sent again.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(6);

/// By how much each pause is longer than the one before it.
const GROWTH: i32 = 5;

/// By how much pauses vary at the most, in per cent, so that those who failed together do not come
/// back together.
const JITTER_PERCENT: u64 = 5;

/// The longest pause for which a receiver can ask with `Retry-After`.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// After how long a receiver wants an event again, if it says so.
pub type RetryAfter = Option<Duration>;

/// Returns after how long an event that was sent `attempts` times is sent again; none where that was
/// enough. A receiver can ask for more, within reason, and never for less.
#[must_use]
pub fn pause(attempts: u32, retry_after: RetryAfter, seed: u64) -> Option<TimeDelta> {
    if MAX_ATTEMPTS <= attempts {
        return None;
    }
    let planned = FIRST_PAUSE * GROWTH.pow(attempts.saturating_sub(1));
    let share = i32::try_from(seed % (10 * JITTER_PERCENT + 1)).expect("a small number");
    let varied = planned + planned / 1000 * share;
    let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
    let asked = TimeDelta::from_std(asked).expect("a few hours");
    Some(varied.max(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(seed: u64) -> Vec<TimeDelta> {
        (1..=MAX_ATTEMPTS).map_while(|attempts| pause(attempts, None, seed)).collect()
    }

    #[test]
    fn an_event_is_sent_eight_times_over_some_33_hours() {
        let plain = pauses(0);
        let seconds: Vec<_> = plain.iter().map(TimeDelta::num_seconds).collect();
        assert_eq!(seconds, [6, 30, 150, 750, 3750, 18_750, 93_750]);
        for seed in [0, 7, 50, u64::MAX] {
            let all = pauses(seed).iter().sum::<TimeDelta>();
            let (least, most) =
                (TimeDelta::minutes(32 * 60 + 30), TimeDelta::minutes(34 * 60 + 30));
            assert!((least..most).contains(&all), "{all}");
        }
    }

    #[test]
    fn a_pause_is_longer_by_some_per_cent_and_never_shorter() {
        for seed in 0..200 {
            for (plain, varied) in pauses(0).into_iter().zip(pauses(seed)) {
                let most = plain + plain / 20;
                assert!((plain..=most).contains(&varied), "{plain} {varied}");
            }
        }
    }

    #[test]
    fn a_receiver_can_ask_for_more_time_within_reason() {
        let asked = |seconds| pause(1, Some(Duration::from_secs(seconds)), 0);
        assert_eq!(asked(1), Some(TimeDelta::seconds(6)));
        assert_eq!(asked(120), Some(TimeDelta::seconds(120)));
        assert_eq!(asked(u64::MAX), Some(TimeDelta::hours(6)));
        assert_eq!(pause(MAX_ATTEMPTS, Some(Duration::from_secs(1)), 0), None);
    }
}
