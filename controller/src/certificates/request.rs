//! What a request for a certificate (PKCS #10) says. Pure.

use std::net::IpAddr;

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::der_parser::oid::Oid;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{OID_X509_COMMON_NAME, OID_X509_ORGANIZATION_NAME};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;

use crate::limits::CERTIFICATE_REQUEST_BYTES_MAX;

/// The label of its PEM block.
const LABEL: &str = "CERTIFICATE REQUEST";

/// A request whose signature is good: whoever sends it has the key that it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The subject's `CN`, or `""`.
    pub common_name: String,
    /// The subject's `O`s.
    pub organizations: Vec<String>,
    /// The names that the certificate should be good for.
    pub dns_names: Vec<String>,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it asks for addresses of mail.
    pub has_emails: bool,
    /// Whether it asks for URIs.
    pub has_uris: bool,
    /// Its key: `SubjectPublicKeyInfo`, as DER.
    pub public_key: Vec<u8>,
}

/// Why something is no request for a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is too long to be looked at.
    #[error("may not be more than {} bytes", CERTIFICATE_REQUEST_BYTES_MAX)]
    TooLong,
    /// There is no such PEM block.
    #[error("PEM block type must be CERTIFICATE REQUEST")]
    Pem,
    /// What is in it can't be read.
    #[error("the certificate request can't be read: {0}")]
    Unreadable(String),
    /// It is not signed by the key that it names.
    #[error("the signature of the certificate request is not good: {0}")]
    Signature(String),
}

impl Request {
    /// Reads the first PEM block of `pem`, and checks its signature.
    pub fn parse(pem: &[u8]) -> Result<Self, Malformed> {
        if CERTIFICATE_REQUEST_BYTES_MAX < pem.len() {
            return Err(Malformed::TooLong);
        }
        let (_, block) = parse_x509_pem(pem).map_err(|_| Malformed::Pem)?;
        if block.label != LABEL {
            return Err(Malformed::Pem);
        }
        let unreadable = |why: String| Malformed::Unreadable(why);
        let parsed = X509CertificationRequest::from_der(&block.contents);
        let (rest, parsed) = parsed.map_err(|error| unreadable(error.to_string()))?;
        if !rest.is_empty() {
            return Err(unreadable("there are bytes after it".to_owned()));
        }
        let signature = parsed.verify_signature();
        signature.map_err(|error| Malformed::Signature(error.to_string()))?;
        let mut request = Self {
            common_name: subject(&parsed, &OID_X509_COMMON_NAME).pop().unwrap_or_default(),
            organizations: subject(&parsed, &OID_X509_ORGANIZATION_NAME),
            public_key: parsed.certification_request_info.subject_pki.raw.to_vec(),
            ..Self::default()
        };
        for extension in parsed.requested_extensions().into_iter().flatten() {
            if let ParsedExtension::SubjectAlternativeName(names) = extension {
                names.general_names.iter().try_for_each(|name| request.note(name))?;
            }
        }
        Ok(request)
    }

    fn note(&mut self, name: &GeneralName<'_>) -> Result<(), Malformed> {
        match name {
            GeneralName::DNSName(name) => self.dns_names.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => {
                let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
                let wrong = |_| Malformed::Unreadable("an IP address has 4 or 16 bytes".to_owned());
                self.addresses.push(address.map_err(wrong)?);
            }
            GeneralName::RFC822Name(_) => self.has_emails = true,
            GeneralName::URI(_) => self.has_uris = true,
            // As in Go, they count as not there; nothing of them is ever signed.
            _ => {}
        }
        Ok(())
    }
}

/// What the subject's parts of this sort say.
fn subject(request: &X509CertificationRequest<'_>, sort: &Oid<'_>) -> Vec<String> {
    let parts = request.certification_request_info.subject.iter_by_oid(sort);
    parts.filter_map(|part| part.as_str().ok()).map(str::to_owned).collect()
}
