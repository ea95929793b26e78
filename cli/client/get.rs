//! `mayfly get`: objects in a table that the server makes, or as they are.

use std::cmp::Ordering;

use serde_json::Value;

use super::complaint::{Complaint, Complaints, is_refusal, selecting};
use super::connect::Connection;
use super::jsonpath::Template;
use super::output::{self, Output, print};
use super::request::{As, Pairs, Server};
use super::select::{Selection, Target, named_or_listed};
use super::table::{self, Shown, TablePrinter};
use super::watch::Watching;
use crate::args::client::GetArguments;
use crate::exit::Exit;

/// Shows what `arguments` name.
pub(super) async fn get(arguments: &GetArguments) -> anyhow::Result<Exit> {
    let sort_by = match &arguments.sort_by {
        Some(path) => Some(Template::parse_path(path).map_err(Complaint::usage)?),
        None => None,
    };
    let connection = Connection::open(&arguments.server).await?;
    let selection = Selection::of(&arguments.select, &connection).await?;
    if arguments.watch || arguments.watch_only {
        return watch(arguments, &connection.server, &selection).await;
    }
    match &arguments.output {
        None | Some(Output::Wide) => {
            tables(arguments, &connection.server, &selection, sort_by.as_ref()).await
        }
        Some(output) => {
            objects(arguments, &connection.server, &selection, output, sort_by.as_ref()).await
        }
    }
}

impl GetArguments {
    fn shown(&self) -> Shown {
        Shown {
            is_wide: self.output == Some(Output::Wide),
            has_no_headers: self.no_headers,
            with_namespace: false,
            with_labels: self.show_labels,
            with_event: self.output_watch_events,
        }
    }

    fn printer(&self, selection: &Selection, target: &Target) -> TablePrinter {
        let prefix = if selection.is_mixed || self.show_kind {
            format!("{}/", target.resource.singular())
        } else {
            String::new()
        };
        let with_namespace = target.resource.is_namespaced && target.namespace.is_none();
        TablePrinter::new(Shown { with_namespace, ..self.shown() }, prefix)
    }
}

async fn tables(
    arguments: &GetArguments,
    server: &Server,
    selection: &Selection,
    sort_by: Option<&Template>,
) -> anyhow::Result<Exit> {
    let mut complaints = Complaints::default();
    let mut count = 0;
    for target in &selection.targets {
        let mut found = Vec::new();
        for table in tables_of(server, target, &selection.query, sort_by.is_some()).await {
            match table {
                Err(error) if arguments.ignore_not_found && is_refusal(&error, 404) => {}
                table => found.extend(complaints.take(table)?),
            }
        }
        if let Some(path) = sort_by {
            sort_rows(&mut found, path)?;
        }
        found.retain(|table| !table::is_empty(table));
        if found.is_empty() {
            continue;
        }
        let gap = if count == 0 { "" } else { "\n" };
        let lines = arguments.printer(selection, target).lines(&found, "");
        print(&format!("{gap}{lines}"))?;
        count += 1;
    }
    if count == 0 && complaints.is_empty() && !arguments.ignore_not_found {
        eprintln!("{}", selection.nothing_found());
    }
    complaints.finish()
}

/// The tables of `target`: one for each name, or the pages of its list.
async fn tables_of(
    server: &Server,
    target: &Target,
    query: &Pairs,
    with_objects: bool,
) -> Vec<anyhow::Result<Value>> {
    let mut query = if target.names.is_empty() { query.clone() } else { Pairs::new() };
    if with_objects {
        query.push(("includeObject", "Object".to_owned()));
    }
    if target.names.is_empty() {
        let path = target.resource.path(target.namespace.as_deref());
        let pages = server.pages(&path, &query, As::Tables).await;
        return match selecting(pages, &target.resource, &query) {
            Ok(pages) => pages.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
    }
    let mut tables = Vec::new();
    let namespace = target.namespace.as_deref().unwrap_or_default();
    for name in &target.names {
        let path = target.resource.path_of(namespace, name);
        tables.push(server.get(&path, &query, As::Tables).await);
    }
    tables
}

/// Puts all rows in the first table, in the order of what `path` finds in their objects.
fn sort_rows(tables: &mut Vec<Value>, path: &Template) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for table in tables.iter_mut() {
        if let Value::Array(of) = table["rows"].take() {
            rows.extend(of);
        }
    }
    tables.truncate(1);
    let mut keyed = Vec::new();
    for row in rows {
        keyed.push((key_of(&row["object"], path)?, row));
    }
    keyed.sort_by(|one, other| compare(&one.0, &other.0));
    if let Some(first) = tables.first_mut() {
        first["rows"] = keyed.into_iter().map(|(_, row)| row).collect();
    }
    Ok(())
}

fn key_of(object: &Value, path: &Template) -> anyhow::Result<Value> {
    let found = path.find(object).map_err(Complaint::failed)?;
    Ok(found.first().map_or(Value::Null, |&value| value.clone()))
}

/// What is missing comes first.
fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (one, other) => one.to_string().cmp(&other.to_string()),
    }
}

async fn objects(
    arguments: &GetArguments,
    server: &Server,
    selection: &Selection,
    output: &Output,
    sort_by: Option<&Template>,
) -> anyhow::Result<Exit> {
    let mut complaints = Complaints::default();
    let mut found = Vec::new();
    for target in &selection.targets {
        for target in one_by_one(target) {
            match named_or_listed(server, &target, &selection.query, false).await {
                Err(error) if arguments.ignore_not_found && is_refusal(&error, 404) => {}
                of => found.extend(complaints.take(of)?.into_iter().flatten()),
            }
        }
    }
    if let Some(path) = sort_by {
        let keyed = found.into_iter().map(|object| Ok((key_of(&object, path)?, object)));
        let mut keyed = keyed.collect::<anyhow::Result<Vec<_>>>()?;
        keyed.sort_by(|one, other| compare(&one.0, &other.0));
        found = keyed.into_iter().map(|(_, object)| object).collect();
    }
    let is_nothing = found.is_empty() && selection.has_names();
    let mut whole = match selection.is_one() {
        true if found.len() == 1 => found.remove(0),
        _ => output::list_of(&found),
    };
    if !is_nothing {
        if matches!(output, Output::Json | Output::Yaml) && !arguments.show_managed_fields {
            output::without_managed_fields(&mut whole);
        }
        print(&output.text_of(&whole)?)?;
    }
    complaints.finish()
}

/// A target for each name, so that one that is missing does not hide the others.
fn one_by_one(target: &Target) -> Vec<Target> {
    if target.names.is_empty() {
        return vec![target.clone()];
    }
    let names = target.names.iter();
    names.map(|name| Target { names: vec![name.clone()], ..target.clone() }).collect()
}

async fn watch(
    arguments: &GetArguments,
    server: &Server,
    selection: &Selection,
) -> anyhow::Result<Exit> {
    let [target] = selection.targets.as_slice() else {
        return Err(Complaint::usage("you may only specify a single resource type"));
    };
    if target.names.len() > 1 {
        let text = "watch is only supported on individual resources and resource collections";
        return Err(Complaint::usage(text));
    }
    let form = match arguments.output {
        None | Some(Output::Wide) => As::Tables,
        Some(_) => As::Objects,
    };
    let mut printer = arguments.printer(selection, target);
    let mut show = |what: &str, mut objects: Vec<Value>| match &arguments.output {
        None | Some(Output::Wide) => print(&printer.lines(&objects, what)),
        Some(output) => {
            // One that has gone while nobody looked is not known any more.
            for object in objects.iter_mut().filter(|object| !object.is_null()) {
                if !arguments.show_managed_fields {
                    output::without_managed_fields(object);
                }
                print(&output.text_of(object)?)?;
            }
            Ok(())
        }
    };
    let mut watching = Watching::of(target, &selection.query, form);
    let first = watching.begin(server).await?;
    if !arguments.watch_only && !first.iter().all(table::is_empty_list) {
        show("ADDED", first)?;
    }
    loop {
        let event = watching.next(server).await?;
        show(&event.what, vec![event.object])?;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_sorted_across_pages() {
        let row = |name: &str, n: Value| json!({"cells": [name], "object": {"n": n}});
        let mut tables = vec![
            json!({"rows": [row("a", json!(10)), row("b", json!(9))]}),
            json!({"rows": [row("c", Value::Null), row("d", json!(1))]}),
        ];
        sort_rows(&mut tables, &Template::parse_path(".n").unwrap()).unwrap();
        assert_eq!(tables.len(), 1);
        let names: Vec<_> = tables[0]["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["cells"][0].clone())
            .collect();
        assert_eq!(names, ["c", "d", "b", "a"]);
    }
}
