//! `spec.schedule` of a CronJob: when it is due.
//!
//! The language, its complaints and its way through changes of the clock are those of the cron
//! library that Kubernetes uses: five fields or a descriptor, with an optional `TZ=` before them.

mod duration;
mod field;
mod next;
mod zone;

use jiff::tz::TimeZone;

use self::field::Bounds;
pub use self::zone::{UnknownTimeZone, time_zone};
use crate::api::{SignedDuration, Timestamp};

/// When a CronJob is due.
#[derive(Clone, Debug)]
pub struct Schedule {
    when: When,
    zone: TimeZone,
}

#[derive(Clone, Debug)]
enum When {
    /// Whenever the local time matches.
    Fields(Fields),
    /// So long after the time before, in whole seconds.
    Every(SignedDuration),
}

/// The values that match, a bit for each.
#[derive(Clone, Debug)]
struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether days of the month are restricted.
    days_restricted: bool,
    /// Whether days of the week are restricted.
    weekdays_restricted: bool,
}

/// A text is no schedule. The words are those of the library that Kubernetes uses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// There is nothing, or nothing after the time zone.
    #[error("empty spec string")]
    Empty,
    /// A time zone, but nothing that ends its name.
    #[error("invalid schedule format: runtime error: slice bounds out of range [:-1]")]
    ZoneWithoutEnd,
    /// There is no such time zone.
    #[error("provided bad location {0}: {1}")]
    Zone(String, UnknownTimeZone),
    /// Not five fields.
    #[error("expected exactly 5 fields, found {}: [{}]", .0.len(), .0.join(" "))]
    FieldCount(Vec<String>),
    /// `@` and a word that means nothing.
    #[error("unrecognized descriptor: {0}")]
    Descriptor(String),
    /// `@every` and what is no duration.
    #[error("failed to parse duration {0}: time: {1}")]
    Duration(String, String),
    /// A field that can't be read.
    #[error("{0}")]
    Field(String),
}

impl Schedule {
    /// The schedule that `text` says, in `zone` where it names none itself.
    pub fn parse(text: &str, zone: TimeZone) -> Result<Self, ScheduleError> {
        if text.is_empty() {
            return Err(ScheduleError::Empty);
        }
        let mut text = text;
        let mut zone = zone;
        if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
            let (prefix, rest) = text.split_once(' ').ok_or(ScheduleError::ZoneWithoutEnd)?;
            let name = prefix.split_once('=').map(|(_, name)| name).unwrap_or_default();
            zone = time_zone(name).map_err(|error| ScheduleError::Zone(name.to_owned(), error))?;
            text = rest.trim();
        }
        let when =
            if text.starts_with('@') { descriptor(text)? } else { When::Fields(fields(text)?) };
        Ok(Self { when, zone })
    }

    /// The first time after `time` that it is due, to the second. `None` if that is not within five
    /// years.
    pub fn next(&self, time: Timestamp) -> Option<Timestamp> {
        match &self.when {
            When::Fields(fields) => next::next(fields, &self.zone, time),
            When::Every(delay) => {
                let whole = Timestamp::from_second(time.as_second()).ok()?;
                whole.checked_add(*delay).ok()
            }
        }
    }
}

fn fields(text: &str) -> Result<Fields, ScheduleError> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = parts[..] else {
        let parts = parts.into_iter().map(str::to_owned).collect();
        return Err(ScheduleError::FieldCount(parts));
    };
    let parse = |text, bounds: &Bounds| field::parse(text, bounds).map_err(ScheduleError::Field);
    let (minutes, _) = parse(minute, &field::MINUTES)?;
    let (hours, _) = parse(hour, &field::HOURS)?;
    let (days, any_day) = parse(day, &field::DAYS)?;
    let (months, _) = parse(month, &field::MONTHS)?;
    let (weekdays, any_weekday) = parse(weekday, &field::WEEKDAYS)?;
    Ok(Fields {
        minutes,
        hours,
        days,
        months,
        weekdays,
        days_restricted: !any_day,
        weekdays_restricted: !any_weekday,
    })
}

fn descriptor(text: &str) -> Result<When, ScheduleError> {
    let fields = match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => match text.strip_prefix("@every ") {
            Some(duration) => return every(text, duration),
            None => return Err(ScheduleError::Descriptor(text.to_owned())),
        },
    };
    self::fields(fields).map(When::Fields)
}

fn every(text: &str, duration: &str) -> Result<When, ScheduleError> {
    let nanos =
        duration::nanos(duration).map_err(|why| ScheduleError::Duration(text.to_owned(), why))?;
    // Whole seconds, and at least one.
    Ok(When::Every(SignedDuration::from_secs((nanos / 1_000_000_000).max(1))))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
