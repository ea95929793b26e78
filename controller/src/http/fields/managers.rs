//! Who owns which fields of an object: `metadata.managedFields`, read and written.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};

use super::path::Malformed;
use super::set::FieldSet;
use crate::api::{Time, Timestamp};

/// Entries of updates that an object keeps; of the oldest ones, one is made. Stops a client that
/// calls itself otherwise each time from making an object large; Kubernetes' number.
const UPDATE_MANAGERS_MAX: usize = 10;

/// What the entry is called that is made of the oldest ones.
const ANCIENT: &str = "ancient-changes";

/// How a manager came to own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::http) enum Operation {
    /// By server-side apply.
    Apply,
    /// In any other way.
    Update,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who owns fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::http) struct Manager {
    pub(super) name: String,
    pub(super) operation: Operation,
    pub(super) api_version: String,
    /// Through which part of the object, `""` for the whole.
    pub(super) subresource: String,
}

/// What a manager owns, and since when it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) fields: FieldSet,
    pub(super) time: Option<Timestamp>,
}

/// Everyone who owns fields of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Managers(pub(super) BTreeMap<Manager, Owned>);

impl Managers {
    /// What `entries` say, if all of them are well-formed.
    pub(super) fn read(entries: &[ManagedFieldsEntry]) -> Result<Self, Malformed> {
        let mut managers = BTreeMap::new();
        for entry in entries {
            let operation = match entry.operation.as_deref() {
                Some("Apply") => Operation::Apply,
                Some("Update") => Operation::Update,
                _ => return Err(Malformed),
            };
            let api_version = entry.api_version.clone().unwrap_or_default();
            if api_version.is_empty() || entry.fields_type.as_deref() != Some("FieldsV1") {
                return Err(Malformed);
            }
            let manager = Manager {
                name: entry.manager.clone().unwrap_or_default(),
                operation,
                api_version,
                subresource: entry.subresource.clone().unwrap_or_default(),
            };
            let fields = entry.fields_v1.as_ref().map(|fields| FieldSet::from_json(&fields.0));
            let fields = fields.transpose()?.unwrap_or_default();
            let time = entry.time.as_ref().map(|time| time.0);
            managers.insert(manager, Owned { fields, time });
        }
        Ok(Self(managers))
    }

    /// As an object has them; `None` for none.
    pub(super) fn write(&self) -> Option<Vec<ManagedFieldsEntry>> {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(manager, owned)| {
            let seconds = owned.time.map_or(0, Timestamp::as_second);
            (manager.operation, seconds, *manager)
        });
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let entries = entries.into_iter().map(|(manager, owned)| ManagedFieldsEntry {
            api_version: text(&manager.api_version),
            fields_type: text("FieldsV1"),
            fields_v1: Some(FieldsV1(owned.fields.to_json())),
            manager: text(&manager.name),
            operation: text(manager.operation.name()),
            subresource: text(&manager.subresource),
            time: owned.time.map(Time),
        });
        let entries: Vec<_> = entries.collect();
        (!entries.is_empty()).then_some(entries)
    }

    /// Makes one of the oldest entries of updates, until there are few enough.
    pub(super) fn cap(&mut self) {
        let updates = self.0.iter().filter(|(it, _)| it.operation == Operation::Update);
        let mut updates: Vec<_> = updates.map(|(it, owned)| (owned.time, it.clone())).collect();
        if updates.len() <= UPDATE_MANAGERS_MAX {
            return;
        }
        updates.sort();
        // One more than is too much, since the one that is made counts as well.
        updates.truncate(updates.len() - UPDATE_MANAGERS_MAX + 1);
        let Some((newest, api_version)) =
            updates.last().map(|(time, it)| (*time, it.api_version.clone()))
        else {
            return;
        };
        let mut fields = FieldSet::default();
        for (_, manager) in &updates {
            let owned = self.0.remove(manager).map(|owned| owned.fields).unwrap_or_default();
            fields = fields.union(owned);
        }
        let manager = Manager {
            name: ANCIENT.to_owned(),
            operation: Operation::Update,
            api_version,
            subresource: String::new(),
        };
        self.0.insert(manager, Owned { fields, time: newest });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entries(json: serde_json::Value) -> Vec<ManagedFieldsEntry> {
        serde_json::from_value(json).expect("must be entries")
    }

    #[test]
    fn entries_are_read_and_written_in_their_order() {
        let written = json!([
            {"manager": "b", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}}, "time": "1970-01-01T00:00:02Z"},
            {"manager": "z", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}}, "time": "1970-01-01T00:00:01Z"},
            {"manager": "a", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:status": {}}, "subresource": "status", "time": "1970-01-01T00:00:02Z"},
        ]);
        let managers = Managers::read(&entries(written.clone())).expect("must be well-formed");
        assert_eq!(serde_json::to_value(managers.write()).expect("must be writable"), written);
        assert_eq!(Managers::default().write(), None);
    }

    #[test]
    fn malformed_entries_are_told_from_others() {
        let check = |entry: serde_json::Value| {
            assert_eq!(Managers::read(&entries(json!([entry]))), Err(Malformed));
        };
        check(json!({}));
        check(json!({"operation": "Replace", "apiVersion": "v1", "fieldsType": "FieldsV1"}));
        check(json!({"operation": "Apply", "fieldsType": "FieldsV1"}));
        check(json!({"operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV2"}));
    }

    #[test]
    fn the_oldest_updates_become_one() {
        let entry = |second: usize| {
            let field = format!("f:{second}");
            json!({
                "manager": format!("m{second}"), "operation": "Update", "apiVersion": "v1",
                "fieldsType": "FieldsV1", "fieldsV1": {field: {}},
                "time": format!("1970-01-01T00:00:{second:02}Z"),
            })
        };
        let all: Vec<_> = (0..12).map(entry).collect();
        let mut managers = Managers::read(&entries(json!(all))).expect("must be well-formed");
        managers.cap();
        let written = serde_json::to_value(managers.write()).expect("must be writable");
        assert_eq!(written.as_array().map(Vec::len), Some(UPDATE_MANAGERS_MAX));
        assert_eq!(written[0]["manager"], ANCIENT);
        assert_eq!(written[0]["fieldsV1"], json!({"f:0": {}, "f:1": {}, "f:2": {}}));
        assert_eq!(written[0]["time"], "1970-01-01T00:00:02Z");
    }
}
