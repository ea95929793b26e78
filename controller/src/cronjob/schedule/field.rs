//! One field of a schedule: a list of values, ranges and steps.

use std::num::IntErrorKind;

/// What a field may say.
pub(super) struct Bounds {
    min: u64,
    max: u64,
    names: &'static [&'static str],
}

const fn bounds(min: u64, max: u64, names: &'static [&'static str]) -> Bounds {
    Bounds { min, max, names }
}

pub(super) const MINUTES: Bounds = bounds(0, 59, &[]);
pub(super) const HOURS: Bounds = bounds(0, 23, &[]);
pub(super) const DAYS: Bounds = bounds(1, 31, &[]);
pub(super) const MONTHS: Bounds = bounds(
    1,
    12,
    &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
);
/// Sunday is 0, and 7 is nothing.
pub(super) const WEEKDAYS: Bounds =
    bounds(0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]);

/// The values that `text` allows, a bit for each, and whether it has a bare star.
pub(super) fn parse(text: &str, bounds: &Bounds) -> Result<(u64, bool), String> {
    let mut bits = 0;
    let mut has_star = false;
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (more, is_star) = range(part, bounds)?;
        bits |= more;
        has_star |= is_star;
    }
    Ok((bits, has_star))
}

fn range(text: &str, bounds: &Bounds) -> Result<(u64, bool), String> {
    let steps: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = steps[0].split('-').collect();
    let is_star = matches!(ends[0], "*" | "?");
    let (start, mut end) = if is_star {
        (bounds.min, bounds.max)
    } else {
        let start = value(ends[0], bounds)?;
        match ends[..] {
            [_] => (start, start),
            [_, end] => (start, value(end, bounds)?),
            _ => return Err(format!("too many hyphens: {text}")),
        }
    };
    let step = match steps[..] {
        [_] => 1,
        [_, step] => {
            // `n/step` goes from n to the end.
            if ends.len() == 1 {
                end = bounds.max;
            }
            number(step)?
        }
        _ => return Err(format!("too many slashes: {text}")),
    };
    let Bounds { min, max, .. } = bounds;
    if start < *min {
        return Err(format!("beginning of range ({start}) below minimum ({min}): {text}"));
    }
    if end > *max {
        return Err(format!("end of range ({end}) above maximum ({max}): {text}"));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    let values = (start..=end).step_by(usize::try_from(step).unwrap_or(usize::MAX));
    Ok((values.fold(0, |bits, value| bits | 1 << value), is_star && step == 1))
}

fn value(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let lower = text.to_lowercase();
    match bounds.names.iter().position(|name| *name == lower) {
        Some(index) => Ok(bounds.min + index as u64),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let parsed = text.parse::<i64>().map_err(|error| {
        let why = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}")
    })?;
    u64::try_from(parsed).map_err(|_| format!("negative number ({parsed}) not allowed: {text}"))
}
