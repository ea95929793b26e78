//! Events, in both of their forms: one is kept as it comes, of the other the rules are strict.

use serde::Serialize;

use super::error::{Errors, Json};
use super::path::Path;
use super::validate::format;
use super::validate::meta::{each, object_meta, object_meta_update};
use super::{Admitted, Invalid};
use crate::api::{Event, Kind};

/// The most characters of a name or word of an event; Kubernetes' own.
const WORD_LENGTH_MAX: usize = 128;
/// The most characters of what an event tells; Kubernetes' own.
const NOTE_LENGTH_MAX: usize = 1024;

/// Admits an Event that is to be created with this uid, of the namespace that it is about. Its name
/// must have been made.
pub fn admit_event(mut object: Event, uid: &str) -> Result<Admitted<Event>, Invalid> {
    object.metadata.uid = Some(uid.to_owned());
    let mut errors = Errors::default();
    object_meta(&object.metadata, format::dns_subdomain, &Path::new("metadata"), &mut errors);
    event(&object, "reportingComponent", &mut errors);
    admitted(object, errors)
}

/// Admits an Event that is to be created in the form of `events.k8s.io/v1`. Its name must have been
/// made.
pub fn admit_event_v1(mut object: Event, uid: &str) -> Result<Admitted<Event>, Invalid> {
    object.metadata.uid = Some(uid.to_owned());
    let mut errors = Errors::default();
    event(&object, "reportingController", &mut errors);
    object_meta(&object.metadata, format::dns_subdomain, &Path::new("metadata"), &mut errors);
    series(&object, &mut errors);
    if object.event_time.is_none() {
        errors.required(&Path::new("eventTime"), "");
    }
    let sort = object.type_.as_deref().unwrap_or_default();
    if !matches!(sort, "Normal" | "Warning") {
        errors.invalid(&Path::new("type"), "", &format!("has invalid value: {sort}"));
    }
    let mut unset = |field: &str, is_set: bool| {
        if is_set {
            errors.invalid(&Path::new(field), "", "needs to be unset");
        }
    };
    unset("firstTimestamp", object.first_timestamp.is_some());
    unset("lastTimestamp", object.last_timestamp.is_some());
    unset("count", object.count.is_some_and(|count| count != 0));
    let named = |name: &Option<String>| name.as_ref().is_some_and(|name| !name.is_empty());
    let source = object.source.as_ref();
    unset("source", source.is_some_and(|it| named(&it.component) || named(&it.host)));
    admitted(object, errors)
}

/// Admits an Event in the form of `events.k8s.io/v1` to be written over `old`: nothing of it may
/// change but its series and its metadata.
pub fn admit_event_v1_update(object: Event, old: &Event) -> Result<Admitted<Event>, Invalid> {
    let mut errors = Errors::default();
    event(&object, "reportingController", &mut errors);
    object_meta_update(&object.metadata, &old.metadata, &Path::new("metadata"), &mut errors);
    if object.series != old.series {
        series(&object, &mut errors);
    }
    let Event { involved_object, reason, message, source, first_timestamp, .. } = &object;
    fixed("involvedObject", involved_object, &old.involved_object, &mut errors);
    fixed("reason", reason, &old.reason, &mut errors);
    fixed("message", message, &old.message, &mut errors);
    fixed("source", source, &old.source, &mut errors);
    fixed("firstTimestamp", first_timestamp, &old.first_timestamp, &mut errors);
    fixed("lastTimestamp", &object.last_timestamp, &old.last_timestamp, &mut errors);
    fixed("count", &object.count, &old.count, &mut errors);
    fixed("type", &object.type_, &old.type_, &mut errors);
    fixed("eventTime", &object.event_time, &old.event_time, &mut errors);
    fixed("action", &object.action, &old.action, &mut errors);
    fixed("related", &object.related, &old.related, &mut errors);
    let reporting = (&object.reporting_component, &old.reporting_component);
    fixed("reportingController", reporting.0, reporting.1, &mut errors);
    let reporting = (&object.reporting_instance, &old.reporting_instance);
    fixed("reportingInstance", reporting.0, reporting.1, &mut errors);
    admitted(object, errors)
}

fn admitted(object: Event, errors: Errors) -> Result<Admitted<Event>, Invalid> {
    errors.into_result(Kind::Event, object.metadata.name.as_deref())?;
    Ok(Admitted { object, warnings: Vec::new() })
}

fn fixed<T: Serialize + PartialEq>(field: &str, new: &T, old: &T, errors: &mut Errors) {
    if new != old {
        errors.invalid(&Path::new(field), Json(new), "field is immutable");
    }
}

/// What holds for an event in every form; `reporter` is what the form calls who reports it.
fn event(event: &Event, reporter: &str, errors: &mut Errors) {
    let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
    let about = event.involved_object.namespace.as_deref().unwrap_or_default();
    let is_new = event.event_time.is_some();
    // What is about an object without a namespace is kept in the default one.
    let fits = match about {
        "" if is_new => matches!(namespace, "default" | "kube-system"),
        "" => namespace == "default",
        about => is_new || namespace == about,
    };
    if !fits {
        let at = Path::new("involvedObject.namespace");
        errors.invalid(&at, about, "does not match event.namespace");
    }
    if !is_new {
        return;
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let at = Path::new(reporter);
    let controller = text(&event.reporting_component);
    if controller.is_empty() {
        errors.required(&at, "");
    }
    each(format::qualified_name(&controller), |complaint| {
        errors.invalid(&at, &controller, complaint);
    });
    let words = [
        ("reportingInstance", text(&event.reporting_instance)),
        ("action", text(&event.action)),
        ("reason", text(&event.reason)),
    ];
    for (field, word) in words {
        if word.is_empty() {
            errors.required(&Path::new(field), "");
        }
        bounded(field, &word, WORD_LENGTH_MAX, errors);
    }
    bounded("message", &text(&event.message), NOTE_LENGTH_MAX, errors);
}

fn bounded(field: &str, text: &str, length_max: usize, errors: &mut Errors) {
    if text.len() > length_max {
        let why = format!("can have at most {length_max} characters");
        errors.invalid(&Path::new(field), "", &why);
    }
}

fn series(event: &Event, errors: &mut Errors) {
    let Some(series) = &event.series else { return };
    if series.count.unwrap_or_default() < 2 {
        errors.invalid(&Path::new("series.count"), "", "should be at least 2");
    }
    if series.last_observed_time.is_none() {
        errors.required(&Path::new("series.lastObservedTime"), "");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(event: Value) -> Event {
        serde_json::from_value(event).expect("must be an Event")
    }

    fn fields(refused: Result<Admitted<Event>, Invalid>) -> Vec<String> {
        let causes = refused.err().map(|invalid| invalid.causes).unwrap_or_default();
        causes.into_iter().map(|cause| cause.field).collect()
    }

    #[test]
    fn an_event_is_in_the_namespace_of_what_it_is_about() {
        let admits = |about: &str| {
            let event = json!({
                "metadata": {"name": "e", "namespace": "default"},
                "involvedObject": {"namespace": about},
            });
            admit_event(read(event), "u").is_ok()
        };
        assert!(admits("default"));
        assert!(admits(""), "nodes have no namespace");
        assert!(!admits("other"));
    }

    #[test]
    fn the_newer_form_is_strict() {
        let good = json!({
            "metadata": {"name": "e", "namespace": "default"},
            "involvedObject": {"namespace": "default", "name": "p"},
            "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal", "reason": "Started",
            "action": "Start", "reportingComponent": "a.io/b", "reportingInstance": "b-1",
        });
        assert_eq!(fields(admit_event_v1(read(good.clone()), "u")), [""; 0]);
        let bare = json!({
            "metadata": {"name": "e", "namespace": "default"}, "count": 3,
            "series": {"count": 1},
        });
        assert_eq!(
            fields(admit_event_v1(read(bare), "u")),
            ["series.count", "series.lastObservedTime", "eventTime", "type", "count"]
        );
        // No name at all is also no qualified name, in two ways.
        let timed = json!({
            "metadata": {"name": "e", "namespace": "default"},
            "eventTime": "2026-01-01T00:00:00.000000Z", "message": "x".repeat(1025),
        });
        assert_eq!(
            fields(admit_event(read(timed), "u")),
            [
                "reportingComponent",
                "reportingComponent",
                "reportingComponent",
                "reportingInstance",
                "action",
                "reason",
                "message"
            ]
        );
        let mut changed = good.clone();
        changed["series"] = json!({"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"});
        assert_eq!(
            fields(admit_event_v1_update(read(changed.clone()), &read(good.clone()))),
            [""; 0]
        );
        changed["reason"] = json!("Other");
        assert_eq!(fields(admit_event_v1_update(read(changed), &read(good))), ["reason"]);
    }
}
