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

/// Somebody who asks for a certificate, until there is one, with one key and by one request: a line that
/// breaks, or a disk that is full, is no reason for another.
pub(super) struct Asking {
    wanted: Wanted,
    asked: Option<Asked>,
}

/// A request that has been made.
struct Asked {
    name: String,
    /// The key, as PEM.
    key: String,
}

/// Why there is no certificate.
enum Unsigned {
    /// There will be none for this request.
    Never(anyhow::Error),
    /// It could not be looked at.
    Unknown(anyhow::Error),
}

impl Asking {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self { wanted, asked: None }
    }

    /// Asks for what is wanted, and waits until it is there. It is the same each time until it
    /// [is kept](Self::is_kept).
    pub(super) async fn signed(&mut self, client: &Client) -> anyhow::Result<Identity> {
        let requests = Api::<CertificateSigningRequest>::all(client.clone());
        let asked = match self.asked.take() {
            Some(asked) => asked,
            None => self.wanted.ask(&requests).await?,
        };
        let certificate = certificate(&requests, &asked.name);
        let certificate = match tokio::time::timeout(SIGNED_MAX, certificate).await {
            Ok(Ok(certificate)) => certificate,
            Ok(Err(Unsigned::Never(error))) => return Err(error),
            Ok(Err(Unsigned::Unknown(error))) => {
                self.asked = Some(asked);
                return Err(error);
            }
            Err(_elapsed) => {
                let (name, minutes) = (&asked.name, SIGNED_MAX.as_secs() / 60);
                bail!("nobody has signed the request {name} in {minutes} minutes");
            }
        };
        let identity = Identity::new(certificate, asked.key.clone());
        let identity = identity.context("the certificate can't be used")?;
        self.asked = Some(asked);
        Ok(identity)
    }

    /// What was signed is in its place: the next one is another, with another key.
    pub(super) fn is_kept(&mut self) {
        self.asked = None;
    }
}

impl Wanted {
    async fn ask(&self, requests: &Api<CertificateSigningRequest>) -> anyhow::Result<Asked> {
        let key = KeyPair::generate().context("can't make a key")?;
        let request = self.request(&key)?;
        let made = requests.create(&PostParams::default(), &request).await.map_err(explained)?;
        let name = made.metadata.name.context("the request has no name")?;
        Ok(Asked { name, key: key.serialize_pem() })
    }
}

async fn certificate(
    requests: &Api<CertificateSigningRequest>,
    name: &str,
) -> Result<String, Unsigned> {
    let since = tokio::time::Instant::now();
    let mut is_told = false;
    loop {
        let request = match requests.get_opt(name).await {
            Ok(Some(request)) => request,
            Ok(None) => return Err(Unsigned::Never(anyhow!("the request {name} is gone"))),
            Err(error) => return Err(Unsigned::Unknown(explained(error))),
        };
        let status = request.status.unwrap_or_default();
        for condition in status.conditions.iter().flatten() {
            if matches!(condition.type_.as_str(), "Denied" | "Failed") {
                let why = condition.message.as_deref().unwrap_or_default();
                let what = if condition.type_ == "Denied" { "is denied" } else { "has failed" };
                return Err(Unsigned::Never(anyhow!("the request {name} {what}: {why}")));
            }
        }
        if let Some(certificate) = status.certificate.filter(|it| !it.0.is_empty()) {
            let text = String::from_utf8(certificate.0);
            return text.map_err(|error| Unsigned::Never(error.into()));
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use hyper::{Method, Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    /// A server that signs at once, and fails at the first look; it notes what it is asked.
    fn server(asked: &Arc<Mutex<Vec<String>>>) -> Client {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::default().self_signed(&key).expect("a certificate");
        let certificate = serde_json::to_value(ByteString(certificate.pem().into_bytes()));
        let certificate = certificate.expect("base64");
        let asked = Arc::clone(asked);
        let answer = move |request: Request<Body>| {
            let mut asked = asked.lock().expect("nobody panics");
            let made = asked.iter().filter(|it| it.starts_with("POST")).count();
            asked.push(format!("{} {}", request.method(), request.uri().path()));
            let object = |name: usize, status: Value| {
                let spec = json!({"request": "", "signerName": "", "usages": []});
                json!({"metadata": {"name": format!("csr-{name}")}, "spec": spec, "status": status})
            };
            let (code, body) = match *request.method() {
                Method::POST => (201, object(made + 1, json!({}))),
                _ if asked.len() == 2 => {
                    (503, json!({"kind": "Status", "status": "Failure", "code": 503}))
                }
                _ => (200, object(made, json!({"certificate": certificate}))),
            };
            let response = Response::builder().status(code);
            let response = response.body(Body::from(body.to_string().into_bytes()));
            std::future::ready(response.map_err(io::Error::other))
        };
        Client::new(tower::service_fn(answer), "default")
    }

    #[tokio::test]
    async fn one_request_is_made_until_what_it_brings_is_kept() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let client = server(&asked);
        let mut asking = Asking::new(Wanted::client("a"));
        asking.signed(&client).await.err().expect("it must fail at the first look");
        let first = asking.signed(&client).await.expect("it must be signed");
        // It could not be written: there is nothing new to ask for.
        let again = asking.signed(&client).await.expect("it must be signed");
        let key = |identity: &Identity| identity.chain_and_key().expect("a key").1;
        assert_eq!(key(&first), key(&again));
        asking.is_kept();
        let next = asking.signed(&client).await.expect("it must be signed");
        assert_ne!(key(&first), key(&next));
        let path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
        let expect = ["POST", "GET 1", "GET 1", "GET 1", "POST", "GET 2"].map(|it| {
            match it.split_once(' ') {
                Some((method, number)) => format!("{method} {path}/csr-{number}"),
                None => format!("{it} {path}"),
            }
        });
        assert_eq!(*asked.lock().expect("nobody panics"), expect);
    }
}
