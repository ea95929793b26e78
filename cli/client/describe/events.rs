//! The block of events at the end of a description, and how an event's age is told.

use k8s_openapi::api::core::v1::Event;

use super::sheet::{Seen, Sheet, micro_moment, moment};

/// The block; none if events are not wanted.
pub(super) fn block(sheet: &mut Sheet, events: Option<&[Event]>, seen: &Seen) {
    let Some(events) = events else { return };
    if events.is_empty() {
        return sheet.field(0, "Events", "<none>");
    }
    sheet.line(0, "Events:");
    sheet.line(1, "Type\tReason\tAge\tFrom\tMessage");
    sheet.line(1, "----\t------\t----\t----\t-------");
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_by_key(|event| moment(event.last_timestamp.as_ref()));
    for event in events {
        let kind = event.type_.as_deref().unwrap_or_default();
        let reason = event.reason.as_deref().unwrap_or_default();
        let line =
            format!("{kind}\t{reason}\t{}\t{}\t{}", age(event, seen), from(event), message(event));
        sheet.line(1, line);
    }
}

/// How long ago, and how often since when.
pub(crate) fn age(event: &Event, seen: &Seen) -> String {
    let first =
        micro_moment(event.event_time.as_ref()).or_else(|| moment(event.first_timestamp.as_ref()));
    let first = seen.ago(first);
    if let Some(series) = &event.series {
        let last = seen.ago(micro_moment(series.last_observed_time.as_ref()));
        return format!("{last} (x{} over {first})", series.count.unwrap_or(0));
    }
    match event.count {
        Some(count) if count > 1 => {
            let last = seen.ago(moment(event.last_timestamp.as_ref()));
            format!("{last} (x{count} over {first})")
        }
        _ => first,
    }
}

fn from(event: &Event) -> String {
    let component = event.source.as_ref().and_then(|source| source.component.clone());
    let component = component.filter(|component| !component.is_empty());
    component.or_else(|| event.reporting_component.clone()).unwrap_or_default()
}

fn message(event: &Event) -> String {
    let message = event.message.as_deref().unwrap_or_default().trim();
    message.to_owned()
}
