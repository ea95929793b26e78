//! By which authority a server is known: asked once without trust, and held against a hash that came
//! another way.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use axum::body::Body;
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use crate::pin::{self, Pin};
use crate::serve::files;

/// The file that it is kept in.
const AUTHORITY: &str = "ca.crt";

/// Where a server says it, to anybody.
const PATH: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

/// How long the answer may take. Stops a server that never ends it.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The largest answer. Stops whoever answers, who is not known yet, from filling memory.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// By whom the server at `url` is known: what is kept in `folder`, or what it says itself, as far as
/// that is what `pin` means. Empty if it is known by what this system believes.
pub(super) async fn known(
    url: &str,
    pin: Option<Pin>,
    folder: &Path,
) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let path = folder.join(AUTHORITY);
    let kept = match fs::read(&path) {
        Ok(pem) => Some(pem),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(files::cant_read(&path, error)),
    };
    let Some(pem) = kept else {
        let Some(pin) = pin else { return Ok(Vec::new()) };
        let told = ask(url).await.with_context(|| format!("can't ask {url} for its authority"))?;
        let (good, pem) = meant(&certificates(&told)?, pin);
        ensure!(
            !good.is_empty(),
            "{url} is not known by the authority that --ca-cert-hash {pin} means: somebody else \
             answers there, or the hash is an old one, and `mayfly token create` prints the new one"
        );
        files::write_public(&path, pem.as_bytes())?;
        return Ok(good);
    };
    let all = certificates(&pem).with_context(|| format!("can't use {}", path.display()))?;
    if let Some(pin) = pin
        && meant(&all, pin).0.is_empty()
    {
        bail!(
            "{} is not the authority that --ca-cert-hash {pin} means: this host has joined another \
             server; delete the folder if it is to join anew",
            path.display()
        );
    }
    Ok(all)
}

/// Those that `pin` means, and the same as PEM.
fn meant(all: &[CertificateDer<'static>], pin: Pin) -> (Vec<CertificateDer<'static>>, String) {
    let is_meant = |it: &&CertificateDer<'static>| Pin::of(it) == Some(pin);
    let good: Vec<_> = all.iter().filter(is_meant).cloned().collect();
    let pem = good.iter().map(|it| pin::pem_of(it)).collect();
    (good, pem)
}

fn certificates(pem: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?;
    ensure!(!all.is_empty(), "there is no certificate in it");
    Ok(all)
}

/// What the server at `url`, whoever that is, says of its authority. It is told nothing.
async fn ask(url: &str) -> anyhow::Result<Vec<u8>> {
    // Whoever was first has chosen the same.
    let _is_first = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(ANSWER_MAX)
        .tls_danger_accept_invalid_certs(true)
        .build()?;
    let answer = client.get(format!("{url}{PATH}")).send().await?;
    let code = answer.status();
    ensure!(code.is_success(), "it answers with {code}");
    let body = Body::from_stream(answer.bytes_stream());
    let bytes = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await?;
    let map: Value = serde_json::from_slice(&bytes).context("it answers with no JSON")?;
    let text = map["data"]["kubeconfig"].as_str().unwrap_or_default();
    pin::authority_of(text).context("it does not say by which authority it is known")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_meant_is_believed() {
        let made = |name: &str| {
            let key = rcgen::KeyPair::generate().expect("a key");
            let mut params = rcgen::CertificateParams::default();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            let made = params.self_signed(&key).expect("a certificate");
            (made.pem(), CertificateDer::from(made))
        };
        let ((first, one), (second, other)) = (made("one"), made("other"));
        let all = certificates((first + &second).as_bytes()).expect("two");
        assert_eq!(all, [one.clone(), other]);
        let (good, pem) = meant(&all, Pin::of(&one).expect("a pin"));
        assert_eq!(good, std::slice::from_ref(&one));
        assert_eq!(certificates(pem.as_bytes()).expect("one"), [one]);
        assert!(certificates(b"").is_err());
    }
}
