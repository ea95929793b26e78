//! How long ago, in the few characters that a table has room for.
//!
//! Pure, and Kubernetes' own rounding: the larger the span, the fewer of its smaller units.

use crate::api::{SignedDuration, Time, Timestamp};

/// How long before `now` it was; `<unknown>` if it never was.
pub(super) fn age(since: Option<&Time>, now: Timestamp) -> String {
    since.map_or_else(|| "<unknown>".to_owned(), |since| span(now.duration_since(written(since))))
}

/// `time` as clients see it: in whole seconds, of which they make the same spans.
pub(super) fn written(time: &Time) -> Timestamp {
    Timestamp::from_second(time.0.as_second()).unwrap_or(time.0)
}

/// A span of time, as `kubectl get` shows it.
pub fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    if seconds < -1 {
        "<invalid>".to_owned()
    } else if seconds < 120 {
        format!("{}s", seconds.max(0))
    } else if minutes < 10 {
        with(minutes, "m", seconds % 60, "s")
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        with(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if days < 8 {
        with(days, "d", hours % 24, "h")
    } else if days < 2 * 365 {
        format!("{days}d")
    } else if days < 8 * 365 {
        with(days / 365, "y", days % 365, "d")
    } else {
        format!("{}y", days / 365)
    }
}

fn with(count: i64, unit: &str, rest: i64, smaller: &str) -> String {
    match rest {
        0 => format!("{count}{unit}"),
        rest => format!("{count}{unit}{rest}{smaller}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_shown_as_kubectl_shows_it() {
        const MINUTE: i64 = 60;
        const HOUR: i64 = 60 * MINUTE;
        const DAY: i64 = 24 * HOUR;
        for (seconds, expect) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (9 * MINUTE + 59, "9m59s"),
            (10 * MINUTE + 59, "10m"),
            (179 * MINUTE, "179m"),
            (180 * MINUTE, "3h"),
            (7 * HOUR + 59 * MINUTE, "7h59m"),
            (47 * HOUR, "47h"),
            (48 * HOUR, "2d"),
            (7 * DAY + 23 * HOUR, "7d23h"),
            (8 * DAY + HOUR, "8d"),
            (729 * DAY, "729d"),
            (731 * DAY, "2y1d"),
            (8 * 365 * DAY, "8y"),
        ] {
            assert_eq!(span(SignedDuration::from_secs(seconds)), expect, "{seconds} s");
        }
        assert_eq!(age(None, Timestamp::UNIX_EPOCH), "<unknown>");
        let at = |millis| Timestamp::from_millisecond(millis).expect("must be a time");
        assert_eq!(age(Some(&Time(at(1_900))), at(2_100)), "1s", "as the wire has it");
    }
}
