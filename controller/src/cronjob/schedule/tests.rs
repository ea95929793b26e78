use super::*;

fn schedule(text: &str, zone: &str) -> Schedule {
    Schedule::parse(text, time_zone(zone).expect(zone)).expect(text)
}

/// The first times that `text` is due after `from`.
fn check(text: &str, zone: &str, from: &str, expect: &[&str]) {
    let schedule = schedule(text, zone);
    let mut time: Timestamp = from.parse().expect(from);
    for expected in expect {
        time = schedule.next(time).expect("must be due again");
        assert_eq!(time.to_string(), *expected, "{text} after {from} in {zone}");
    }
}

#[test]
fn fields_are_matched_from_the_coarsest_to_the_finest() {
    check(
        "*/15 * * * *",
        "",
        "2024-01-01T00:00:00Z",
        &["2024-01-01T00:15:00Z", "2024-01-01T00:30:00Z"],
    );
    check("*/15 * * * *", "", "2024-01-01T00:14:59.9Z", &["2024-01-01T00:15:00Z"]);
    check(
        "20-35/15 * * * *",
        "",
        "2024-01-01T23:36:00Z",
        &["2024-01-02T00:20:00Z", "2024-01-02T00:35:00Z"],
    );
    check("0 0 29 feb ?", "", "2024-03-01T00:00:00Z", &["2028-02-29T00:00:00Z"]);
    check("0 12 * * Mon-Fri", "", "2024-01-05T12:00:00Z", &["2024-01-08T12:00:00Z"]);
    // Both days restricted: either will do. A stepped star restricts, too.
    check(
        "0 0 15 * 0",
        "",
        "2024-06-01T00:00:00Z",
        &["2024-06-02T00:00:00Z", "2024-06-09T00:00:00Z", "2024-06-15T00:00:00Z"],
    );
    check(
        "0 0 */2 * 0",
        "",
        "2024-06-01T00:00:00Z",
        &["2024-06-02T00:00:00Z", "2024-06-03T00:00:00Z"],
    );
    check(
        "0 0 * * 0",
        "",
        "2024-06-01T00:00:00Z",
        &["2024-06-02T00:00:00Z", "2024-06-09T00:00:00Z"],
    );
    check(
        "@monthly",
        "",
        "2024-11-30T00:00:00Z",
        &["2024-12-01T00:00:00Z", "2025-01-01T00:00:00Z"],
    );
    check("@every 1h30m10.5s", "", "2024-01-01T00:00:00.7Z", &["2024-01-01T01:30:10Z"]);
    check("@every 10ms", "", "2024-01-01T00:00:00Z", &["2024-01-01T00:00:01Z"]);
    assert_eq!(schedule("0 0 31 2 *", "").next(Timestamp::UNIX_EPOCH), None);
}

#[test]
fn changes_of_the_clock_skip_hours_and_repeat_them() {
    let york = "America/New_York";
    check("0 6 * * *", york, "2024-03-10T00:00:00Z", &["2024-03-10T10:00:00Z"]);
    // At 02:00 the clock goes to 03:00: that day has no 02:30.
    check("30 2 * * *", york, "2024-03-10T05:00:00Z", &["2024-03-11T06:30:00Z"]);
    // At 02:00 the clock goes back to 01:00: that day has two 01:30.
    check(
        "30 1 * * *",
        york,
        "2024-11-03T04:00:00Z",
        &["2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z", "2024-11-04T06:30:00Z"],
    );
    // Where midnight is skipped the day begins at one.
    check("0 * * * 0", "America/Sao_Paulo", "2018-11-04T02:59:00Z", &["2018-11-04T03:00:00Z"]);
    check("TZ=Asia/Kolkata 0 0 * * *", york, "2024-01-01T00:00:00Z", &["2024-01-01T18:30:00Z"]);
}

#[test]
fn odd_zones_have_odd_days() {
    let howe = "Australia/Lord_Howe";
    // From 02:00 to 02:30: what is due in that half hour is not, and the rest of the hour is there.
    check("15 2 * * *", howe, "2024-10-05T13:00:00Z", &["2024-10-06T15:15:00Z"]);
    check("45 2 * * *", howe, "2024-10-05T13:00:00Z", &["2024-10-05T15:45:00Z"]);
    // Back from 02:00 to 01:30, which comes twice; hours are gone through from there.
    check(
        "45 1 * * *",
        howe,
        "2024-04-06T13:00:00Z",
        &["2024-04-06T14:45:00Z", "2024-04-06T15:15:00Z", "2024-04-07T15:15:00Z"],
    );
    check("15 2 * * *", howe, "2024-04-06T13:00:00Z", &["2024-04-07T15:45:00Z"]);
    // Where midnight is skipped, a day that is chosen begins an hour later.
    let paulo = "America/Sao_Paulo";
    check("0 9 10 * *", paulo, "2018-10-17T09:00:00Z", &["2018-11-10T11:00:00Z"]);
    check("0 9 22 * *", paulo, "2018-02-14T10:00:00Z", &["2018-02-22T12:00:00Z"]);
    check("0 0 * * *", paulo, "2018-11-03T12:00:00Z", &["2018-11-05T02:00:00Z"]);
    // The first of October 2017 began at 01:00 there. Its midnight is taken for 23:00 on the
    // thirtieth of September, and months go on from there, as in Kubernetes.
    check("0 0 * 12 *", "America/Asuncion", "2017-08-15T12:00:00Z", &["2017-12-31T03:00:00Z"]);
    // Back by an hour for Ramadan, at three.
    check(
        "30 2 * * *",
        "Africa/Casablanca",
        "2024-03-09T03:00:00Z",
        &["2024-03-10T01:30:00Z", "2024-03-10T02:30:00Z", "2024-03-11T02:30:00Z"],
    );
    // The thirtieth of December 2011 was left out, and Kubernetes would look for it for ever.
    check("0 0 31 * *", "Pacific/Apia", "2011-12-02T12:00:00Z", &["2011-12-30T10:00:00Z"]);
    check("0 0 30 * *", "Pacific/Apia", "2011-12-02T12:00:00Z", &["2012-01-29T10:00:00Z"]);
}

#[test]
fn a_zone_in_the_schedule_goes_before_the_other() {
    for prefix in ["TZ=Asia/Tokyo", "CRON_TZ=Asia/Tokyo", "TZ=Asia/Tokyo "] {
        let text = format!("{prefix} 0 9 * * *");
        check(&text, "America/New_York", "2024-01-01T00:00:00Z", &["2024-01-02T00:00:00Z"]);
    }
    check("TZ= 0 9 * * *", "America/New_York", "2024-01-01T00:00:00Z", &["2024-01-01T09:00:00Z"]);
    check("TZ=UTC @daily", "America/New_York", "2024-01-01T05:00:00Z", &["2024-01-02T00:00:00Z"]);
}

#[test]
fn fields_are_read_as_the_library_reads_them() {
    for (text, from, expect) in [
        // Lists, with what lists are made of; empty parts say nothing.
        ("*/15,3 * * * *", "2024-01-01T00:00:00Z", "2024-01-01T00:03:00Z"),
        ("5,,10, * * * *", "2024-01-01T00:05:00Z", "2024-01-01T00:10:00Z"),
        ("50/4 * * * *", "2024-01-01T00:50:00Z", "2024-01-01T00:54:00Z"),
        ("10-12/5 * * * *", "2024-01-01T00:10:00Z", "2024-01-01T01:10:00Z"),
        ("*/90 * * * *", "2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z"),
        ("*-5 * * * *", "2024-01-01T00:30:00Z", "2024-01-01T00:31:00Z"),
        ("+7 * * * *", "2024-01-01T00:00:00Z", "2024-01-01T00:07:00Z"),
        ("0 0 ? DEC sUn", "2024-01-01T00:00:00Z", "2024-12-01T00:00:00Z"),
        ("0 0 * Feb Mon/2", "2024-01-01T00:00:00Z", "2024-02-02T00:00:00Z"),
        ("0 0 */5 Apr,Aug,Oct Mon", "2012-07-09T23:35:00Z", "2012-08-01T00:00:00Z"),
        // A star with a step of one is one still.
        ("0 0 */1 * mon", "2024-01-02T00:00:00Z", "2024-01-08T00:00:00Z"),
        ("0 0 13 * fri", "2024-01-01T00:00:00Z", "2024-01-05T00:00:00Z"),
        ("  0\t0   1 1 *  ", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("@yearly", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("@annually", "2024-03-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("@weekly", "2024-01-01T00:00:00Z", "2024-01-07T00:00:00Z"),
        ("@daily", "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"),
        ("@midnight", "2024-01-01T23:00:00Z", "2024-01-02T00:00:00Z"),
        ("@hourly", "2024-01-01T00:30:00Z", "2024-01-01T01:00:00Z"),
        ("@every 90s", "2024-01-01T00:00:00Z", "2024-01-01T00:01:30Z"),
        ("@every -5m", "2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z"),
    ] {
        check(text, "", from, &[expect]);
    }
}

#[test]
fn what_never_comes_is_given_up() {
    let from: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
    for text in ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", ", * * * *", "* , * * *", "* * , , ,"] {
        assert_eq!(schedule(text, "Europe/Paris").next(from), None, "{text}");
    }
    // 2100 is no leap year.
    let from: Timestamp = "2096-03-01T00:00:00Z".parse().unwrap();
    assert_eq!(schedule("0 0 29 2 *", "").next(from), None);
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    for text in ["* * * * *", "0 0 29 2 *", "0 0 1 1 0", "59 23 31 12 *", "@every 2540400h"] {
        for zone in ["", "Pacific/Kiritimati", "Etc/GMT+12"] {
            let schedule = schedule(text, zone);
            assert!(schedule.next(Timestamp::MAX).is_none(), "{text} in {zone}");
            assert!(schedule.next(Timestamp::MIN).is_none_or(|it| it > Timestamp::MIN));
        }
    }
}

#[test]
fn what_is_no_schedule_is_refused_in_kubernetes_words() {
    for (text, expect) in [
        ("", "empty spec string"),
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("61 * * * *", "end of range (61) above maximum (59): 61"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-2 * * * *", "beginning of range (5) beyond end of range (2): 5-2"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* 24 * * *", "end of range (24) above maximum (23): 24"),
        ("* * 32 * *", "end of range (32) above maximum (31): 32"),
        ("* * * 0 *", "beginning of range (0) below minimum (1): 0"),
        ("* * * 13 *", "end of range (13) above maximum (12): 13"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("0-60 * * * *", "end of range (60) above maximum (59): 0-60"),
        ("4294967296 * * * *", "end of range (4294967296) above maximum (59): 4294967296"),
        (
            "9223372036854775808 * * * *",
            "failed to parse int from 9223372036854775808: strconv.Atoi: parsing \
             \"9223372036854775808\": value out of range",
        ),
        ("-5 * * * *", "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax"),
        ("*/-5 * * * *", "negative number (-5) not allowed: -5"),
        ("*/ * * * *", "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax"),
        (
            "jan * * * *",
            "failed to parse int from jan: strconv.Atoi: parsing \"jan\": invalid syntax",
        ),
        (
            "* * * * sunday",
            "failed to parse int from sunday: strconv.Atoi: parsing \"sunday\": invalid syntax",
        ),
        ("* * L * *", "failed to parse int from L: strconv.Atoi: parsing \"L\": invalid syntax"),
        ("0 0 0 * * *", "expected exactly 5 fields, found 6: [0 0 0 * * *]"),
        (" ", "expected exactly 5 fields, found 0: []"),
        (" @daily", "expected exactly 5 fields, found 1: [@daily]"),
        ("@daily ", "unrecognized descriptor: @daily "),
        ("@Daily", "unrecognized descriptor: @Daily"),
        ("@every", "unrecognized descriptor: @every"),
        (
            "@every 1d",
            "failed to parse duration @every 1d: time: unknown unit \"d\" in duration \"1d\"",
        ),
        ("CRON_TZ=UTC", "invalid schedule format: runtime error: slice bounds out of range [:-1]"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("@reboot", "unrecognized descriptor: @reboot"),
        ("@every x", "failed to parse duration @every x: time: invalid duration \"x\""),
        ("TZ=UTC", "invalid schedule format: runtime error: slice bounds out of range [:-1]"),
        (
            "TZ=Mars/Phobos * * * * *",
            "provided bad location Mars/Phobos: unknown time zone Mars/Phobos",
        ),
    ] {
        let error = Schedule::parse(text, TimeZone::UTC).expect_err(text);
        assert_eq!(error.to_string(), expect, "{text}");
    }
}

#[test]
fn a_day_without_its_midnight_is_passed_over() {
    // As in Kubernetes: from the skipped midnight of that Sunday the walk goes back an hour, and on.
    let zone = time_zone("Africa/Casablanca").expect("a zone");
    let schedule = Schedule::parse("0 12 * * 0", zone).expect("a schedule");
    let next = schedule.next("2008-05-31T12:00:00Z".parse().expect("a time"));
    assert_eq!(next.map(|at| at.to_string()).as_deref(), Some("2008-06-08T11:00:00Z"));
}

#[test]
fn an_hour_that_is_repeated_in_part_is_left() {
    // At 00:01 it is 23:01 of the day before once more; from there the walk goes back to 23:00, and on.
    check(
        "1-2 */2 * * *",
        "America/St_Johns",
        "2005-10-30T02:31:00Z",
        &["2005-10-30T03:31:00Z", "2005-10-30T03:32:00Z", "2005-10-30T05:31:00Z"],
    );
}
