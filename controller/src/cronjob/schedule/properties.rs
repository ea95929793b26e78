//! The walk through time, held against going through it minute by minute.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

/// Zones whose clocks change by whole hours, on a whole hour, and have since 2005 at no midnight:
/// there, a schedule is due whenever the local time matches.
const ZONES: &[&str] = &[
    "UTC",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Adelaide",
    "Australia/Eucla",
    "Europe/London",
    "Pacific/Auckland",
];

/// How far the slow way goes.
const MINUTES: i64 = 9 * 24 * 60;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_next_time_is_the_first_minute_that_matches(
        zone in prop::sample::select(ZONES),
        text in any_schedule(),
        change in 0usize..40,
        before in 0i64..(3 * 24 * 3_600),
    ) {
        let zone = time_zone(zone).unwrap();
        let from = change_of(&zone, change) - SignedDuration::from_secs(before);
        let schedule = Schedule::parse(&text, zone.clone()).unwrap();
        let When::Fields(fields) = &schedule.when else { unreachable!("it has fields") };
        let minute = Timestamp::from_second(from.as_second().div_euclid(60) * 60).unwrap();
        let later = (1..MINUTES).map(|minutes| minute + SignedDuration::from_mins(minutes));
        let first = later.into_iter().find(|time| is_due(fields, &zone, *time));
        let next = schedule.next(from);
        match first {
            Some(first) => prop_assert_eq!(next, Some(first), "{} after {}", text, from),
            None => {
                let end = minute + SignedDuration::from_mins(MINUTES);
                prop_assert!(next.is_none_or(|next| next >= end), "{} after {}", text, from);
            }
        }
    }

    #[test]
    fn any_text_is_a_schedule_or_none(text in "[ -~]{0,24}|[0-9*/,?-]{1,3}( [0-9*/,?a-z-]{1,4}){4}") {
        if let Ok(schedule) = Schedule::parse(&text, TimeZone::UTC) {
            let from: Timestamp = "2024-02-28T23:59:59.5Z".parse().unwrap();
            prop_assert!(schedule.next(from).is_none_or(|next| next > from), "{}", text);
        }
    }

    #[test]
    fn time_goes_on_in_every_zone(
        zone in prop::sample::select(&["Africa/Casablanca", "America/Asuncion", "America/Havana",
            "America/Sao_Paulo", "America/St_Johns", "Antarctica/Troll", "Asia/Gaza",
            "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham"][..]),
        text in any_schedule(),
        change in 0usize..60,
        before in 0i64..(40 * 24 * 3_600),
    ) {
        let zone = time_zone(zone).unwrap();
        let from = change_of(&zone, change) - SignedDuration::from_secs(before);
        let schedule = Schedule::parse(&text, zone).unwrap();
        let mut time = from;
        for _ in 0..20 {
            let Some(next) = schedule.next(time) else { break };
            prop_assert!(next > time, "{} after {}", text, time);
            prop_assert_eq!(next.as_second() % 60, 0, "{} after {}", text, time);
            time = next;
        }
    }
}

/// When the clock of `zone` changed for the `nth` time since 2005, or a time of that many weeks if
/// it does not change.
fn change_of(zone: &TimeZone, nth: usize) -> Timestamp {
    let since: Timestamp = "2005-01-01T00:00:00Z".parse().unwrap();
    let weeks = SignedDuration::from_hours(24 * 7 * i64::try_from(nth).unwrap());
    zone.following(since).nth(nth).map_or(since + weeks, |change| change.timestamp())
}

fn is_due(fields: &Fields, zone: &TimeZone, time: Timestamp) -> bool {
    let local = zone.to_datetime(time);
    let has = |bits: u64, value: i8| bits >> value & 1 == 1;
    let by_month = has(fields.days, local.day());
    let by_week = has(fields.weekdays, local.date().weekday().to_sunday_zero_offset());
    let is_day = match fields.days_restricted && fields.weekdays_restricted {
        true => by_month || by_week,
        false => by_month && by_week,
    };
    is_day
        && local.second() == 0
        && has(fields.minutes, local.minute())
        && has(fields.hours, local.hour())
        && has(fields.months, local.month())
}

fn any_schedule() -> impl Strategy<Value = String> {
    let field = |min: u32, max: u32| {
        prop_oneof![
            4 => Just("*".to_owned()),
            3 => (min..=max).prop_map(|it| it.to_string()),
            2 => (2u32..20).prop_map(|step| format!("*/{step}")),
            2 => (min..=max, min..=max)
                .prop_map(|(one, other)| format!("{}-{}", one.min(other), one.max(other))),
            1 => (min..=max, 1u32..9).prop_map(|(start, step)| format!("{start}/{step}")),
            1 => (min..=max, min..=max).prop_map(|(one, other)| format!("{one},{other}")),
        ]
    };
    let fields = (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6));
    fields.prop_map(|(minute, hour, day, month, weekday)| {
        format!("{minute} {hour} {day} {month} {weekday}")
    })
}
