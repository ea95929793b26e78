//! Objects on standard output, as `kubectl get -o` prints them.

use mayfly_controller::api::Object;
use serde_json::Value;

use crate::args::Format;
use crate::client::output::{Output, list_of};

/// `objects` as text: one alone, or a `List` of several.
pub(crate) fn text_of(objects: &[Object], format: Format) -> anyhow::Result<String> {
    let values = objects
        .iter()
        .map(|object| Ok(serde_json::from_slice(&object.to_json())?))
        .collect::<anyhow::Result<Vec<Value>>>()?;
    let form = match format {
        Format::Yaml => Output::Yaml,
        Format::Json => Output::Json,
    };
    match values.as_slice() {
        [only] => form.text_of(only),
        several => form.text_of(&list_of(several)),
    }
}
