use std::fs;
use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use self::encode::Encode;
use self::recorded::{CAN_I, CREATE_JOB, CREATE_NAMESPACE, CREATE_SECRET, WHO_AM_I, bytes};
use super::*;
use crate::admission::decode::{FieldValidation, decode};
use crate::api::{Object, Timestamp};
use crate::clock::Clock;
use crate::http::{Api, router};
use crate::store::{Names, Store};

pub(super) mod encode;
mod recorded;

fn read(bytes: &[u8]) -> Value {
    let json = to_json(bytes, "v1", "Nothing").expect("must be read");
    serde_json::from_slice(&json).expect("must be JSON")
}

/// `message` in its envelope.
fn body<M: Message>(api_version: &str, kind: &str, message: &M) -> Vec<u8> {
    let type_meta =
        TypeMeta { api_version: Some(api_version.to_owned()), kind: Some(kind.to_owned()) };
    let raw = Some(message.encode_to_vec());
    let unknown = Unknown { type_meta: Some(type_meta), raw, ..Unknown::default() };
    [MAGIC, &unknown.encode_to_vec()].concat()
}

/// `object` in protobuf, if it is of one of the kinds that clients send most.
fn encoded(object: &Object) -> Option<Vec<u8>> {
    fn message<T: Encode<M> + DeserializeOwned, M: Message>(object: &Object) -> M {
        let object: T = serde_json::from_value(object.to_value()).expect("it is of this type");
        object.encode()
    }
    use pb::{batch::v1 as pb_batch, core::v1 as pb_core};
    let (version, kind) = (object.kind().api_version(), object.kind().name());
    Some(match object {
        Object::Job(_) => {
            body::<pb_batch::Job>(version, kind, &message::<api_batch::v1::Job, _>(object))
        }
        Object::CronJob(_) => {
            body::<pb_batch::CronJob>(version, kind, &message::<api_batch::v1::CronJob, _>(object))
        }
        Object::Pod(_) => {
            body::<pb_core::Pod>(version, kind, &message::<api_core::v1::Pod, _>(object))
        }
        Object::ConfigMap(_) => {
            let message = message::<api_core::v1::ConfigMap, _>(object);
            body::<pb_core::ConfigMap>(version, kind, &message)
        }
        Object::Secret(_) => {
            body::<pb_core::Secret>(version, kind, &message::<api_core::v1::Secret, _>(object))
        }
        _ => return None,
    })
}

#[test]
fn what_kubectl_sends_means_what_it_meant() {
    assert_eq!(
        read(&bytes(CREATE_JOB)),
        json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "cj1", "namespace": "kubectl-cat"},
            "spec": {"template": {"metadata": {}, "spec": {
                "containers": [
                    {"name": "cj1", "image": "busybox", "command": ["date"], "resources": {}},
                ],
                "restartPolicy": "Never",
            }}},
            "status": {},
        })
    );
    assert_eq!(
        read(&bytes(CAN_I)),
        json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "metadata": {},
            "spec": {"resourceAttributes": {
                "namespace": "kubectl-cat", "verb": "create", "group": "batch", "resource": "jobs",
            }},
            "status": {"allowed": false},
        })
    );
    assert_eq!(
        read(&bytes(CREATE_SECRET)),
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "namespace": "kubectl-cat"},
            "data": {"a": "Yg=="},
        })
    );
    assert_eq!(read(&bytes(CREATE_NAMESPACE))["kind"], "Namespace");
    assert_eq!(read(&bytes(WHO_AM_I))["kind"], "SelfSubjectReview");
}

#[test]
fn nothing_of_the_examples_is_lost() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("there must be examples") {
        let path = entry.expect("must be readable").path();
        let Ok(text) = fs::read(&path) else { continue };
        let name = path.to_string_lossy();
        for document in decode(&text, &name, FieldValidation::Strict).unwrap_or_default() {
            let json = document.object.to_json();
            let Some(bytes) = encoded(&document.object) else { continue };
            count += 1;
            let expect: Value = serde_json::from_slice(&json).expect("must be JSON");
            assert_eq!(without_null(read(&bytes)), without_null(expect), "{name}");
        }
    }
    assert!(count > 5, "only {count} objects were found");
}

/// What a client writes with `null` or without is the same.
fn without_null(mut value: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, value| !value.is_null());
        fields.values_mut().for_each(|it| *it = without_null(it.take()));
    }
    if let Value::Array(items) = &mut value {
        items.iter_mut().for_each(|it| *it = without_null(it.take()));
    }
    value
}

#[tokio::test]
async fn what_kubectl_sends_is_answered() {
    let store = Store::in_memory(Clock::simulated(Timestamp::UNIX_EPOCH), Names::seeded(1));
    let api = router(Api::new(store));
    let send = async |method: &str, path: &str, body: Vec<u8>| {
        let request = Request::builder().method(method).uri(path).header("content-type", PROTOBUF);
        let request = request.header("accept", format!("{PROTOBUF},application/json"));
        let request = request.body(Body::from(body)).expect("must be a request");
        let response = api.clone().oneshot(request).await.expect("the router must answer");
        let code = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("must have a body");
        (code, serde_json::from_slice::<Value>(&bytes).expect("must be JSON"))
    };
    let namespace = pb::core::v1::Namespace {
        metadata: Some(pb_meta::ObjectMeta {
            name: Some("kubectl-cat".to_owned()),
            ..pb_meta::ObjectMeta::default()
        }),
        ..pb::core::v1::Namespace::default()
    };
    let namespace = body("v1", "Namespace", &namespace);
    assert_eq!(send("POST", "/api/v1/namespaces", namespace).await.0, 201);
    let jobs = "/apis/batch/v1/namespaces/kubectl-cat/jobs";
    let strict = format!("{jobs}?fieldManager=kubectl-create&fieldValidation=Strict");
    let (code, job) = send("POST", &strict, bytes(CREATE_JOB)).await;
    assert_eq!((code, &job["spec"]["backoffLimit"]), (201, &json!(6)), "{job}");
    let options = pb_meta::DeleteOptions {
        propagation_policy: Some("Foreground".to_owned()),
        ..pb_meta::DeleteOptions::default()
    };
    let options = body("batch/v1", "DeleteOptions", &options);
    let (code, job) = send("DELETE", &format!("{jobs}/cj1"), options).await;
    assert_eq!((code, &job["metadata"]["finalizers"][0]), (200, &json!("foregroundDeletion")));

    let (code, refused) = send("POST", jobs, bytes(CREATE_SECRET)).await;
    let message = refused["message"].as_str().unwrap_or_default();
    assert_eq!(code, 400);
    assert!(
        message.starts_with("Secret in version \"v1\" cannot be handled as a Job: "),
        "{message}"
    );
    let (code, refused) = send("POST", jobs, b"{}".to_vec()).await;
    assert_eq!(code, 400);
    assert_eq!(
        refused["message"],
        "the object provided is unrecognized (must be of type Job): provided data does not appear \
         to be a protobuf message, expected prefix [107 56 115 0] ({})"
    );
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let (code, review) = send("POST", reviews, bytes(CAN_I)).await;
    assert_eq!((code, &review["status"]), (201, &json!({"allowed": true})));
}

#[test]
fn an_empty_value_counts_where_go_has_a_pointer() {
    let job = pb::batch::v1::Job {
        spec: Some(pb::batch::v1::JobSpec {
            backoff_limit: Some(0),
            suspend: Some(false),
            completion_mode: Some(String::new()),
            template: Some(pb::core::v1::PodTemplateSpec {
                spec: Some(pb::core::v1::PodSpec {
                    host_network: Some(false),
                    share_process_namespace: Some(false),
                    node_name: Some(String::new()),
                    security_context: Some(pb::core::v1::PodSecurityContext::default()),
                    ..pb::core::v1::PodSpec::default()
                }),
                ..pb::core::v1::PodTemplateSpec::default()
            }),
            ..pb::batch::v1::JobSpec::default()
        }),
        ..pb::batch::v1::Job::default()
    };
    assert_eq!(
        read(&body("batch/v1", "Job", &job))["spec"],
        json!({
            "backoffLimit": 0, "suspend": false, "completionMode": "",
            "template": {"spec": {
                "containers": [], "shareProcessNamespace": false, "securityContext": {},
            }},
        })
    );
}

#[test]
fn values_with_a_form_of_their_own_are_read() {
    let time = pb_meta::Time { seconds: Some(1_700_000_000), nanos: Some(5) };
    let fields = pb_meta::FieldsV1 { raw: Some(br#"{"f:data":{}}"#.to_vec()) };
    let entry = pb_meta::ManagedFieldsEntry {
        time: Some(time),
        fields_v1: Some(fields),
        ..pb_meta::ManagedFieldsEntry::default()
    };
    let metadata = pb_meta::ObjectMeta {
        creation_timestamp: Some(pb_meta::Time::default()),
        managed_fields: vec![entry],
        ..pb_meta::ObjectMeta::default()
    };
    let config_map = pb::core::v1::ConfigMap {
        metadata: Some(metadata),
        binary_data: [("b".to_owned(), vec![0, 255])].into(),
        ..pb::core::v1::ConfigMap::default()
    };
    let read = read(&body("v1", "ConfigMap", &config_map));
    assert_eq!(
        read["metadata"],
        json!({"managedFields": [{"time": "2023-11-14T22:13:20Z", "fieldsV1": {"f:data": {}}}]})
    );
    assert_eq!(read["binaryData"], json!({"b": "AP8="}));
}

#[test]
fn what_is_not_protobuf_is_told_so() {
    let check = |bytes: &[u8], expect: &str| {
        let error = to_json(bytes, "batch/v1", "Job").expect_err("must be refused");
        let (Unreadable::Envelope(why) | Unreadable::Object { why, .. }) = error;
        assert_eq!(why, expect);
    };
    check(b"", "empty data");
    check(
        br#"{"kind":"Job"}"#,
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
    );
    check(b"k8s\0", "empty body");
    let job = bytes(CREATE_JOB);
    check(&job[..job.len() - 20], "unexpected EOF");
    // Groups within groups, which are skipped wherever they stand, to a bound.
    let deep = [MAGIC, &[0x0b; 100_000]].concat();
    assert!(to_json(&deep, "batch/v1", "Job").is_err());
    let in_object = Unknown { raw: Some(vec![0x7b; 100_000]), ..Unknown::default() };
    let in_object = [MAGIC, &in_object.encode_to_vec()].concat();
    assert!(to_json(&in_object, "batch/v1", "Job").is_err());
    let time = pb_meta::Time { seconds: Some(i64::MAX), nanos: None };
    let metadata =
        pb_meta::ObjectMeta { deletion_timestamp: Some(time), ..pb_meta::ObjectMeta::default() };
    let job = pb::batch::v1::Job { metadata: Some(metadata), ..pb::batch::v1::Job::default() };
    check(&body("batch/v1", "Job", &job), "time out of range: 9223372036854775807");
}

proptest! {
    /// Whatever comes, an answer is given.
    #[test]
    fn broken_bodies_are_survived(at in 0_usize..169, byte: u8, cut in 0_usize..169) {
        let mut job = bytes(CREATE_JOB);
        job[at] = byte;
        job.truncate(cut);
        if let Ok(json) = to_json(&job, "batch/v1", "Job") {
            prop_assert!(serde_json::from_slice::<Value>(&json).is_ok());
        }
    }
}
