//! The forms in which objects are answered: as they are, as a table, or their metadata alone.

mod lists;

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::options::Query;
use super::refusal::Refusal;
use super::status::Status;
use super::table;
use super::versions::Version;
use crate::api::{Kind, Object, Timestamp, json};
use crate::store::Slot;

const JSON: &str = "application/json";
const WARNING: HeaderName = HeaderName::from_static("warning");

/// In which form a client wants objects, and in which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    shape: Shape,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Object,
    Table(Include),
    Metadata,
}

/// What of each object a row carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Include {
    Nothing,
    Metadata,
    Object,
}

impl Form {
    /// The first of the forms that are accepted which there is.
    pub(super) fn wanted(headers: &HeaderMap, query: &Query) -> Result<Self, Refusal> {
        let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("*/*");
        let shape = accept.split(',').find_map(|choice| {
            let mut parameters = choice.split(';').map(str::trim);
            if !matches!(parameters.next()?, JSON | "application/*" | "*/*") {
                return None;
            }
            let parameters: Vec<&str> = parameters.collect();
            let version_is = |version: &str| parameters.contains(&version);
            match parameters.iter().find_map(|it| it.strip_prefix("as=")) {
                None => Some(Shape::Object),
                Some("Table") if version_is("v=v1") => Some(Shape::Table(Include::Metadata)),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList")
                    if version_is("v=v1") =>
                {
                    Some(Shape::Metadata)
                }
                Some(_) => None,
            }
        });
        let shape = match (shape, query.get("includeObject")) {
            (Some(Shape::Table(_)), Some("None")) => Shape::Table(Include::Nothing),
            (Some(Shape::Table(_)), Some("Object")) => Shape::Table(Include::Object),
            (Some(shape), _) => shape,
            (None, _) => return Err(Status::not_acceptable(&[JSON]).into()),
        };
        Ok(Self { shape, version: Version::Kept })
    }

    /// Whether it is a table, for people.
    pub(super) fn is_table(self) -> bool {
        matches!(self.shape, Shape::Table(_))
    }

    /// Whether objects are answered as they are kept.
    pub(super) fn is_kept(self) -> bool {
        self.shape == Shape::Object && self.version == Version::Kept
    }

    /// The same, of objects in `version`.
    pub(super) fn of_version(self, version: Version) -> Self {
        Self { version, ..self }
    }
}

/// A list's own metadata.
#[derive(Default)]
pub(super) struct ListMeta {
    pub(super) resource_version: u64,
    pub(super) proceed: Option<String>,
    pub(super) remaining: Option<usize>,
}

impl ListMeta {
    fn to_json(&self) -> Value {
        let mut meta = json!({"resourceVersion": self.resource_version.to_string()});
        if let Some(proceed) = &self.proceed {
            meta["continue"] = json!(proceed);
        }
        if let Some(remaining) = self.remaining {
            meta["remainingItemCount"] = json!(remaining);
        }
        meta
    }
}

/// Answers with one object.
pub(super) fn object(
    code: StatusCode,
    form: Form,
    object: &Object,
    now: Timestamp,
    warnings: &[String],
) -> Response<Body> {
    let mut body = Vec::new();
    write(form, object, true, now, &mut body);
    bytes(code, body.into(), warnings)
}

/// Answers with some objects of one kind, each of which is unpacked when the client takes it.
pub(super) fn list(
    form: Form,
    kind: Kind,
    objects: Vec<Slot>,
    meta: &ListMeta,
    now: Timestamp,
    warnings: &[String],
) -> Response<Body> {
    let list = lists::List::new(form, kind, objects, &meta.to_json(), now);
    bytes(StatusCode::OK, list.into_body(), warnings)
}

/// Answers with a list of a kind of which there are none.
pub(super) fn empty_list(
    form: Form,
    api_version: &str,
    kind: &str,
    version: &str,
) -> Response<Body> {
    let meta = json!({"resourceVersion": version});
    let list = match form.shape {
        Shape::Object => json!({
            "kind": format!("{kind}List"), "apiVersion": api_version, "metadata": meta, "items": [],
        }),
        Shape::Metadata => json!({
            "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta,
            "items": [],
        }),
        Shape::Table(_) => json!({
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta,
            "columnDefinitions": table::columns(Kind::ServiceAccount), "rows": [],
        }),
    };
    value(&list)
}

/// Answers with something that is no object that is kept.
pub(super) fn value(value: &Value) -> Response<Body> {
    json(StatusCode::OK, value, &[])
}

/// Answers with a status.
pub(super) fn status(status: &Status, warnings: &[String]) -> Response<Body> {
    let body = serde_json::to_value(status).expect("a Status must have a JSON form");
    let mut response = json(status.http_status(), &body, warnings);
    if let Some(seconds) = status.details.as_ref().and_then(|it| it.retry_after_seconds) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Answers with one event after another, as a watch does.
pub(super) fn events(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    response
}

/// Appends one line of a watch to `out`: `what` has become of `object`, whose `json` may be there
/// already. `columns` says whether a table has its heads, which only the first one needs.
pub(super) fn event(
    form: Form,
    what: &str,
    (object, json): (&Object, Option<&[u8]>),
    columns: bool,
    now: Timestamp,
    out: &mut Vec<u8>,
) {
    begin_line(what, out);
    match json {
        Some(json) if form.is_kept() => out.extend_from_slice(json),
        _ => write(form, object, columns, now, out),
    }
    out.extend_from_slice(b"}\n");
}

/// Appends the last line of a watch that can't go on to `out`.
pub(super) fn error_event(status: &Status, out: &mut Vec<u8>) {
    begin_line("ERROR", out);
    json::write(status, out);
    out.extend_from_slice(b"}\n");
}

fn begin_line(what: &str, out: &mut Vec<u8>) {
    for part in ["{\"type\":\"", what, "\",\"object\":"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Appends `object` to `out` as `form` has it; a table of one, with `columns` or without.
fn write(form: Form, object: &Object, columns: bool, now: Timestamp, out: &mut Vec<u8>) {
    match form.shape {
        Shape::Object => write_object(object, form.version, out),
        Shape::Metadata => write_metadata(object, out),
        Shape::Table(include) => {
            let version = object.metadata().resource_version.as_deref().unwrap_or_default();
            let meta = json!({"resourceVersion": version});
            begin_table(columns.then_some(object.kind()), &meta, out);
            write_row(object, (include, form.version), now, out);
            out.extend_from_slice(b"]}");
        }
    }
}

fn write_object(object: &Object, version: Version, out: &mut Vec<u8>) {
    match version {
        Version::Kept => object.write_json(out),
        other => json::write(&other.json(object), out),
    }
}

fn write_metadata(object: &Object, out: &mut Vec<u8>) {
    let head = r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#;
    out.extend_from_slice(head.as_bytes());
    object.write_metadata(out);
    out.push(b'}');
}

/// Begins a table up to its first row, with the columns of a kind if it is given.
fn begin_table(kind: Option<Kind>, meta: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":"#);
    json::write(meta, out);
    out.extend_from_slice(br#","columnDefinitions":"#);
    json::write(&kind.map(table::columns), out);
    out.extend_from_slice(br#","rows":["#);
}

fn write_row(
    object: &Object,
    (include, version): (Include, Version),
    now: Timestamp,
    out: &mut Vec<u8>,
) {
    json::write(&table::row(object, now), out);
    // A row has cells at least, and the object after them.
    out.pop();
    out.extend_from_slice(br#","object":"#);
    match include {
        Include::Nothing => out.extend_from_slice(b"null"),
        Include::Metadata => write_metadata(object, out),
        Include::Object => write_object(object, version, out),
    }
    out.push(b'}');
}

/// Answers with `body`.
pub(super) fn json(code: StatusCode, body: &Value, warnings: &[String]) -> Response<Body> {
    bytes(code, Body::from(body.to_string()), warnings)
}

fn bytes(code: StatusCode, body: Body, warnings: &[String]) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    for warning in warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        // What can't stand in a header can't be warned of.
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            headers.append(WARNING, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_there_is_is_taken() {
        let check = |accept: &'static str, query: &str, expect: Option<Shape>| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(
                Form::wanted(&headers, &Query::parse(query)).ok().map(|form| form.shape),
                expect,
                "{accept}"
            );
        };
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        check(table, "", Some(Shape::Table(Include::Metadata)));
        check(table, "includeObject=Object", Some(Shape::Table(Include::Object)));
        check("application/json;as=Table;v=v1beta1;g=meta.k8s.io, */*", "", Some(Shape::Object));
        check("application/vnd.kubernetes.protobuf,application/json", "", Some(Shape::Object));
        check(
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            "",
            Some(Shape::Metadata),
        );
        check("application/vnd.kubernetes.protobuf", "", None);
    }
}
