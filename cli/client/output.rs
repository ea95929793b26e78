//! `-o`: the forms in which objects are printed, and how each looks.

use std::fs;

use serde::Serialize;
use serde_json::{Value, json};

use super::columns::{Columns, TABLE};
use super::jsonpath::{self, Template};
use super::table::escaped;
use super::yaml;

pub(super) use crate::exit::print;

/// A form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Output {
    /// A table with every column.
    Wide,
    /// JSON, indented by four.
    Json,
    /// YAML.
    Yaml,
    /// `job.batch/pi`.
    Name,
    /// What a template finds.
    JsonPath(Template),
    /// Columns of one's own: title and path.
    Columns(Vec<(String, Template)>),
}

impl Output {
    /// Understands what stands after `-o`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (form, of) = match text.split_once('=') {
            Some((form, of)) => (form, Some(of)),
            None => (text, None),
        };
        match (form, of) {
            ("wide", None) => Ok(Self::Wide),
            ("json", None) => Ok(Self::Json),
            ("yaml", None) => Ok(Self::Yaml),
            ("name", None) => Ok(Self::Name),
            ("jsonpath", Some(template)) => Self::json_path(template),
            ("jsonpath-file", Some(file)) => {
                let text = fs::read_to_string(file)
                    .map_err(|error| format!("can't read the template {file}: {error}"))?;
                Self::json_path(text.trim_end_matches('\n'))
            }
            ("custom-columns", Some(spec)) => columns_of(spec).map(Self::Columns),
            ("jsonpath" | "custom-columns", None) => {
                Err(format!("{form}=... is wanted, such as jsonpath={{.items..metadata.name}}"))
            }
            _ => Err(format!(
                "there is no format {form}; there are wide, json, yaml, name, jsonpath=TEMPLATE, \
                 jsonpath-file=FILE, custom-columns=NAME:PATH,..."
            )),
        }
    }

    fn json_path(template: &str) -> Result<Self, String> {
        if template.is_empty() {
            return Err("the template is empty".to_owned());
        }
        let parsed = Template::parse(template)
            .map_err(|error| format!("error parsing jsonpath {template}, {error}"))?;
        Ok(Self::JsonPath(parsed))
    }

    /// `object`, or a list of them, as text.
    pub(crate) fn text_of(&self, object: &Value) -> anyhow::Result<String> {
        match self {
            Self::Json => json_text(object),
            Self::Yaml => Ok(yaml::document(object)),
            Self::JsonPath(template) => template.text_of(object).map_err(super::Complaint::failed),
            Self::Name => Ok(each(object).map(|object| qualified_name(object) + "\n").collect()),
            Self::Columns(columns) => table_of(columns, each(object)),
            Self::Wide => Ok(String::new()),
        }
    }
}

/// `objects` as one `List`, as kubectl shows several.
pub(crate) fn list_of(objects: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": objects, "metadata": {"resourceVersion": ""}})
}

/// Takes `metadata.managedFields` out, which are for machines.
pub(super) fn without_managed_fields(object: &mut Value) {
    for object in std::iter::once(object).flat_map(|object| {
        if object.get("items").is_some_and(Value::is_array) {
            object["items"].as_array_mut().into_iter().flatten().collect::<Vec<_>>()
        } else {
            vec![object]
        }
    }) {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
    }
}

/// `job.batch/pi`.
pub(super) fn qualified_name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = text(&object["kind"]).to_lowercase();
    let name = text(&object["metadata"]["name"]);
    match text(&object["apiVersion"]).split_once('/') {
        Some((group, _)) => format!("{kind}.{group}/{name}"),
        None => format!("{kind}/{name}"),
    }
}

fn each(object: &Value) -> impl Iterator<Item = &Value> {
    let items = object.get("items").and_then(Value::as_array);
    items.map_or(std::slice::from_ref(object), Vec::as_slice).iter()
}

fn json_text(object: &Value) -> anyhow::Result<String> {
    let mut text = Vec::new();
    let indented = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    object.serialize(&mut serde_json::Serializer::with_formatter(&mut text, indented))?;
    text.push(b'\n');
    Ok(jsonpath::escape_html(&String::from_utf8(text)?))
}

fn columns_of(spec: &str) -> Result<Vec<(String, Template)>, String> {
    let columns = spec.split(',').map(|column| {
        let (title, path) = column.split_once(':').ok_or_else(|| {
            format!("expected <header>:<json-path-expr>, got {column} in custom-columns")
        })?;
        Ok((title.to_owned(), Template::parse_path(path)?))
    });
    columns.collect()
}

fn table_of<'a>(
    columns: &[(String, Template)],
    objects: impl Iterator<Item = &'a Value>,
) -> anyhow::Result<String> {
    let mut rows = vec![columns.iter().map(|(title, _)| title.clone()).collect::<Vec<_>>()];
    for object in objects {
        let cells = columns.iter().map(|(_, path)| {
            let found = path.find(object).map_err(super::Complaint::failed)?;
            let texts: Vec<String> =
                found.into_iter().map(|value| escaped(&jsonpath::shown(value))).collect();
            Ok(if texts.is_empty() { "<none>".to_owned() } else { texts.join(",") })
        });
        rows.push(cells.collect::<anyhow::Result<_>>()?);
    }
    Ok(Columns::new(TABLE).lines(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods() -> Value {
        json!({"kind": "List", "apiVersion": "v1", "items": [
            {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", "managedFields": [1]}, "spec": {"x": "<&>"}},
            {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": "long-name"}},
        ]})
    }

    #[test]
    fn forms() {
        let check = |form: &str, expect: &str| {
            let output = Output::parse(form).unwrap();
            assert_eq!(output.text_of(&pods()).unwrap(), expect, "{form}");
        };
        check("name", "pod/a\njob.batch/long-name\n");
        check("jsonpath={.items[*].metadata.name}", "a long-name");
        check(
            "custom-columns=N:.metadata.name,X:.spec.x",
            "N           X\na           <&>\nlong-name   <none>\n",
        );
    }

    #[test]
    fn json_is_written_as_go_writes_it() {
        let text = Output::Json.text_of(&json!({"b": "<&>", "a": []})).unwrap();
        assert_eq!(text, "{\n    \"a\": [],\n    \"b\": \"\\u003c\\u0026\\u003e\"\n}\n");
    }

    #[test]
    fn what_is_for_machines_is_left_out() {
        let mut list = pods();
        without_managed_fields(&mut list);
        assert_eq!(list["items"][0]["metadata"], json!({"name": "a"}));
    }

    #[test]
    fn what_is_no_form_is_told() {
        let check = |form: &str, expect: &str| {
            let error = Output::parse(form).unwrap_err();
            assert!(error.contains(expect), "{form}: {error}");
        };
        check("jsno", "there is no format jsno");
        check("jsonpath", "is wanted");
        check("jsonpath=", "empty");
        check("jsonpath={.a", "unclosed action");
        check("custom-columns=a", "expected <header>:<json-path-expr>");
        check("jsonpath-file=/nowhere/at/all", "can't read the template");
    }
}
