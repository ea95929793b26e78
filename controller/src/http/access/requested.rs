//! What requests for certificates may have of those who may not do everything: hosts with a token, and
//! nodes.
//!
//! Kubernetes differs: it lets them have anything, and so would have one of them keep what it asked for
//! for ever, until there is no room for the requests of others.

use crate::api::{Kind, ObjectMeta};
use crate::http::refusal::Refusal;
use crate::http::status::Status;
use crate::limits::CERTIFICATE_REQUEST_BYTES_MAX;

/// Refuses what would have the request of `new` outlast its time, or be too large; what `old` has, if it
/// is there already, stays.
pub(super) fn restrict(old: Option<&ObjectMeta>, new: &ObjectMeta) -> Result<(), Refusal> {
    let refused = |why: String| {
        let name = new.name.as_deref().unwrap_or_default();
        Err(Status::forbidden(Kind::CertificateSigningRequest, name, &why).into())
    };
    let finalizers = |it: &ObjectMeta| it.finalizers.clone().unwrap_or_default();
    if finalizers(new) != old.map(finalizers).unwrap_or_default() {
        return refused("only who may do everything may give it finalizers".to_owned());
    }
    let owners = |it: &ObjectMeta| it.owner_references.clone().unwrap_or_default();
    if owners(new) != old.map(owners).unwrap_or_default() {
        return refused("only who may do everything may give it ownerReferences".to_owned());
    }
    if CERTIFICATE_REQUEST_BYTES_MAX < bytes(new) {
        return refused(format!(
            "its names, labels and annotations may not be more than {CERTIFICATE_REQUEST_BYTES_MAX} \
             bytes"
        ));
    }
    Ok(())
}

/// How much text of the client's own is in `metadata`.
fn bytes(metadata: &ObjectMeta) -> usize {
    let names = [&metadata.name, &metadata.generate_name].into_iter().flatten().map(String::len);
    let maps = [&metadata.labels, &metadata.annotations].into_iter().flatten().flatten();
    names.chain(maps.map(|(key, value)| key.len() + value.len())).sum()
}
