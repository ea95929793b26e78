//! The versions in which objects are served. Every object is kept in one; an Event can be asked for
//! in another as well, in which some of its fields have other names.
//!
//! Kubernetes differs: who owns which fields of an Event is noted by their names in the version that
//! is kept.

use serde_json::{Map, Value, json};

use super::options::Query;
use crate::api::{Event, Kind, Object};

/// The version that Events have besides their own.
const EVENTS: &str = "events.k8s.io/v1";

/// What the fields of an Event are called in the version that is kept, and in the other.
const RENAMED: &[(&str, &str)] = &[
    ("count", "deprecatedCount"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("involvedObject", "regarding"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
];

/// In which version objects are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Version {
    /// That in which they are kept.
    #[default]
    Kept,
    /// Events as `events.k8s.io/v1` has them.
    Events,
}

impl Version {
    /// The one of objects of `kind` that `api_version` means, if they have it.
    pub(super) fn of(kind: Kind, api_version: &str) -> Option<Self> {
        match (kind, api_version) {
            (kind, version) if kind.api_version() == version => Some(Self::Kept),
            (Kind::Event, EVENTS) => Some(Self::Events),
            _ => None,
        }
    }

    /// What objects of `kind` say that they are of.
    pub(super) fn api_version(self, kind: Kind) -> &'static str {
        match self {
            Self::Kept => kind.api_version(),
            Self::Events => EVENTS,
        }
    }

    /// `object` as JSON.
    pub(super) fn json(self, object: &Object) -> Value {
        match object.to_value() {
            Value::Object(fields) => Value::Object(self.renamed(fields)),
            other => other,
        }
    }

    /// The fields of an object in this version from those that are kept, or the other way round:
    /// names are swapped, so that what is unknown in one stays so in the other.
    pub(super) fn renamed(self, mut fields: Map<String, Value>) -> Map<String, Value> {
        if self == Self::Kept {
            return fields;
        }
        for (kept, other) in RENAMED {
            let values = (fields.remove(*kept), fields.remove(*other));
            fields.extend(values.0.map(|value| ((*other).to_owned(), value)));
            fields.extend(values.1.map(|value| ((*kept).to_owned(), value)));
        }
        if let Some(version) = fields.get_mut("apiVersion") {
            let (kept, other) = (Kind::Event.api_version(), EVENTS);
            match version.as_str() {
                Some(it) if it == kept => *version = json!(other),
                Some(it) if it == other => *version = json!(kept),
                _ => {}
            }
        }
        fields
    }

    /// A step of a JSON patch, which names fields by paths.
    pub(super) fn renamed_step(self, mut step: Value) -> Value {
        if self == Self::Kept {
            return step;
        }
        for key in ["path", "from"] {
            if let Some(Value::String(path)) = step.get(key) {
                step[key] = json!(self.renamed_path(path, '/'));
            }
        }
        // A step for the whole object has one as its value.
        if let (Some(""), Some(Value::Object(fields))) =
            (step.get("path").and_then(Value::as_str), step.get("value"))
        {
            step["value"] = Value::Object(self.renamed(fields.clone()));
        }
        step
    }

    /// The fields by which a list is selected.
    pub(super) fn rename_selector(self, query: &mut Query) {
        if self == Self::Kept {
            return;
        }
        query.change("fieldSelector", |selector| {
            let terms = selector.split(',').map(|term| self.renamed_path(&format!(".{term}"), '.'));
            terms.map(|term| term[1..].to_owned()).collect::<Vec<_>>().join(",")
        });
    }

    /// `path`, each of whose names follows a `separator`, with its first one swapped.
    fn renamed_path(self, path: &str, separator: char) -> String {
        let Some(rest) = path.strip_prefix(separator) else { return path.to_owned() };
        let end = rest.find([separator, '=', '!']).unwrap_or(rest.len());
        let (first, rest) = rest.split_at(end);
        let swap = RENAMED.iter().find_map(|(kept, other)| match first {
            it if it == *kept => Some(*other),
            it if it == *other => Some(*kept),
            _ => None,
        });
        format!("{separator}{}{rest}", swap.unwrap_or(first))
    }
}

/// The Event that one in the other version is kept as.
pub(super) fn event(other: &k8s_openapi::api::events::v1::Event) -> Object {
    let json = serde_json::to_value(other).expect("an Event must have a JSON form");
    let fields = match json {
        Value::Object(fields) => Version::Events.renamed(fields),
        _ => Map::new(),
    };
    let event: Event = serde_json::from_value(Value::Object(fields))
        .expect("an Event must be one in both versions");
    Object::Event(event.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_swapped_and_swapped_back() {
        let kept = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "reason": "r",
            "message": "m", "involvedObject": {"name": "p"}, "source": {"component": "c"},
            "reportingComponent": "x", "count": 2, "note": "unknown",
        });
        let Value::Object(fields) = kept.clone() else { panic!("must be an object") };
        let other = Version::Events.renamed(fields);
        assert_eq!(
            Value::Object(other.clone()),
            json!({
                "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"},
                "reason": "r", "note": "m", "regarding": {"name": "p"},
                "deprecatedSource": {"component": "c"}, "reportingController": "x",
                "deprecatedCount": 2, "message": "unknown",
            })
        );
        assert_eq!(Value::Object(Version::Events.renamed(other)), kept);
    }

    #[test]
    fn paths_and_selectors_name_the_same_fields() {
        let step = json!({"op": "move", "path": "/note", "from": "/deprecatedSource/host"});
        let step = Version::Events.renamed_step(step);
        assert_eq!(step, json!({"op": "move", "path": "/message", "from": "/source/host"}));
        let mut query =
            Query::parse("fieldSelector=regarding.name%3Dp,reportingController!%3Dx,type%3Dnote");
        Version::Events.rename_selector(&mut query);
        let selector = query.get("fieldSelector");
        assert_eq!(selector, Some("involvedObject.name=p,reportingComponent!=x,type=note"));
    }
}
