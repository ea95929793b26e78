//! What a container may reach, in the sandbox's words.

use mayfly_controller::network as pod;
use mayfly_controller::node::Network as ContainerNetwork;
use mayfly_runtime::{Host, HostName, Network, Port, Protocol, Rule};

use super::Reach;

/// The network of a container whose requests carry these headers, of which `reach` says what is the same for all.
pub(super) fn of(
    network: &ContainerNetwork,
    request_headers: Vec<(String, String)>,
    reach: &Reach,
) -> Network {
    Network {
        asked: network.asked.iter().filter_map(rule).collect(),
        allowed: network.allowed.iter().filter_map(rule).collect(),
        own_ports: reach.own_ports.clone(),
        authorities: reach.authorities.clone(),
        request_headers,
    }
}

/// A rule that the sandbox could not read would open nothing; both read names alike.
fn rule(rule: &pod::HostRule) -> Option<Rule> {
    let host = match &rule.host {
        pod::Host::Any => Host::Any,
        pod::Host::Name(name) => Host::Name(HostName::new(name)?),
        pod::Host::Below(parent) => Host::Below(HostName::new(parent)?),
        pod::Host::Addresses { network, prefix } => {
            Host::Addresses { network: *network, prefix: *prefix }
        }
    };
    let protocol = rule.protocol.map(|protocol| match protocol {
        pod::Protocol::Tcp => Protocol::Tcp,
        pod::Protocol::Udp => Protocol::Udp,
    });
    Some(Rule { host, port: rule.port.map_or(Port::Any, Port::Only), protocol })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_a_pod_is_one_of_the_sandbox() {
        let text = "*, example.org:443/tcp, *.example.net, 192.0.2.1:53/udp, 10.0.0.0/8, \
                    [2001:db8::/32]:443, localhost:80, _a.example, xn--bcher-kva.example, 0xfood";
        let rules = pod::parse_rules(text).expect("they must be good");
        let translated: Vec<_> = rules.iter().filter_map(rule).collect();
        assert_eq!(translated.len(), 10);
        assert_eq!(
            translated[1],
            Rule {
                host: Host::Name(HostName::new("example.org").expect("a name")),
                port: Port::Only(443),
                protocol: Some(Protocol::Tcp),
            }
        );
        let network = "2001:db8::".parse().expect("an address");
        assert_eq!(translated[5].host, Host::Addresses { network, prefix: 32 });
    }
}
