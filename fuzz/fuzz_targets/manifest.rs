//! Any bytes as a manifest: decoded, given its defaults, validated.
//!
//! A complaint is fine. What is accepted must come back the same when it is written down and read
//! again, in JSON and in YAML, before its defaults and after; and defaults are set once.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use mayfly_controller::admission::decode::{Document, FieldValidation, decode};
use mayfly_controller::admission::{self, Admitted, Invalid};
use mayfly_controller::api::{Event, Object, Resource};

const SOURCE: &str = "fuzz.yaml";
const UID: &str = "5b5c7b4e-0c0e-4b0e-9d0e-7d3a5a1f0c11";

fuzz_target!(|data: &[u8]| {
    let strict = decode(data, SOURCE, FieldValidation::Strict);
    match (&strict, decode(data, SOURCE, FieldValidation::Ignore)) {
        (Ok(strict), Ok(lenient)) => assert_eq!(objects(strict), objects(&lenient)),
        (Ok(_), Err(complaints)) => panic!("what passes strictly is refused: {complaints}"),
        (Err(complaints), _) => assert!(!complaints.to_string().is_empty()),
    }
    for Document { object, .. } in strict.unwrap_or_default() {
        comes_back(&object);
        match admit(&object) {
            Ok(admitted) => {
                assert_eq!(
                    admitted.object,
                    with_defaults(&admitted.object),
                    "defaults are set once"
                );
                comes_back(&admitted.object);
            }
            Err(invalid) => assert!(!invalid.to_string().is_empty()),
        }
    }
});

fn objects(documents: &[Document]) -> Vec<&Object> {
    documents.iter().map(|document| &document.object).collect()
}

/// What is written of `object` must be read, and written the same again. What is compared is
/// written, since that has whole seconds.
fn comes_back(object: &Object) {
    let value = object.to_value();
    let json = object.to_json();
    let yaml = serde_yaml::to_string(&value).expect("an object must be writable as YAML");
    for bytes in [&json[..], yaml.as_bytes()] {
        match decode(bytes, SOURCE, FieldValidation::Strict) {
            Ok(again) => {
                let again: Vec<_> = again.iter().map(|it| it.object.to_value()).collect();
                assert_eq!(again, [value.clone()], "{yaml}");
            }
            Err(complaints) => panic!("{complaints}\n{yaml}"),
        }
    }
}

fn with_defaults(object: &Object) -> Object {
    let mut object = object.clone();
    match &mut object {
        Object::Job(it) => admission::default_job(Arc::make_mut(it)),
        Object::CronJob(it) => admission::default_cron_job(Arc::make_mut(it)),
        Object::Pod(it) => admission::default_pod(Arc::make_mut(it)),
        Object::Secret(it) => admission::default_secret(Arc::make_mut(it)),
        Object::LimitRange(it) => admission::default_limit_range(Arc::make_mut(it)),
        Object::PriorityClass(it) => admission::default_priority_class(Arc::make_mut(it)),
        _ => {}
    }
    object
}

fn admit(object: &Object) -> Result<Admitted<Object>, Invalid> {
    match object.clone() {
        Object::Job(it) => any(admission::admit_job(Arc::unwrap_or_clone(it), UID)),
        Object::CronJob(it) => any(admission::admit_cron_job(Arc::unwrap_or_clone(it), UID)),
        Object::Pod(it) => any(admission::admit_pod(Arc::unwrap_or_clone(it), UID)),
        Object::ConfigMap(it) => any(admission::admit_config_map(Arc::unwrap_or_clone(it), UID)),
        Object::Secret(it) => any(admission::admit_secret(Arc::unwrap_or_clone(it), UID)),
        Object::Event(it) => any(event(Arc::unwrap_or_clone(it))),
        Object::Node(it) => any(admission::admit_node(Arc::unwrap_or_clone(it), UID)),
        Object::Namespace(it) => any(admission::admit_namespace(Arc::unwrap_or_clone(it), UID)),
        Object::ServiceAccount(it) => {
            any(admission::admit_service_account(Arc::unwrap_or_clone(it), UID))
        }
        Object::Lease(it) => any(admission::admit_lease(Arc::unwrap_or_clone(it), UID)),
        Object::ResourceQuota(it) => {
            any(admission::admit_resource_quota(Arc::unwrap_or_clone(it), UID))
        }
        Object::LimitRange(it) => any(admission::admit_limit_range(Arc::unwrap_or_clone(it), UID)),
        Object::CertificateSigningRequest(it) => {
            any(admission::admit_certificate_signing_request(Arc::unwrap_or_clone(it), UID))
        }
        Object::PriorityClass(it) => {
            any(admission::admit_priority_class(Arc::unwrap_or_clone(it), UID))
        }
    }
}

/// As an event of either of its two groups.
fn event(event: Event) -> Result<Admitted<Event>, Invalid> {
    admission::admit_event_v1(event.clone(), UID).ok();
    admission::admit_event(event, UID)
}

fn any<T: Resource>(admitted: Result<Admitted<T>, Invalid>) -> Result<Admitted<Object>, Invalid> {
    let Admitted { object, warnings } = admitted?;
    Ok(Admitted { object: T::into_object(Arc::new(object)), warnings })
}
