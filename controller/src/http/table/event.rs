//! The rows of Events.

use serde_json::{Value, json};

use super::age::age;
use crate::api::{Event, Time, Timestamp};

pub(super) fn cells(event: &Event, now: Timestamp) -> Vec<Value> {
    let first = first_seen(event, now);
    let last = match (&event.series, &event.last_timestamp) {
        (Some(series), _) => {
            let last = series.last_observed_time.as_ref().map(|last| Time(last.0));
            age(last.as_ref(), now)
        }
        (None, Some(last)) => age(Some(last), now),
        (None, None) => first.clone(),
    };
    let series_count = event.series.as_ref().and_then(|series| series.count);
    let about = &event.involved_object;
    let kind = about.kind.as_deref().unwrap_or_default().to_lowercase();
    vec![
        json!(last),
        json!(event.type_.as_deref().unwrap_or_default()),
        json!(event.reason.as_deref().unwrap_or_default()),
        json!(format!("{kind}/{}", about.name.as_deref().unwrap_or_default())),
        json!(about.field_path.as_deref().unwrap_or_default()),
        json!(source(event)),
        json!(event.message.as_deref().unwrap_or_default().trim()),
        json!(first),
        json!(series_count.or(event.count).filter(|count| *count > 0).unwrap_or(1)),
        json!(event.metadata.name),
    ]
}

fn first_seen(event: &Event, now: Timestamp) -> String {
    let happened = event.event_time.as_ref().map(|time| Time(time.0));
    age(event.first_timestamp.as_ref().or(happened.as_ref()), now)
}

/// Who reports it, and from which host.
fn source(event: &Event) -> String {
    let reported = |source: Option<&String>, reporting: Option<&String>| {
        let known = source.filter(|text| !text.is_empty()).or(reporting);
        known.cloned().unwrap_or_default()
    };
    let source = event.source.as_ref();
    let component = reported(
        source.and_then(|source| source.component.as_ref()),
        event.reporting_component.as_ref(),
    );
    let host =
        reported(source.and_then(|source| source.host.as_ref()), event.reporting_instance.as_ref());
    if host.is_empty() { component } else { format!("{component}, {host}") }
}
