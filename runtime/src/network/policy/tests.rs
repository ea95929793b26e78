//! What may be reached, as tables and as properties.

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> HostName {
    HostName::new(text).unwrap()
}

/// `host port protocol`, as whoever writes rules would: `*` for any port.
fn rule(text: &str) -> Rule {
    let mut words = text.split(' ');
    let host = words.next().unwrap();
    let port = words
        .next()
        .filter(|port| *port != "*")
        .map_or(Port::Any, |port| Port::Only(port.parse().unwrap()));
    let protocol = words.next().map(|it| if it == "udp" { Protocol::Udp } else { Protocol::Tcp });
    let host = match (host.split_once('/'), host.parse::<IpAddr>(), host.strip_prefix("*.")) {
        _ if host == "*" => Host::Any,
        (Some((network, prefix)), ..) => {
            Host::Addresses { network: network.parse().unwrap(), prefix: prefix.parse().unwrap() }
        }
        (_, Ok(network), _) => {
            Host::Addresses { network, prefix: if network.is_ipv4() { 32 } else { 128 } }
        }
        (.., Some(parent)) => Host::Below(name(parent)),
        _ => Host::Name(name(host)),
    };
    Rule { host, port, protocol }
}

fn network(asked: &[&str], allowed: &[&str]) -> Network {
    let rules = |texts: &[&str]| texts.iter().map(|text| rule(text)).collect();
    Network {
        asked: rules(asked),
        allowed: rules(allowed),
        own_ports: vec![6443],
        ..Network::default()
    }
}

/// Whether `target` may be sent to by TCP, when its address is what `names` were seen to stand for.
/// This host has 192.168.7.7, and loopback.
fn permits(network: &Network, names: &[&str], target: &str) -> bool {
    permits_by(network, names, target, Protocol::Tcp)
}

fn permits_by(network: &Network, names: &[&str], target: &str, protocol: Protocol) -> bool {
    let target: std::net::SocketAddr = target.parse().unwrap();
    let target = Target { address: target.ip(), port: target.port(), protocol };
    let names: Vec<_> = names.iter().map(|text| name(text)).collect();
    let own: IpAddr = "192.168.7.7".parse().unwrap();
    network.permits(target, &names, |address| address == own || is_loopback(address))
}

#[test]
fn nothing_is_reached_unless_both_sides_say_so() {
    let rules = ["192.0.2.1 443"];
    for (asked, allowed, expect) in [
        (&[][..], &[][..], false),
        (&rules, &[], false),
        (&[], &rules, false),
        (&rules, &rules, true),
        (&rules, &["*"], true),
        (&["*"], &rules, true),
        (&rules, &["192.0.2.0/24 443 tcp"], true),
        (&rules, &["192.0.2.0/24 80"], false),
        (&rules, &["192.0.2.0/24 443 udp"], false),
        (&rules, &["example.org 443"], false),
    ] {
        let network = network(asked, allowed);
        assert_eq!(permits(&network, &[], "192.0.2.1:443"), expect, "{asked:?} {allowed:?}");
        assert_eq!(network.is_closed(), asked.is_empty() || allowed.is_empty());
    }
    let network = network(&rules, &rules);
    for other in ["192.0.2.2:443", "192.0.2.1:80", "192.0.2.1:0", "[::ffff:192.0.2.2]:443"] {
        assert!(!permits(&network, &[], other), "{other}");
    }
    assert!(permits(&network, &[], "[::ffff:192.0.2.1]:443"), "the same address");
}

#[test]
fn a_name_opens_what_it_stands_for_on_its_ports() {
    let network =
        network(&["example.org 443", "*.example.net"], &["*.example.net 8080", "example.org"]);
    for (names, target, expect) in [
        (&["example.org"][..], "192.0.2.1:443", true),
        (&["example.org"], "[2001:db8::1]:443", true),
        (&["example.org"], "192.0.2.1:80", false),
        (&[], "192.0.2.1:443", false),
        (&["example.com"], "192.0.2.1:443", false),
        (&["a.example.net"], "192.0.2.1:8080", true),
        (&["a.example.net"], "192.0.2.1:443", false),
        (&["example.com", "a.example.net"], "192.0.2.1:8080", true),
    ] {
        assert_eq!(permits(&network, names, target), expect, "{names:?} {target}");
    }
    for (text, expect) in [
        ("example.org", true),
        ("EXAMPLE.ORG.", true),
        ("a.example.net", true),
        ("example.net", false),
        ("a.b.example.net", false),
        ("example.com", false),
        ("secret.evil.example.org", false),
        ("localhost", false),
    ] {
        assert_eq!(network.may_look_up(&name(text)), expect, "{text}");
    }
}

const SPECIAL: [&str; 22] = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "169.254.169.254",
    "169.254.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "::1",
    "::",
    "fe80::1",
    "ff02::1",
    "fd00:ec2::254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "2001:db8::5efe:7f00:1",
];

fn socket(address: &str, port: u16) -> String {
    std::net::SocketAddr::new(address.parse().unwrap(), port).to_string()
}

#[test]
fn special_addresses_are_not_reached_by_what_happens_to_match() {
    // Whoever has a name decides what it stands for.
    let open = network(&["*", "evil.example"], &["*", "evil.example", "0.0.0.0/0", "::/0"]);
    let wide = network(&["*"], &["96.0.0.0/3", "160.0.0.0/3", "2000::/3", "64::/16", "::/8"]);
    for address in SPECIAL {
        for names in [&[][..], &["evil.example"], &["localhost"]] {
            let target = socket(address, 80);
            assert!(!permits(&open, names, &target), "{target} {names:?}");
            assert!(!permits(&wide, names, &target), "{target} {names:?}");
        }
    }
    assert!(permits(&open, &[], "192.0.2.1:80") && permits(&open, &[], "[2001:db8::1]:80"));
}

#[test]
fn special_addresses_are_reached_when_the_host_names_them() {
    for address in SPECIAL {
        let address = address.parse::<IpAddr>().unwrap().to_canonical().to_string();
        let target = socket(&address, 80);
        let named = format!("{address} 80");
        assert!(permits(&network(&["*"], &[&named]), &[], &target), "{address}");
        assert!(!permits(&network(&[&named], &["*"]), &[], &target), "{address}: asked alone");
        let other = format!("{address} 81");
        assert!(!permits(&network(&["*"], &["*", &other]), &[], &target), "{address}: its port");
    }
    for (allowed, target, expect) in [
        ("127.0.0.0/8", "127.1.2.3:80", true),
        ("127.0.0.0/24", "127.1.2.3:80", false),
        ("127.0.0.0/7", "127.1.2.3:80", false),
        ("169.254.0.0/16", "169.254.169.254:80", true),
        ("169.254.0.0/16", "127.0.0.1:80", false),
        ("fe80::/10", "[fe80::1]:80", true),
        ("64:ff9b::/96", "[64:ff9b::7f00:1]:80", false),
        ("64:ff9b::/96", "[64:ff9b::808:808]:80", true),
    ] {
        let network = network(&["*"], &[allowed]);
        assert_eq!(permits(&network, &[], target), expect, "{allowed} {target}");
    }
}

#[test]
fn localhost_is_a_name_for_loopback() {
    let network = network(&["localhost 80"], &["localhost 80"]);
    assert!(network.may_look_up(&name("localhost")));
    for (names, target, expect) in [
        (&["localhost"][..], "127.0.0.1:80", true),
        (&["localhost"], "[::1]:80", true),
        (&["localhost"], "127.0.0.1:81", false),
        // Whatever the host's files say that it stands for.
        (&["localhost"], "169.254.169.254:80", false),
        (&[], "127.0.0.1:80", false),
        (&["other"], "127.0.0.1:80", false),
    ] {
        assert_eq!(permits(&network, names, target), expect, "{names:?} {target}");
    }
    // Another name that stands for it is not it.
    let network = self::network(&["other 80"], &["other 80"]);
    assert!(!permits(&network, &["other"], "127.0.0.1:80"));
    let network = self::network(&["other 80"], &["other 80", "127.0.0.1 80"]);
    assert!(permits(&network, &["other"], "127.0.0.1:80"), "the host names the address");
}

#[test]
fn where_the_host_listens_is_out_of_reach_unless_it_is_named() {
    for (allowed, names, target, expect) in [
        ("192.168.0.0/16", &[][..], "192.168.7.7:6443", false),
        ("192.168.7.7", &[], "192.168.7.7:6443", false),
        ("192.168.0.0/16 6443", &[], "192.168.7.7:6443", false),
        ("192.168.7.7 6443 udp", &[], "192.168.7.7:6443", false),
        ("192.168.7.7 6443", &[], "192.168.7.7:6443", true),
        ("192.168.7.7 6443 tcp", &[], "192.168.7.7:6443", true),
        ("*", &[], "192.168.7.7:6443", false),
        ("*", &[], "[64:ff9b::c0a8:707]:6443", false),
        ("*", &[], "[::ffff:192.168.7.7]:6443", false),
        ("*", &[], "192.168.7.7:6444", true),
        ("*", &[], "192.168.7.8:6443", true),
        ("127.0.0.1", &[], "127.0.0.1:6443", false),
        ("127.0.0.1", &[], "127.0.0.1:6444", true),
        ("127.0.0.1 6443", &[], "127.0.0.1:6443", true),
        ("localhost", &["localhost"], "127.0.0.1:6443", false),
        ("localhost 6443", &["localhost"], "127.0.0.1:6443", true),
        ("api.example", &["api.example"], "192.168.7.7:6443", false),
        ("api.example 6443", &["api.example"], "192.168.7.7:6443", false),
    ] {
        let network = network(&["*"], &[allowed]);
        assert_eq!(permits(&network, names, target), expect, "{allowed} {names:?} {target}");
    }
    let network = network(&["*"], &["*"]);
    assert!(permits_by(&network, &[], "192.168.7.7:6443", Protocol::Udp), "it takes no datagrams");
}

fn any_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())),
        any::<u128>().prop_map(|bits| IpAddr::V6(bits.into())),
        any::<u32>().prop_map(|bits| IpAddr::V6(u128::from(bits).into())),
        any::<u32>().prop_map(|bits| IpAddr::V6((u128::from(bits) | 0xffff << 32).into())),
        any::<u32>().prop_map(|bits| IpAddr::V6((u128::from(bits) | 0x64_ff9b << 96).into())),
        prop::sample::select(&SPECIAL[..]).prop_map(|text| text.parse().unwrap()),
    ]
}

fn any_host() -> impl Strategy<Value = Host> {
    prop_oneof![
        Just(Host::Any),
        prop::sample::select(vec!["a.example", "b.example", "localhost"])
            .prop_map(|text| Host::Name(name(text))),
        Just(Host::Below(name("example"))),
        (any_address(), 0_u8..=128).prop_map(|(network, prefix)| {
            let prefix = if network.is_ipv4() { prefix.min(32) } else { prefix };
            Host::Addresses { network, prefix }
        }),
    ]
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let ports = prop_oneof![Just(Port::Any), Just(Port::Only(80)), Just(Port::Only(6443))];
    let protocols = prop_oneof![Just(None), Just(Some(Protocol::Tcp)), Just(Some(Protocol::Udp))];
    (any_host(), ports, protocols).prop_map(|(host, port, protocol)| Rule { host, port, protocol })
}

fn any_rules() -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec(any_rule(), 0..5)
}

fn any_target() -> impl Strategy<Value = Target> {
    let ports = prop_oneof![Just(80_u16), Just(6443), any::<u16>()];
    let protocols = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)];
    (any_address(), ports, protocols).prop_map(|(address, port, protocol)| Target {
        address,
        port,
        protocol,
    })
}

fn any_names() -> impl Strategy<Value = Vec<HostName>> {
    let names = vec!["a.example", "b.example", "localhost", "other.test"];
    prop::collection::vec(prop::sample::select(names).prop_map(name), 0..3)
}

proptest! {
    #[test]
    fn more_names_and_rules_never_close_and_fewer_never_open(
        asked in any_rules(), allowed in any_rules(), more in any_rule(),
        target in any_target(), names in any_names(), another in any_names(),
    ) {
        let before = Network { asked, allowed, own_ports: vec![6443], ..Network::default() };
        let mut after = before.clone();
        after.asked.push(more.clone());
        after.allowed.push(more);
        let known = [names.clone(), another].concat();
        if before.permits(target, &names, is_loopback) {
            prop_assert!(after.permits(target, &known, is_loopback));
        }
    }

    #[test]
    fn an_address_in_another_form_is_treated_as_the_address(
        asked in any_rules(), allowed in any_rules(), bits in any::<u32>(), port in any::<u16>(),
    ) {
        let network = Network { asked, allowed, ..Network::default() };
        let plain = IpAddr::V4(bits.into());
        let mapped = IpAddr::V6(std::net::Ipv4Addr::from_bits(bits).to_ipv6_mapped());
        let permits = |address| {
            let target = Target { address, port, protocol: Protocol::Tcp };
            network.permits(target, &[], |_| false)
        };
        prop_assert_eq!(permits(plain), permits(mapped));
    }

    #[test]
    fn without_a_rule_that_names_it_no_special_address_is_reached(
        asked in any_rules(), allowed in any_rules(), target in any_target(), names in any_names(),
    ) {
        // Names and wide networks alone, and never the name of loopback.
        let is_wide = |rule: &Rule| match &rule.host {
            Host::Addresses { prefix, .. } => *prefix < 3,
            Host::Name(name) => !name.is_localhost(),
            Host::Any | Host::Below(_) => true,
        };
        let allowed: Vec<_> = allowed.into_iter().filter(is_wide).collect();
        let network = Network { asked, allowed, own_ports: vec![6443], ..Network::default() };
        if network.permits(target, &names, |_| true) {
            prop_assert!(range_of(target.address.to_canonical()).is_none());
            prop_assert!(target.port != 6443 || target.protocol == Protocol::Udp);
        }
    }

    #[test]
    fn what_the_host_does_not_allow_is_refused_whatever_is_asked(
        asked in any_rules(), target in any_target(), names in any_names(),
    ) {
        let network = Network { asked, ..Network::default() };
        prop_assert!(!network.permits(target, &names, |_| false));
    }
}
