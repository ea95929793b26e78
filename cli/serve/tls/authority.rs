//! The authority of a server's certificates: made at the first start, kept in the state folder.
//!
//! ```text
//! STATE/tls/ca.crt   what clients know the server by
//! STATE/tls/ca.key   who has it is everybody: only its owner may read it
//! STATE/tls/kubelet/  the same once more, for what nodes show: no client of the server trusts it
//! ```
//!
//! What it signs is made anew by each process and kept nowhere, so that nothing else needs care.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use mayfly_controller::certificates::{Order, Purpose};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber, SubjectPublicKeyInfo, date_time_ymd,
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
    /// A user, mostly with a group, as Kubernetes reads them: `CN` and `O`.
    User { name: &'a str, group: Option<&'a str> },
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
    /// The authority that is kept in `folder`, or a new one called `name` if there is none, or none for
    /// long.
    pub(super) fn open(folder: &Path, name: &str, now: Timestamp) -> anyhow::Result<Self> {
        if let Some(authority) = Self::kept(folder)? {
            if authority.lasts_from(now)? {
                return Ok(authority);
            }
            tracing::warn!("the authority of the certificates is near its end: making a new one");
        }
        let made = Self::make(name, now).context("can't make an authority for certificates")?;
        files::write_private(&folder.join("ca.key"), made.issuer.key().serialize_pem().as_bytes())?;
        files::write_public(&folder.join("ca.crt"), made.pem.as_bytes())?;
        Ok(made)
    }

    /// The authority that is kept in `folder`, however near its end it is.
    pub(super) fn kept(folder: &Path) -> anyhow::Result<Option<Self>> {
        files::make_private_folder(folder)?;
        let (certificate, key) = (folder.join("ca.crt"), folder.join("ca.key"));
        let (pem, key_pem) = match (fs::read_to_string(&certificate), fs::read_to_string(&key)) {
            (Ok(certificate), Ok(key)) => (certificate, key),
            // A crash between the two leaves a key without a certificate, which nobody knows yet.
            (Err(error), _) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            (Err(error), _) => return Err(files::cant_read(&certificate, error)),
            (_, Err(error)) => return Err(files::cant_read(&key, error)),
        };
        let authority = Self::parse(pem, &key_pem).with_context(|| {
            format!(
                "{} can't be used: mend it, or delete it so that a new authority is made, which no \
                 kubeconfig of before trusts",
                folder.display()
            )
        })?;
        Ok(Some(authority))
    }

    fn make(name: &str, now: Timestamp) -> anyhow::Result<Self> {
        let mut params = params(now, AUTHORITY_DAYS)?;
        params.distinguished_name.push(DnType::CommonName, name);
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

    /// Whether what it signs at `now` can be good for as long as certificates are.
    pub(super) fn lasts_from(&self, now: Timestamp) -> anyhow::Result<bool> {
        let left = self.end()?.as_second() - now.as_second();
        Ok(left > AUTHORITY_DAYS_MIN * 24 * 3600)
    }

    /// When it ends.
    pub(super) fn end(&self) -> anyhow::Result<Timestamp> {
        let (_, parsed) = x509_parser::parse_x509_certificate(&self.certificate)?;
        Ok(Timestamp::from_second(parsed.validity().not_after.timestamp())?)
    }

    /// Signs a certificate for a node with a key of its own; as PEM.
    pub(super) fn sign(&self, order: &Order) -> anyhow::Result<String> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for organization in &order.organizations {
            params.distinguished_name.push(DnType::OrganizationName, organization.as_str());
        }
        params.distinguished_name.push(DnType::CommonName, order.common_name.as_str());
        params.serial_number = Some(SerialNumber::from(fastrand::u64(1..).to_be_bytes().to_vec()));
        set_times(&mut params, order.not_before, order.not_after.min(self.end()?));
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if order.has_key_encipherment {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        params.extended_key_usages = vec![match order.purpose {
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
            Purpose::Serving => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        for name in &order.dns_names {
            params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
        }
        params.subject_alt_names.extend(order.addresses.iter().copied().map(SanType::IpAddress));
        let key = SubjectPublicKeyInfo::from_der(&order.public_key)?;
        Ok(params.signed_by(&key, &self.issuer)?.pem())
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
                if let Some(group) = group {
                    params.distinguished_name.push(DnType::OrganizationName, *group);
                }
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

/// Has the certificate be good from `from` to `to`, which it has in whole seconds.
fn set_times(params: &mut CertificateParams, from: Timestamp, to: Timestamp) {
    let at = |time: Timestamp| {
        let time = time.to_zoned(TimeZone::UTC).datetime();
        let (month, day) = (time.month().unsigned_abs(), time.day().unsigned_abs());
        let midnight = date_time_ymd(time.year().into(), month, day);
        let [hours, minutes, seconds] =
            [time.hour(), time.minute(), time.second()].map(|it| u64::from(it.unsigned_abs()));
        midnight + Duration::from_secs((hours * 60 + minutes) * 60 + seconds)
    };
    (params.not_before, params.not_after) = (at(from), at(to));
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
        let open = |now: &str| Authority::open(folder.path(), "mayfly", at(now)).unwrap().pem;
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
        let authority = Authority::open(folder.path(), "mayfly", now).unwrap();
        let subject = Subject::User { name: "admin", group: Some("system:masters") };
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
        let now = at("2026-03-01T00:00:00Z");
        let error = Authority::open(folder.path(), "mayfly", now).err().unwrap();
        assert!(format!("{error:#}").contains("can't be used: mend it, or delete it"), "{error:#}");
    }
}
