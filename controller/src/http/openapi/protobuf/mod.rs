//! The document of the second version as protobuf, which `kubectl` before 1.27 asks for.

mod messages;

use prost::Message as _;
use serde_json::{Map, Value};

use self::messages as pb;

/// A document of the second version as bytes of protobuf.
pub(super) fn encode(document: &Value) -> Vec<u8> {
    let paths = fields(&document["paths"]);
    let message = pb::Document {
        swagger: text(document, "swagger"),
        info: Some(pb::Info {
            title: text(&document["info"], "title"),
            version: text(&document["info"], "version"),
        }),
        paths: Some(pb::Paths {
            path: paths
                .map(|(name, item)| pb::NamedPathItem {
                    name: name.clone(),
                    value: Some(path_item(item)),
                })
                .collect(),
        }),
        definitions: schemas(document.get("definitions")),
    };
    message.encode_to_vec()
}

fn path_item(item: &Value) -> pb::PathItem {
    let of = |method: &str| item.get(method).map(operation);
    pb::PathItem {
        get: of("get"),
        put: of("put"),
        post: of("post"),
        delete: of("delete"),
        patch: of("patch"),
        parameters: parameters(&item["parameters"]),
    }
}

fn operation(operation: &Value) -> pb::Operation {
    let responses = fields(&operation["responses"]).map(|(code, response)| {
        let schema = response.get("schema").map(schema);
        let response = pb::Response {
            description: text(response, "description"),
            schema: schema.map(|it| pb::SchemaItem { schema: Some(it) }),
        };
        let value = pb::ResponseValue { response: Some(response) };
        pb::NamedResponseValue { name: code.clone(), value: Some(value) }
    });
    pb::Operation {
        tags: texts(&operation["tags"]),
        description: text(operation, "description"),
        operation_id: text(operation, "operationId"),
        produces: texts(&operation["produces"]),
        consumes: texts(&operation["consumes"]),
        parameters: parameters(&operation["parameters"]),
        responses: Some(pb::Responses { response_code: responses.collect() }),
        schemes: texts(&operation["schemes"]),
        vendor_extension: extensions(operation),
    }
}

fn parameters(parameters: &Value) -> Vec<pb::ParametersItem> {
    let all = parameters.as_array().into_iter().flatten();
    all.map(|it| pb::ParametersItem { parameter: Some(parameter(it)) }).collect()
}

fn parameter(parameter: &Value) -> pb::Parameter {
    let is_set = |name: &str| parameter.get(name).is_some_and(|it| *it == true);
    let (name, place) = (text(parameter, "name"), text(parameter, "in"));
    let non_body = |it| pb::ParameterOneof::NonBody(pb::NonBodyParameter { oneof: Some(it) });
    let oneof = match place.as_str() {
        "body" => pb::ParameterOneof::Body(pb::BodyParameter {
            name,
            r#in: place,
            required: is_set("required"),
            schema: parameter.get("schema").map(schema),
        }),
        "path" => non_body(pb::NonBodyOneof::Path(pb::PathParameter {
            required: is_set("required"),
            r#in: place,
            description: text(parameter, "description"),
            name,
            r#type: text(parameter, "type"),
            unique_items: is_set("uniqueItems"),
        })),
        _ => non_body(pb::NonBodyOneof::Query(pb::QueryParameter {
            r#in: place,
            description: text(parameter, "description"),
            name,
            r#type: text(parameter, "type"),
            unique_items: is_set("uniqueItems"),
        })),
    };
    pb::Parameter { oneof: Some(oneof) }
}

fn schemas(schemas: Option<&Value>) -> Option<pb::NamedSchemas> {
    let named = fields(schemas?)
        .map(|(name, it)| pb::NamedSchema { name: name.clone(), value: Some(schema(it)) });
    Some(pb::NamedSchemas { additional_properties: named.collect() })
}

fn schema(value: &Value) -> pb::Schema {
    let of_type = text(value, "type");
    let additional = value
        .get("additionalProperties")
        .map(|it| Box::new(pb::AdditionalPropertiesItem { schema: Some(Box::new(schema(it))) }));
    let values = value["enum"].as_array().into_iter().flatten();
    pb::Schema {
        reference: text(value, "$ref"),
        format: text(value, "format"),
        description: text(value, "description"),
        required: texts(&value["required"]),
        r#enum: values.map(any).collect(),
        additional_properties: additional,
        r#type: (!of_type.is_empty()).then(|| pb::TypeItem { value: vec![of_type] }),
        items: value.get("items").map(|it| pb::ItemsItem { schema: vec![schema(it)] }),
        properties: schemas(value.get("properties")),
        vendor_extension: extensions(value),
    }
}

/// What OpenAPI itself doesn't know.
fn extensions(value: &Value) -> Vec<pb::NamedAny> {
    let extensions = fields(value).filter(|(name, _)| name.starts_with("x-"));
    extensions
        .map(|(name, value)| pb::NamedAny { name: name.clone(), value: Some(any(value)) })
        .collect()
}

/// JSON is YAML.
fn any(value: &Value) -> pb::Any {
    pb::Any { yaml: value.to_string() }
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::openapi::documents::Documents;

    #[test]
    fn what_is_written_is_what_the_document_says() {
        let document = serde_json::from_slice(&Documents::second().bytes).expect("must be JSON");
        let read = pb::Document::decode(&encode(&document)[..]).expect("must be a document");
        assert_eq!(read.swagger, "2.0");
        let definitions = read.definitions.expect("must be there").additional_properties;
        let find = |name: &str| {
            let found = definitions.iter().find(|it| it.name == name);
            found.and_then(|it| it.value.clone()).expect("must be there")
        };
        let job = find("io.k8s.api.batch.v1.Job");
        let kinds = job.vendor_extension.first().expect("must say its kind");
        assert_eq!(kinds.name, "x-kubernetes-group-version-kind");
        let yaml = kinds.value.as_ref().map(|it| it.yaml.as_str());
        assert_eq!(yaml, Some(r#"[{"group":"batch","kind":"Job","version":"v1"}]"#));
        let rule = find("io.k8s.api.batch.v1.PodFailurePolicyRule");
        assert_eq!(rule.required, ["action"]);
        let list = find("io.k8s.api.batch.v1.JobList").properties.expect("must have fields");
        let items = list.additional_properties.iter().find(|it| it.name == "items");
        let items = items.and_then(|it| it.value.clone()).expect("must be there");
        assert_eq!(items.r#type.expect("must have a type").value, ["array"]);
        let item = items.items.expect("must have items").schema[0].reference.clone();
        assert_eq!(item, "#/definitions/io.k8s.api.batch.v1.Job");
        let paths = read.paths.expect("must be there").path;
        let path = "/apis/batch/v1/namespaces/{namespace}/jobs/{name}";
        let job = paths.iter().find(|it| it.name == path).and_then(|it| it.value.clone());
        let patch = job.and_then(|it| it.patch).expect("must be patched");
        assert!(patch.consumes.iter().any(|it| it == "application/strategic-merge-patch+json"));
        let mut parameters = patch.parameters.iter().filter_map(|it| it.parameter.as_ref());
        assert!(parameters.any(|it| match &it.oneof {
            Some(pb::ParameterOneof::NonBody(it)) => match &it.oneof {
                Some(pb::NonBodyOneof::Query(it)) => it.name == "dryRun",
                _ => false,
            },
            _ => false,
        }));
    }
}
