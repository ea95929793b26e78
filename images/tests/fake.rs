//! A registry on loopback, which does what its test says.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use mayfly_images::{
    Digest, Error, Image, ImageName, Keyring, Named, Policy, Puller, Shelf, silent,
};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
pub(crate) const WASM: &str = "application/wasm";

/// What is answered in place of what is there; `None` lets the registry answer.
pub(crate) type Trick = Box<dyn Fn(&Asked) -> Option<Response> + Send + Sync>;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
}

impl Asked {
    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first byte that is wanted.
    pub(crate) fn from(&self) -> usize {
        let range = self.header(header::RANGE).unwrap_or("bytes=0-");
        range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap()
    }
}

/// A registry.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) host: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    content: Mutex<HashMap<String, (String, Vec<u8>)>>,
    asked: Mutex<Vec<Asked>>,
    trick: OnceLock<Trick>,
}

impl Fake {
    /// One with nothing in it.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let router = Router::new().fallback(move |request: Request| {
            let state = Arc::clone(&shared);
            async move { state.answer(&request) }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { host, state }
    }

    /// Answers by `trick` first.
    pub(crate) fn trick(&self, trick: impl Fn(&Asked) -> Option<Response> + Send + Sync + 'static) {
        assert!(self.state.trick.set(Box::new(trick)).is_ok(), "one trick at a time");
    }

    /// The name of the repository `me/pi` here, with `version` behind it.
    pub(crate) fn name(&self, version: &str) -> ImageName {
        ImageName::parse(&format!("{}/me/pi{version}", self.host)).unwrap()
    }

    /// Has `bytes` as a blob, and gives what a manifest says of it.
    pub(crate) fn blob(&self, media_type: &str, bytes: &[u8]) -> String {
        let digest = Digest::of(bytes);
        self.put(&format!("blobs/{digest}"), "application/octet-stream", bytes);
        format!(r#"{{"mediaType": "{media_type}", "digest": "{digest}", "size": {}}}"#, bytes.len())
    }

    /// Has `text` as a manifest under `tag` and its digest.
    pub(crate) fn manifest(&self, tag: &str, media_type: &str, text: &str) -> Digest {
        let digest = Digest::of(text.as_bytes());
        for version in [tag, digest.as_str()] {
            self.put(&format!("manifests/{version}"), media_type, text.as_bytes());
        }
        digest
    }

    /// Has an artifact with the module `module` under `tag`.
    pub(crate) fn artifact(&self, tag: &str, module: &[u8]) -> Digest {
        let config = self.blob(WASM_CONFIG, br#"{"architecture": "wasm", "os": "wasip1"}"#);
        self.image(tag, &config, &[self.blob(WASM, module)])
    }

    /// Has an image of these parts under `tag`.
    pub(crate) fn image(&self, tag: &str, config: &str, layers: &[String]) -> Digest {
        let layers = layers.join(", ");
        let text = format!(
            r#"{{"schemaVersion": 2, "mediaType": "{MANIFEST}", "config": {config}, "layers": [{layers}]}}"#
        );
        self.manifest(tag, MANIFEST, &text)
    }

    fn put(&self, path: &str, media_type: &str, bytes: &[u8]) {
        let entry = (media_type.to_owned(), bytes.to_vec());
        self.state.content.lock().unwrap().insert(format!("/v2/me/pi/{path}"), entry);
    }

    /// What was asked for, in order, as far as its path has `part` in it.
    pub(crate) fn asked(&self, part: &str) -> Vec<Asked> {
        let asked = self.state.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.path.contains(part)).cloned().collect()
    }

    /// What is at `path` of the repository.
    pub(crate) fn content(&self, path: &str) -> Vec<u8> {
        self.state.content.lock().unwrap()[&format!("/v2/me/pi/{path}")].1.clone()
    }

    /// Somebody who may ask this registry, with a state folder at `state`.
    pub(crate) fn puller(&self, state: &Path) -> Puller {
        self.puller_with(state, Policy::default())
    }

    pub(crate) fn puller_with(&self, state: &Path, policy: Policy) -> Puller {
        let named = Named::new([self.host.parse().unwrap()]);
        Puller::new(Shelf::of(state), named, policy)
    }

    /// Pulls `version` into a folder of its own, as nobody in particular.
    pub(crate) async fn pull(&self, version: &str) -> Result<Image, Error> {
        let state = tempfile::tempdir().unwrap();
        pull(&self.puller(state.path()), &self.name(version)).await
    }
}

/// Pulls `name` as nobody in particular.
pub(crate) async fn pull(puller: &Puller, name: &ImageName) -> Result<Image, Error> {
    puller.pull(name, &Keyring::default(), &silent).await
}

/// What an error says, with what is behind it.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", words(source)),
        None => error.to_string(),
    }
}

impl State {
    fn answer(&self, request: &Request) -> Response {
        let asked = Asked {
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request.headers().clone(),
        };
        self.asked.lock().unwrap().push(asked.clone());
        if let Some(answer) = self.trick.get().and_then(|trick| trick(&asked)) {
            return answer;
        }
        let content = self.content.lock().unwrap();
        let Some((media_type, bytes)) = content.get(&asked.path) else {
            let said = r#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "there is none"}]}"#;
            return answer(StatusCode::NOT_FOUND, said);
        };
        let from = asked.from().min(bytes.len());
        let status = if from > 0 { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        let range = format!("bytes {from}-{}/{}", bytes.len().saturating_sub(1), bytes.len());
        Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, media_type)
            .header(header::CONTENT_RANGE, range)
            .body(Body::from(bytes[from..].to_vec()))
            .unwrap()
    }
}

/// An answer with `status` that says `text`.
pub(crate) fn answer(status: StatusCode, text: &str) -> Response {
    Response::builder().status(status).body(Body::from(text.to_owned())).unwrap()
}
