//! What can be said in the query of a request, verb by verb.

use serde_json::{Value, json};

/// A parameter: its name, its type, what it is for.
type Parameter = (&'static str, &'static str, &'static str);

const DRY_RUN: Parameter =
    ("dryRun", "string", "With the value All, the request is checked and answered, and not done.");
const FIELD_MANAGER: Parameter = (
    "fieldManager",
    "string",
    "Who changes the object; this becomes the owner of what is changed.",
);
const FIELD_VALIDATION: Parameter = (
    "fieldValidation",
    "string",
    "What to do about fields that are unknown or there twice: Ignore, Warn (if nothing is said) or Strict, which refuses the request.",
);
const FORCE: Parameter =
    ("force", "boolean", "Whether an apply patch takes fields over from other owners.");
const LIST: &[Parameter] = &[
    ("continue", "string", "Where to go on, as the part of a list that came before says."),
    ("fieldSelector", "string", "Only objects whose fields are like this."),
    ("labelSelector", "string", "Only objects whose labels are like this."),
    ("limit", "integer", "How many objects at most; the answer says where to go on."),
    ("resourceVersion", "string", "The version that the answer must have, or have reached."),
    ("resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."),
    ("timeoutSeconds", "integer", "After how long the request ends."),
];
const WATCH: &[Parameter] = &[
    ("allowWatchBookmarks", "boolean", "Whether a watch also tells which version it has reached."),
    ("sendInitialEvents", "boolean", "Whether a watch begins with what there is already."),
    ("watch", "boolean", "Whether to be told of changes from then on."),
];
const DELETE: &[Parameter] = &[
    DRY_RUN,
    ("gracePeriodSeconds", "integer", "How long the object has to end; zero means at once."),
    ("orphanDependents", "boolean", "An old form of propagationPolicy."),
    (
        "propagationPolicy",
        "string",
        "What becomes of what the object owns: Background, Foreground or Orphan.",
    ),
];
const LOG: &[Parameter] = &[
    CONTAINER,
    ("follow", "boolean", "Whether to go on with what is printed from then on."),
    ("limitBytes", "integer", "How many bytes at most."),
    ("previous", "boolean", "Whether the run before the newest is meant."),
    ("sinceSeconds", "integer", "Only what is not older than this."),
    ("sinceTime", "string", "Only what was printed at this time or later."),
    ("tailLines", "integer", "Only this many lines, from the end."),
    ("timestamps", "boolean", "Whether each line begins with its time."),
];
const CONTAINER: Parameter =
    ("container", "string", "Which container; it may be left out if there is one alone.");
const STREAMS: &[Parameter] = &[
    CONTAINER,
    ("stderr", "boolean", "Whether errors are sent."),
    ("stdin", "boolean", "Whether input is taken."),
    ("stdout", "boolean", "Whether output is sent."),
    ("tty", "boolean", "Whether a terminal is meant."),
];
const COMMAND: &[Parameter] = &[("command", "string", "What to run, one word each time.")];
const PORTS: &[Parameter] = &[("ports", "integer", "To which port.")];

/// The parameters in the query of what does `action` to an object, or to its `part`.
pub(super) fn of_query(action: &str, part: Option<&str>) -> Vec<Value> {
    let of_all: &[&[Parameter]] = match (action, part) {
        ("get", Some("log")) => &[LOG],
        ("connect", Some("exec")) => &[COMMAND, STREAMS],
        ("connect", Some("attach")) => &[STREAMS],
        ("connect", Some("portforward")) => &[PORTS],
        ("list", _) => &[LIST, WATCH],
        ("post" | "put", _) => &[&[DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION]],
        ("patch", _) => &[&[DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION, FORCE]],
        ("delete", _) => &[DELETE],
        ("deletecollection", _) => &[DELETE, LIST],
        _ => &[],
    };
    of_all.iter().flat_map(|some| some.iter()).map(in_query).collect()
}

/// The parameters that all methods of `path` have: the names in it, and how answers are written.
pub(super) fn of_path(path: &str, kind: &str) -> Vec<Value> {
    let mut parameters = Vec::new();
    if path.contains("{name}") {
        parameters.push(in_path("name", &format!("name of the {kind}")));
    }
    if path.contains("{namespace}") {
        parameters.push(in_path("namespace", "the namespace that the object is in"));
    }
    parameters.push(in_query(&("pretty", "string", "Whether people are to read the answer.")));
    parameters
}

fn in_query((name, type_name, description): &Parameter) -> Value {
    parameter("query", name, type_name, description)
}

fn in_path(name: &str, description: &str) -> Value {
    let mut parameter = parameter("path", name, "string", description);
    parameter["required"] = json!(true);
    parameter
}

fn parameter(place: &str, name: &str, type_name: &str, description: &str) -> Value {
    json!({
        "name": name,
        "in": place,
        "description": description,
        "schema": {"type": type_name, "uniqueItems": true},
    })
}
