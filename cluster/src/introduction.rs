//! What the operator has a node say of itself, beside what its agent describes. Pure.

use std::collections::BTreeMap;
use std::str::FromStr;

use k8s_openapi::api::core::v1;
use mayfly_controller::api::names::KUBELET_AUTHORITY;
use mayfly_controller::api::{Node, NodeSpec};

/// What guests are compiled for: no node of another kind can run them, and this one no others.
const ARCHITECTURE: &str = "wasm32";
const SYSTEM: &str = "wasi";

/// The feature by which an API server passes a client's WebSocket on as it is (Kubernetes 1.36); it speaks
/// SPDY to other nodes, which is not spoken here.
const WEB_SOCKETS: &str = "ExtendWebSocketsToKubelet";

/// What a node says of itself.
#[derive(Clone, Debug, Default)]
pub struct Introduction {
    /// Labels beside those that tell what it is.
    pub labels: BTreeMap<String, String>,
    /// The taints that it registers itself with; afterwards they are the cluster's.
    pub taints: Vec<Taint>,
    /// Where it answers the API server, if it does.
    pub kubelet_port: Option<u16>,
    /// The authority (PEM) that the certificate is of which it shows there; empty if it is one of the API
    /// server's.
    pub kubelet_authority: Option<String>,
}

/// A taint, as it is written: `KEY[=VALUE]:EFFECT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    key: String,
    value: Option<String>,
    effect: String,
}

impl FromStr for Taint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "KEY[=VALUE]:EFFECT is wanted, of which EFFECT is NoSchedule, PreferNoSchedule or \
             NoExecute"
                .to_owned()
        };
        let (name, effect) = text.rsplit_once(':').ok_or_else(wrong)?;
        let (key, value) = match name.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (name, None),
        };
        let is_known = ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect);
        if key.is_empty() || !is_known {
            return Err(wrong());
        }
        Ok(Self { key: key.to_owned(), value, effect: effect.to_owned() })
    }
}

impl Introduction {
    /// `node`, as its agent describes it, with what it says beside that.
    pub(crate) fn of(&self, mut node: Node) -> Node {
        let labels = node.metadata.labels.get_or_insert_default();
        let own = [
            ("kubernetes.io/arch", ARCHITECTURE),
            ("kubernetes.io/os", SYSTEM),
            ("type", "mayfly"),
        ];
        labels.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        labels.extend(self.labels.clone());
        if let Some(authority) = &self.kubelet_authority {
            let annotations = node.metadata.annotations.get_or_insert_default();
            annotations.insert(KUBELET_AUTHORITY.to_owned(), authority.clone());
        }
        if !self.taints.is_empty() {
            let taint = |taint: &Taint| v1::Taint {
                key: taint.key.clone(),
                value: taint.value.clone(),
                effect: taint.effect.clone(),
                time_added: None,
            };
            let taints = Some(self.taints.iter().map(taint).collect());
            node.spec = Some(NodeSpec { taints, ..NodeSpec::default() });
        }
        if let Some(status) = &mut node.status {
            if let Some(info) = &mut status.node_info {
                ARCHITECTURE.clone_into(&mut info.architecture);
                SYSTEM.clone_into(&mut info.operating_system);
            }
            let endpoint = self.kubelet_port.map(|port| v1::DaemonEndpoint { port: port.into() });
            status.declared_features = endpoint.as_ref().map(|_| vec![WEB_SOCKETS.to_owned()]);
            status.daemon_endpoints =
                endpoint.map(|it| v1::NodeDaemonEndpoints { kubelet_endpoint: Some(it) });
        }
        node
    }
}

/// Has `node` say that it is shutting down, in the kubelet's words.
pub(crate) fn shut_down(node: &mut Node) {
    let conditions = node.status.iter_mut().flat_map(|it| it.conditions.iter_mut().flatten());
    for ready in conditions.filter(|it| it.type_ == "Ready") {
        ready.status = "False".to_owned();
        ready.reason = Some("KubeletNotReady".to_owned());
        ready.message = Some("node is shutting down".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_answers_says_that_it_speaks_web_sockets() {
        let check = |kubelet_port: Option<u16>, expect: Option<&str>| {
            let introduction = Introduction { kubelet_port, ..Introduction::default() };
            let node = Node { status: Some(v1::NodeStatus::default()), ..Node::default() };
            let features = introduction.of(node).status.and_then(|it| it.declared_features);
            assert_eq!(features, expect.map(|it| vec![it.to_owned()]));
        };
        check(Some(10_250), Some("ExtendWebSocketsToKubelet"));
        check(None, None);
    }

    #[test]
    fn taints_are_read_as_kubernetes_writes_them() {
        let check = |text: &str, expect: Option<(&str, Option<&str>, &str)>| {
            let taint = text.parse().ok();
            let expect = expect.map(|(key, value, effect)| Taint {
                key: key.to_owned(),
                value: value.map(str::to_owned),
                effect: effect.to_owned(),
            });
            assert_eq!(taint, expect, "{text}");
        };
        check("a/b:NoSchedule", Some(("a/b", None, "NoSchedule")));
        check("a=b:NoExecute", Some(("a", Some("b"), "NoExecute")));
        check("a=:PreferNoSchedule", Some(("a", Some(""), "PreferNoSchedule")));
        check("a", None);
        check(":NoSchedule", None);
        check("a:Never", None);
    }
}
