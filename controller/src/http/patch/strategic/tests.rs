use serde_json::json;

use super::*;
use crate::api::Kind;

/// Holds a patch of the spec of a pod against what it becomes, or why not.
#[expect(clippy::needless_pass_by_value, reason = "a test reads better with values")]
fn check(spec: Value, patch: Value, expect: Value) {
    let maps = [spec, patch.clone()].map(|it| Map::from_iter([("spec".to_owned(), it)]));
    let [original, change] = maps;
    let found = match patched(Type::of(Kind::Pod), original, change) {
        Ok(mut made) => made.remove("spec").unwrap_or_default(),
        Err(Unfit::Other(why)) => Value::from(why),
        Err(Unfit::Format(why)) => Value::from(why),
        Err(Unfit::Unprocessable) => Value::from("unprocessable"),
    };
    assert_eq!(found, expect, "{patch}");
}

#[test]
fn fields_are_merged_and_null_removes_them() {
    check(
        json!({"hostname": "a", "nodeSelector": {"x": "1"}}),
        json!({"hostname": null, "subdomain": "s", "nodeSelector": {"y": "2"}}),
        json!({"subdomain": "s", "nodeSelector": {"x": "1", "y": "2"}}),
    );
    check(
        json!({}),
        json!({"securityContext": {"runAsUser": null}}),
        json!({"securityContext": {}}),
    );
    check(json!({"a": [1]}), json!({"a": "text"}), json!({"a": "text"}));
}

#[test]
fn items_are_merged_by_their_key() {
    check(
        json!({"containers": [{"name": "a", "image": "x", "env": [{"name": "E", "value": "1"}]}, {"name": "b"}]}),
        json!({"containers": [{"name": "a", "image": "y", "env": [{"name": "F", "value": "2"}]}]}),
        json!({"containers": [
            {"name": "a", "image": "y", "env": [{"name": "F", "value": "2"}, {"name": "E", "value": "1"}]},
            {"name": "b"},
        ]}),
    );
    check(
        json!({"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "x"}]}]}),
        json!({"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "y"}]}]}),
        json!({"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "y"}]}]}),
    );
    check(
        json!({"containers": [{"name": "a"}]}),
        json!({"containers": [{"image": "x"}]}),
        json!("map: map[image:x] does not contain declared merge key: name"),
    );
}

#[test]
fn other_lists_are_replaced() {
    check(
        json!({"tolerations": [{"key": "a"}], "containers": [{"name": "a", "command": ["x", "y"]}]}),
        json!({"tolerations": [{"key": "b"}], "containers": [{"name": "a", "command": ["z"]}]}),
        json!({"tolerations": [{"key": "b"}], "containers": [{"name": "a", "command": ["z"]}]}),
    );
}

#[test]
fn directives_replace_and_delete() {
    check(
        json!({"containers": [{"name": "a"}, {"name": "b"}]}),
        json!({"containers": [{"name": "a", "$patch": "delete"}, {"name": "c"}]}),
        json!({"containers": [{"name": "c"}, {"name": "b"}]}),
    );
    check(
        json!({"containers": [{"name": "a"}, {"name": "b"}]}),
        json!({"containers": [{"name": "c"}, {"$patch": "replace"}]}),
        json!({"containers": [{"name": "c"}]}),
    );
    check(
        json!({"nodeSelector": {"x": "1"}}),
        json!({"nodeSelector": {"$patch": "replace", "y": "2"}}),
        json!({"nodeSelector": {"y": "2"}}),
    );
    check(
        json!({"nodeSelector": {"x": "1"}}),
        json!({"nodeSelector": {"$patch": "delete"}}),
        json!({"nodeSelector": {}}),
    );
    check(
        json!({"nodeSelector": {}}),
        json!({"nodeSelector": {"$patch": "jump"}}),
        json!("unknown patch type: jump in map: map[$patch:jump]"),
    );
    check(
        json!({"containers": [{"name": "a"}]}),
        json!({"containers": [{"name": "a", "$patch": "merge"}]}),
        json!("merging lists cannot yet be specified in the patch"),
    );
}

#[test]
fn an_order_is_kept_as_far_as_it_is_said() {
    let names = |names: &[&str]| Value::from_iter(names.iter().map(|name| json!({"name": name})));
    let check_order = |live: &[&str], order: &[&str], patch: &[&str], expect: &[&str]| {
        check(
            json!({"containers": names(live)}),
            json!({"containers": names(patch), "$setElementOrder/containers": names(order)}),
            json!({"containers": names(expect)}),
        );
    };
    check_order(&["a", "b"], &["b", "a"], &[], &["b", "a"]);
    check_order(&["a", "s", "b"], &["b", "a"], &["b"], &["s", "b", "a"]);
    check_order(&["a"], &["n", "a"], &["n"], &["n", "a"]);
    check(
        json!({"containers": names(&["a"])}),
        json!({"containers": names(&["n"]), "$setElementOrder/containers": names(&["a"])}),
        json!(
            "The order in patch list:\n[map[name:n]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n"
        ),
    );
    check(
        json!({}),
        json!({"$setElementOrder/foo": []}),
        json!("unable to find api field in struct PodSpec for the json field \"foo\""),
    );
}

#[test]
fn an_item_keeps_only_the_keys_that_are_named() {
    check(
        json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
        json!({"volumes": [{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "c"}}]}),
        json!({"volumes": [{"name": "v", "configMap": {"name": "c"}}]}),
    );
    check(
        json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
        json!({"volumes": [{"name": "v", "$retainKeys": ["name"], "configMap": {"name": "c"}}]}),
        json!("invalid patch format of retainKeys"),
    );
}

#[test]
fn values_are_added_to_a_set_and_deleted_from_it() {
    let check = |patch: Value, expect: Value| {
        let original = json!({"metadata": {"finalizers": ["a/b", "c/d"]}});
        let maps = [original, json!({"metadata": patch})].map(|it| match it {
            Value::Object(fields) => fields,
            _ => Map::new(),
        });
        let [original, change] = maps;
        let made = patched(Type::of(Kind::Pod), original, change).expect("must be made");
        assert_eq!(made["metadata"]["finalizers"], expect, "{patch}");
    };
    check(json!({"finalizers": ["e/f", "a/b"]}), json!(["e/f", "a/b", "c/d"]));
    check(json!({"$deleteFromPrimitiveList/finalizers": ["a/b"]}), json!(["c/d"]));
    check(
        json!({
            "$setElementOrder/finalizers": ["e/f", "c/d"], "finalizers": ["e/f"],
            "$deleteFromPrimitiveList/finalizers": ["a/b"],
        }),
        json!(["e/f", "c/d"]),
    );
    check(json!({"$patch": "replace", "name": "n"}), Value::Null);
}
