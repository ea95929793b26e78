//! When a request for a certificate is over. Pure.
//!
//! Source: Kubernetes' `csrcleaner`.

use x509_parser::pem::parse_x509_pem;

use crate::api::{CertificateSigningRequest, SignedDuration, Time, Timestamp};

/// How long it is kept after it was decided, or has failed.
const DECIDED: SignedDuration = SignedDuration::from_hours(1);
/// How long it waits for somebody to decide.
const PENDING: SignedDuration = SignedDuration::from_hours(24);

/// Whether nothing becomes of `request` any more: it is signed, or refused.
pub(super) fn is_over(request: &CertificateSigningRequest) -> bool {
    let Some(status) = &request.status else { return false };
    let mut conditions = status.conditions.iter().flatten();
    status.certificate.as_ref().is_some_and(|it| !it.0.is_empty())
        || conditions.any(|it| matches!(it.type_.as_str(), "Denied" | "Failed"))
}

/// When `request` is to be deleted; never if its signer takes its time.
pub(super) fn due_at(request: &CertificateSigningRequest) -> Option<Timestamp> {
    let status = request.status.as_ref();
    let conditions: Vec<_> = status.iter().flat_map(|it| it.conditions.iter().flatten()).collect();
    let created = request.metadata.creation_timestamp.as_ref();
    if conditions.is_empty() {
        return after(created, PENDING);
    }
    let certificate = status.and_then(|it| it.certificate.as_ref()).filter(|it| !it.0.is_empty());
    let ends = conditions.into_iter().filter_map(|condition| match condition.type_.as_str() {
        "Approved" if certificate.is_none() => None,
        "Approved" | "Denied" | "Failed" => after(condition.last_update_time.as_ref(), DECIDED),
        _ => None,
    });
    ends.chain(certificate.and_then(|it| end_of(&it.0))).min()
}

fn after(time: Option<&Time>, span: SignedDuration) -> Option<Timestamp> {
    time.and_then(|time| time.0.checked_add(span).ok())
}

/// When the first certificate in `pem` ends.
fn end_of(pem: &[u8]) -> Option<Timestamp> {
    let (_, block) = parse_x509_pem(pem).ok()?;
    let certificate = block.parse_x509().ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}
