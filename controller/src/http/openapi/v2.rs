//! The second version of OpenAPI, from the third: the same said in other places.

use serde_json::{Map, Value, json};

/// The document of the second version that says what `third` says.
pub(super) fn document(third: &Value) -> Value {
    let mut paths = third["paths"].clone();
    let items = paths.as_object_mut().expect("paths must be an object");
    for item in items.values_mut() {
        path(item);
    }
    let mut second = json!({
        "swagger": "2.0",
        "info": third["info"],
        "paths": paths,
        "definitions": third["components"]["schemas"],
        "securityDefinitions": third["components"]["securitySchemes"],
        "security": [{"BearerToken": []}],
    });
    references(&mut second);
    second
}

/// What can be done at one path.
fn path(item: &mut Value) {
    let item = item.as_object_mut().expect("a path must be an object");
    for (name, value) in item {
        match name.as_str() {
            "parameters" => parameters(value),
            _ => operation(value),
        }
    }
}

fn operation(operation: &mut Value) {
    let fields = operation.as_object_mut().expect("an operation must be an object");
    let mut all = fields.remove("parameters").unwrap_or_else(|| json!([]));
    parameters(&mut all);
    if let Some(body) = fields.remove("requestBody") {
        let (types, schema) = content(&body["content"]);
        fields.insert("consumes".to_owned(), json!(types));
        let is_required = body.get("required").is_some();
        let mut parameter = json!({"name": "body", "in": "body", "schema": schema});
        if is_required {
            parameter["required"] = json!(true);
        }
        all.as_array_mut().expect("parameters must be a list").insert(0, parameter);
    }
    if all.as_array().is_some_and(|it| !it.is_empty()) {
        fields.insert("parameters".to_owned(), all);
    }
    let mut produced = Vec::new();
    let responses = fields.get_mut("responses").and_then(Value::as_object_mut);
    for response in responses.into_iter().flat_map(Map::values_mut) {
        let response = response.as_object_mut().expect("a response must be an object");
        if let Some(answered) = response.remove("content") {
            let (types, schema) = content(&answered);
            produced = types;
            response.insert("schema".to_owned(), schema);
        }
    }
    fields.insert("produces".to_owned(), json!(produced));
    fields.insert("schemes".to_owned(), json!(["https"]));
}

/// The types of some content, and its schema, which is the same for all of them.
fn content(content: &Value) -> (Vec<String>, Value) {
    let content = content.as_object().expect("content must be an object");
    let schema = content.values().next().map_or(Value::Null, |it| it["schema"].clone());
    (content.keys().cloned().collect(), schema)
}

/// Takes what was in the schema of each parameter out of it.
fn parameters(parameters: &mut Value) {
    for parameter in parameters.as_array_mut().into_iter().flatten() {
        let parameter = parameter.as_object_mut().expect("a parameter must be an object");
        if let Some(Value::Object(schema)) = parameter.remove("schema") {
            parameter.extend(schema);
        }
    }
}

/// Turns references, and what the second version can't say, into what it can.
fn references(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(references);
            // A reference that stands alone in a list has stood beside something before.
            if let Some(Value::Array(all)) = fields.get("allOf")
                && let [Value::Object(only)] = &all[..]
            {
                let only = only.clone();
                fields.remove("allOf");
                fields.extend(only);
            }
            // There are no choices: what may be text is text, as far as is said.
            if fields.get("oneOf").is_some_and(Value::is_array) {
                fields.remove("oneOf");
                fields.insert("type".to_owned(), json!("string"));
            }
            if let Some(Value::String(to)) = fields.get_mut("$ref") {
                *to = to.replace("#/components/schemas/", "#/definitions/");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(references),
        _ => {}
    }
}
