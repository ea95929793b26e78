//! What a container requests and is limited to.

use k8s_openapi::api::core::v1::ResourceRequirements;

use super::meta::NON_NEGATIVE;
use crate::admission::error::Errors;
use crate::admission::path::Path;
use crate::quantity::Amount;

/// What is said of a text that is no amount.
pub(crate) const NO_AMOUNT: &str = "quantities must match the regular expression \
                         '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// Whether `name` is one of Kubernetes' own resources.
pub(crate) fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether `name` is a resource that somebody else has made up; those come in whole numbers.
pub(crate) fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.")
}

/// Whether `name` is that of memory pages of a size.
pub(crate) fn is_huge_page(name: &str) -> bool {
    name.strip_prefix("requests.").unwrap_or(name).starts_with("hugepages-")
}

/// Validates the resources of a container.
pub(super) fn requirements(
    resources: Option<&ResourceRequirements>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let Some(resources) = resources else { return };
    let parse = |text: &str| Amount::parse(text);
    for (name, text) in resources.limits.iter().flatten() {
        amount(&text.0, &at.child("limits").key(name), errors);
    }
    let requests = at.child("requests");
    for (name, text) in resources.requests.iter().flatten() {
        amount(&text.0, &requests.key(name), errors);
        let limit = resources.limits.as_ref().and_then(|limits| limits.get(name));
        let (Some(request), Some(limit)) =
            (parse(&text.0), limit.and_then(|limit| parse(&limit.0)))
        else {
            continue;
        };
        if request > limit {
            let detail = format!("must be less than or equal to {name} limit of {limit}");
            errors.invalid(&requests, &request.to_string(), &detail);
        }
    }
}

fn amount(text: &str, at: &Path<'_>, errors: &mut Errors) {
    match Amount::parse(text) {
        None => errors.invalid(at, text, NO_AMOUNT),
        Some(amount) if amount.is_negative() => {
            errors.invalid(at, &amount.to_string(), NON_NEGATIVE);
        }
        Some(_) => {}
    }
}
