//! What hosts with a token, and nodes, may do to the requests of others: nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

use super::*;
use crate::api::{CertificateSigningRequest, Resource};
use crate::http::access::{Access, ClientCertificate, Policy};
use crate::limits::CERTIFICATE_REQUESTS_PENDING_MAX;

const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

async fn with_access() -> Api {
    let served = Api::new().await.served;
    Api::of(served.with_access(Arc::new(Access::new(Policy::default()))))
}

/// What a node asks with.
fn pem(node: &str) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(DnType::CommonName, format!("system:node:{node}"));
    let key = KeyPair::generate().expect("a key");
    params.serialize_request(&key).and_then(|it| it.pem()).expect("a request")
}

/// A request with that, and what else its metadata has.
fn request(pem: &str, metadata: &Value) -> Value {
    let mut request = json!({
        "metadata": {"generateName": "csr-"},
        "spec": {
            "request": BASE64.encode(pem),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"],
        },
    });
    for (key, value) in metadata.as_object().expect("a map") {
        request["metadata"][key] = value.clone();
    }
    request
}

/// What comes of it if `user` of `group` asks.
async fn asked(api: &Api, (user, group): (&str, &str), request: &Value) -> (u16, String) {
    let certificate =
        ClientCertificate { common_name: user.to_owned(), organizations: vec![group.to_owned()] };
    let sent = Request::builder().method("POST").uri(REQUESTS).extension(certificate);
    let sent = sent.header("content-type", "application/json");
    let sent = sent.body(Body::from(request.to_string())).expect("must be a request");
    let response = api.router.clone().oneshot(sent).await.expect("the router must answer");
    let code = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("must have a body");
    let body: Value = serde_json::from_slice(&bytes).expect("must be JSON");
    (code, body["message"].as_str().unwrap_or_default().to_owned())
}

const NODE: (&str, &str) = ("system:node:a", "system:nodes");
const HOST: (&str, &str) = ("system:bootstrap:abcdef", "system:bootstrappers");
const MASTER: (&str, &str) = ("root", "system:masters");

#[tokio::test]
async fn what_outlasts_its_time_is_a_masters_alone() {
    let api = with_access().await;
    let pem = pem("a");
    let owner = json!({"apiVersion": "v1", "kind": "Node", "name": "a", "uid": "u"});
    let long = "x".repeat(9000);
    for (metadata, why) in [
        (json!({"finalizers": ["example.org/stay"]}), "may give it finalizers"),
        (json!({"ownerReferences": [owner]}), "may give it ownerReferences"),
        (json!({"annotations": {"a": &long, "b": &long}}), "may not be more than 16384 bytes"),
    ] {
        let request = request(&pem, &metadata);
        for user in [NODE, HOST] {
            let (code, message) = asked(&api, user, &request).await;
            assert!(code == 403 && message.contains(why), "{user:?}: {code} {message}");
        }
        assert_eq!(asked(&api, MASTER, &request).await, (201, String::new()));
    }
    for user in [NODE, HOST] {
        assert_eq!(asked(&api, user, &request(&pem, &json!({}))).await, (201, String::new()));
    }
}

#[tokio::test]
async fn what_is_asked_with_is_no_longer_than_it_must_be() {
    let api = with_access().await;
    let padded = |bytes: usize| request(&format!("{:bytes$}", pem("a")), &json!({}));
    assert_eq!(asked(&api, NODE, &padded(16 * 1024)).await, (201, String::new()));
    for (user, code) in [(NODE, 403), (HOST, 422), (MASTER, 422)] {
        let (found, message) = asked(&api, user, &padded(16 * 1024 + 1)).await;
        assert_eq!(found, code, "{message}");
        assert!(message.contains("may not be more than 16384 bytes"), "{message}");
    }
}

#[tokio::test]
async fn who_asks_too_often_leaves_room_for_others() {
    let api = with_access().await;
    let request = request(&pem("a"), &json!({}));
    for _ in 0..CERTIFICATE_REQUESTS_PENDING_MAX {
        assert_eq!(asked(&api, NODE, &request).await, (201, String::new()));
    }
    let (code, message) = asked(&api, NODE, &request).await;
    let why = "\"system:node:a\" has 128 requests for certificates already";
    assert!(code == 403 && message.contains(why), "{code} {message}");
    for user in [HOST, MASTER] {
        assert_eq!(asked(&api, user, &request).await, (201, String::new()));
    }
    // One that is decided on does not count.
    let all = api.store.list::<CertificateSigningRequest>(None).items;
    let mut own = all.iter().filter(|it| it.spec.username.as_deref() == Some(NODE.0));
    let first = own.next().expect("there are many").key();
    let denied = json!([{"type": "Denied", "status": "True"}]);
    let deny = move |it: &mut CertificateSigningRequest| {
        let status = it.status.get_or_insert_default();
        status.conditions = serde_json::from_value(denied).expect("conditions");
    };
    api.store.commit(Transaction::new().modify(first, None, deny)).await.expect("it must be there");
    assert_eq!(asked(&api, NODE, &request).await, (201, String::new()));
    assert_eq!(asked(&api, NODE, &request).await.0, 403);
}
