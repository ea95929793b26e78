//! What happened to the objects between two recorded requests.

use mayfly_controller::api::{Job, Key, Kind, Namespace, ObjectMeta};
use mayfly_controller::store::{DeleteOptions, Store, Transaction};
use serde_json::{Value, json};

use super::api::Exchange;

/// What happened before a request without being told, as a merge patch: a Job was set going, or its
/// status was written by what manages it.
const UNTOLD: &[(&str, &str)] = &[
    ("running-immutable-nodeSelector", r#"{"spec": {"suspend": false}}"#),
    (
        "status-remove-terminal",
        r#"{"status": {"startTime": "2026-01-01T00:00:00Z", "conditions": [
            {"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "True"}]}}"#,
    ),
];

/// Makes `store` what it was when `exchange` was recorded; `translate` puts our uids for recorded
/// ones.
pub(super) async fn happen(store: &Store, exchange: &Exchange, translate: impl Fn(&str) -> String) {
    let Some((kind, key)) = subject(exchange) else { return };
    if exchange.method == "POST" {
        return make_room(store, exchange, kind, key).await;
    }
    let Some(job) = store.get::<Job>(&key).filter(|_| kind == Kind::Job) else { return };
    let mut object = serde_json::to_value(&*job).expect("a Job must have a JSON form");
    if let Some((_, patch)) = UNTOLD.iter().find(|(before, _)| *before == exchange.name) {
        merge(&mut object, &serde_json::from_str(patch).expect("a patch must be JSON"));
    }
    if let Some(result) = &exchange.result_spec {
        let result: Value = serde_json::from_str(&translate(&result.to_string()))
            .expect("what was JSON must still be");
        let result = json!({"spec": result});
        take_over(&mut object, &result, &exchange.manifest, "/spec");
    }
    let job: Job = serde_json::from_value(object).expect("must still be a Job");
    store.commit(Transaction::new().replace(job)).await.expect("must be replaced");
}

/// Makes the namespace that something is created in, and removes what has its name: those who
/// recorded removed what they had made before they made it anew.
async fn make_room(store: &Store, exchange: &Exchange, kind: Kind, key: Key) {
    let namespace = Key::new("", &key.namespace);
    let is_wanted = exchange.http_status != 404 && store.get::<Namespace>(&namespace).is_none();
    let mut transaction = Transaction::new();
    if is_wanted {
        let name = Some(key.namespace.to_string());
        let metadata = ObjectMeta { name, ..ObjectMeta::default() };
        transaction = transaction.create(Namespace { metadata, ..Namespace::default() });
    }
    if exchange.http_status != 409 {
        transaction = transaction.delete(kind, key, DeleteOptions::default());
    }
    store.commit(transaction).await.expect("must be committed");
}

/// The kind and key of what `exchange` is about, if that is in a namespace.
fn subject(exchange: &Exchange) -> Option<(Kind, Key)> {
    let path = exchange.path.split('?').next()?;
    let (_, rest) = path.split_once("/namespaces/")?;
    let mut segments = rest.split('/');
    let (namespace, plural) = (segments.next()?, segments.next()?);
    let mut kinds = Kind::ALL.iter().filter(|kind| kind.is_namespaced());
    let kind = *kinds.find(|kind| kind.plural() == plural)?;
    let of_path = segments.next().filter(|it| !it.is_empty());
    let name = of_path.or(exchange.manifest["metadata"]["name"].as_str())?;
    Some((kind, Key::new(namespace, name)))
}

/// Gives `object` what `result` says below `at`, except what `patch` is to change.
fn take_over(object: &mut Value, result: &Value, patch: &Value, at: &str) {
    let Some(wanted) = result.pointer(at).and_then(Value::as_object) else { return };
    let changes = patch.pointer(at);
    let Some(fields) = object.pointer_mut(at).and_then(Value::as_object_mut) else { return };
    let is_changed = |key: &str| {
        let of_steps = patch.as_array().into_iter().flatten();
        let mut paths = of_steps.filter_map(|step| step["path"].as_str());
        changes.is_some_and(|it| it.get(key).is_some())
            || paths.any(|path| path.starts_with(&format!("{at}/{key}")))
    };
    fields.retain(|key, _| is_changed(key) || wanted.contains_key(key));
    for (key, value) in wanted.iter().filter(|(key, _)| !is_changed(key)) {
        fields.insert(key.clone(), value.clone());
    }
}

/// Merges a patch into an object, as RFC 7386 has it, of patches that remove nothing.
fn merge(object: &mut Value, patch: &Value) {
    match (object.as_object_mut(), patch.as_object()) {
        (Some(fields), Some(changes)) => {
            for (key, change) in changes {
                merge(fields.entry(key.clone()).or_insert_with(|| json!({})), change);
            }
        }
        _ => *object = patch.clone(),
    }
}
