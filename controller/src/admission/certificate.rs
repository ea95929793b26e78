//! CertificateSigningRequests: what is asked for, and who may say what of it.
//!
//! Source: Kubernetes' validation of certificates.k8s.io/v1, and the strategies of its three endpoints.

use k8s_openapi::ByteString;
use x509_parser::pem::Pem;

use super::error::{Errors, Json, Nothing};
use super::path::Path;
use super::validate::format;
use super::validate::meta::{each, object_meta, object_meta_update};
use super::{Admitted, Invalid, keep_system_metadata};
use crate::api::{
    CertificateSigningRequest, CertificateSigningRequestCondition, Kind, Time, Timestamp,
};
use crate::certificates::{Malformed, Purpose, Request};
use crate::limits::CERTIFICATE_REQUEST_BYTES_MAX;

/// What a key may be used for.
const USAGES: &[&str] = &[
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

/// The conditions that may not go again.
const LASTING: [&str; 3] = ["Approved", "Denied", "Failed"];

/// A signer of the first version of the API, which is no name in this one.
const LEGACY_SIGNER: &str = "kubernetes.io/legacy-unknown";

/// The shortest time that can be asked for.
const EXPIRATION_SECONDS_MIN: i32 = 600;

/// Which part of a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificatePart {
    /// The object itself, of which nothing but the metadata can change.
    Whole,
    /// What its signer says.
    Status,
    /// What is decided.
    Approval,
}

/// Admits a request that is to be created with this uid. Its name must have been made, and it must say
/// who asks.
pub fn admit_certificate_signing_request(
    mut object: CertificateSigningRequest,
    uid: &str,
) -> Result<Admitted<CertificateSigningRequest>, Invalid> {
    object.metadata.uid = Some(uid.to_owned());
    // Nothing is decided by whoever asks.
    object.status = None;
    let mut errors = Errors::default();
    // Kubernetes does not care what requests are called.
    object_meta(&object.metadata, |_| Vec::new(), &Path::new("metadata"), &mut errors);
    spec(&object, &mut errors);
    errors.into_result(Kind::CertificateSigningRequest, object.metadata.name.as_deref())?;
    let signer = &object.spec.signer_name;
    let warnings = match Purpose::of_signer(signer) {
        Some(_) => Vec::new(),
        None => {
            vec![format!("nobody signs for {signer} here: the request waits for another signer")]
        }
    };
    Ok(Admitted { object, warnings })
}

/// Admits the `part` of `new` to be written at `now` over that of `old`; everything else stays.
pub fn admit_certificate_signing_request_update(
    mut new: CertificateSigningRequest,
    old: &CertificateSigningRequest,
    part: CertificatePart,
    now: Timestamp,
) -> Result<Admitted<CertificateSigningRequest>, Invalid> {
    keep_system_metadata(&mut new.metadata, &old.metadata);
    new.spec.clone_from(&old.spec);
    match part {
        CertificatePart::Whole => new.status.clone_from(&old.status),
        CertificatePart::Status => keep_decisions(&mut new, old),
        CertificatePart::Approval => {
            let certificate = certificate(old).cloned();
            if certificate.is_some() || new.status.is_some() {
                new.status.get_or_insert_default().certificate = certificate;
            }
        }
    }
    set_times(&mut new, old, now);
    let mut errors = Errors::default();
    object_meta_update(&new.metadata, &old.metadata, &Path::new("metadata"), &mut errors);
    if part != CertificatePart::Whole {
        status(&new, &mut errors);
        change(&new, old, part, &mut errors);
    }
    errors.into_result(Kind::CertificateSigningRequest, new.metadata.name.as_deref())?;
    Ok(Admitted { object: new, warnings: Vec::new() })
}

fn conditions(
    object: &CertificateSigningRequest,
) -> impl Iterator<Item = &CertificateSigningRequestCondition> {
    object.status.iter().flat_map(|it| it.conditions.iter().flatten())
}

fn certificate(object: &CertificateSigningRequest) -> Option<&ByteString> {
    object.status.as_ref()?.certificate.as_ref().filter(|it| !it.0.is_empty())
}

/// Who writes the status has not decided anything, and leaves what was decided.
fn keep_decisions(new: &mut CertificateSigningRequest, old: &CertificateSigningRequest) {
    for type_ in ["Approved", "Denied"] {
        let before: Vec<_> = conditions(old).filter(|it| it.type_ == type_).cloned().collect();
        let mut kept = before.iter().cloned();
        let all = new.status.iter_mut().flat_map(|it| it.conditions.iter_mut().flatten());
        for condition in all.filter(|it| it.type_ == type_) {
            // One that was not there is complained of.
            if let Some(old) = kept.next() {
                *condition = old;
            }
        }
    }
}

/// Conditions say when they came, whether or not whoever adds them does.
fn set_times(new: &mut CertificateSigningRequest, old: &CertificateSigningRequest, now: Timestamp) {
    let Some(status) = &mut new.status else { return };
    for condition in status.conditions.iter_mut().flatten() {
        let (type_, is) = (&condition.type_, &condition.status);
        let same = conditions(old).find(|it| it.type_ == *type_ && it.status == *is);
        let since = same.and_then(|it| it.last_transition_time.clone());
        condition.last_update_time.get_or_insert(Time(now));
        if condition.last_transition_time.is_none() {
            condition.last_transition_time = since.or(Some(Time(now)));
        }
    }
}

fn spec(object: &CertificateSigningRequest, errors: &mut Errors) {
    let (spec, at) = (&object.spec, Path::new("spec"));
    match Request::parse(&spec.request.0) {
        Ok(_) => {}
        Err(Malformed::TooLong) => {
            errors.too_long(&at.child("request"), CERTIFICATE_REQUEST_BYTES_MAX);
        }
        Err(why) => errors.invalid(&at.child("request"), Json(&spec.request), &why.to_string()),
    }
    let usages = spec.usages.as_deref().unwrap_or_default();
    let at_usages = at.child("usages");
    if usages.is_empty() {
        errors.required(&at_usages, "");
    }
    for (index, usage) in usages.iter().enumerate() {
        if !USAGES.contains(&usage.as_str()) {
            errors.not_supported(&at_usages.index(index), usage, USAGES);
        }
    }
    for (index, usage) in usages.iter().enumerate() {
        if usages[..index].contains(usage) {
            errors.duplicate(&at_usages.index(index), usage);
        }
    }
    signer_name(&spec.signer_name, &at.child("signerName"), errors);
    if let Some(seconds) = spec.expiration_seconds.filter(|it| *it < EXPIRATION_SECONDS_MIN) {
        let why = "may not specify a duration less than 600 seconds (10 minutes)";
        errors.invalid(&at.child("expirationSeconds"), seconds, why);
    }
}

/// `domain/path`, of which the path may have dots.
fn signer_name(name: &str, at: &Path<'_>, errors: &mut Errors) {
    if name.is_empty() {
        return errors.required(at, "");
    }
    if name == LEGACY_SIGNER {
        return errors.invalid(
            at,
            name,
            "the legacy signerName is not allowed via this API version",
        );
    }
    let [domain, path] = name.split('/').collect::<Vec<_>>()[..] else {
        let why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return errors.invalid(at, name, why);
    };
    each(format::dns_subdomain(domain), |complaint| errors.invalid(at, domain, complaint));
    if !domain.contains('.') {
        errors.invalid(
            at,
            domain,
            "should be a domain with at least two segments separated by dots",
        );
    }
    if path.len() + domain.len() + 1 > 571 {
        errors.too_long(at, 571);
    }
    each(format::dns_subdomain(path), |complaint| errors.invalid(at, path, complaint));
}

fn status(object: &CertificateSigningRequest, errors: &mut Errors) {
    let at = Path::new("status.conditions");
    let all: Vec<_> = conditions(object).collect();
    for (index, condition) in all.iter().enumerate() {
        let at = at.index(index);
        if condition.type_.is_empty() {
            errors.required(&at.child("type"), "");
        }
        let lasts = LASTING.contains(&condition.type_.as_str());
        match condition.status.as_str() {
            "" => errors.required(&at.child("status"), ""),
            "True" => {}
            "False" | "Unknown" if !lasts => {}
            other => {
                let good: &[&str] = if lasts { &["True"] } else { &["False", "True", "Unknown"] };
                errors.not_supported(&at.child("status"), other, good);
            }
        }
        if all[..index].iter().any(|it| it.type_ == condition.type_) {
            errors.duplicate(&at.child("type"), &condition.type_);
        }
        let opposite = match condition.type_.as_str() {
            "Approved" => "Denied",
            "Denied" => "Approved",
            _ => continue,
        };
        if all[..index].iter().any(|it| it.type_ == opposite) {
            let why = "Approved and Denied conditions are mutually exclusive";
            errors.invalid(&at.child("type"), &condition.type_, why);
        }
    }
    if let Some(why) = certificate(object).and_then(|it| no_certificate(&it.0)) {
        errors.invalid(&Path::new("status").child("certificate"), "<certificate data>", &why);
    }
}

/// Why `pem` is no certificates, if it is none.
fn no_certificate(pem: &[u8]) -> Option<String> {
    let mut blocks = 0;
    for block in Pem::iter_from_buffer(pem) {
        let Ok(block) = block else { return Some("a PEM block can't be read".to_owned()) };
        if block.label != "CERTIFICATE" {
            let label = block.label;
            return Some(format!("only CERTIFICATE PEM blocks are allowed, found \"{label}\""));
        }
        if block.parse_x509().is_err() {
            return Some("a CERTIFICATE PEM block is no certificate".to_owned());
        }
        blocks += 1;
    }
    (blocks == 0).then(|| "must contain at least one CERTIFICATE PEM block".to_owned())
}

/// What may not be made of `old`, by whoever writes this `part`.
fn change(
    new: &CertificateSigningRequest,
    old: &CertificateSigningRequest,
    part: CertificatePart,
    errors: &mut Errors,
) {
    let at = Path::new("status");
    let count = |object: &CertificateSigningRequest, type_: &str| {
        conditions(object).filter(|it| it.type_ == type_).count()
    };
    for type_ in LASTING {
        if count(new, type_) < count(old, type_) {
            let why = format!("updates may not remove a condition of type \"{type_}\"");
            errors.forbidden(&at.child("conditions"), &why);
        }
    }
    if part != CertificatePart::Approval {
        for type_ in ["Approved", "Denied"] {
            if count(new, type_) > count(old, type_) {
                let why = format!("updates may not add a condition of type \"{type_}\"");
                errors.forbidden(&at.child("conditions"), &why);
            }
        }
    }
    if certificate(old).is_some() && certificate(new) != certificate(old) {
        let why = "updates may not modify existing certificate content";
        errors.invalid(&at.child("certificate"), Nothing, why);
    }
}

#[cfg(test)]
mod tests;
