//! Rules as they are written, and what each of them covers.

use proptest::prelude::*;

use super::*;

#[test]
fn rules_have_one_form() {
    let check = |text: &str, expect: &str| {
        let found = text.parse::<HostRule>().map(|rule| rule.to_string());
        assert_eq!(found.as_deref(), Ok(expect), "{text}");
    };
    for same in [
        "example.org",
        "example.org:443",
        "example.org:443/tcp",
        "example.org/udp",
        "*",
        "*:443",
        "*/udp",
        "*.example.net:443",
        "localhost:8080",
        "192.0.2.10",
        "192.0.2.10:5432/tcp",
        "10.0.0.0/8",
        "10.0.0.0/8:53/udp",
        "0.0.0.0/0",
        "[2001:db8::1]:443",
        "[2001:db8::/32]:53",
        "xn--bcher-kva.example",
        "_sip.example",
    ] {
        check(same, same);
    }
    check("EXAMPLE.org.:443", "example.org:443");
    check("*.Example.NET.", "*.example.net");
    check("2001:db8::1", "[2001:db8::1]");
    check("2001:db8::/32", "[2001:db8::/32]");
    check("2001:db8::/32/udp", "[2001:db8::/32]/udp");
    check("[2001:DB8:0::1]", "[2001:db8::1]");
    check("192.0.2.10/32", "192.0.2.10");
    check("::1", "[::1]");
}

#[test]
fn what_is_no_rule_is_refused_with_a_reason() {
    let check = |text: &str, expect: &str| {
        let error = text.parse::<HostRule>().unwrap_err().to_string();
        assert_eq!(error, format!("`{text}` {expect}"));
    };
    for text in [
        "",
        ":443",
        "a b",
        "-a",
        "a..b",
        "*a.example",
        "a.*.example",
        "*.",
        "**",
        "a/b",
        "[a]:1",
        "[::1",
        "[127.0.0.1]:80",
        "a:b:c",
        "fe80::1%eth0",
        "a@b",
    ] {
        check(text, NO_NAME);
    }
    for text in ["a:", "a:0", "a:65536", "a:+1", "a:x", "[::1]443", "[::1]:", "a:80-90", "http://a"]
    {
        check(text, NO_PORT);
    }
    check("bücher.example", "must be in ASCII: names in other scripts are written as xn--…");
    check("::ffff:10.0.0.1", "must be written as an address of IPv4");
    check("10.0.0.1/8", "must have no bits set after those that count");
    check("2001:db8::1/32", "must have no bits set after those that count");
    check("10.0.0.0/33", "must have a number of bits after the slash, or tcp or udp");
    check("10.0.0.0/sctp", "must have a number of bits after the slash, or tcp or udp");
    for text in ["127.1", "2130706433", "0x7f.1", "example.1", "*.1"] {
        let why = "must be an address of four numbers, or a name that does not end in a number";
        check(text, why);
    }
}

#[test]
fn lists_have_commas_spaces_or_lines() {
    let check = |text: &str, expect: &[&str]| {
        let rules = parse_rules(text).unwrap();
        let shown: Vec<_> = rules.iter().map(ToString::to_string).collect();
        assert_eq!(shown, expect, "{text:?}");
    };
    check("", &[]);
    check(" , \n", &[]);
    check("a.example:1,b.example:2", &["a.example:1", "b.example:2"]);
    check(
        "a.example, b.example\nc.example\t\n d.example,",
        &["a.example", "b.example", "c.example", "d.example"],
    );
    assert!(parse_rules(&"a,".repeat(RULES_MAX)).is_ok());
    assert_eq!(parse_rules(&"a,".repeat(RULES_MAX + 1)), Err(HostRuleError::TooMany));
    assert_eq!(parse_rules("a, b:0").unwrap_err().to_string(), format!("`b:0` {NO_PORT}"));
}

#[test]
fn a_rule_covers_what_it_opens_too() {
    let check = |wide: &str, narrow: &str, expect: bool| {
        let parse = |text: &str| text.parse::<HostRule>().unwrap();
        assert_eq!(parse(wide).covers(&parse(narrow)), expect, "{wide} {narrow}");
    };
    for (wide, narrow) in [
        ("*", "example.org"),
        ("*", "10.0.0.0/8:53/udp"),
        ("*:443", "example.org:443/tcp"),
        ("example.org", "example.org:443"),
        ("example.org:443", "example.org:443/tcp"),
        ("*.example.org", "a.example.org"),
        ("*.example.org", "*.example.org:1"),
        ("10.0.0.0/8", "10.1.0.0/16"),
        ("10.0.0.0/8", "10.1.2.3:1"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:db8::/32", "2001:db8::1"),
    ] {
        check(wide, narrow, true);
        check(wide, wide, true);
        if wide != narrow {
            check(narrow, wide, false);
        }
    }
    for (one, other) in [
        ("example.org", "example.com"),
        ("*.example.org", "example.org"),
        ("*.example.org", "a.b.example.org"),
        ("*.example.org", "*.b.example.org"),
        ("example.org:443", "example.org:80"),
        ("example.org/tcp", "example.org/udp"),
        ("0.0.0.0/0", "::1"),
        ("::/0", "1.2.3.4"),
        ("0.0.0.0/0", "example.org"),
        ("10.0.0.0/8", "11.0.0.0/8"),
    ] {
        check(one, other, false);
        check(other, one, false);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_rule_or_refused_and_a_rule_is_itself(text in "[a-z0-9.:/\\[\\]*_-]{0,24}") {
        if let Ok(rule) = text.parse::<HostRule>() {
            let again: HostRule = rule.to_string().parse().unwrap();
            prop_assert_eq!(&again, &rule);
            prop_assert!(rule.covers(&rule));
        }
    }

    #[test]
    fn any_text_at_all_is_read(text in "\\PC{0,40}") {
        let _ = parse_rules(&text);
    }
}
