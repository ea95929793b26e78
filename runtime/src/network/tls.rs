//! TLS for requests on a guest's behalf: rustls, with the authorities that browsers trust.
//!
//! They are compiled in (Mozilla's list, by way of webpki-roots), so that what is believed is the
//! same on every host and changes with our releases alone. Whoever runs the host can add others.

use std::fmt;
use std::sync::{Arc, LazyLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Authorities whose certificates are believed.
///
/// The default is those that browsers trust.
#[derive(Clone, Default)]
pub struct Authorities {
    /// With the others; none if there are no others.
    more: Option<Arc<ClientConfig>>,
}

/// Why a file has no authorities that can be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// It is not PEM.
    #[error("it is no PEM file of certificates: {0}")]
    Pem(String),
    /// There is none.
    #[error("there is no certificate in it")]
    None,
    /// One of them is none.
    #[error("certificate {number} in it can't be used: {detail}")]
    Certificate {
        /// Counted from 1.
        number: usize,
        /// What is wrong.
        detail: String,
    },
}

static USUAL: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| config(usual_roots()));

impl Authorities {
    /// Those that browsers trust, and those whose certificates `pem` holds.
    pub fn with_pem(pem: &[u8]) -> Result<Self, AuthoritiesError> {
        let mut roots = usual_roots();
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate =
                certificate.map_err(|error| AuthoritiesError::Pem(error.to_string()))?;
            count += 1;
            roots.add(certificate).map_err(|error| AuthoritiesError::Certificate {
                number: count,
                detail: error.to_string(),
            })?;
        }
        if count == 0 {
            return Err(AuthoritiesError::None);
        }
        Ok(Self { more: Some(config(roots)) })
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(self.more.as_ref().unwrap_or(&USUAL))
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.more.is_some() { "Authorities(more)" } else { "Authorities(usual)" })
    }
}

fn usual_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

fn config(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring must have the versions that rustls has");
    // No ALPN: whoever is asked then speaks HTTP/1.1.
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused_with_a_reason() {
        let check = |pem: &str, expect: &str| {
            let error = Authorities::with_pem(pem.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        };
        check("", "there is no certificate in it");
        check("nothing", "there is no certificate in it");
        check(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "certificate 1 in it can't be used: ",
        );
        check("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "it is no PEM file");
    }
}
