//! The authority of a server's certificates: made at the first start, kept in the state folder.
//!
//! ```text
//! STATE/tls/ca.crt   what clients know the server by
//! STATE/tls/ca.key   who has it is everybody: only its owner may read it
//! ```
//!
//! What it signs is made anew by each process and kept nowhere, so that nothing else needs care.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::serve::files;

/// How long an authority is good for; kubeadm's number.
const AUTHORITY_DAYS: i64 = 3650;
/// How long a certificate is; kubeadm's number.
const CERTIFICATE_DAYS: i64 = 365;
/// The rest of an authority's time in which a new one takes its place: it can't sign for longer.
const AUTHORITY_DAYS_MIN: i64 = CERTIFICATE_DAYS + 1;

/// Signs certificates that clients of this server trust.
pub(super) struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Whom a certificate is for.
pub(super) enum Subject<'a> {
    /// A server that is known by these names and addresses.
    Server(&'a [SanType]),
    /// A user with a group, as Kubernetes reads them: `CN` and `O`.
    User { name: &'a str, group: &'a str },
}

/// A certificate with its key.
pub(super) struct Issued {
    /// The certificate, as PEM.
    pub(super) pem: String,
    /// The certificate.
    pub(super) certificate: CertificateDer<'static>,
    /// The key.
    key: KeyPair,
}

impl Authority {
    /// The authority that is kept in `folder`, or a new one if there is none, or none for long.
    pub(super) fn open(folder: &Path, now: Timestamp) -> anyhow::Result<Self> {
        files::make_private_folder(folder)?;
        let (certificate, key) = (folder.join("ca.crt"), folder.join("ca.key"));
        let kept = match (fs::read_to_string(&certificate), fs::read_to_string(&key)) {
            (Ok(certificate), Ok(key)) => Some((certificate, key)),
            // A crash between the two leaves a key without a certificate, which nobody knows yet.
            (Err(error), _) if error.kind() == io::ErrorKind::NotFound => None,
            (Err(error), _) => return Err(files::cant_read(&certificate, error)),
            (_, Err(error)) => return Err(files::cant_read(&key, error)),
        };
        if let Some((pem, key_pem)) = kept {
            let authority = Self::parse(pem, &key_pem).with_context(|| {
                format!(
                    "{} can't be used: mend it, or delete it so that a new authority is made, \
                     which no kubeconfig of before trusts",
                    folder.display()
                )
            })?;
            if authority.lasts_from(now)? {
                return Ok(authority);
            }
            tracing::warn!("the authority of the certificates is near its end: making a new one");
        }
        let made = Self::make(now).context("can't make an authority for certificates")?;
        files::write_private(&key, made.issuer.key().serialize_pem().as_bytes())?;
        files::write_public(&certificate, made.pem.as_bytes())?;
        Ok(made)
    }

    fn make(now: Timestamp) -> anyhow::Result<Self> {
        let mut params = params(now, AUTHORITY_DAYS)?;
        params.distinguished_name.push(DnType::CommonName, "mayfly");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let made = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Self::parse(made.pem(), &made.key().serialize_pem())
    }

    fn parse(pem: String, key: &str) -> anyhow::Result<Self> {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())?;
        let issuer = Issuer::from_ca_cert_der(&certificate, KeyPair::from_pem(key)?)?;
        Ok(Self { certificate, pem, issuer })
    }

    fn lasts_from(&self, now: Timestamp) -> anyhow::Result<bool> {
        let (_, parsed) = x509_parser::parse_x509_certificate(&self.certificate)?;
        let left = parsed.validity().not_after.timestamp() - now.as_second();
        Ok(left > AUTHORITY_DAYS_MIN * 24 * 3600)
    }

    /// Its certificate, as PEM.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// Its certificate.
    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Signs a certificate for `subject`, with a key that nobody has had before.
    pub(super) fn issue(&self, subject: &Subject<'_>, now: Timestamp) -> anyhow::Result<Issued> {
        let mut params = params(now, CERTIFICATE_DAYS)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        match subject {
            Subject::Server(names) => {
                params.distinguished_name.push(DnType::CommonName, "mayfly server");
                params.subject_alt_names = names.to_vec();
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }
            Subject::User { name, group } => {
                params.distinguished_name.push(DnType::CommonName, *name);
                params.distinguished_name.push(DnType::OrganizationName, *group);
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
        }
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued { pem: certificate.pem(), certificate: certificate.into(), key })
    }
}

impl Issued {
    /// Its key, as PEM.
    pub(super) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// Its key.
    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }
}

/// A certificate that is good from the day before `now`, since clocks differ, for `days`.
fn params(now: Timestamp, days: i64) -> anyhow::Result<CertificateParams> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let at = |days: i64| -> anyhow::Result<_> {
        let date = today.checked_add(days.days())?;
        Ok(date_time_ymd(
            date.year().into(),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        ))
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    (params.not_before, params.not_after) = (at(-1)?, at(days)?);
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_authority_is_kept_until_it_nears_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let open = |now: &str| Authority::open(folder.path(), at(now)).unwrap().pem;
        let first = open("2026-03-01T00:00:00Z");
        assert_eq!(open("2034-03-01T00:00:00Z"), first);
        let second = open("2035-06-01T00:00:00Z");
        assert_ne!(second, first);
        assert_eq!(open("2035-06-02T00:00:00Z"), second);
    }

    #[test]
    fn a_certificate_says_whose_it_is_and_for_how_long() {
        let folder = tempfile::tempdir().unwrap();
        let now = at("2026-03-01T12:00:00Z");
        let authority = Authority::open(folder.path(), now).unwrap();
        let subject = Subject::User { name: "admin", group: "system:masters" };
        let issued = authority.issue(&subject, now).unwrap();
        let (_, parsed) = x509_parser::parse_x509_certificate(&issued.certificate).unwrap();
        assert_eq!(parsed.subject().to_string(), "CN=admin, O=system:masters");
        assert_eq!(parsed.issuer().to_string(), "CN=mayfly");
        let days = (parsed.validity().not_after.timestamp() - now.as_second()) / (24 * 3600);
        assert_eq!(days, CERTIFICATE_DAYS - 1);
    }

    #[test]
    fn a_broken_authority_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.crt"), "no").unwrap();
        fs::write(folder.path().join("ca.key"), "no").unwrap();
        let error = Authority::open(folder.path(), at("2026-03-01T00:00:00Z")).err().unwrap();
        assert!(format!("{error:#}").contains("can't be used: mend it, or delete it"), "{error:#}");
    }
}
