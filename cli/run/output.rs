//! Objects on standard output, as `kubectl get -o` prints them.

use mayfly_controller::api::Object;
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::Format;

/// `objects` as text: one alone, or a `List` of several.
pub(crate) fn text_of(objects: &[Object], format: Format) -> anyhow::Result<String> {
    let mut values = objects
        .iter()
        .map(|object| Ok(serde_json::from_slice(&object.to_json()?)?))
        .collect::<anyhow::Result<Vec<Value>>>()?;
    let value = match values.len() {
        1 => values.remove(0),
        _ => json!({
            "apiVersion": "v1",
            "kind": "List",
            "items": values,
            "metadata": { "resourceVersion": "" },
        }),
    };
    match format {
        Format::Yaml => Ok(serde_yaml::to_string(&value)?),
        Format::Json => {
            let mut text = Vec::new();
            let indented = serde_json::ser::PrettyFormatter::with_indent(b"    ");
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, indented))?;
            text.push(b'\n');
            Ok(String::from_utf8(text)?)
        }
    }
}
