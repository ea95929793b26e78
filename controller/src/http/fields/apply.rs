//! Server-side apply: what somebody wants of an object, put over what it is.

use serde_json::Value;

use super::blank::blank;
use super::compare::{Comparison, compare};
use super::config::{complaints, field_set};
use super::managers::{Manager, Managers, Operation, Owned};
use super::merge::{merged, removed};
use super::path::{Element, shown};
use super::set::FieldSet;
use super::track::{manager_of, relinquished, updated, whole_second, without_managers};
use super::{Writer, stripped, unwritable};
use crate::api::{Object, Timestamp};
use crate::http::go;
use crate::http::schema::Type;

/// The manager whose fields are those of a client that applied without the server's help.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// The manager for whom the annotation of clients that applied by themselves counts.
const KUBECTL: &str = "kubectl";

/// Where such a client keeps what it applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Why something can't be applied.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) enum Refused {
    /// It is none of its type; every complaint.
    Malformed(String),
    /// Somebody else owns what it changes: who, and the path of each field.
    Conflicts(Vec<(String, String)>),
}

/// Puts `config` over `live`, or makes an object of it if there is none, in the name of `writer`.
///
/// Gives the whole object with its `managedFields`, as JSON; it has no defaults yet, nor been
/// admitted. What `writer` has applied before and leaves out now goes, unless somebody else owns it
/// as well. What somebody else owns and is to have another value is a conflict, unless `is_forced`:
/// then it changes its owner.
pub(in crate::http) fn apply(
    writer: &Writer,
    live: Option<&Object>,
    config: &Value,
    is_forced: bool,
    now: Timestamp,
) -> Result<Value, Refused> {
    let (of, now) = (Type::of(writer.kind), whole_second(now));
    let found = complaints(of, config);
    if !found.is_empty() {
        return Err(malformed(writer, config, &found));
    }
    let entries = live.and_then(Object::managed_fields).unwrap_or_default();
    let mut managers = Managers::read(&entries).unwrap_or_default();
    let old = live.map_or_else(|| blank(writer.kind), without_managers);
    if managers.0.is_empty() && live.is_some() {
        let before = Writer { manager: BEFORE_FIRST_APPLY.to_owned(), ..writer.clone() };
        managers = updated(&before, &blank(writer.kind), &old, managers, now)
            .map_err(Refused::Malformed)?;
    }
    let attempt = Attempt { writer, old: &old, config, now };
    let mut outcome = attempt.put(managers.clone(), is_forced);
    if let Err(Failure::Conflicts(conflicts)) = &mut outcome {
        // What a client that applied by itself has owned, the same client may take over.
        let allowed = attempt.owned_by_last_applied();
        conflicts.retain(|(_, path)| !allowed.contains(path));
        if conflicts.is_empty() {
            outcome = attempt.put(managers, true);
        }
    }
    outcome.map_err(Refused::from)
}

fn malformed(writer: &Writer, config: &Value, found: &[String]) -> Refused {
    let part = |name: &str| config["metadata"][name].as_str().unwrap_or_default();
    let complaints = match found {
        [one] => one.clone(),
        several => format!("errors:\n  {}", several.join("\n  ")),
    };
    let (namespace, name) = (part("namespace"), part("name"));
    let kind = go::kind_of(writer.kind.api_version(), writer.kind.name());
    Refused::Malformed(format!(
        "failed to create typed patch object ({namespace}/{name}; {kind}): {complaints}"
    ))
}

/// A manager as a conflict names it.
fn told(manager: &Manager) -> String {
    let mut told = format!("{:?}", manager.name);
    if !manager.subresource.is_empty() {
        told.push_str(&format!(" with subresource {:?}", manager.subresource));
    }
    if manager.operation == Operation::Update {
        told.push_str(&format!(" using {}", manager.api_version));
    }
    told
}

/// Why an attempt came to nothing: an item has no name, or somebody else owns what it changes.
enum Failure {
    Unnamed(String),
    Conflicts(Vec<(Manager, Vec<Element>)>),
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Unnamed(why)
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unnamed(why) => Self::Malformed(why),
            Failure::Conflicts(conflicts) => {
                let conflicts = conflicts.into_iter();
                Self::Conflicts(conflicts.map(|(it, path)| (told(&it), shown(&path))).collect())
            }
        }
    }
}

/// What is put over what, by whom and when.
struct Attempt<'a> {
    writer: &'a Writer,
    old: &'a Value,
    config: &'a Value,
    now: Timestamp,
}

impl Attempt<'_> {
    /// The object as it is afterwards, and `managers`, who own what before.
    fn put(&self, mut managers: Managers, is_forced: bool) -> Result<Value, Failure> {
        let of = Type::of(self.writer.kind);
        let manager = manager_of(self.writer, Operation::Apply);
        let fields = field_set(of, self.config)?.outside(&unwritable(self.writer));
        // An applier is the same one whatever version it applied last.
        let last = managers.0.keys().find(|it| {
            it.operation == Operation::Apply
                && (&it.name, &it.subresource) == (&manager.name, &manager.subresource)
        });
        let last = last.cloned().and_then(|last| managers.0.remove(&last));
        let merged = merged(of, self.old, self.config)?;
        let new = match &last {
            Some(last) => pruned(of, merged, &last.fields, &fields, &managers)?,
            None => merged,
        };
        let compared = compare(of, self.old, &new)?.outside(&unwritable(self.writer));
        let conflicts = conflicts(&managers, &compared);
        if !is_forced && !conflicts.is_empty() {
            return Err(Failure::Conflicts(conflicts));
        }
        let mut managers = relinquished(managers, &compared);
        // Who only repeats what is so already has changed nothing, at no time.
        let has_changed = new != *self.old;
        let time = if has_changed { Some(self.now) } else { last.and_then(|last| last.time) };
        let fields = fields.difference(stripped());
        if !fields.is_empty() {
            managers.0.insert(manager, Owned { fields, time });
        }
        Ok(self.finished(new, &managers))
    }

    /// `new` with its managers, and with what a client that applies by itself will look for.
    fn finished(&self, mut new: Value, managers: &Managers) -> Value {
        let annotations = new["metadata"].get_mut("annotations").and_then(Value::as_object_mut);
        let annotation = annotations.and_then(|all| all.get_mut(LAST_APPLIED));
        if let Some(annotation) =
            annotation.filter(|it| it.as_str().is_some_and(|it| !it.is_empty()))
            && self.writer.manager == KUBECTL
        {
            let mut config = self.config.clone();
            let annotations = config["metadata"].get_mut("annotations");
            if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
                annotations.remove(LAST_APPLIED);
            }
            *annotation = Value::from(format!("{config}\n"));
        }
        let entries = managers.write();
        new["metadata"]["managedFields"] =
            serde_json::to_value(entries).expect("managers must have a JSON form");
        new
    }

    /// What the annotation of a client that applied by itself says that it owns: what still is as
    /// it was applied.
    fn owned_by_last_applied(&self) -> Vec<Vec<Element>> {
        let of = Type::of(self.writer.kind);
        let annotation = self.old["metadata"]["annotations"][LAST_APPLIED].as_str();
        let last = annotation.filter(|_| self.writer.manager == KUBECTL);
        let last = last.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let owned = last.and_then(|last| {
            if last["apiVersion"] != self.writer.kind.api_version() {
                return None;
            }
            let compared = compare(of, &last, self.old).ok()?;
            let named = field_set(of, &last).ok()?;
            let kept = named.difference(&compared.added).difference(&compared.modified);
            Some(kept.difference(&compared.removed))
        });
        owned.unwrap_or_default().paths()
    }
}

/// Of what the others own, what changes.
fn conflicts(managers: &Managers, compared: &Comparison) -> Vec<(Manager, Vec<Element>)> {
    let of = |(manager, owned): (&Manager, &Owned)| {
        let changed = owned.fields.intersection(&compared.added);
        let changed = changed.union(owned.fields.intersection(&compared.modified));
        changed.paths().into_iter().map(|path| (manager.clone(), path)).collect::<Vec<_>>()
    };
    managers.0.iter().flat_map(of).collect()
}

/// `merged` without what was applied last and is not any more, unless somebody owns it.
fn pruned(
    of: &Type,
    merged: Value,
    last: &FieldSet,
    now: &FieldSet,
    others: &Managers,
) -> Result<Value, String> {
    if last.is_empty() {
        return Ok(merged);
    }
    let all = |set: &FieldSet| set.with_structures(Some(of));
    let mut owned = all(now);
    for other in others.0.values() {
        owned = owned.union(all(&other.fields));
    }
    let there = all(&field_set(of, &merged)?);
    let without_last = removed(of, &merged, &all(last))?;
    let left = all(&field_set(of, &without_last)?);
    // What is owned comes back, and so does what was below something of last time's without having
    // been applied itself.
    let kept = removed(of, &merged, &there.clone().difference(&left.union(owned)))?;
    let left = all(&field_set(of, &kept)?);
    removed(of, &merged, &there.difference(&left).intersection(&all(last)))
}
