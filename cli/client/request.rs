//! Requests to the server, and its answers: JSON, streams of events, streams of bytes.
//!
//! Objects stay as they came, so that nothing is lost of kinds and fields that are not known here.

use std::io;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, Response, Uri};
use kube::Client;
use kube::core::Status;
use serde_json::Value;

use super::complaint::Complaint;

/// The largest answer that is held, or event of a watch. Lists come in pages of [`PAGE_OBJECTS`],
/// each at most 1.5 MB as Kubernetes stores it; what this stops is a server that never ends.
const ANSWER_BYTES_MAX: usize = 1 << 30;

/// How many objects one page of a list holds: as many as kubectl asks for.
pub(super) const PAGE_OBJECTS: usize = 500;

/// How many pages of one list are asked for. Stops a server that always has one more.
const PAGES_MAX: usize = 100_000;

/// A server to ask.
#[derive(Clone)]
pub(super) struct Server {
    client: Client,
    host: String,
    named_by: String,
}

/// The form in which objects are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum As {
    Objects,
    Tables,
}

/// A request's `key=value` pairs.
pub(super) type Pairs = Vec<(&'static str, String)>;

/// How a body is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Json,
    MergePatch,
    Apply,
    Lines,
    Text,
}

impl Server {
    /// The server at `address`, as the kubeconfig `named_by` has it.
    pub(super) fn new(client: Client, address: &Uri, named_by: String) -> Self {
        let host = address.authority().map_or_else(|| address.to_string(), ToString::to_string);
        Self { client, host, named_by }
    }

    /// Where it is, as a URL.
    pub(super) fn url(&self) -> String {
        format!("https://{}", self.host)
    }

    /// The object or list at `path`.
    pub(super) async fn get(&self, path: &str, query: &Pairs, form: As) -> anyhow::Result<Value> {
        let accept = match form {
            As::Objects => "application/json",
            As::Tables => "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
        };
        self.json(Method::GET, path, query, accept, None).await
    }

    /// Each page of the list at `path`.
    pub(super) async fn pages(
        &self,
        path: &str,
        query: &Pairs,
        form: As,
    ) -> anyhow::Result<Vec<Value>> {
        let mut pages = Vec::new();
        let mut query = query.clone();
        query.push(("limit", PAGE_OBJECTS.to_string()));
        let first = query.len();
        while pages.len() < PAGES_MAX {
            let page = self.get(path, &query, form).await?;
            let next = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
            pages.push(page);
            if next.is_empty() {
                return Ok(pages);
            }
            query.truncate(first);
            query.push(("continue", next));
        }
        Err(Complaint::failed(format!("the list {path} has no end")))
    }

    /// The objects of the list at `path`, each with its `apiVersion` and `kind`.
    pub(super) async fn list(&self, path: &str, query: &Pairs) -> anyhow::Result<Vec<Value>> {
        Ok(self.pages(path, query, As::Objects).await?.into_iter().flat_map(items_of).collect())
    }

    /// Creates `object` in the collection at `path`.
    pub(super) async fn post(
        &self,
        path: &str,
        query: &Pairs,
        object: &Value,
    ) -> anyhow::Result<Value> {
        let body = Some((Content::Json, object.to_string()));
        self.json(Method::POST, path, query, "application/json", body).await
    }

    /// Patches the object at `path`.
    pub(super) async fn patch(
        &self,
        path: &str,
        query: &Pairs,
        content: Content,
        patch: &Value,
    ) -> anyhow::Result<Value> {
        let body = Some((content, patch.to_string()));
        self.json(Method::PATCH, path, query, "application/json", body).await
    }

    /// Deletes the object at `path`.
    pub(super) async fn delete(
        &self,
        path: &str,
        query: &Pairs,
        options: &Value,
    ) -> anyhow::Result<Value> {
        let body = Some((Content::Json, options.to_string()));
        self.json(Method::DELETE, path, query, "application/json", body).await
    }

    /// The changes of the list at `path`.
    pub(super) async fn watch(
        &self,
        path: &str,
        query: &Pairs,
        form: As,
    ) -> anyhow::Result<Events> {
        let mut query = query.clone();
        query.push(("watch", "true".to_owned()));
        let accept = match form {
            As::Objects => "application/json",
            As::Tables => "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
        };
        let answer = self.send(Method::GET, path, &query, accept, None).await?;
        Ok(Events { stream: answer.into_data_stream(), unread: Vec::new() })
    }

    /// The bytes at `path`, as they come.
    pub(super) async fn stream(&self, path: &str, query: &Pairs) -> anyhow::Result<BodyDataStream> {
        let answer = self.send(Method::GET, path, query, "application/json, */*", None).await?;
        Ok(answer.into_data_stream())
    }

    /// Sends `lines` of JSON to `path`; what is answered.
    pub(super) async fn upload(&self, path: &str, lines: Vec<u8>) -> anyhow::Result<Value> {
        let body = Some((Content::Lines, lines));
        let answer = self.send(Method::POST, path, &Vec::new(), "application/json", body).await?;
        self.value_of(answer).await
    }

    /// The text at `path`, after `text` was sent there if `method` is to send some.
    pub(super) async fn text(
        &self,
        method: Method,
        path: &str,
        text: &str,
    ) -> anyhow::Result<String> {
        let body = (method != Method::GET).then(|| (Content::Text, text.as_bytes().to_vec()));
        let answer = self.send(method, path, &Vec::new(), "text/plain, */*", body).await?;
        let bytes = self.bytes_of(answer).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn json(
        &self,
        method: Method,
        path: &str,
        query: &Pairs,
        accept: &str,
        body: Option<(Content, String)>,
    ) -> anyhow::Result<Value> {
        let body = body.map(|(content, text)| (content, text.into_bytes()));
        let answer = self.send(method, path, query, accept, body).await?;
        self.value_of(answer).await
    }

    async fn value_of(&self, answer: Body) -> anyhow::Result<Value> {
        let bytes = self.bytes_of(answer).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Complaint::failed(format!("{}: no JSON comes back: {error}", self.host))
        })
    }

    /// Sends a request; its answer's body, unless it is a refusal. Warnings are told.
    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &Pairs,
        accept: &str,
        body: Option<(Content, Vec<u8>)>,
    ) -> anyhow::Result<Body> {
        let mut request =
            Request::builder().method(method).uri(uri(path, query)).header(ACCEPT, accept);
        if let Some((content, _)) = &body {
            request = request.header(CONTENT_TYPE, content.media_type());
        }
        let body = body.map(|(_, bytes)| bytes).unwrap_or_default();
        let request = request
            .body(kube::client::Body::from(body))
            .map_err(|error| Complaint::failed(format!("no request can be made of it: {error}")))?;
        let answer = self.client.send(request).await.map_err(|error| self.unreachable(&error))?;
        let answer: Response<Body> = answer.map(Body::new);
        for warning in warnings(answer.headers()) {
            eprintln!("Warning: {warning}");
        }
        let code = answer.status();
        if code.is_success() {
            return Ok(answer.into_body());
        }
        let bytes = self.bytes_of(answer.into_body()).await?;
        let mut status = serde_json::from_slice::<Status>(&bytes).unwrap_or_else(|_| {
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            let text = if text.is_empty() { code.to_string() } else { text };
            Status::failure(&text, "")
        });
        status.code = code.as_u16();
        Err(Complaint::Refused { status: Box::new(status), doing: String::new() }.into())
    }

    async fn bytes_of(&self, body: Body) -> anyhow::Result<Vec<u8>> {
        let bytes = axum::body::to_bytes(body, ANSWER_BYTES_MAX).await;
        let bytes = bytes.map_err(|error| {
            Complaint::failed(format!("the answer of {} broke off: {}", self.host, root(&error)))
        })?;
        Ok(bytes.to_vec())
    }

    /// Nobody answers: who was asked, who said so, and what can be done.
    fn unreachable(&self, error: &kube::Error) -> anyhow::Error {
        let root = root(error);
        let host = &self.host;
        let why = if root.contains("refused") {
            format!(
                "The connection to the server {host} was refused - did you specify the right host \
                 or port?"
            )
        } else {
            format!("Unable to connect to the server: {host}: {root}")
        };
        Complaint::Unreachable(format!(
            "{why}\n(The kubeconfig {} names it; `mayfly serve` starts a server.)",
            self.named_by
        ))
        .into()
    }
}

impl Content {
    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::MergePatch => "application/merge-patch+json",
            Self::Apply => "application/apply-patch+yaml",
            Self::Lines => "application/jsonl",
            Self::Text => "text/plain",
        }
    }
}

/// One change of a watch.
#[derive(Debug)]
pub(super) struct Event {
    /// `ADDED`, `MODIFIED`, `DELETED` or `BOOKMARK`.
    pub(super) what: String,
    /// The object, or a table with it.
    pub(super) object: Value,
}

/// The changes of a watch, as they come.
pub(super) struct Events {
    stream: BodyDataStream,
    unread: Vec<u8>,
}

impl Events {
    /// The next change; `None` when the server has ended the watch, or has lost us.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        let line = loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                break self.unread.drain(..=end).collect::<Vec<u8>>();
            }
            match self.stream.next().await {
                Some(Ok(bytes)) => self.unread.extend_from_slice(&bytes),
                // What has not come whole is not there: whoever watches begins again.
                Some(Err(_)) | None => return Ok(None),
            }
            if self.unread.len() > ANSWER_BYTES_MAX {
                return Err(Complaint::failed("an event of the watch has no end"));
            }
        };
        let mut event: Value = serde_json::from_slice(&line).map_err(|error| {
            Complaint::failed(format!("no event comes from the watch: {error}"))
        })?;
        let what = event["type"].as_str().unwrap_or_default().to_owned();
        let object = event["object"].take();
        if what == "ERROR" {
            let status = serde_json::from_value(object).unwrap_or_default();
            return Err(
                Complaint::Refused { status: Box::new(status), doing: String::new() }.into()
            );
        }
        Ok(Some(Event { what, object }))
    }
}

/// The items of a list, each saying what it is; an object that is no list is its own item.
pub(super) fn items_of(mut list: Value) -> Vec<Value> {
    let api_version = list["apiVersion"].clone();
    let kind = list["kind"].as_str().unwrap_or_default();
    let Some(kind) = kind.strip_suffix("List").map(str::to_owned) else { return vec![list] };
    let Value::Array(mut items) = list["items"].take() else { return Vec::new() };
    for item in &mut items {
        if item.get("kind").is_none() && item.is_object() {
            item["apiVersion"] = api_version.clone();
            item["kind"] = kind.clone().into();
        }
    }
    items
}

/// The message at the bottom of an error.
pub(super) fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.kind().to_string(),
        None => error.to_string(),
    }
}

fn uri(path: &str, query: &Pairs) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(query.iter().map(|(key, value)| (*key, value.as_str())));
    match text.finish().as_str() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// The texts of the warnings in `headers`, which look like `299 - "text"`.
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("warning").iter().filter_map(|value| value.to_str().ok());
    values.filter_map(warning).collect()
}

fn warning(value: &str) -> Option<String> {
    let quoted = value.splitn(3, ' ').nth(2)?.strip_prefix('"')?;
    let mut text = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some(text),
            '\\' => text.push(characters.next()?),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn warnings_are_unquoted() {
        let check = |value: &str, expect: Option<&str>| {
            assert_eq!(warning(value).as_deref(), expect, "{value}");
        };
        check("299 - \"a \\\"b\\\" c\"", Some("a \"b\" c"));
        check("299 - \"unknown field \\\\\"", Some("unknown field \\"));
        check("299 - bare", None);
        check("299 - \"no end", None);
    }

    #[test]
    fn items_say_what_they_are() {
        let list = json!({"kind": "JobList", "apiVersion": "batch/v1", "items": [
            {"metadata": {"name": "a"}}, {"kind": "Other", "apiVersion": "v2"}]});
        assert_eq!(
            items_of(list),
            [
                json!({"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": "a"}}),
                json!({"kind": "Other", "apiVersion": "v2"}),
            ]
        );
        assert!(items_of(json!({"kind": "JobList", "items": null})).is_empty());
    }

    #[test]
    fn queries_are_escaped() {
        let query = vec![("labelSelector", "a=b,c in (d)".to_owned()), ("limit", "5".to_owned())];
        assert_eq!(uri("/api", &query), "/api?labelSelector=a%3Db%2Cc+in+%28d%29&limit=5");
        assert_eq!(uri("/api", &Vec::new()), "/api");
    }
}
