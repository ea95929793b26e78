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
