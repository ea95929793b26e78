//! Which certificates a node may be given. Pure.
//!
//! Source: Kubernetes' rules for its signers (`ValidateKubeletClientCSR`, `ValidateKubeletServingCSR`).

use super::request::Request;
use crate::admission::dns_subdomain;
use crate::api::names::{KUBELET_CLIENT_SIGNER, KUBELET_SERVING_SIGNER};

/// The group of nodes, and with what the names of their users begin.
pub(super) const NODES: &str = "system:nodes";
pub(super) const NODE_PREFIX: &str = "system:node:";

/// The usage without which keys do that are no RSA.
pub(super) const KEY_ENCIPHERMENT: &str = "key encipherment";

/// What a node's certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The node shows it to the API server.
    Client,
    /// The node shows it to who asks its kubelet's endpoints.
    Serving,
}

impl Purpose {
    /// What the certificates of this signer are for, if it signs here.
    pub fn of_signer(name: &str) -> Option<Self> {
        match name {
            KUBELET_CLIENT_SIGNER => Some(Self::Client),
            KUBELET_SERVING_SIGNER => Some(Self::Serving),
            _ => None,
        }
    }

    /// The usages that it must have.
    fn usages(self) -> [&'static str; 2] {
        match self {
            Self::Client => ["digital signature", "client auth"],
            Self::Serving => ["digital signature", "server auth"],
        }
    }

    /// Why `request` with these `usages` is none for such a certificate, if it is none.
    pub fn check(self, request: &Request, usages: &[String]) -> Result<(), String> {
        let refused = |why: &str| Err(why.to_owned());
        if request.organizations != [NODES] {
            return refused("subject organization is not system:nodes");
        }
        let (has_names, has_addresses) =
            (!request.dns_names.is_empty(), !request.addresses.is_empty());
        match self {
            Self::Client if has_names => return refused("DNS subjectAltNames are not allowed"),
            Self::Client if has_addresses => return refused("IP subjectAltNames are not allowed"),
            Self::Serving if !has_names && !has_addresses => {
                return refused("DNS or IP subjectAltName is required");
            }
            _ => {}
        }
        if request.has_emails {
            return refused("Email subjectAltNames are not allowed");
        }
        if request.has_uris {
            return refused("URI subjectAltNames are not allowed");
        }
        let Some(node) = node_of(&request.common_name) else {
            return refused("subject common name does not begin with system:node: ");
        };
        // Kubernetes differs: it looks at the beginning alone. No Node can be called otherwise, and a
        // blank at the end, which somebody may leave out, would make it the name of another.
        if let Some(why) = dns_subdomain(node).first() {
            return Err(format!("subject common name is of no node: {why}"));
        }
        let required = self.usages();
        let may_be = |usage: &str| usage == KEY_ENCIPHERMENT || required.contains(&usage);
        let is_there = |usage: &&str| usages.iter().any(|it| it == usage);
        if !required.iter().all(is_there) || !usages.iter().all(|usage| may_be(usage)) {
            return Err(format!(
                "usages did not match {required:?}, with or without key encipherment"
            ));
        }
        Ok(())
    }
}

/// The node whose user is called `user`.
pub(super) fn node_of(user: &str) -> Option<&str> {
    user.strip_prefix(NODE_PREFIX).filter(|node| !node.is_empty())
}
