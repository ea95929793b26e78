//! Certificates for nodes: who asks for one, who gets one, and for how long.
//!
//! ```text
//! CertificateSigningRequest ─▶ Request (parsed) ─▶ reconcile (pure) ─▶ approve, sign, fail or delete
//! ```
//!
//! What Kubernetes does in four controllers (`csrapproving`, `csrsigning`, `csrcleaner`, and whoever
//! approves the serving certificates of kubelets). Keys are known to the [`Signer`] alone, which whoever
//! serves provides.

mod clean;
mod controller;
mod index;
mod kubelet;
mod queue;
mod reconcile;
mod request;

pub use self::controller::CertificateController;
pub use self::kubelet::Purpose;
pub use self::reconcile::{Action, Observed, reconcile};
pub use self::request::{Malformed, Request};

use std::net::IpAddr;

use crate::api::{CertificateSigningRequest, SignedDuration, Timestamp};

/// How long before it is signed a certificate begins, since clocks differ; Kubernetes' number.
pub const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// A certificate that is to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What it is for.
    pub purpose: Purpose,
    /// The subject's `CN`.
    pub common_name: String,
    /// The subject's `O`s.
    pub organizations: Vec<String>,
    /// Its alternative names.
    pub dns_names: Vec<String>,
    /// Its alternative addresses.
    pub addresses: Vec<IpAddr>,
    /// Whose it is: the subject's `SubjectPublicKeyInfo`, as DER.
    pub public_key: Vec<u8>,
    /// Whether its key may encipher others.
    pub has_key_encipherment: bool,
    /// From when it is good.
    pub not_before: Timestamp,
    /// Until when, unless the authority ends before that.
    pub not_after: Timestamp,
}

/// An authority.
pub trait Signer: Send + Sync + 'static {
    /// The certificate (PEM) of `order`, or why there can't be one.
    fn sign(&self, order: &Order) -> Result<String, String>;
}

/// Whether nobody has decided on `request`.
pub(crate) fn is_pending(request: &CertificateSigningRequest) -> bool {
    let conditions = request.status.as_ref().and_then(|it| it.conditions.as_ref());
    conditions.is_none_or(Vec::is_empty)
}

#[cfg(test)]
mod tests;
