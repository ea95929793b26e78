//! Who owns which fields of an object, as it is kept: the JSON that it is.
//!
//! k8s-openapi has a tree of maps for it, each of which takes 640 bytes however little is in it. For a
//! Job that somebody has made that is 7 KB, in every version of it; its JSON is a tenth.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde::{Serialize, Serializer};

use super::ObjectMeta;
use super::json;
use super::quick::Quick;
use super::shared::WRITTEN;

/// `metadata.managedFields` as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct ManagedFields(Arc<[u8]>);

impl ManagedFields {
    /// Takes them out of `metadata`, if they are there.
    pub(super) fn take_from(metadata: &mut ObjectMeta) -> Option<Self> {
        let entries = metadata.managed_fields.take()?;
        let mut json = Vec::new();
        json::write(&Quick(&entries), &mut json);
        Some(Self(json.into()))
    }

    /// Them as they are read and changed.
    pub fn entries(&self) -> Vec<ManagedFieldsEntry> {
        serde_json::from_slice(&self.0).expect("what was written must be readable")
    }
}

impl Serialize for ManagedFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(WRITTEN, &Written(self))
    }
}

/// The same for who can take JSON, and for everybody else.
struct Written<'a>(&'a ManagedFields);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.0.entries().serialize(serializer)
        } else {
            serializer.serialize_bytes(&self.0.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::{Kind, Object};

    #[test]
    fn what_is_kept_otherwise_is_shown_and_read_as_before() {
        for kind in [Kind::Job, Kind::Pod] {
            let entry = json!({
                "apiVersion": "v1", "fieldsType": "FieldsV1", "manager": "\"m\"",
                "fieldsV1": {"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {".": {}}}}},
                "operation": "Apply", "time": "2026-01-01T00:00:00Z",
            });
            let metadata = json!({"name": "a", "labels": {"b": "c"}, "managedFields": [entry]});
            let json = json!({"metadata": metadata}).to_string();
            let read = || Object::from_json(kind, json.as_bytes()).expect("it is one");
            let (before, mut kept) = (read(), read());
            kept.pack_managed_fields();
            assert_eq!(kept.metadata().managed_fields, None);
            assert_eq!(kept.managed_fields(), before.managed_fields());
            assert_eq!(kept.to_json(), before.to_json());
            assert_eq!(kept.to_value(), before.to_value());
            let metadata = |object: &Object| {
                let mut out = Vec::new();
                object.write_metadata(&mut out);
                out
            };
            assert_eq!(metadata(&kept), metadata(&before));
            kept.set_managed_fields(before.managed_fields());
            assert_eq!(kept, before);
        }
    }
}
