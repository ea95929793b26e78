//! What can be done at one path, as OpenAPI describes it.

use serde_json::{Map, Value, json};

use super::parameters;
use super::schemas::{self, DELETE_OPTIONS, PATCH, STATUS, reference};
use crate::http::discovery::resources::{Model, Resource, Subresource};

const JSON: &str = "application/json";
const STREAM: &str = "application/json;stream=watch";
const PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// Something that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Get,
    List,
    /// In all namespaces.
    ListAll,
    Post,
    Put,
    Patch,
    Delete,
    DeleteCollection,
    ConnectGet,
    ConnectPost,
}

impl Action {
    /// The method, as OpenAPI writes it.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Get | Self::List | Self::ListAll | Self::ConnectGet => "get",
            Self::Post | Self::ConnectPost => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete | Self::DeleteCollection => "delete",
        }
    }

    /// What Kubernetes calls it in the extension of that name.
    fn name(self) -> &'static str {
        match self {
            Self::List | Self::ListAll => "list",
            Self::DeleteCollection => "deletecollection",
            Self::ConnectGet | Self::ConnectPost => "connect",
            other => other.method(),
        }
    }

    /// How the identifiers of such operations begin.
    fn verb(self) -> &'static str {
        match self {
            Self::Get => "read",
            Self::List | Self::ListAll => "list",
            Self::Post => "create",
            Self::Put => "replace",
            Self::Patch => "patch",
            Self::Delete | Self::DeleteCollection => "delete",
            Self::ConnectGet | Self::ConnectPost => "connect",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Get => "read the specified",
            Self::List | Self::ListAll => "list or watch objects of kind",
            Self::Post => "create a",
            Self::Put => "replace the specified",
            Self::Patch => "partially update the specified",
            Self::Delete => "delete a",
            Self::DeleteCollection => "delete collection of",
            Self::ConnectGet => "connect GET requests to",
            Self::ConnectPost => "connect POST requests to",
        }
    }
}

/// Objects, or a part of them.
pub(super) struct Subject<'a> {
    resource: &'a Resource,
    part: Option<&'a Subresource>,
}

impl<'a> Subject<'a> {
    pub(super) fn whole(resource: &'a Resource) -> Self {
        Self { resource, part: None }
    }

    pub(super) fn part(resource: &'a Resource, part: &'a Subresource) -> Self {
        Self { resource, part: Some(part) }
    }

    /// The kind of what the path names.
    pub(super) fn object(&self) -> &'static str {
        self.part.map_or(self.resource.kind, |it| it.kind)
    }

    fn api_version(&self) -> &'static str {
        self.part.and_then(|it| it.api_version).unwrap_or(self.resource.api_version)
    }

    /// The name of the schema of what is sent and answered; `None` for what is no object.
    fn schema(&self) -> Option<String> {
        match self.part {
            Some(part) => part.model.map(Model::name),
            None => Some(self.resource.model.name()),
        }
    }
}

/// `action` on `subject`.
pub(super) fn operation(action: Action, subject: &Subject<'_>) -> Value {
    let (group, version) = subject.resource.group_version();
    let part = subject.part.map(|it| it.name);
    let what = part.map(|it| format!("{it} of the ")).unwrap_or_default();
    let mut operation = json!({
        "tags": [format!("{}_{version}", short_group(group))],
        "description": format!("{} {what}{}", action.description(), subject.object()),
        "operationId": id(action, subject),
        "responses": answers(action, subject),
        "x-kubernetes-action": action.name(),
        "x-kubernetes-group-version-kind": schemas::kind(subject.api_version(), subject.object()),
    });
    let parameters = parameters::of_query(action.name(), part);
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if let Some(body) = body(action, subject) {
        operation["requestBody"] = body;
    }
    operation
}

/// What is sent.
fn body(action: Action, subject: &Subject<'_>) -> Option<Value> {
    let of = |types: &[&str], schema: &str| {
        let content =
            types.iter().map(|it| ((*it).to_owned(), json!({"schema": reference(schema)})));
        json!({"content": content.collect::<Map<_, _>>()})
    };
    let mut body = match action {
        Action::Post | Action::Put => of(&["*/*"], &subject.schema()?),
        Action::Patch => of(PATCHES, PATCH),
        Action::Delete | Action::DeleteCollection => return Some(of(&["*/*"], DELETE_OPTIONS)),
        _ => return None,
    };
    body["required"] = json!(true);
    Some(body)
}

/// What is answered.
fn answers(action: Action, subject: &Subject<'_>) -> Value {
    let Some(schema) = subject.schema() else {
        let text = json!({"schema": {"type": "string"}});
        return json!({"200": {"description": "OK", "content": {"text/plain": text}}});
    };
    let schema = schema.as_str();
    match action {
        Action::List | Action::ListAll => {
            responses(&[200], &format!("{schema}List"), &[JSON, STREAM])
        }
        Action::Post => responses(&[200, 201, 202], schema, &[JSON]),
        Action::Put | Action::Patch => responses(&[200, 201], schema, &[JSON]),
        Action::Delete => responses(&[200, 202], STATUS, &[JSON]),
        Action::DeleteCollection => responses(&[200], STATUS, &[JSON]),
        _ => responses(&[200], schema, &[JSON]),
    }
}

/// Answers with `codes` and the schema called `name`, in each of some types.
pub(super) fn responses(codes: &[u16], name: &str, types: &[&str]) -> Value {
    let content: Map<String, Value> =
        types.iter().map(|it| ((*it).to_owned(), json!({"schema": reference(name)}))).collect();
    let mut responses: Map<String, Value> = codes
        .iter()
        .map(|code| {
            let description = match code {
                201 => "Created",
                202 => "Accepted",
                _ => "OK",
            };
            (code.to_string(), json!({"description": description, "content": content}))
        })
        .collect();
    responses.insert("401".to_owned(), json!({"description": "Unauthorized"}));
    Value::Object(responses)
}

/// The identifier of an operation, which clients are generated from, such as
/// `listBatchV1NamespacedJob`.
fn id(action: Action, subject: &Subject<'_>) -> String {
    let resource = subject.resource;
    let (group, version) = resource.group_version();
    let method = match action {
        Action::DeleteCollection => "Collection",
        Action::ConnectGet => "Get",
        Action::ConnectPost => "Post",
        _ => "",
    };
    let place = match action {
        Action::ListAll => "",
        _ if resource.is_namespaced => "Namespaced",
        _ => "",
    };
    let part = subject.part.map(|it| capital(it.name)).unwrap_or_default();
    let end = if action == Action::ListAll { "ForAllNamespaces" } else { "" };
    let (verb, kind) = (action.verb(), resource.kind);
    format!("{verb}{}{method}{place}{kind}{part}{end}", camel(group, Some(version)))
}

/// The first word of a group's name.
pub(super) fn short_group(group: &str) -> &str {
    match group.split('.').next().unwrap_or_default() {
        "" => "core",
        first => first,
    }
}

/// A group and a version in the identifier of an operation.
pub(super) fn camel(group: &str, version: Option<&str>) -> String {
    format!("{}{}", capital(short_group(group)), version.map(capital).unwrap_or_default())
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
