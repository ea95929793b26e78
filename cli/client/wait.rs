//! `mayfly wait`: until objects are in a state.
//!
//! `--for=complete-or-failed` is what kubectl lacks: it ends with the Job, whichever way that ends,
//! and exits as the Job did.

use std::convert::Infallible;
use std::time::Duration;

use mayfly_controller::api::Kind;
use serde_json::Value;

use super::complaint::{Complaint, Complaints};
use super::connect::Connection;
use super::jsonpath::{self, Template};
use super::output::{self, Output, print, qualified_name};
use super::request::{As, Pairs, Server};
use super::resource::Resource;
use super::select::{Selection, Target};
use super::waiting::{Progress, Told, Waited};
use super::watch::Watching;
use crate::args::client::{Patience, WaitArguments};
use crate::exit::Exit;

/// How long kubectl waits if nothing is said.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it waits if a negative time is said.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum For {
    /// That it is there.
    Create,
    /// That it is gone.
    Delete,
    /// That a Job has ended, well or not.
    CompleteOrFailed,
    /// That a condition has a value.
    Condition { name: String, value: String },
    /// That a path finds something, or one value.
    JsonPath { path: Template, value: Option<String> },
}

impl For {
    /// Understands what stands after `--for=`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(condition) = text.strip_prefix("condition=") {
            let (name, value) = condition.split_once('=').unwrap_or((condition, "true"));
            if name.is_empty() {
                return Err("condition=NAME is wanted, such as condition=complete".to_owned());
            }
            return Ok(Self::Condition { name: name.to_owned(), value: value.to_owned() });
        }
        if let Some(of) = text.strip_prefix("jsonpath=") {
            let (path, value) = match of.rfind("}=") {
                Some(end) => (&of[..=end], Some(of[end + 2..].to_owned())),
                None if of.ends_with('}') => (of, None),
                None => match of.split_once('=') {
                    Some((path, value)) => (path, Some(value.to_owned())),
                    None => (of, None),
                },
            };
            if path.is_empty() || value.as_deref() == Some("") {
                return Err(
                    "jsonpath={PATH}[=VALUE] is wanted, and neither may be empty".to_owned()
                );
            }
            let path = Template::parse_path(path)
                .map_err(|error| format!("error parsing jsonpath {path}, {error}"))?;
            return Ok(Self::JsonPath { path, value });
        }
        match text.to_lowercase().as_str() {
            "create" => Ok(Self::Create),
            "delete" => Ok(Self::Delete),
            "complete-or-failed" => Ok(Self::CompleteOrFailed),
            _ => Err(format!(
                "unrecognized condition: {text:?}; there are create, delete, complete-or-failed, \
                 condition=NAME[=VALUE], jsonpath={{PATH}}[=VALUE]"
            )),
        }
    }
}

/// One object to wait for.
struct One<'a> {
    resource: &'a Resource,
    namespace: String,
    name: String,
}

/// Waits as `arguments` say.
pub(super) async fn wait(arguments: &WaitArguments) -> anyhow::Result<Exit> {
    let connection = Connection::open(&arguments.server).await?;
    let selection = Selection::of(&arguments.select, &connection).await?;
    let deadline = tokio::time::Instant::now() + patience(arguments);
    let progress = Progress::new();
    let mut complaints = Complaints::default();
    let mut has_failed = false;
    let mut count = 0;
    for target in &selection.targets {
        check(arguments, target)?;
        for one in each(&connection.server, target, &selection.query).await? {
            count += 1;
            let met = until(&connection.server, &one, &arguments.what, deadline, &progress).await;
            // What was not there to be deleted is passed over, as in kubectl.
            let Some(object) = complaints.take(met)?.flatten() else { continue };
            has_failed |= !progress.aside(|| say(arguments, &one, &object))?;
        }
    }
    if count == 0 && arguments.what != For::Delete {
        return Err(Complaint::failed("no matching resources found"));
    }
    if complaints.is_empty() && has_failed {
        return Err(Complaint::Silent.into());
    }
    complaints.finish()
}

/// How long: kubectl's half a minute, but a Job takes as long as it takes.
fn patience(arguments: &WaitArguments) -> Duration {
    match (arguments.timeout, &arguments.what) {
        (Some(Patience::For(time)), _) => time,
        (Some(Patience::Week), _) | (None, For::CompleteOrFailed) => WEEK,
        (None, _) => PATIENCE,
    }
}

fn check(arguments: &WaitArguments, target: &Target) -> anyhow::Result<()> {
    let is_whole = target.names.is_empty() && !arguments.all;
    let select = &arguments.select;
    if is_whole && select.selector.is_none() && select.field_selector.is_none() {
        let text =
            "resource(s) were provided, but no name, label selector, or --all flag specified";
        return Err(Complaint::usage(text));
    }
    if arguments.what == For::CompleteOrFailed && target.resource != Resource::of(Kind::Job) {
        let text = format!("only jobs end complete or failed, not {}", target.resource.plural);
        return Err(Complaint::usage(text));
    }
    Ok(())
}

async fn each<'a>(
    server: &Server,
    target: &'a Target,
    query: &Pairs,
) -> anyhow::Result<Vec<One<'a>>> {
    let one = |namespace: &str, name: &str| One {
        resource: &target.resource,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    let namespace = target.namespace.as_deref();
    if !target.names.is_empty() {
        let namespace = namespace.unwrap_or_default();
        return Ok(target.names.iter().map(|name| one(namespace, name)).collect());
    }
    let found = server.list(&target.resource.path(namespace), query).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |object: &Value| {
        one(&text(&object["metadata"]["namespace"]), &text(&object["metadata"]["name"]))
    };
    Ok(found.iter().map(of).collect())
}

/// Waits for `one`, and gives back the object as it was when it was so: `Null` when it has gone, and
/// nothing if it was not there.
async fn until(
    server: &Server,
    one: &One<'_>,
    what: &For,
    deadline: tokio::time::Instant,
    progress: &Progress,
) -> anyhow::Result<Option<Value>> {
    let target = Target {
        resource: one.resource.clone(),
        namespace: Some(one.namespace.clone()),
        names: vec![one.name.clone()],
    };
    let mut watching = Watching::of(&target, &Pairs::new(), As::Objects);
    // One look is taken, however short the time is.
    let found = match what {
        For::Create | For::Delete => watching.list(server).await?,
        _ => watching.begin(server).await?,
    };
    if found.is_empty() && *what == For::Delete {
        return Ok(None);
    }
    for object in found {
        if is_met(&object, what)? {
            return Ok(Some(object));
        }
    }
    let met = async {
        tokio::select! {
            biased;
            object = until_met(server, &mut watching, one, what) => object,
            never = observe(server, one, what, progress) => match never {},
        }
    };
    match tokio::time::timeout_at(deadline, met).await {
        Ok(object) => object.map(Some),
        Err(_) => {
            let what = format!("{}/{}", one.resource.plural, one.name);
            Err(Complaint::failed(format!("timed out waiting for the condition on {what}")))
        }
    }
}

/// Tells how it goes with `one`, for as long as it is polled: on a terminal, and of a Job's end to
/// everybody, since what holds that up may do so for ever.
async fn observe(server: &Server, one: &One<'_>, what: &For, progress: &Progress) -> Infallible {
    let waited = Waited::of(one.resource, &one.namespace, &one.name);
    match waited.filter(|_| progress.is_shown() || *what == For::CompleteOrFailed) {
        Some(waited) => waited.observe(server, progress, Told::Lines).await,
        None => std::future::pending().await,
    }
}

async fn until_met(
    server: &Server,
    watching: &mut Watching,
    one: &One<'_>,
    what: &For,
) -> anyhow::Result<Value> {
    loop {
        let event = watching.next(server).await?;
        let is_gone = event.what == "DELETED";
        if is_gone && *what == For::Delete {
            return Ok(Value::Null);
        }
        if is_met(&event.object, what)? {
            return Ok(event.object);
        }
        if is_gone && *what != For::Create {
            let name = one.resource.with_group(&one.resource.plural);
            let text = format!("{name} \"{}\" was deleted before the condition was met", one.name);
            return Err(Complaint::failed(text));
        }
    }
}

/// Waits until no object `name` is there, or one with another uid than `uid`.
pub(super) async fn until_gone(
    server: &Server,
    resource: &Resource,
    namespace: &str,
    name: &str,
    uid: &str,
) -> anyhow::Result<()> {
    let is_it = |object: &Value| uid.is_empty() || object["metadata"]["uid"] == *uid;
    let target = Target {
        resource: resource.clone(),
        namespace: Some(namespace.to_owned()),
        names: vec![name.to_owned()],
    };
    let mut watching = Watching::of(&target, &Pairs::new(), As::Objects);
    if !watching.list(server).await?.iter().any(is_it) {
        return Ok(());
    }
    loop {
        let event = watching.next(server).await?;
        if event.what == "DELETED" || !is_it(&event.object) {
            return Ok(());
        }
    }
}

fn is_met(object: &Value, what: &For) -> anyhow::Result<bool> {
    match what {
        For::Create => Ok(true),
        For::Delete => Ok(false),
        For::CompleteOrFailed => Ok(ended(object).is_some()),
        For::Condition { name, value } => Ok(condition(object, name).is_some_and(|condition| {
            let is = condition["status"].as_str().unwrap_or_default();
            let seen = condition["observedGeneration"].as_i64();
            let is_old = seen
                .is_some_and(|seen| seen < object["metadata"]["generation"].as_i64().unwrap_or(0));
            is.eq_ignore_ascii_case(value) && !is_old
        })),
        For::JsonPath { path, value } => {
            let found = path.find(object).map_err(Complaint::failed)?;
            match (found.as_slice(), value) {
                ([], _) => Ok(false),
                ([found], Some(value)) if !found.is_array() && !found.is_object() => {
                    Ok(jsonpath::shown(found) == value.trim_matches(['\'', '"']))
                }
                (_, None) => Ok(true),
                _ => Err(Complaint::failed(
                    "jsonpath leads to a nested object, a list, or more than one value",
                )),
            }
        }
    }
}

fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let mut all = object["status"]["conditions"].as_array().into_iter().flatten();
    all.find(|it| it["type"].as_str().is_some_and(|it| it.eq_ignore_ascii_case(name)))
}

/// The condition that ended a Job, and whether it is `Complete`.
fn ended(job: &Value) -> Option<(bool, &Value)> {
    let of = |name: &str| condition(job, name).filter(|it| it["status"] == "True");
    of("Complete").map(|it| (true, it)).or_else(|| of("Failed").map(|it| (false, it)))
}

/// Tells what became of `one`; whether it ended well.
fn say(arguments: &WaitArguments, one: &One<'_>, object: &Value) -> anyhow::Result<bool> {
    let end = (arguments.what == For::CompleteOrFailed).then(|| ended(object)).flatten();
    let is_well = end.is_none_or(|(is_complete, _)| is_complete);
    if let Some(form) = arguments.output.as_ref().filter(|form| **form != Output::Wide) {
        let mut object = object.clone();
        output::without_managed_fields(&mut object);
        if !object.is_null() {
            print(&form.text_of(&object)?)?;
        }
        return Ok(is_well);
    }
    let name = match object {
        Value::Null => format!("{}/{}", one.resource.singular(), one.name),
        object => qualified_name(object),
    };
    print(&match end {
        None => format!("{name} condition met\n"),
        Some((is_complete, condition)) => {
            let word = if is_complete { "complete" } else { "failed" };
            let text = |key: &str| condition[key].as_str().unwrap_or_default();
            format!("{name} {word}: {}: {}\n", text("reason"), text("message"))
        }
    })?;
    Ok(is_well)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_can_be_waited_for() {
        let check =
            |text: &str, expect: Option<For>| assert_eq!(For::parse(text).ok(), expect, "{text}");
        let condition = |name: &str, value: &str| {
            Some(For::Condition { name: name.to_owned(), value: value.to_owned() })
        };
        check("delete", Some(For::Delete));
        check("create", Some(For::Create));
        check("complete-or-failed", Some(For::CompleteOrFailed));
        check("condition=complete", condition("complete", "true"));
        check("condition=Ready=false", condition("Ready", "false"));
        let path = |value: Option<&str>| {
            let path = Template::parse_path("{.status.succeeded}").unwrap();
            Some(For::JsonPath { path, value: value.map(str::to_owned) })
        };
        check("jsonpath={.status.succeeded}=1", path(Some("1")));
        check("jsonpath={.status.succeeded}", path(None));
        check("jsonpath={.status.succeeded}=", None);
        check("jsonpath={.a", None);
        check("condition=", None);
        check("soon", None);
    }

    #[test]
    fn when_it_is_met() {
        let job = |conditions: Value| json!({"metadata": {"generation": 2}, "status": {"succeeded": 1, "conditions": conditions}});
        let check = |what: &str, job: &Value, expect: bool| {
            assert_eq!(is_met(job, &For::parse(what).unwrap()).unwrap(), expect, "{what} {job}");
        };
        let complete = job(json!([{"type": "Complete", "status": "True"}]));
        let interim = job(
            json!([{"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "False"}]),
        );
        let failed = job(json!([{"type": "Failed", "status": "True"}]));
        check("condition=complete", &complete, true);
        check("condition=complete", &failed, false);
        check("condition=complete=false", &complete, false);
        check("complete-or-failed", &complete, true);
        check("complete-or-failed", &failed, true);
        check("complete-or-failed", &interim, false);
        check("jsonpath={.status.succeeded}=1", &complete, true);
        check("jsonpath={.status.succeeded}=2", &complete, false);
        check("jsonpath={.status.failed}", &complete, false);
        let old = job(json!([{"type": "Ready", "status": "True", "observedGeneration": 1}]));
        check("condition=Ready", &old, false);
        assert!(
            is_met(&complete, &For::parse("jsonpath={.status.conditions}=1").unwrap()).is_err()
        );
    }
}
