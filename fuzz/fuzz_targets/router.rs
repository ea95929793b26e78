//! Any requests, one after the other, to the API of a store that holds little.
//!
//! ```text
//! POST /apis/batch/v1/namespaces/default/jobs?dryRun=All
//! content-type: application/yaml
//!
//! metadata: {name: pi}
//! %%
//! GET /api/v1/pods
//! ```
//!
//! Whatever is asked is answered: never with a 500 that Kubernetes would not give, and whatever is
//! refused with a Status that says so. Who sends no token is the admin; the tokens `edit` and `view` are of those roles.

#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use mayfly_controller::admission::{default_job, default_pod};
use mayfly_controller::api::{Job, Namespace, ObjectMeta, Pod, Timestamp};
use mayfly_controller::clock::Clock;
use mayfly_controller::http::access::{Access, ClientCertificate, Policy, User};
use mayfly_controller::http::{Api, router};
use mayfly_controller::store::{Names, Store, Transaction};
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::ServiceExt as _;

/// Requests of one input. Stops the fuzzer from making long inputs of the same.
const REQUESTS_MAX: usize = 8;

/// How long an answer is read that goes on: simulated time, which passes at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much is read of an answer. Stops at what does not end by itself.
const ANSWER_FRAMES_MAX: usize = 64;

/// Mistakes of clients that Kubernetes calls errors of its own.
const OWN_FAULTS: [&str; 2] = ["without impersonating a user", "unable to upgrade connection"];

/// Who may what, besides the admin. The tokens are `edit` and `view`.
const USERS: &str = "
users:
- name: jane
  groups: [developers]
  roles: [{role: edit, namespaces: [default]}]
  tokens: [{name: edit, sha256: 262121c5372be8af3ae6ff0d3d138d9e6e1249335222c7f0e02535e35073bb0b}]
- name: joe
  roles: [{role: view}]
  tokens: [{name: view, sha256: 2bcb43cbc8f6b7ef66331532881143fcbae60a879db3a8fb853f645bb24c2b3c}]
";

static ACCESS: LazyLock<Arc<Access>> = LazyLock::new(|| {
    let policy = Policy::parse(USERS).expect("the users must be written right");
    Arc::new(Access::new(policy))
});

static OBJECTS: LazyLock<(Job, Pod)> = LazyLock::new(|| {
    let spec = json!({"restartPolicy": "Never", "containers": [{"name": "main", "image": "pi"}]});
    let metadata = json!({"name": "p", "namespace": "default", "labels": {"of": "p"}});
    let job = json!({"metadata": metadata, "spec": {"template": {"spec": spec}}});
    let pod = json!({"metadata": metadata, "spec": spec});
    let read = "it must be an object";
    (serde_json::from_value(job).expect(read), serde_json::from_value(pod).expect(read))
});

fuzz_target!(|data: &[u8]| {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.expect("the runtime must start").block_on(async {
        let router = served().await;
        for text in split(data, b"\n%%\n").take(REQUESTS_MAX) {
            let Some(request) = request(text) else { continue };
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            let response = router.clone().oneshot(request).await.expect("it must answer");
            let (parts, body) = response.into_parts();
            let body = read(body).await;
            let is_refused = parts.status.is_client_error() || parts.status.is_server_error();
            let is_nowhere = body == b"404 page not found\n";
            if is_refused && method != Method::HEAD && !is_nowhere && !is_without_status(&path) {
                check_status(&body, parts.status.as_u16());
            }
        }
    });
});

/// The API over a store that holds a namespace, a Job and a pod.
async fn served() -> Router {
    let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
    let metadata = ObjectMeta { name: Some("default".to_owned()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    let (mut job, mut pod) = OBJECTS.clone();
    default_job(&mut job);
    default_pod(&mut pod);
    let objects = Transaction::new().create(namespace).create(job).create(pod);
    store.commit(objects).await.expect("the objects must be created");
    router(Api::new(store).with_access(Arc::clone(&ACCESS)))
}

/// The parts of `data` between the `separator`s.
fn split<'a>(data: &'a [u8], separator: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let part = rest?;
        let at = part.windows(separator.len()).position(|it| it == separator);
        rest = at.map(|at| &part[at + separator.len()..]);
        Some(at.map_or(part, |at| &part[..at]))
    })
}

/// The request that `text` is, if a server would pass it on as one.
fn request(text: &[u8]) -> Option<Request<Body>> {
    let mut parts = split(text, b"\n\n");
    let head = parts.next()?;
    let body = text.get(head.len() + 2..).unwrap_or_default();
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut words = lines.next()?.splitn(2, |byte| *byte == b' ');
    let method = Method::from_bytes(words.next()?).ok()?;
    let mut request = Request::builder().method(method).uri(words.next()?);
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':')?;
        request = request.header(&line[..at], line[at + 1..].trim_ascii());
    }
    let mut request = request.body(Body::from(body.to_vec())).ok()?;
    if !request.headers().contains_key(AUTHORIZATION) {
        let organizations = vec![User::MASTERS.to_owned()];
        let admin = ClientCertificate { common_name: "admin".to_owned(), organizations };
        request.extensions_mut().insert(admin);
    }
    Some(request)
}

/// The body of an answer, or the beginning of it if it goes on.
async fn read(mut body: Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..ANSWER_FRAMES_MAX {
        let Ok(Some(frame)) = timeout(PATIENCE, body.frame()).await else { break };
        let frame = frame.expect("an answer must not break off");
        bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
    }
    bytes
}

/// These say what is wrong in words, or by the code alone, as Kubernetes' do.
fn is_without_status(path: &str) -> bool {
    ["/healthz", "/livez", "/readyz", "/openapi/"].iter().any(|check| path.starts_with(check))
}

/// A refusal must be a Status of a failure, with the code of the answer.
fn check_status(body: &[u8], code: u16) {
    let text = String::from_utf8_lossy(body);
    let status: Value = serde_json::from_slice(body).unwrap_or_else(|_| panic!("{code}: {text}"));
    assert_eq!(
        (&status["kind"], &status["status"]),
        (&json!("Status"), &json!("Failure")),
        "{text}"
    );
    assert_eq!(status["code"], json!(code), "{text}");
    // Kubernetes has no reason for some mistakes of clients, and answers that it failed.
    let is_known = status["reason"].is_null() || OWN_FAULTS.iter().any(|it| text.contains(it));
    assert!(code != 500 || is_known, "{text}");
    assert!(status["message"].as_str().is_some_and(|it| !it.is_empty()), "{text}");
}
