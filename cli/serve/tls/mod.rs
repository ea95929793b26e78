//! Encryption, and who both ends say they are.
//!
//! ```text
//! authority ─┬─▶ the server's certificate ──▶ every connection
//!            ├─▶ the admin's certificate ───▶ kubeconfig
//!            ├─▶ those with which nodes come, and with which they are asked
//!            └─▶ whose client certificates are believed
//! ```
//!
//! What a user may do is not known here.

mod authority;
mod clients;
mod shared;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, ensure};
use jiff::Timestamp;
use mayfly_controller::certificates::{Order, Purpose, Signer};
use mayfly_controller::http::access::User;
use rcgen::SanType;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::kubeconfig::Credentials;
use crate::pin::{is_root, pem_of};
use authority::{Authority, Subject};
pub(super) use clients::{Clients, Proven};
pub(super) use shared::agree;

/// The name of the user that the kubeconfig is for.
const ADMIN: &str = "admin";
/// The group whose members may do everything; Kubernetes' own.
const ADMINS: &str = User::MASTERS;

/// What the authorities are called: the server's, and that of what nodes show.
const NAME: &str = "mayfly";
const SERVING_NAME: &str = "mayfly-kubelet-serving";

/// What a server calls itself where it asks another one, and the group of all that do. Nobody else is
/// ever given a certificate of that group, so who has one has it from the authority's key.
pub(super) const PEER: &str = "mayfly:server";
pub(super) const PEERS: &str = "mayfly:servers";

/// Where the server's certificate comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// It is made, for a server that is known by these names and addresses.
    Made(Vec<String>),
    /// These files have it.
    Given {
        /// The certificate, and those between it and its authority.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
}

/// Whose the authorities in a folder are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authorities {
    /// Those of one server, which makes them, and new ones when they near their end.
    Own,
    /// Those of all servers of one state, which [`agree`] has put there: one that made another would be
    /// unknown to the rest.
    Agreed,
}

impl Authorities {
    fn open(self, folder: &Path, name: &str, now: Timestamp) -> anyhow::Result<Authority> {
        match self {
            Self::Own => Authority::open(folder, name, now),
            Self::Agreed => Authority::kept(folder)?
                .with_context(|| format!("the authority in {} is gone", folder.display())),
        }
    }
}

/// What encrypts connections.
pub(crate) struct Tls {
    provider: Arc<CryptoProvider>,
    authority: Authority,
    /// Signs what nodes show to whoever asks them; `None` at a node.
    serving: Option<Authority>,
    source: Source,
    current: Arc<Current>,
    clients: Arc<Clients>,
}

/// The server's certificate of now.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Tls {
    /// With the authority in `folder`, which is one of `authorities`, and a certificate from `source`.
    pub(super) fn open(
        folder: &Path,
        authorities: Authorities,
        source: Source,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let serving = authorities.open(&folder.join("kubelet"), SERVING_NAME, now)?;
        let tls = Self::open_for(authorities.open(folder, NAME, now)?, source, None, now)?;
        Ok(Self { serving: Some(serving), ..tls })
    }

    /// The same of a node, which is asked by clients of another authority: `theirs`.
    pub(crate) fn of_node(
        folder: &Path,
        names: Vec<String>,
        theirs: Vec<CertificateDer<'static>>,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let own = Authorities::Own.open(folder, NAME, now)?;
        Self::open_for(own, Source::Made(names), Some(theirs), now)
    }

    fn open_for(
        authority: Authority,
        source: Source,
        theirs: Option<Vec<CertificateDer<'static>>>,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let first = certificate(&provider, &authority, &source, now)?;
        let current = Arc::new(Current(RwLock::new(first)));
        let believed = theirs.unwrap_or_else(|| vec![authority.certificate().clone()]);
        let clients = Arc::new(clients(&provider, believed)?);
        Ok(Self { provider, authority, serving: None, source, current, clients })
    }

    /// What takes connections in.
    pub(super) fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(self.clients.clone())
            .with_cert_resolver(self.current.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// What says whose client certificates are.
    pub(super) fn clients(&self) -> Arc<Clients> {
        self.clients.clone()
    }

    /// Shows `chain` from now on, whose key is `key`, in the place of what was made here.
    pub(crate) fn show(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> anyhow::Result<()> {
        let next = CertifiedKey::from_der(chain, key, &self.provider);
        let next = Arc::new(next.context("the certificate and its key can't be used")?);
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    /// Takes a new certificate for the server, which connections from now on are given.
    pub(crate) fn renew(&self, now: Timestamp) -> anyhow::Result<()> {
        let next = certificate(&self.provider, &self.authority, &self.source, now)?;
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    /// The certificate (PEM) to know the server by; `None` if every system knows it.
    pub(super) fn root_ca(&self) -> anyhow::Result<Option<String>> {
        match &self.source {
            Source::Made(_) => Ok(Some(self.authority.pem().to_owned())),
            Source::Given { certificate, .. } => own_authority(certificate),
        }
    }

    /// The certificate (PEM) of the authority that signs what is made here.
    pub(crate) fn own_authority(&self) -> &str {
        self.authority.pem()
    }

    /// The certificate (PEM) of the authority that signs what nodes show, if it is here.
    pub(super) fn serving_authority(&self) -> Option<&str> {
        self.serving.as_ref().map(Authority::pem)
    }

    /// What the server shows to kubelets, as PEM: its certificate and its key.
    pub(super) fn kubelet_client(&self, now: Timestamp) -> anyhow::Result<String> {
        let subject = Subject::User { name: User::KUBELET_CLIENT, group: None };
        let issued = self.authority.issue(&subject, now).context("can't make a certificate")?;
        Ok(issued.pem.clone() + &issued.key_pem())
    }

    /// What the server shows to others of the same state, as PEM: its certificate and its key.
    pub(super) fn peer(&self, now: Timestamp) -> anyhow::Result<String> {
        let subject = Subject::User { name: PEER, group: Some(PEERS) };
        let issued = self.authority.issue(&subject, now).context("can't make a certificate")?;
        Ok(issued.pem.clone() + &issued.key_pem())
    }

    /// What the admin's kubeconfig needs: whom to trust, and what to be known by.
    pub(super) fn admin(&self, now: Timestamp) -> anyhow::Result<Credentials> {
        let subject = Subject::User { name: ADMIN, group: Some(ADMINS) };
        let issued = self.authority.issue(&subject, now).context("can't make a certificate")?;
        Ok(Credentials {
            authority: self.root_ca()?,
            certificate: issued.pem.clone(),
            key: issued.key_pem(),
        })
    }
}

impl Signer for Tls {
    fn sign(&self, order: &Order) -> Result<String, String> {
        let authority = match order.purpose {
            Purpose::Client => Some(&self.authority),
            Purpose::Serving => self.serving.as_ref(),
        };
        let authority = authority.ok_or("there is no authority for it here")?;
        let certificate = authority.sign(order).map_err(|error| format!("{error:#}"))?;
        Ok(match order.purpose {
            // By it a node knows who may ask it, whatever certificate is shown to the node itself.
            Purpose::Client => certificate + authority.pem(),
            Purpose::Serving => certificate,
        })
    }
}

fn clients(
    provider: &Arc<CryptoProvider>,
    authorities: Vec<CertificateDer<'static>>,
) -> anyhow::Result<Clients> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority)?;
    }
    let ours = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    Ok(Clients { ours: ours.build()? })
}

/// The names that a server at `address` is known by, beside `further` ones.
pub(crate) fn names(address: IpAddr, further: &[String]) -> Vec<String> {
    let mut names = vec!["localhost".to_owned()];
    names.push(Ipv4Addr::LOCALHOST.to_string());
    names.push(Ipv6Addr::LOCALHOST.to_string());
    if !address.is_unspecified() {
        names.push(address.to_string());
    }
    names.extend(further.iter().cloned());
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn certificate(
    provider: &CryptoProvider,
    authority: &Authority,
    source: &Source,
    now: Timestamp,
) -> anyhow::Result<Arc<CertifiedKey>> {
    let (chain, key) = match source {
        Source::Made(names) => {
            let names = names.iter().map(|name| alternative_name(name));
            let names: Vec<_> = names.collect::<anyhow::Result<_>>()?;
            let issued = authority.issue(&Subject::Server(&names), now);
            let issued = issued.context("can't make a certificate")?;
            (vec![issued.certificate.clone()], issued.key())
        }
        Source::Given { certificate, key } => given(certificate, key)?,
    };
    let certified = CertifiedKey::from_der(chain, key, provider);
    Ok(Arc::new(certified.context("the server's certificate and key can't be used")?))
}

fn alternative_name(name: &str) -> anyhow::Result<SanType> {
    if let Ok(address) = name.parse() {
        return Ok(SanType::IpAddress(address));
    }
    let is_name = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '.' | '*');
    ensure!(
        !name.is_empty() && name.chars().all(is_name),
        "--tls-san {name}: a host's name or address is wanted"
    );
    Ok(SanType::DnsName(name.try_into()?))
}

/// The certificates and the key in the files that the user gave.
fn given(
    certificate: &Path,
    key: &Path,
) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = chain(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("can't read a private key from --tls-key {}", key.display()))?;
    Ok((chain, key))
}

fn chain(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = || CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>();
    let chain = read()
        .with_context(|| format!("can't read certificates from --tls-cert {}", file.display()))?;
    ensure!(!chain.is_empty(), "--tls-cert {} has no certificate in it", file.display());
    Ok(chain)
}

/// The authority of the certificates in `file` (PEM), if it is among them: else whom to trust is what
/// the clients' systems know. What leads up to it is shown with each connection.
fn own_authority(file: &Path) -> anyhow::Result<Option<String>> {
    let roots: String = chain(file)?.iter().filter(|it| is_root(it)).map(|it| pem_of(it)).collect();
    Ok(Some(roots).filter(|roots| !roots.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_where_it_listens() {
        let check = |address: &str, further: &[&str], expect: &[&str]| {
            let further: Vec<_> = further.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(names(address.parse().unwrap(), &further), expect);
        };
        check("127.0.0.1", &[], &["localhost", "127.0.0.1", "::1"]);
        check("0.0.0.0", &["a.example"], &["localhost", "127.0.0.1", "::1", "a.example"]);
        check("10.0.0.1", &["localhost"], &["localhost", "127.0.0.1", "::1", "10.0.0.1"]);
    }

    /// The chain of a user's certificate that the authority in `folder` has signed at `now`.
    fn chain(folder: &Path, now: &str) -> Vec<CertificateDer<'static>> {
        let authority = Authority::open(folder, NAME, now.parse().unwrap()).unwrap();
        let subject = Subject::User { name: "jane", group: Some("developers") };
        vec![authority.issue(&subject, now.parse().unwrap()).unwrap().certificate]
    }

    #[test]
    fn a_client_is_who_its_certificate_says_for_as_long_as_it_is_good() {
        let folder = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let source = Source::Made(vec!["localhost".to_owned()]);
        let tls = Tls::open(folder.path(), Authorities::Own, source, now).unwrap();
        let ours = chain(folder.path(), "2026-03-01T00:00:00Z");
        let identify = |chain: &[CertificateDer<'_>], at: &str| {
            tls.clients().identify(chain, at.parse().unwrap())
        };
        let proven = identify(&ours, "2026-06-01T00:00:00Z").unwrap();
        assert_eq!(proven.certificate.common_name, "jane");
        assert_eq!(proven.certificate.organizations, ["developers"]);
        assert!(proven.holds_at("2027-02-28T00:00:00Z".parse().unwrap()));
        assert!(!proven.holds_at("2027-03-02T00:00:00Z".parse().unwrap()));
        assert_eq!(identify(&ours, "2027-03-02T00:00:00Z"), None, "it has ended");
        assert_eq!(identify(&ours, "2026-01-01T00:00:00Z"), None, "it has not begun");
        assert_eq!(identify(&[], "2026-06-01T00:00:00Z"), None);
        let another = tempfile::tempdir().unwrap();
        let theirs = chain(another.path(), "2026-03-01T00:00:00Z");
        assert_eq!(identify(&theirs, "2026-06-01T00:00:00Z"), None, "another authority's");
        // One for servers is none for clients.
        let server = tls.current.0.read().unwrap().cert.clone();
        assert_eq!(identify(&server, "2026-06-01T00:00:00Z"), None);
    }

    #[test]
    fn what_all_servers_have_is_replaced_by_none_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let source = || Source::Made(vec!["localhost".to_owned()]);
        let open = |authorities: Authorities, now: &str| {
            let tls =
                Tls::open(folder.path(), authorities, source(), now.parse().unwrap()).unwrap();
            (tls.own_authority().to_owned(), tls.serving_authority().unwrap().to_owned())
        };
        let (first, last) = ("2026-03-01T00:00:00Z", "2035-06-01T00:00:00Z");
        let made = open(Authorities::Own, first);
        assert_eq!(open(Authorities::Agreed, last), made);
        let next = open(Authorities::Own, last);
        assert!(next.0 != made.0 && next.1 != made.1);
        // Nor is one made where there is none.
        let empty = tempfile::tempdir().unwrap();
        let now = first.parse().unwrap();
        let error = Tls::open(empty.path(), Authorities::Agreed, source(), now).err().unwrap();
        assert!(error.to_string().contains("is gone"), "{error:#}");
    }

    #[test]
    fn a_name_that_is_none_is_told() {
        assert!(alternative_name("build.example.org").is_ok());
        assert!(alternative_name("10.0.0.1").is_ok());
        let error = alternative_name("https://example.org/").unwrap_err().to_string();
        assert!(error.contains("--tls-san https://example.org/"), "{error}");
    }
}
