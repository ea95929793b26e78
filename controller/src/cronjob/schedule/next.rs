//! The next time that matches a schedule's fields.
//!
//! A walk from the coarsest field to the finest, on local time, as the cron library of Kubernetes
//! does it: hours go by on the absolute time line, so a local hour that a change of the clock skips
//! does not come, and one that it repeats comes twice.

use jiff::Span;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::Fields;
use crate::api::{SignedDuration, Timestamp};

/// How far ahead a match is looked for; the 29th of February may be eight years off, and is given up.
const YEARS_MAX: i16 = 5;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// The first match after `time`, on a whole second.
///
/// Kubernetes differs: where a change of the clock repeats only a part of an hour, its library goes back
/// to where that hour began, and may come to `time` again, for ever.
pub(super) fn next(fields: &Fields, zone: &TimeZone, time: Timestamp) -> Option<Timestamp> {
    let mut from = time;
    loop {
        let next = walk(fields, zone, from)?;
        if next > time {
            return Some(next);
        }
        from = from.checked_add(MINUTE).ok()?;
    }
}

/// The first match after `time` that the walk comes to.
fn walk(fields: &Fields, zone: &TimeZone, time: Timestamp) -> Option<Timestamp> {
    let mut walk = Walk {
        fields,
        zone,
        time: Timestamp::from_second(time.as_second().checked_add(1)?).ok()?,
        is_cut: false,
    };
    let last_year = walk.local().year() + YEARS_MAX;
    // A field that runs over starts the walk again from the coarsest, with all that is finer at its
    // least.
    while walk.local().year() <= last_year {
        let is_done =
            walk.month()? && walk.day()? && walk.hour()? && walk.minute()? && walk.second()?;
        if is_done {
            return Some(walk.time);
        }
    }
    None
}

struct Walk<'a> {
    fields: &'a Fields,
    zone: &'a TimeZone,
    time: Timestamp,
    /// Whether the finer fields have been set to their least.
    is_cut: bool,
}

/// Each step moves to the first match of its field, and says `false` where it ran over.
impl Walk<'_> {
    fn local(&self) -> DateTime {
        self.zone.to_datetime(self.time)
    }

    fn month(&mut self) -> Option<bool> {
        while !has(self.fields.months, self.local().month()) {
            if !std::mem::replace(&mut self.is_cut, true) {
                let first = self.local().date().first_of_month();
                self.time = instant(first.at(0, 0, 0, 0), self.zone)?;
            }
            let at = self.local();
            // A midnight that a change of the clock skips belongs to the month before, whose last
            // day may be none of the next month: then the days go on, into the month after.
            let next = at.date().first_of_month().checked_add(Span::new().months(1)).ok()?;
            let date = next.checked_add(Span::new().days(at.day() - 1)).ok()?;
            self.advance(date.to_datetime(at.time()))?;
            if self.local().month() == 1 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn day(&mut self) -> Option<bool> {
        while !self.is_day(self.local().date()) {
            let mut at = self.local();
            if !std::mem::replace(&mut self.is_cut, true) {
                self.time = instant(at.date().at(0, 0, 0, 0), self.zone)?;
                at = self.local();
            }
            let tomorrow = at.date().tomorrow().ok()?;
            self.advance(tomorrow.to_datetime(at.time()))?;
            // A midnight that a change of the clock moves is put back to where the day begins.
            let hour = i64::from(self.local().hour());
            let off = if hour > 12 { 24 - hour } else { -hour };
            self.time = self.time.checked_add(SignedDuration::from_hours(off)).ok()?;
            if self.local().day() == 1 {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Moves on to a local time; where a zone has left out a whole day, a day on.
    ///
    /// Kubernetes differs: its library stays on the day before for ever.
    fn advance(&mut self, local: DateTime) -> Option<()> {
        let next = instant(local, self.zone)?;
        self.time = if next > self.time { next } else { self.time.checked_add(DAY).ok()? };
        Some(())
    }

    /// A day matches if both fields allow it; where both restrict it, one is enough.
    fn is_day(&self, date: Date) -> bool {
        let by_month = has(self.fields.days, date.day());
        let by_week = has(self.fields.weekdays, date.weekday().to_sunday_zero_offset());
        if self.fields.days_restricted && self.fields.weekdays_restricted {
            return by_month || by_week;
        }
        by_month && by_week
    }

    fn hour(&mut self) -> Option<bool> {
        while !has(self.fields.hours, self.local().hour()) {
            if !std::mem::replace(&mut self.is_cut, true) {
                let at = self.local();
                self.time = instant(at.date().at(at.hour(), 0, 0, 0), self.zone)?;
            }
            self.time = self.time.checked_add(HOUR).ok()?;
            if self.local().hour() == 0 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn minute(&mut self) -> Option<bool> {
        while !has(self.fields.minutes, self.local().minute()) {
            if !std::mem::replace(&mut self.is_cut, true) {
                let seconds = self.time.as_second().rem_euclid(60);
                self.time = self.time.checked_sub(SignedDuration::from_secs(seconds)).ok()?;
            }
            self.time = self.time.checked_add(MINUTE).ok()?;
            if self.local().minute() == 0 {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Always the first second of a minute.
    fn second(&mut self) -> Option<bool> {
        while self.local().second() != 0 {
            self.is_cut = true;
            self.time = self.time.checked_add(SignedDuration::from_secs(1)).ok()?;
            if self.local().second() == 0 {
                return Some(false);
            }
        }
        Some(true)
    }
}

fn has(bits: u64, value: i8) -> bool {
    bits & (1 << value) != 0
}

/// When it is this local time. Where a change of the clock skips it or repeats it, the offset is
/// the one of the period that the local time, read as UTC, points to.
fn instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let as_utc = TimeZone::UTC.to_timestamp(local).ok()?;
    let less = |offset: jiff::tz::Offset| {
        as_utc.checked_sub(SignedDuration::from_secs(offset.seconds().into())).ok()
    };
    let guess = less(zone.to_offset(as_utc))?;
    less(zone.to_offset(guess))
}
