//! The forms in which objects are answered: as they are, as a table, or their metadata alone.

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::options::Query;
use super::refusal::Refusal;
use super::status::Status;
use super::table;
use super::versions::Version;
use crate::api::{Kind, Object, Timestamp};

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
    let body = match form.shape {
        Shape::Object => form.version.json(object),
        Shape::Metadata => metadata_of(object),
        Shape::Table(include) => table_of_one(object, (include, form.version), now),
    };
    json(code, &body, warnings)
}

/// Answers with some objects of one kind.
pub(super) fn list(
    form: Form,
    kind: Kind,
    objects: &[Object],
    meta: &ListMeta,
    now: Timestamp,
    warnings: &[String],
) -> Response<Body> {
    let meta = meta.to_json();
    let body = match form.shape {
        Shape::Object => {
            let item = |object| item_of(object, form.version);
            let items: Vec<Value> = objects.iter().map(item).collect();
            let kind_name = format!("{}List", kind.name());
            json!({"kind": kind_name, "apiVersion": form.version.api_version(kind), "metadata": meta, "items": items})
        }
        Shape::Metadata => {
            let items: Vec<Value> = objects.iter().map(metadata_of).collect();
            json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "items": items})
        }
        Shape::Table(include) => table_of(kind, objects, &meta, (include, form.version), now),
    };
    json(StatusCode::OK, &body, warnings)
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

/// One line of a watch: `what` has become of `object`. `columns` says whether a table has its heads,
/// which only the first one needs.
pub(super) fn event(
    form: Form,
    what: &str,
    object: &Object,
    columns: bool,
    now: Timestamp,
) -> Vec<u8> {
    let bytes = match form.shape {
        Shape::Object if form.version == Version::Kept => {
            object.to_json().expect("an object must have a JSON form")
        }
        Shape::Object => form.version.json(object).to_string().into_bytes(),
        Shape::Metadata => metadata_of(object).to_string().into_bytes(),
        Shape::Table(include) => {
            let mut table = table_of_one(object, (include, form.version), now);
            if !columns {
                table["columnDefinitions"] = Value::Null;
            }
            table.to_string().into_bytes()
        }
    };
    line(what, &bytes)
}

/// The last line of a watch that can't go on.
pub(super) fn error_event(status: &Status) -> Vec<u8> {
    line("ERROR", &serde_json::to_vec(status).expect("a Status must have a JSON form"))
}

fn line(what: &str, json: &[u8]) -> Vec<u8> {
    let head = format!("{{\"type\":\"{what}\",\"object\":");
    [head.as_bytes(), json, b"}\n"].concat()
}

fn table_of_one(object: &Object, include: (Include, Version), now: Timestamp) -> Value {
    let version = object.metadata().resource_version.clone().unwrap_or_default();
    let meta = json!({"resourceVersion": version});
    table_of(object.kind(), std::slice::from_ref(object), &meta, include, now)
}

fn table_of(
    kind: Kind,
    objects: &[Object],
    meta: &Value,
    (include, row_version): (Include, Version),
    now: Timestamp,
) -> Value {
    let rows = objects.iter().map(|object| {
        let mut row =
            serde_json::to_value(table::row(object, now)).expect("a row must have a JSON form");
        row["object"] = match include {
            Include::Nothing => Value::Null,
            Include::Metadata => metadata_of(object),
            Include::Object => row_version.json(object),
        };
        row
    });
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": table::columns(kind),
        "rows": rows.collect::<Vec<_>>(),
    })
}

/// `object` as an item of a list, which says its kind for all.
fn item_of(object: &Object, version: Version) -> Value {
    let mut item = version.json(object);
    if let Value::Object(fields) = &mut item {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    item
}

fn metadata_of(object: &Object) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.metadata(),
    })
}

/// Answers with `body`.
pub(super) fn json(code: StatusCode, body: &Value, warnings: &[String]) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
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
