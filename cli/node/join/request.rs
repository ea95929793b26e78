//! A certificate, asked for at the API server: a key is made, a request sent, and the answer waited for.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestSpec,
};
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use mayfly_controller::api::names::{KUBELET_CLIENT_SIGNER, KUBELET_SERVING_SIGNER};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

use super::identity::Identity;
use super::user;

/// How long a certificate is waited for: as long as a kubelet does.
const SIGNED_MAX: Duration = Duration::from_secs(15 * 60);

/// How often it is looked whether it is there.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// After so long, people are told what it waits for.
const PATIENT: Duration = Duration::from_secs(10);

/// A certificate that a node wants.
pub(super) struct Wanted {
    node: String,
    signer: &'static str,
    usages: [&'static str; 2],
    names: Vec<SanType>,
}

impl Wanted {
    /// With which the node called `node` comes to the API server.
    pub(super) fn client(node: &str) -> Self {
        let (signer, usages) = (KUBELET_CLIENT_SIGNER, ["digital signature", "client auth"]);
        Self { node: node.to_owned(), signer, usages, names: Vec::new() }
    }

    /// That it shows at `address`.
    pub(super) fn serving(node: &str, address: IpAddr) -> Self {
        let (signer, usages) = (KUBELET_SERVING_SIGNER, ["digital signature", "server auth"]);
        let names = vec![SanType::IpAddress(address)];
        Self { node: node.to_owned(), signer, usages, names }
    }

    /// The request for it, which a new `key` signs.
    fn request(&self, key: &KeyPair) -> anyhow::Result<CertificateSigningRequest> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
        params.distinguished_name.push(DnType::CommonName, user(&self.node));
        params.subject_alt_names.clone_from(&self.names);
        let request = params.serialize_request(key)?.pem()?;
        let metadata =
            ObjectMeta { generate_name: Some("csr-".to_owned()), ..ObjectMeta::default() };
        let spec = CertificateSigningRequestSpec {
            request: ByteString(request.into_bytes()),
            signer_name: self.signer.to_owned(),
            usages: Some(self.usages.map(str::to_owned).to_vec()),
            ..CertificateSigningRequestSpec::default()
        };
        Ok(CertificateSigningRequest { metadata, spec, status: None })
    }
}

/// Asks for what is `wanted`, and waits until it is there.
pub(super) async fn signed(client: &Client, wanted: &Wanted) -> anyhow::Result<Identity> {
    let key = KeyPair::generate().context("can't make a key")?;
    let request = wanted.request(&key)?;
    let requests = Api::<CertificateSigningRequest>::all(client.clone());
    let made = requests.create(&PostParams::default(), &request).await.map_err(explained)?;
    let name = made.metadata.name.context("the request has no name")?;
    let certificate = tokio::time::timeout(SIGNED_MAX, certificate(&requests, &name)).await;
    let certificate = certificate.with_context(|| {
        format!("nobody has signed the request {name} in {} minutes", SIGNED_MAX.as_secs() / 60)
    })??;
    Identity::new(certificate, key.serialize_pem()).context("the certificate can't be used")
}

async fn certificate(
    requests: &Api<CertificateSigningRequest>,
    name: &str,
) -> anyhow::Result<String> {
    let since = tokio::time::Instant::now();
    let mut is_told = false;
    loop {
        let request = requests.get(name).await.map_err(explained)?;
        let status = request.status.unwrap_or_default();
        for condition in status.conditions.iter().flatten() {
            if matches!(condition.type_.as_str(), "Denied" | "Failed") {
                let why = condition.message.as_deref().unwrap_or_default();
                let what = if condition.type_ == "Denied" { "is denied" } else { "has failed" };
                bail!("the request {name} {what}: {why}");
            }
        }
        if let Some(certificate) = status.certificate.filter(|it| !it.0.is_empty()) {
            return Ok(String::from_utf8(certificate.0)?);
        }
        if PATIENT < since.elapsed() && !is_told {
            is_told = true;
            tracing::info!(
                name,
                "a certificate waits until somebody approves it: `kubectl certificate approve`"
            );
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

/// What it means to whoever joins that the server refuses.
pub(super) fn explained(error: kube::Error) -> anyhow::Error {
    match &error {
        kube::Error::Api(status) if status.code == 401 => anyhow!(
            "the server lets nobody in with these credentials: a token that has expired, was deleted, \
             or is of another server; `mayfly token create` makes one where the server is"
        ),
        _ => error.into(),
    }
}
