//! Ownership after a write that is no apply: whoever changes a field owns it from then on.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;

use super::blank::blank;
use super::compare::{Comparison, compare};
use super::items::Unnamed;
use super::managers::{Manager, Managers, Operation, Owned};
use super::{Writer, stripped, unwritable};
use crate::api::{Object, Timestamp};
use crate::http::schema::Type;

/// Notes in `new`, which is about to be written over `live` (or created, if there is none), which
/// fields `writer` has changed.
///
/// What `new` says of `managedFields` counts, so that clients may change them; what it leaves out
/// or gets wrong stays as it was, and an empty list, or one empty entry, forgets all of it. Of an
/// object that nobody owns anything of, nothing is noted until somebody applies it: so those that
/// our own controllers make cost nothing.
pub(in crate::http) fn track(
    writer: &Writer,
    live: Option<&Object>,
    new: &mut Object,
    now: Timestamp,
) {
    let before = live.and_then(Object::managed_fields);
    let said = new.managed_fields();
    new.set_managed_fields(None);
    let managers = match said {
        Some(entries) if writer.subresource.is_none() && is_reset(&entries) => Managers::default(),
        said => {
            let said = said.filter(|_| writer.subresource.is_none());
            let said = said.and_then(|entries| Managers::read(&entries).ok());
            let kept = || Managers::read(before.as_deref().unwrap_or_default()).ok();
            said.filter(|said| !said.0.is_empty()).or_else(kept).unwrap_or_default()
        }
    };
    if managers.0.is_empty() && live.is_some() {
        return;
    }
    let now = whole_second(now);
    let kind = new.kind();
    let old = live.map_or_else(|| blank(kind), without_managers);
    let tracked = updated(writer, &old, &without_managers(new), managers, now);
    // What can't be compared is as it was; the object itself is admitted or refused elsewhere.
    new.set_managed_fields(tracked.map_or(before, |managers| managers.write()));
}

/// Who owns what after `old` has become `new`.
pub(super) fn updated(
    writer: &Writer,
    old: &Value,
    new: &Value,
    managers: Managers,
    now: Timestamp,
) -> Result<Managers, Unnamed> {
    let compared = compare(Type::of(writer.kind), old, new)?.outside(&unwritable(writer));
    let mut managers = relinquished(managers, &compared);
    let taken = compared.changed().difference(stripped());
    if !taken.is_empty() {
        let manager = manager_of(writer, Operation::Update);
        let owned = managers.0.remove(&manager).map(|owned| owned.fields).unwrap_or_default();
        let owned = Owned { fields: owned.union(taken), time: Some(now) };
        managers.0.insert(manager, owned);
    }
    managers.cap();
    Ok(managers)
}

/// `managers` without the fields that have changed or are gone.
pub(super) fn relinquished(managers: Managers, compared: &Comparison) -> Managers {
    if compared.is_empty() {
        return managers;
    }
    let kept = managers.0.into_iter().filter_map(|(manager, owned)| {
        let fields = owned.fields.difference(&compared.added);
        let fields = fields.difference(&compared.modified).difference(&compared.removed);
        (!fields.is_empty()).then_some((manager, Owned { fields, ..owned }))
    });
    Managers(kept.collect())
}

/// `writer` as one who owns fields.
pub(super) fn manager_of(writer: &Writer, operation: Operation) -> Manager {
    let name = if writer.manager.is_empty() { "unknown" } else { &writer.manager };
    Manager {
        name: name.to_owned(),
        operation,
        api_version: writer.kind.api_version().to_owned(),
        subresource: writer.subresource.unwrap_or_default().to_owned(),
    }
}

/// `now` as it is written down.
pub(super) fn whole_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// `object` as JSON, without who owns it.
pub(super) fn without_managers(object: &Object) -> Value {
    let mut json = object.to_value();
    if let Some(metadata) = json.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    json
}

/// Whether `entries` say that all of them are to be forgotten.
fn is_reset(entries: &[ManagedFieldsEntry]) -> bool {
    entries.is_empty() || matches!(entries, [one] if *one == ManagedFieldsEntry::default())
}

/// Makes `new` what `old` is if nothing differs that a client could see, but for the times of its
/// managers: a write that changes nothing leaves no trace.
pub(in crate::http) fn settled(new: &mut Object, old: &Object) {
    let (entries, old_entries) = (new.managed_fields(), old.managed_fields());
    let (new_owners, old_owners) = (entries.iter().flatten(), old_entries.iter().flatten());
    let are_owners_same = new_owners.clone().count() == old_owners.clone().count()
        && new_owners.zip(old_owners).all(|(new, old)| is_same_owner(new, old));
    if !are_owners_same {
        return;
    }
    let (mut same, mut before) = (new.clone(), old.clone());
    same.set_managed_fields(None);
    before.set_managed_fields(None);
    same.metadata_mut().resource_version.clone_from(&old.metadata().resource_version);
    // What a client has read and writes back has lost the fractions of its times.
    if same.metadata() == before.metadata() && same.to_value() == before.to_value() {
        *new = old.clone();
    }
}

/// Whether two entries differ in nothing but the time.
fn is_same_owner(one: &ManagedFieldsEntry, other: &ManagedFieldsEntry) -> bool {
    one.manager == other.manager
        && one.operation == other.operation
        && one.api_version == other.api_version
        && one.subresource == other.subresource
        && one.fields_v1 == other.fields_v1
}
