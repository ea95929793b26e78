//! The hash by which a host that joins knows the authority of a server: the SHA-256 of its public key,
//! as kubeadm has it.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};

/// With what its text begins.
const PREFIX: &str = "sha256:";

/// The authority (PEM) that the text of a ConfigMap `cluster-info` names: a kubeconfig of which only that
/// is said.
pub(crate) fn authority_of(cluster_info: &str) -> Option<Vec<u8>> {
    let config: serde_json::Value = serde_yaml::from_str(cluster_info).ok()?;
    let data = config["clusters"][0]["cluster"]["certificate-authority-data"].as_str()?;
    BASE64.decode(data).ok()
}

/// Whether `certificate` is self-issued: that of an authority which no other one vouches for.
pub(crate) fn is_root(certificate: &CertificateDer<'_>) -> bool {
    x509_parser::parse_x509_certificate(certificate)
        .is_ok_and(|(_, parsed)| parsed.subject().as_raw() == parsed.issuer().as_raw())
}

/// `certificate` as PEM.
pub(crate) fn pem_of(certificate: &CertificateDer<'_>) -> String {
    let text = BASE64.encode(certificate);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// A hash of a certificate's `SubjectPublicKeyInfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin([u8; 32]);

impl Pin {
    /// That of the authority among `certificates`: of the first root, or, where the authority is one that
    /// another vouches for, of the first of them. `None` if there is none.
    pub(crate) fn of_authority(certificates: &[CertificateDer<'_>]) -> Option<Self> {
        let root = certificates.iter().find(|it| is_root(it));
        root.or(certificates.first()).and_then(Self::of)
    }

    /// That of `certificate`; `None` if it is none.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        Some(Self(Sha256::digest(parsed.public_key().raw).into()))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{PREFIX} and 64 hexadecimal digits are wanted");
        let digits = text.strip_prefix(PREFIX).ok_or_else(wrong)?;
        let is_good = digits.len() == 64 && digits.bytes().all(|it| it.is_ascii_hexdigit());
        let digit = |index: usize| u8::from_str_radix(digits.get(index..index + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(digit).collect();
        let bytes = bytes.filter(|_| is_good).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_written_as_it_is_read() {
        let text = format!("sha256:{}", "0f".repeat(32));
        assert_eq!(text.parse::<Pin>().expect("a pin").to_string(), text);
        for wrong in ["", "sha256:", "sha256:0f", &text[7..], &(text.clone() + "0")] {
            assert!(wrong.parse::<Pin>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_authority_is_the_root() {
        use rustls::pki_types::pem::PemObject as _;

        let named = |name: &str| {
            let mut params = rcgen::CertificateParams::default();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            (params, rcgen::KeyPair::generate().expect("a key"))
        };
        let (params, key) = named("root");
        let root = rcgen::CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let (params, key) = named("leaf");
        let leaf = params.signed_by(&key, &root).expect("a certificate");
        let [leaf, root] = [leaf.pem(), root.pem()]
            .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate"));
        assert!(is_root(&root) && !is_root(&leaf));
        assert_eq!(Pin::of_authority(&[leaf.clone(), root.clone()]), Pin::of(&root));
        assert_eq!(Pin::of_authority(std::slice::from_ref(&leaf)), Pin::of(&leaf));
        assert_eq!(Pin::of_authority(&[]), None);
        let read = CertificateDer::from_pem_slice(pem_of(&leaf).as_bytes());
        assert_eq!(read.expect("a certificate"), leaf);
    }
}
