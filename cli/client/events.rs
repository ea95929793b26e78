//! `mayfly events`: what happened, the newest last.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use mayfly_controller::api::Kind;
use serde_json::Value;

use super::columns::{Columns, TABLE};
use super::complaint::Complaint;
use super::connect::Connection;
use super::describe::{Seen, event_age};
use super::output::{self, Output, print};
use super::request::{As, Pairs};
use super::resource::{Resource, Resources};
use super::select::{Target, pair};
use super::table::escaped;
use super::watch::Watching;
use crate::args::client::EventsArguments;
use crate::exit::Exit;

/// Lists what `arguments` ask for.
pub(super) async fn events(arguments: &EventsArguments) -> anyhow::Result<Exit> {
    for kind in &arguments.types {
        if !["normal", "warning"].contains(&kind.to_lowercase().as_str()) {
            return Err(Complaint::usage("valid --types are Normal or Warning"));
        }
    }
    let connection = Connection::open(&arguments.server).await?;
    let namespace = (!arguments.all_namespaces).then(|| connection.namespace.clone());
    let mut query = Pairs::new();
    if let Some(about) = &arguments.about {
        let (word, name) = pair(about)?;
        let of = Resources::new(&connection.server).meant(word).await?;
        let selector = format!(
            "involvedObject.kind={},involvedObject.apiVersion={},involvedObject.name={name}",
            of.kind,
            of.api_version()
        );
        query.push(("fieldSelector", selector));
    }
    let target = Target { resource: Resource::of(Kind::Event), namespace, names: Vec::new() };
    let mut watching = Watching::of(&target, &query, As::Objects);
    let mut found = watching.begin(&connection.server).await?;
    found.retain(|event| is_wanted(event, arguments));
    found.sort_by_cached_key(last_seen);
    let mut lines = Lines::new(arguments);
    if found.is_empty() && !arguments.watch {
        match &target.namespace {
            Some(namespace) => eprintln!("No events found in {namespace} namespace."),
            None => eprintln!("No events found."),
        }
        return Ok(Exit::Done);
    }
    lines.show(&found)?;
    if !arguments.watch {
        return Ok(Exit::Done);
    }
    loop {
        let event = watching.next(&connection.server).await?;
        if event.what != "DELETED" && is_wanted(&event.object, arguments) {
            lines.show(&[event.object])?;
        }
    }
}

fn is_wanted(event: &Value, arguments: &EventsArguments) -> bool {
    let kind = event["type"].as_str().unwrap_or_default();
    arguments.types.is_empty() || arguments.types.iter().any(|it| it.eq_ignore_ascii_case(kind))
}

/// When it happened last, as far as it says.
fn last_seen(event: &Value) -> Option<Timestamp> {
    let time = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
    time(&event["series"]["lastObservedTime"])
        .or_else(|| time(&event["lastTimestamp"]))
        .or_else(|| time(&event["eventTime"]))
}

struct Lines<'a> {
    arguments: &'a EventsArguments,
    columns: Columns,
    are_begun: bool,
}

impl<'a> Lines<'a> {
    fn new(arguments: &'a EventsArguments) -> Self {
        Self { arguments, columns: Columns::new(TABLE), are_begun: false }
    }

    fn show(&mut self, events: &[Value]) -> anyhow::Result<()> {
        if let Some(form) = self.arguments.output.as_ref().filter(|form| **form != Output::Wide) {
            let mut list = output::list_of(events);
            output::without_managed_fields(&mut list);
            return print(&form.text_of(&list)?);
        }
        let seen = Seen::from_here();
        let mut rows = Vec::new();
        if !self.are_begun && !self.arguments.no_headers {
            let titles: &[&str] = match self.arguments.all_namespaces {
                true => &["NAMESPACE", "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"],
                false => &["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"],
            };
            rows.push(titles.iter().map(|&title| title.to_owned()).collect());
        }
        self.are_begun = true;
        for event in events {
            let event: Event = serde_json::from_value(event.clone())?;
            rows.push(self.row(&event, &seen));
        }
        print(&self.columns.lines(&rows))
    }

    fn row(&self, event: &Event, seen: &Seen) -> Vec<String> {
        let text = |text: &Option<String>| escaped(text.as_deref().unwrap_or_default());
        let of = &event.involved_object;
        let message = text(&event.message).trim().to_owned();
        let mut cells = vec![
            event_age(event, seen),
            text(&event.type_),
            text(&event.reason),
            format!("{}/{}", text(&of.kind), text(&of.name)),
            message,
        ];
        if self.arguments.all_namespaces {
            cells.insert(0, text(&event.metadata.namespace));
        }
        cells
    }
}
