//! Which client certificates are believed, and whose they are.
//!
//! Any is taken when a connection is made, and looked at then: one that is not believed counts as
//! none, so that its holder hears from the router why nothing is answered, as Kubernetes has it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mayfly_controller::http::access::ClientCertificate;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::oid::Oid;
use x509_parser::oid_registry::{OID_X509_COMMON_NAME, OID_X509_ORGANIZATION_NAME};

/// Looks at client certificates.
#[derive(Debug)]
pub(in crate::serve) struct Clients {
    /// Believes those that our authority has signed.
    pub(super) ours: Arc<dyn ClientCertVerifier>,
}

/// What a believed certificate says, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Proven {
    /// Whose it is.
    pub(in crate::serve) certificate: ClientCertificate,
    /// When it ends.
    until: Timestamp,
}

impl Clients {
    /// Whom the certificates `chain` of a connection are of, if they are believed.
    pub(in crate::serve) fn identify(
        &self,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Option<Proven> {
        let (first, between) = chain.split_first()?;
        let seconds = u64::try_from(now.as_second()).ok()?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        if let Err(error) = self.ours.verify_client_cert(first, between, time) {
            tracing::info!(%error, "a client certificate is not believed");
            return None;
        }
        let (_, parsed) = x509_parser::parse_x509_certificate(first).ok()?;
        let common_name = subject(&parsed, &OID_X509_COMMON_NAME).pop()?;
        let organizations = subject(&parsed, &OID_X509_ORGANIZATION_NAME);
        let until = Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()?;
        Some(Proven { certificate: ClientCertificate { common_name, organizations }, until })
    }
}

impl Proven {
    /// Whether it has not ended.
    pub(in crate::serve) fn holds_at(&self, now: Timestamp) -> bool {
        now <= self.until
    }
}

/// What the subject's parts of this sort say.
fn subject(certificate: &X509Certificate<'_>, sort: &Oid<'_>) -> Vec<String> {
    let parts = certificate.subject().iter_by_oid(sort);
    parts.filter_map(|part| part.as_str().ok()).map(str::to_owned).collect()
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.ours.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.ours.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.ours.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.ours.supported_verify_schemes()
    }
}
