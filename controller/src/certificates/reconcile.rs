//! What a request for a certificate needs next. Pure.
//!
//! Source: Kubernetes' `csrapproving` and `csrsigning`.

use std::net::IpAddr;
use std::sync::Arc;

use super::kubelet::{KEY_ENCIPHERMENT, NODES, Purpose, node_of};
use super::request::Request;
use super::{BACKDATE, Order, clean};
use crate::api::{CertificateSigningRequest, Node, SignedDuration, Timestamp};

/// The group of those who come with a token.
const BOOTSTRAPPERS: &str = "system:bootstrappers";
/// The group of those who may do everything.
const MASTERS: &str = "system:masters";

/// The shortest time for which a certificate is signed because somebody asks for it; Kubernetes' own.
const SHORTEST: SignedDuration = SignedDuration::from_mins(10);
/// What is signed for no longer than this, is good for all of it from now on; Kubernetes' own.
const SHORT: SignedDuration = SignedDuration::from_hours(8);

/// A request for a certificate, and what matters around it.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The request.
    pub request: Arc<CertificateSigningRequest>,
    /// What it asks for, if that is for a node.
    pub asked: Option<Arc<Request>>,
    /// The node that it names, if it is there.
    pub node: Option<Arc<Node>>,
    /// For how long a certificate is good at most.
    pub signing_duration: SignedDuration,
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing, until something changes.
    Nothing,
    /// To say yes, with a reason in a word and in a sentence.
    Approve(&'static str, String),
    /// To say no, in the same way.
    Deny(&'static str, String),
    /// To sign it.
    Sign(Order),
    /// To say why it can't be signed, in the same way.
    Fail(&'static str, String),
    /// To delete it.
    Delete,
}

/// Decides what a request needs next. At the same time and of the same observation it is always the
/// same.
pub fn reconcile(observed: &Observed, now: Timestamp) -> Action {
    let request = &observed.request;
    let is_due = clean::due_at(request).is_some_and(|due| due <= now);
    // Once that is done, it waits for whoever holds it.
    if is_due && request.metadata.deletion_timestamp.is_none() {
        return Action::Delete;
    }
    let Some(purpose) = Purpose::of_signer(&request.spec.signer_name) else {
        return Action::Nothing;
    };
    let status = request.status.as_ref();
    let has = |type_: &str| {
        let mut all = status.iter().flat_map(|it| it.conditions.iter().flatten());
        all.any(|condition| condition.type_ == type_ && condition.status == "True")
    };
    let is_signed =
        status.and_then(|it| it.certificate.as_ref()).is_some_and(|it| !it.0.is_empty());
    if is_signed || has("Denied") || has("Failed") {
        return Action::Nothing;
    }
    let Some(asked) = &observed.asked else { return Action::Nothing };
    if has("Approved") {
        sign(observed, purpose, asked, now)
    } else {
        approve(observed, purpose, asked)
    }
}

fn approve(observed: &Observed, purpose: Purpose, parsed: &Request) -> Action {
    let spec = &observed.request.spec;
    let usages = spec.usages.as_deref().unwrap_or_default();
    if purpose.check(parsed, usages).is_err() {
        return Action::Nothing;
    }
    let is_in = |group: &str| spec.groups.iter().flatten().any(|it| it == group);
    let is_self = spec.username.as_deref() == Some(parsed.common_name.as_str()) && is_in(NODES);
    let yes = |message: &str| Action::Approve("AutoApproved", message.to_owned());
    match purpose {
        Purpose::Client if is_self => {
            yes("Auto approving self kubelet client certificate after SubjectAccessReview.")
        }
        Purpose::Client if is_in(BOOTSTRAPPERS) || is_in(MASTERS) => match &observed.node {
            // Kubernetes differs: it would let a second host be the same node.
            Some(node) if is_ready(node) => {
                let node = node_of(&parsed.common_name).unwrap_or_default();
                let why = format!(
                    "node {node} is there and ready: another host has that name; delete the node if \
                     it is to be replaced"
                );
                Action::Deny("NodeNameTaken", why)
            }
            _ => yes("Auto approving kubelet client certificate after SubjectAccessReview."),
        },
        // Kubernetes differs: it leaves these to people, or to whoever knows the addresses of nodes.
        Purpose::Serving if is_self && has_only_its_own(parsed, observed.node.as_deref()) => {
            yes("Auto approving kubelet serving certificate for the addresses of its node.")
        }
        Purpose::Client | Purpose::Serving => Action::Nothing,
    }
}

fn is_ready(node: &Node) -> bool {
    let mut conditions = node.status.iter().flat_map(|it| it.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Whether all that a certificate is asked for are addresses that the node says it has.
fn has_only_its_own(parsed: &Request, node: Option<&Node>) -> bool {
    let status = node.and_then(|node| node.status.as_ref());
    let own: Vec<_> = status.iter().flat_map(|it| it.addresses.iter().flatten()).collect();
    let is_own =
        |address: &IpAddr| own.iter().any(|it| it.address.parse::<IpAddr>() == Ok(*address));
    parsed.dns_names.iter().all(|name| own.iter().any(|it| it.address == *name))
        && parsed.addresses.iter().all(is_own)
}

fn sign(observed: &Observed, purpose: Purpose, parsed: &Request, now: Timestamp) -> Action {
    let spec = &observed.request.spec;
    let usages = spec.usages.as_deref().unwrap_or_default();
    if let Err(why) = purpose.check(parsed, usages) {
        return Action::Fail("SignerValidationFailure", why);
    }
    let most = observed.signing_duration;
    let span = spec
        .expiration_seconds
        .map_or(most, |seconds| SignedDuration::from_secs(seconds.into()).max(SHORTEST).min(most));
    let rest = if span < SHORT { span } else { span.saturating_sub(BACKDATE) };
    Action::Sign(Order {
        purpose,
        common_name: parsed.common_name.clone(),
        organizations: parsed.organizations.clone(),
        dns_names: parsed.dns_names.clone(),
        addresses: parsed.addresses.clone(),
        public_key: parsed.public_key.clone(),
        has_key_encipherment: usages.iter().any(|usage| usage == KEY_ENCIPHERMENT),
        not_before: now.checked_sub(BACKDATE).unwrap_or(now),
        not_after: now.checked_add(rest).unwrap_or(now),
    })
}
