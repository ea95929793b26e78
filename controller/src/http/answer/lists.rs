//! The body of a list: written a piece at a time, as the client takes it.
//!
//! So a list of very many objects costs no more memory than the objects themselves as they are in the
//! store, packed or not, with which they are shared, and a piece.

use std::convert::Infallible;
use std::vec;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::task;

use super::{Form, Shape, begin_table, write_metadata, write_row};
use crate::api::{Kind, Object, Timestamp, json};
use crate::http::versions::Version;
use crate::limits::LIST_PIECE_BYTES;
use crate::store::Slot;

/// What is left of a list.
pub(super) struct List {
    form: Form,
    objects: vec::IntoIter<Slot>,
    now: Timestamp,
    /// What comes before the next object.
    before: Vec<u8>,
    has_ended: bool,
}

impl List {
    pub(super) fn new(
        form: Form,
        kind: Kind,
        objects: Vec<Slot>,
        meta: &Value,
        now: Timestamp,
    ) -> Self {
        let mut before = Vec::new();
        let (kind_name, api_version) = match form.shape {
            Shape::Object => (format!("{}List", kind.name()), form.version.api_version(kind)),
            _ => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1"),
        };
        if let Shape::Table(_) = form.shape {
            begin_table(Some(kind), meta, &mut before);
        } else {
            let head = format!("{{\"kind\":\"{kind_name}\",\"apiVersion\":\"{api_version}\",");
            before.extend(head.into_bytes());
            before.extend_from_slice(b"\"metadata\":");
            json::write(meta, &mut before);
            before.extend_from_slice(b",\"items\":[");
        }
        Self { form, objects: objects.into_iter(), now, before, has_ended: false }
    }

    /// All of it; a short one at once, with its length.
    pub(super) fn into_body(mut self) -> Body {
        let first = self.next().unwrap_or_default();
        if self.has_ended {
            return Body::from(first);
        }
        // A client that is fast would have all of it written at once, which takes long.
        let rest = stream::iter(self).then(async |piece| {
            task::yield_now().await;
            piece
        });
        let pieces = stream::iter([first]).chain(rest);
        Body::from_stream(pieces.map(Ok::<_, Infallible>))
    }

    fn write(&self, object: &Object, out: &mut Vec<u8>) {
        match self.form.shape {
            Shape::Object => write_item(object, self.form.version, out),
            Shape::Metadata => write_metadata(object, out),
            Shape::Table(include) => {
                write_row(object, (include, self.form.version), self.now, out);
            }
        }
    }
}

impl Iterator for List {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.has_ended {
            return None;
        }
        let mut piece = Vec::new();
        while piece.len() < LIST_PIECE_BYTES {
            piece.append(&mut self.before);
            let Some(object) = self.objects.next() else {
                piece.extend_from_slice(b"]}");
                self.has_ended = true;
                break;
            };
            self.write(&object.into_object(), &mut piece);
            if !self.objects.as_slice().is_empty() {
                self.before.push(b',');
            }
        }
        Some(piece.into())
    }
}

/// `object` as an item of a list, which says its kind for all.
fn write_item(object: &Object, version: Version, out: &mut Vec<u8>) {
    if version == Version::Kept {
        // What says it comes first.
        let (begin, kind) = (out.len() + 1, object.kind());
        object.write_json(out);
        let (api_version, kind) = (kind.api_version().len(), kind.name().len());
        out.drain(begin..begin + r#""apiVersion":"","kind":"","#.len() + api_version + kind);
        return;
    }
    let mut item = version.json(object);
    if let Value::Object(fields) = &mut item {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    json::write(&item, out);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::Include;
    use super::*;
    use crate::api::{Event, ObjectMeta};

    const SHAPES: [(Shape, &str, &str); 5] = [
        (Shape::Object, "EventList", "items"),
        (Shape::Metadata, "PartialObjectMetadataList", "items"),
        (Shape::Table(Include::Nothing), "Table", "rows"),
        (Shape::Table(Include::Metadata), "Table", "rows"),
        (Shape::Table(Include::Object), "Table", "rows"),
    ];

    fn event(number: usize) -> Object {
        let name = Some(format!("{number}\""));
        let metadata = ObjectMeta { name, ..ObjectMeta::default() };
        Object::Event(Arc::new(Event { metadata, ..Event::default() }))
    }

    fn pieces(shape: Shape, version: Version, count: usize) -> Vec<Bytes> {
        let objects = (0..count).map(|number| Slot::Whole(event(number))).collect();
        let (form, meta) = (Form { shape, version }, json!({"resourceVersion": "7"}));
        List::new(form, Kind::Event, objects, &meta, Timestamp::UNIX_EPOCH).collect()
    }

    #[test]
    fn a_list_in_pieces_is_one_list() {
        for (shape, kind, items) in SHAPES {
            for count in [0, 1, 2, 3_000] {
                let pieces = pieces(shape, Version::Kept, count);
                let (_, whole) = pieces.split_last().expect("there must be an end");
                let is_bounded = |piece: &Bytes| {
                    (LIST_PIECE_BYTES..LIST_PIECE_BYTES + 1024).contains(&piece.len())
                };
                assert!(whole.iter().all(is_bounded), "{kind}");
                assert_eq!(whole.is_empty(), count < 3_000, "{kind}");
                let list: Value = serde_json::from_slice(&pieces.concat()).expect("JSON");
                assert_eq!(
                    (&list["kind"], &list["metadata"]["resourceVersion"]),
                    (&json!(kind), &json!("7"))
                );
                let found = list[items].as_array().expect("a list must have items");
                assert_eq!(found.len(), count);
                for (number, item) in found.iter().enumerate() {
                    let name = match shape {
                        Shape::Table(Include::Nothing) => continue,
                        Shape::Table(_) => &item["object"]["metadata"]["name"],
                        _ => &item["metadata"]["name"],
                    };
                    assert_eq!(*name, format!("{number}\""), "{kind}");
                }
            }
        }
    }

    #[test]
    fn an_item_leaves_its_kind_to_the_list() {
        for version in [Version::Kept, Version::Events] {
            let bytes = pieces(Shape::Object, version, 1).concat();
            let list: Value = serde_json::from_slice(&bytes).expect("JSON");
            assert_eq!(list["apiVersion"], version.api_version(Kind::Event));
            assert_eq!(list["items"][0].get("kind"), None);
            assert_eq!(list["items"][0].get("apiVersion"), None);
        }
    }
}
