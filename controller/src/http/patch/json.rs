//! JSON patches (RFC 6902), with the liberties that Kubernetes' own library takes.

use json_patch::{AddOperation, PatchOperation};
use serde_json::Value;

use crate::limits::{JSON_PATCH_COPIED_BYTES_MAX, JSON_PATCH_OPERATIONS_MAX};

/// A patch that can't be made; Kubernetes doesn't tell its clients why either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfit;

/// Whether `patch` has more steps than are allowed.
pub(super) fn is_too_long(patch: &[Value]) -> bool {
    patch.len() > JSON_PATCH_OPERATIONS_MAX
}

/// The fields of the steps that no step has, in the words of a complaint.
pub(super) fn unknown_fields(patch: &[Value]) -> impl Iterator<Item = String> {
    patch.iter().enumerate().flat_map(|(index, step)| {
        let fields = step.as_object().into_iter().flatten().map(|(name, _)| name);
        let unknown =
            fields.filter(|name| !["op", "path", "from", "value"].contains(&name.as_str()));
        unknown.map(move |name| format!("unknown field \"[{index}].{name}\""))
    })
}

/// `object` after all the steps of `patch`, in order.
pub(super) fn patched(mut object: Value, patch: &[Value]) -> Result<Value, Unfit> {
    let mut copied_bytes = 0;
    for step in patch {
        let step: PatchOperation = serde_json::from_value(step.clone()).map_err(|_| Unfit)?;
        if let PatchOperation::Copy(copy) = &step {
            // Steps that copy what they have just made larger would otherwise fill memory.
            let source = object.pointer(copy.from.as_str()).ok_or(Unfit)?;
            copied_bytes += source.to_string().len();
            if copied_bytes > JSON_PATCH_COPIED_BYTES_MAX {
                return Err(Unfit);
            }
        }
        if !is_of_nothing(&object, &step) {
            let step = liberal(&object, step);
            json_patch::patch(&mut object, &[step]).map_err(|_| Unfit)?;
        }
    }
    Ok(object)
}

/// A field that is not there may be replaced: it is added.
fn liberal(object: &Value, step: PatchOperation) -> PatchOperation {
    match step {
        PatchOperation::Replace(replace)
            if object.pointer(replace.path.as_str()).is_none()
                && holder(object, replace.path.as_str()).is_some_and(Value::is_object) =>
        {
            PatchOperation::Add(AddOperation { path: replace.path, value: replace.value })
        }
        other => other,
    }
}

/// Whether `step` tests that a field is null which is not there: that is as good.
fn is_of_nothing(object: &Value, step: &PatchOperation) -> bool {
    let PatchOperation::Test(test) = step else { return false };
    let path = test.path.as_str();
    test.value.is_null()
        && object.pointer(path).is_none()
        && holder(object, path).is_some_and(Value::is_object)
}

/// What holds the value at `path`.
fn holder<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    object.pointer(path.rsplit_once('/')?.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_are_made_in_order_or_none_is() {
        let check = |patch: Value, expect: Option<Value>| {
            let steps = patch.as_array().expect("a patch must be a list");
            let found = patched(json!({"a": {"b": 1}, "l": [1, 2]}), steps);
            assert_eq!(found.ok(), expect, "{patch}");
        };
        let of = |a: Value| Some(json!({"a": a, "l": [1, 2]}));
        check(json!([{"op": "replace", "path": "/a/b", "value": 2}]), of(json!({"b": 2})));
        check(json!([{"op": "replace", "path": "/a/c", "value": 2}]), of(json!({"b": 1, "c": 2})));
        check(json!([{"op": "replace", "path": "/x/c", "value": 2}]), None);
        check(json!([{"op": "test", "path": "/a/b", "value": 1}]), of(json!({"b": 1})));
        check(json!([{"op": "test", "path": "/a/c", "value": null}]), of(json!({"b": 1})));
        check(json!([{"op": "test", "path": "/a/b", "value": 2}]), None);
        check(json!([{"op": "remove", "path": "/a/c"}]), None);
        check(json!([{"op": "jump", "path": "/a"}]), None);
        check(
            json!([{"op": "add", "path": "/l/-", "value": 3}]),
            Some(json!({"a": {"b": 1}, "l": [1, 2, 3]})),
        );
    }

    #[test]
    fn copies_of_copies_end() {
        let doubled: Vec<_> = (0..64)
            .map(|n| json!({"op": "copy", "from": "/a", "path": format!("/a/{n}")}))
            .collect();
        assert_eq!(patched(json!({"a": {"x": "y".repeat(100)}}), &doubled), Err(Unfit));
    }
}
