//! Durations such as `1h30m`, as Go writes them. The complaints are Go's own words.

/// The duration that `text` says, in nanoseconds.
pub(super) fn nanos(text: &str) -> Result<i64, String> {
    let invalid = || format!("invalid duration {text:?}");
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end = after.find(|it: char| it.is_ascii_digit() || it == '.').unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        if name.is_empty() {
            return Err(format!("missing unit in duration {text:?}"));
        }
        let unit =
            unit(name).ok_or_else(|| format!("unknown unit {name:?} in duration {text:?}"))?;
        let whole: i128 =
            if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        total = whole
            .checked_mul(unit)
            .and_then(|nanos| nanos.checked_add(part_of(fraction, unit) + total))
            .filter(|total| *total <= i128::from(i64::MAX))
            .ok_or_else(invalid)?;
        rest = after;
    }
    let total = i64::try_from(total).map_err(|_| invalid())?;
    Ok(if is_negative { -total } else { total })
}

/// The digits that `text` begins with, and the rest.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len()))
}

/// A unit in nanoseconds.
fn unit(name: &str) -> Option<i128> {
    Some(match name {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// `0.fraction` of `unit`. Eighteen places are finer than a nanosecond in any unit.
fn part_of(fraction: &str, unit: i128) -> i128 {
    let places = fraction.get(..fraction.len().min(18)).unwrap_or_default();
    let scale = 10i128.pow(u32::try_from(places.len()).unwrap_or(0));
    places.parse::<i128>().unwrap_or(0) * unit / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, expect) in [
            ("0", 0),
            ("+0", 0),
            ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("-1m", -60_000_000_000),
            ("3\u{b5}s", 3_000),
            ("1s1s", 2_000_000_000),
            ("1ms2ns", 1_000_002),
            ("0.100000000000000000000h", 360_000_000_000),
        ] {
            assert_eq!(nanos(text), Ok(expect), "{text}");
        }
        for (text, expect) in [
            ("", "invalid duration \"\""),
            ("-", "invalid duration \"-\""),
            ("x", "invalid duration \"x\""),
            (".s", "invalid duration \".s\""),
            ("1", "missing unit in duration \"1\""),
            ("1.5.5s", "missing unit in duration \"1.5.5s\""),
            ("1d", "unknown unit \"d\" in duration \"1d\""),
            ("1h 5m", "unknown unit \"h \" in duration \"1h 5m\""),
            ("9223372037s", "invalid duration \"9223372037s\""),
        ] {
            assert_eq!(nanos(text), Err(expect.to_owned()), "{text}");
        }
    }
}
