//! A certificate of the node with its key, in one file that only its owner may read, as a kubelet has it.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use kube::config::AuthInfo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OID_X509_COMMON_NAME;

use crate::pin::is_root;
use crate::serve::files;

/// A certificate, and its key.
#[derive(Clone)]
pub(super) struct Identity {
    /// The certificate and those between it and its authority, as PEM.
    certificate: String,
    /// Its key, as PEM.
    key: String,
    /// The subject's `CN`.
    pub(super) user: String,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

/// The file of the newest one.
pub(super) struct Identities {
    path: PathBuf,
}

impl Identity {
    /// Of `certificate` with `key`, both as PEM.
    pub(super) fn new(certificate: String, key: String) -> anyhow::Result<Self> {
        let first = CertificateDer::from_pem_slice(certificate.as_bytes())?;
        PrivateKeyDer::from_pem_slice(key.as_bytes()).context("there is no key in it")?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&first)?;
        let names = parsed.subject().iter_by_oid(&OID_X509_COMMON_NAME);
        let user = names.filter_map(|it| it.as_str().ok()).last().unwrap_or_default().to_owned();
        let validity = parsed.validity();
        let (not_before, not_after) = (
            Timestamp::from_second(validity.not_before.timestamp())?,
            Timestamp::from_second(validity.not_after.timestamp())?,
        );
        Ok(Self { certificate, key, user, not_before, not_after })
    }

    /// As a client shows it.
    pub(super) fn auth_info(&self) -> AuthInfo {
        AuthInfo {
            client_certificate_data: Some(BASE64.encode(&self.certificate)),
            client_key_data: Some(BASE64.encode(&self.key).into()),
            ..AuthInfo::default()
        }
    }

    /// Whether it is good for a server at `address`.
    pub(super) fn is_for(&self, address: IpAddr) -> bool {
        let Ok(first) = CertificateDer::from_pem_slice(self.certificate.as_bytes()) else {
            return false;
        };
        let Ok((_, parsed)) = x509_parser::parse_x509_certificate(&first) else { return false };
        let names = parsed.subject_alternative_name().ok().flatten();
        let names = names.into_iter().flat_map(|it| &it.value.general_names);
        let bytes = match address {
            IpAddr::V4(it) => it.octets().to_vec(),
            IpAddr::V6(it) => it.octets().to_vec(),
        };
        names.into_iter().any(|it| matches!(it, GeneralName::IPAddress(found) if *found == bytes))
    }

    /// The authority that has signed it, if it came along: that of the server's own clients, which may be
    /// another than the one that the server is known by.
    pub(super) fn authorities(&self) -> Vec<CertificateDer<'static>> {
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes());
        chain.flatten().skip(1).filter(|it| is_root(it)).collect()
    }

    /// As a server shows it.
    pub(super) fn chain_and_key(
        &self,
    ) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>()?;
        Ok((chain, PrivateKeyDer::from_pem_slice(self.key.as_bytes())?))
    }
}

impl Identities {
    /// Those in the file `path`.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is kept, if anything is.
    pub(super) fn read(&self) -> anyhow::Result<Option<Identity>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(files::cant_read(&self.path, error)),
        };
        let identity = split(&text).and_then(|(certificate, key)| Identity::new(certificate, key));
        let hint = || format!("can't use {}: delete it, and join again", self.path.display());
        identity.with_context(hint).map(Some)
    }

    /// Keeps `identity` in the place of the one before.
    pub(super) fn write(&self, identity: &Identity) -> anyhow::Result<()> {
        let text = format!("{}{}", identity.certificate, identity.key);
        files::write_private(&self.path, text.as_bytes())
    }
}

/// The certificates in `text`, and the key behind them.
fn split(text: &str) -> anyhow::Result<(String, String)> {
    // It begins with a label of its own in each of its forms.
    let at = text.match_indices("-----BEGIN ").find(|(at, _)| {
        text[*at..].lines().next().is_some_and(|line| line.contains("PRIVATE KEY"))
    });
    let (at, _) = at.context("there is no key in it")?;
    Ok((text[..at].to_owned(), text[at..].to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_identity_is_kept_for_its_owner_alone() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "system:node:a");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        let identity = Identity::new(certificate, key.serialize_pem()).expect("an identity");
        let folder = tempfile::tempdir().expect("a folder");
        let identities = Identities::new(&folder.path().join("it.pem"));
        assert!(identities.read().expect("nothing").is_none());
        identities.write(&identity).expect("it must be written");
        let mode = fs::metadata(identities.path()).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let kept = identities.read().expect("it must be read").expect("it is there");
        assert_eq!((kept.user.as_str(), &kept.key), ("system:node:a", &identity.key));
        assert_eq!(kept.certificate, identity.certificate);
        fs::write(identities.path(), "no").expect("it must be written");
        let error = format!("{:#}", identities.read().err().expect("it is none"));
        assert!(error.contains("join again"), "{error}");
    }
}
