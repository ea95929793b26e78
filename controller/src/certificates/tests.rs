//! Who gets a certificate, and who does not.

use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::api::names::{KUBELET_CLIENT_SIGNER, KUBELET_SERVING_SIGNER};
use crate::api::{CertificateSigningRequest, Key, Node};
use crate::clock::Clock;
use crate::store::{Names, Store, Transaction};

const NOW: &str = "2026-03-01T00:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

/// A request of `O=organization, CN=common_name` for these names and addresses.
pub(crate) fn pem(organization: &str, common_name: &str, names: &[&str]) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.subject_alt_names = names
        .iter()
        .map(|name| match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) if name.contains('@') => {
                SanType::Rfc822Name((*name).try_into().expect("an address"))
            }
            Err(_) if name.contains(':') => SanType::URI((*name).try_into().expect("a URI")),
            Err(_) => SanType::DnsName((*name).try_into().expect("a name")),
        })
        .collect();
    let key = KeyPair::generate().expect("a key");
    params.serialize_request(&key).and_then(|it| it.pem()).expect("a request")
}

#[test]
fn a_request_says_what_it_was_made_of() {
    let pem = pem("system:nodes", "system:node:a", &["a", "10.0.0.1", "::1"]);
    let request = Request::parse(pem.as_bytes()).expect("it must be one");
    assert_eq!(request.common_name, "system:node:a");
    assert_eq!(request.organizations, ["system:nodes"]);
    assert_eq!(request.dns_names, ["a"]);
    let addresses = ["10.0.0.1", "::1"].map(|it| it.parse::<IpAddr>().expect("an address"));
    assert_eq!(request.addresses, addresses);
    assert!(!request.public_key.is_empty());
}

#[test]
fn what_is_no_request_is_told() {
    let good = pem("system:nodes", "system:node:a", &[]);
    let check = |pem: &str, expect: &str| {
        let error = Request::parse(pem.as_bytes()).expect_err("it is none").to_string();
        assert!(error.contains(expect), "{error}");
    };
    check("", "PEM block type must be CERTIFICATE REQUEST");
    check(&good.replace("CERTIFICATE REQUEST", "CERTIFICATE"), "PEM block type");
    check("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "read");
    // The name of another in the request of the first: the key has not signed that.
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD;
    let lines: String = good.lines().filter(|it| !it.starts_with("--")).collect();
    let mut der = base64.decode(lines).expect("base64");
    let at = der.windows(13).position(|it| it == b"system:node:a").expect("it is there");
    der[at + 12] = b'b';
    let forged = base64.encode(der);
    let label = "CERTIFICATE REQUEST-----";
    check(&format!("-----BEGIN {label}\n{forged}\n-----END {label}\n"), "signature");
}

#[test]
fn a_nodes_certificate_is_for_a_node_and_for_nothing_else() {
    let check = |purpose: Purpose, request: (&str, &str, &[&str]), usages: &str, expect: &str| {
        let (organization, name, names) = request;
        let parsed = Request::parse(pem(organization, name, names).as_bytes()).expect("a request");
        let usages: Vec<_> = usages.split(", ").map(str::to_owned).collect();
        let found = purpose.check(&parsed, &usages).err().unwrap_or_default();
        assert!(found.contains(expect) && expect.is_empty() == found.is_empty(), "{found}");
    };
    use Purpose::{Client, Serving};
    let (nodes, a) = ("system:nodes", "system:node:a");
    let (client, server) = ("digital signature, client auth", "digital signature, server auth");
    check(Client, (nodes, a, &[]), client, "");
    check(Client, (nodes, a, &[]), "client auth, key encipherment, digital signature", "");
    check(Client, ("system:masters", a, &[]), client, "organization is not system:nodes");
    check(Client, (nodes, "admin", &[]), client, "does not begin with system:node:");
    check(Client, (nodes, "system:node:", &[]), client, "does not begin with system:node:");
    let no_name = "is of no node: a lowercase RFC 1123 subdomain";
    for name in ["a ", " a", "a\t", "A", "a/b", "a:b", "a."] {
        let name = format!("system:node:{name}");
        check(Client, (nodes, &name, &[]), client, no_name);
        check(Serving, (nodes, &name, &["10.0.0.1"]), server, no_name);
    }
    check(Client, (nodes, "system:node:a-1.example.org", &[]), client, "");
    check(Client, (nodes, a, &["a"]), client, "DNS subjectAltNames are not allowed");
    check(Client, (nodes, a, &["10.0.0.1"]), client, "IP subjectAltNames are not allowed");
    check(Client, (nodes, a, &["a@b.c"]), client, "Email subjectAltNames are not allowed");
    check(Client, (nodes, a, &["spiffe://a"]), client, "URI subjectAltNames are not allowed");
    check(Client, (nodes, a, &[]), server, "usages did not match");
    check(Client, (nodes, a, &[]), "digital signature, client auth, server auth", "usages");
    check(Client, (nodes, a, &[]), "client auth", "usages did not match");
    check(Serving, (nodes, a, &["10.0.0.1"]), server, "");
    check(Serving, (nodes, a, &["a", "10.0.0.1"]), server, "");
    check(Serving, (nodes, a, &[]), server, "DNS or IP subjectAltName is required");
    check(Serving, (nodes, a, &["10.0.0.1", "a@b.c"]), server, "Email subjectAltNames");
    check(Serving, (nodes, a, &["10.0.0.1"]), client, "usages did not match");
}

/// A request of `user` in `group`, to the signer and with the usages of `purpose`.
fn asked(purpose: Purpose, pem: &str, user: &str, group: &str) -> Value {
    let (signer, auth) = match purpose {
        Purpose::Client => (KUBELET_CLIENT_SIGNER, "client auth"),
        Purpose::Serving => (KUBELET_SERVING_SIGNER, "server auth"),
    };
    use base64::Engine as _;
    json!({
        "metadata": {"name": "csr", "creationTimestamp": NOW},
        "spec": {
            "request": base64::engine::general_purpose::STANDARD.encode(pem),
            "signerName": signer, "usages": ["digital signature", auth],
            "username": user, "groups": [group, "system:authenticated"],
        },
    })
}

fn node(ready: &str, addresses: &[&str]) -> Arc<Node> {
    let addresses = addresses.iter().map(|it| json!({"type": "InternalIP", "address": it}));
    let node = json!({
        "metadata": {"name": "a"},
        "status": {
            "addresses": addresses.collect::<Vec<_>>(),
            "conditions": [{"type": "Ready", "status": ready}],
        },
    });
    Arc::new(serde_json::from_value(node).expect("a node"))
}

fn decided(request: &Value, node: Option<Arc<Node>>, now: Timestamp) -> Action {
    let request: CertificateSigningRequest =
        serde_json::from_value(request.clone()).expect("a request");
    let signing_duration = SignedDuration::from_hours(24 * 365);
    let asked = Request::parse(&request.spec.request.0).ok().map(Arc::new);
    let observed = Observed { request: Arc::new(request), asked, node, signing_duration };
    let action = reconcile(&observed, now);
    assert_eq!(action, reconcile(&observed, now));
    action
}

#[test]
fn hosts_with_a_token_and_nodes_for_themselves_are_approved() {
    use Purpose::{Client, Serving};
    let check = |request: &Value, node: Option<Arc<Node>>, expect: &str| {
        let found = match decided(request, node, now()) {
            Action::Approve(_, message) => message,
            Action::Deny(reason, _) => reason.to_owned(),
            other => format!("{other:?}"),
        };
        assert!(found.contains(expect), "{found}");
    };
    let (nodes, a) = ("system:nodes", "system:node:a");
    let bootstrap = ("system:bootstrap:abcdef", "system:bootstrappers");
    let of = |purpose, pem: &str, (user, group): (&str, &str)| asked(purpose, pem, user, group);
    let client = pem(nodes, a, &[]);
    check(&of(Client, &client, bootstrap), None, "Auto approving kubelet client certificate");
    let away = node("Unknown", &[]);
    check(&of(Client, &client, bootstrap), Some(away), "Auto approving kubelet client");
    let there = node("True", &["10.0.0.1"]);
    check(&of(Client, &client, bootstrap), Some(there.clone()), "NodeNameTaken");
    check(&of(Client, &client, (a, nodes)), Some(there.clone()), "Auto approving self kubelet");
    check(&of(Client, &client, ("system:node:b", nodes)), None, "Nothing");
    check(&of(Client, &client, (a, "developers")), None, "Nothing");
    check(&of(Client, &client, ("jane", "developers")), None, "Nothing");
    let other = pem("system:masters", a, &[]);
    check(&of(Client, &other, bootstrap), None, "Nothing");
    let disguised = pem(nodes, "system:node:a ", &[]);
    check(&of(Client, &disguised, bootstrap), Some(there.clone()), "Nothing");
    let serving = pem(nodes, a, &["10.0.0.1"]);
    check(
        &of(Serving, &serving, (a, nodes)),
        Some(there.clone()),
        "Auto approving kubelet serving",
    );
    check(&of(Serving, &serving, (a, nodes)), None, "Nothing");
    check(&of(Serving, &serving, bootstrap), Some(there.clone()), "Nothing");
    let theirs = pem(nodes, a, &["10.0.0.1", "10.0.0.2"]);
    check(&of(Serving, &theirs, (a, nodes)), Some(there.clone()), "Nothing");
    let named = pem(nodes, a, &["kubernetes.default"]);
    check(&of(Serving, &named, (a, nodes)), Some(there), "Nothing");
}

#[test]
fn what_is_approved_is_signed_for_as_long_as_it_may_be() {
    let pem_of = |common: &str| pem("system:nodes", common, &[]);
    let approved = |pem: &str, seconds: Option<i32>| {
        let mut request = asked(Purpose::Client, pem, "jane", "developers");
        request["spec"]["expirationSeconds"] = json!(seconds);
        let condition = json!({"type": "Approved", "status": "True", "lastUpdateTime": NOW});
        request["status"] = json!({"conditions": [condition]});
        request
    };
    let check = |seconds: Option<i32>, from: &str, to: &str| {
        let Action::Sign(order) =
            decided(&approved(&pem_of("system:node:a"), seconds), None, now())
        else {
            panic!("it must be signed")
        };
        assert_eq!(
            (order.not_before.to_string(), order.not_after.to_string()),
            (from.into(), to.into())
        );
        assert_eq!(order.common_name, "system:node:a");
        assert_eq!(order.organizations, ["system:nodes"]);
        assert!(!order.has_key_encipherment);
    };
    check(None, "2026-02-28T23:55:00Z", "2027-02-28T23:55:00Z");
    check(Some(3600), "2026-02-28T23:55:00Z", "2026-03-01T01:00:00Z");
    check(Some(86_400), "2026-02-28T23:55:00Z", "2026-03-01T23:55:00Z");
    check(Some(1), "2026-02-28T23:55:00Z", "2026-03-01T00:10:00Z");
    check(Some(i32::MAX), "2026-02-28T23:55:00Z", "2027-02-28T23:55:00Z");
    let failed = decided(&approved(&pem_of("jane"), None), None, now());
    assert!(matches!(failed, Action::Fail("SignerValidationFailure", _)), "{failed:?}");
    let mut signed = approved(&pem_of("system:node:a"), None);
    signed["status"]["certificate"] = json!("eA==");
    assert_eq!(decided(&signed, None, now()), Action::Nothing);
    let mut foreign = approved(&pem_of("system:node:a"), None);
    foreign["spec"]["signerName"] = json!("example.org/signer");
    assert_eq!(decided(&foreign, None, now()), Action::Nothing);
}

#[test]
fn requests_are_kept_as_long_as_kubernetes_keeps_them() {
    let check = |status: Value, expect: Option<&str>| {
        let mut request = asked(Purpose::Client, "", "jane", "developers");
        request["status"] = status;
        let request = serde_json::from_value(request).expect("a request");
        let due = clean::due_at(&request).map(|it| it.to_string());
        assert_eq!(due.as_deref(), expect);
    };
    let is = |type_: &str| json!([{"type": type_, "status": "True", "lastUpdateTime": NOW}]);
    check(json!({}), Some("2026-03-02T00:00:00Z"));
    check(json!({"conditions": is("Denied")}), Some("2026-03-01T01:00:00Z"));
    check(json!({"conditions": is("Failed")}), Some("2026-03-01T01:00:00Z"));
    check(json!({"conditions": is("Approved")}), None);
    let signed = json!({"conditions": is("Approved"), "certificate": "eA=="});
    check(signed, Some("2026-03-01T01:00:00Z"));
}

/// Says what it was asked to sign.
#[derive(Default)]
struct Notary(Mutex<Vec<Order>>);

impl Signer for Notary {
    fn sign(&self, order: &Order) -> Result<String, String> {
        self.0.lock().expect("nobody panics").push(order.clone());
        Ok("signed".to_owned())
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_approved_signed_and_deleted() {
    let store = Store::in_memory(Clock::simulated(now()), Names::seeded(1));
    let (notary, cancel) = (Arc::new(Notary::default()), CancellationToken::new());
    let duration = SignedDuration::from_hours(24);
    let controller = CertificateController::new(store.clone(), notary.clone(), duration);
    let running = tokio::spawn(controller.run(cancel.clone()));
    let pem = pem("system:nodes", "system:node:a", &[]);
    let request = asked(Purpose::Client, &pem, "system:bootstrap:abcdef", "system:bootstrappers");
    let request: CertificateSigningRequest = serde_json::from_value(request).expect("a request");
    store.commit(Transaction::new().create(request)).await.expect("it must be made");
    let key = Key::new("", "csr");
    let get = || store.get::<CertificateSigningRequest>(&key);
    let mut watch =
        store.watch(&[crate::api::Kind::CertificateSigningRequest], 0).expect("a watch");
    let certificate = loop {
        let _change = watch.next().await.expect("a change");
        let status = get().and_then(|it| it.status.clone()).unwrap_or_default();
        if let Some(certificate) = status.certificate {
            break certificate;
        }
    };
    assert_eq!(certificate.0, b"signed");
    assert_eq!(notary.0.lock().expect("nobody panics").len(), 1);
    while get().is_some() {
        let _change = watch.next().await.expect("a change");
    }
    let passed = store.clock().now().duration_since(now());
    assert_eq!(passed.as_hours(), 1);
    cancel.cancel();
    running.await.expect("it must not panic");
}

/// What runs on `store` until the test ends.
fn at_work(store: &Store) -> tokio_util::task::AbortOnDropHandle<()> {
    let duration = SignedDuration::from_hours(24);
    let signer = Arc::new(Notary::default());
    let controller = CertificateController::new(store.clone(), signer, duration);
    let running = tokio::spawn(controller.run(CancellationToken::new()));
    tokio_util::task::AbortOnDropHandle::new(running)
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_node_is_decided_on_when_that_is_there() {
    let store = Store::in_memory(Clock::simulated(now()), Names::seeded(1));
    let _controller = at_work(&store);
    let pem = pem("system:nodes", "system:node:a", &["10.0.0.1"]);
    let request = asked(Purpose::Serving, &pem, "system:node:a", "system:nodes");
    let request: CertificateSigningRequest = serde_json::from_value(request).expect("a request");
    store.commit(Transaction::new().create(request)).await.expect("it must be made");
    let get = || store.get::<CertificateSigningRequest>(&Key::new("", "csr")).expect("it is there");
    let mut other = (*node("True", &["10.0.0.1"])).clone();
    other.metadata.name = Some("b".to_owned());
    store.commit(Transaction::new().create(other)).await.expect("it must be made");
    // With paused time, sleeping means that everybody else has done what there is to do.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(is_pending(&get()));
    let own = (*node("True", &["10.0.0.1"])).clone();
    store.commit(Transaction::new().create(own)).await.expect("it must be made");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let certificate = get().status.clone().unwrap_or_default().certificate;
    assert_eq!(certificate.expect("it must be signed").0, b"signed");
}

#[tokio::test(start_paused = true)]
async fn of_too_many_that_are_over_the_oldest_go_before_their_time() {
    use crate::limits::CERTIFICATE_REQUESTS_OVER_MAX;

    let store = Store::in_memory(Clock::simulated(now()), Names::seeded(1));
    let mut all = Transaction::new();
    for number in 0..CERTIFICATE_REQUESTS_OVER_MAX + 3 {
        let mut request = asked(Purpose::Client, "", "system:node:a", "system:nodes");
        // The last ones are the oldest.
        let seconds = SignedDuration::from_secs(number.try_into().expect("it is small"));
        let at = now().checked_sub(seconds).expect("it is after 1970").to_string();
        request["metadata"]["name"] = json!(format!("csr-{number}"));
        // Nobody has decided on the first, and the second waits for its signer.
        let type_ = if number == 1 { "Approved" } else { "Denied" };
        if number > 0 {
            let condition = json!({"type": type_, "status": "True", "lastUpdateTime": at});
            request["status"] = json!({"conditions": [condition]});
        }
        let request: CertificateSigningRequest = serde_json::from_value(request).expect("one");
        all = all.create(request);
    }
    store.commit(all).await.expect("they must be made");
    let _controller = at_work(&store);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let has = |number: usize| {
        let key = Key::new("", &format!("csr-{number}"));
        store.get::<CertificateSigningRequest>(&key).is_some()
    };
    assert!(!has(CERTIFICATE_REQUESTS_OVER_MAX + 2));
    assert!((0..CERTIFICATE_REQUESTS_OVER_MAX + 2).all(has));
}
