//! Objects of any kind admitted: each kind's own admission, behind one call.
//!
//! Where a kind has no admission of its own for an update, its rules are here: what Kubernetes lets
//! nobody change.

use std::sync::Arc;

use super::access::{self, User};
use super::refusal::Refusal;
use super::router::Api;
use super::status::Status;
use super::target::Subresource;
use super::versions::Version;
use crate::admission::{self, Admitted, CertificatePart, ErrorKind, FieldError, Invalid};
use crate::api::names::ALLOW_HOSTS;
use crate::api::{
    CertificateSigningRequest, CronJob, Kind, Namespace, Node, Object, ObjectMeta, Pod, Resource,
    Timestamp,
};
use crate::certificates::is_pending;
use crate::limits::{CERTIFICATE_REQUESTS_MAX, CERTIFICATE_REQUESTS_PENDING_MAX};
use crate::network::{self, AllowedHosts};
use crate::priority;
use crate::store::Store;

/// Sets the defaults of `object`, as reading it does in Kubernetes: whoever wrote it owns them.
pub(super) fn with_defaults(object: &mut Object) {
    match object {
        Object::Job(it) => admission::default_job(Arc::make_mut(it)),
        Object::CronJob(it) => admission::default_cron_job(Arc::make_mut(it)),
        Object::Pod(it) => admission::default_pod(Arc::make_mut(it)),
        Object::Secret(it) => admission::default_secret(Arc::make_mut(it)),
        Object::Namespace(it) => {
            let name = it.metadata.name.clone().unwrap_or_default();
            let labels = Arc::make_mut(it).metadata.labels.get_or_insert_default();
            labels.insert("kubernetes.io/metadata.name".to_owned(), name);
        }
        Object::ConfigMap(_)
        | Object::Event(_)
        | Object::Node(_)
        | Object::ServiceAccount(_)
        | Object::Lease(_)
        | Object::ResourceQuota(_)
        | Object::CertificateSigningRequest(_) => {}
        Object::LimitRange(it) => admission::default_limit_range(Arc::make_mut(it)),
        Object::PriorityClass(it) => admission::default_priority_class(Arc::make_mut(it)),
    }
}

/// Admits `object`, which has its name, to be created with `uid`.
pub(super) fn create(
    object: &Object,
    version: Version,
    uid: &str,
) -> Result<Admitted<Object>, Refusal> {
    Ok(match object {
        Object::Job(it) => any(admission::admit_job((**it).clone(), uid)?),
        Object::CronJob(it) => any(admission::admit_cron_job((**it).clone(), uid)?),
        Object::Pod(it) => any(admission::admit_pod((**it).clone(), uid)?),
        Object::ConfigMap(it) => any(admission::admit_config_map((**it).clone(), uid)?),
        Object::Secret(it) => any(admission::admit_secret((**it).clone(), uid)?),
        Object::Event(it) if version == Version::Events => {
            any(admission::admit_event_v1((**it).clone(), uid)?)
        }
        Object::Event(it) => any(admission::admit_event((**it).clone(), uid)?),
        Object::Node(it) => any(admission::admit_node((**it).clone(), uid)?),
        Object::Namespace(it) => any(admission::admit_namespace((**it).clone(), uid)?),
        Object::ServiceAccount(it) => any(admission::admit_service_account((**it).clone(), uid)?),
        Object::Lease(it) => any(admission::admit_lease((**it).clone(), uid)?),
        Object::ResourceQuota(it) => any(admission::admit_resource_quota((**it).clone(), uid)?),
        Object::LimitRange(it) => any(admission::admit_limit_range((**it).clone(), uid)?),
        Object::CertificateSigningRequest(it) => {
            any(admission::admit_certificate_signing_request((**it).clone(), uid)?)
        }
        Object::PriorityClass(it) => any(admission::admit_priority_class((**it).clone(), uid)?),
    })
}

/// Refuses an object whose pods ask for hosts that they may not have.
pub(super) fn hosts(object: &Object, allowed: &AllowedHosts) -> Result<(), Invalid> {
    let Some((metadata, at)) = network::pods_of(object) else { return Ok(()) };
    // What is none was complained of when the object was admitted.
    let asked = network::asked(metadata).unwrap_or_default();
    let key = object.key();
    let Err(why) = allowed.check(&key.namespace, &asked) else { return Ok(()) };
    let cause = FieldError {
        kind: ErrorKind::Forbidden,
        field: format!("{at}.annotations[{ALLOW_HOSTS}]"),
        value: None,
        detail: why.to_string(),
    };
    Err(Invalid { kind: object.kind(), name: key.name.to_string(), causes: vec![cause] })
}

/// Refuses a change by which pods would ask for more than they may have: of hosts, or of what the
/// operator bounds. What asked for more before the change can still be labelled, suspended and so on.
pub(super) fn change(new: &Object, old: &Object, api: &Api) -> Result<(), Refusal> {
    if asked_hosts(new) != asked_hosts(old) {
        hosts(new, &api.allowed_hosts)?;
    }
    beside(new, &api.store)?;
    if let (Object::Pod(new), Object::Pod(old)) = (new, old)
        && let Err(why) = api.operator.check(new)
        && api.operator.check(old).is_ok()
    {
        let name = new.metadata.name.as_deref().unwrap_or_default();
        return Err(Status::forbidden(Kind::Pod, name, &why).into());
    }
    Ok(())
}

/// Refuses an object that may not be there beside those that are.
pub(super) fn beside(object: &Object, store: &Store) -> Result<(), Refusal> {
    let key = object.key();
    priority::check(object, store)
        .map_err(|why| Status::forbidden(object.kind(), &key.name, &why).into())
}

/// The hosts that the pods of `object` ask for, as they stand there.
fn asked_hosts(object: &Object) -> Option<&String> {
    network::pods_of(object)?.0.annotations.as_ref()?.get(ALLOW_HOSTS)
}

/// Admits `new` to be written over `old`, which is of the same kind; its status stays.
pub(super) fn update(
    new: &Object,
    old: &Object,
    version: Version,
) -> Result<Admitted<Object>, Refusal> {
    let uid = old.metadata().uid.clone().unwrap_or_default();
    Ok(match (new, old) {
        (Object::Job(new), Object::Job(old)) => {
            any(admission::admit_job_update((**new).clone(), old)?)
        }
        (Object::CronJob(new), Object::CronJob(old)) => {
            any(admission::admit_cron_job_update((**new).clone(), old)?)
        }
        (Object::Pod(new), Object::Pod(old)) => {
            any(admission::admit_pod_update((**new).clone(), old)?)
        }
        (Object::ConfigMap(new), Object::ConfigMap(old)) => {
            let fixed = old.immutable == Some(true)
                && (new.immutable != Some(true)
                    || new.data != old.data
                    || new.binary_data != old.binary_data);
            unless_fixed(fixed, Kind::ConfigMap, &old.metadata)?;
            any(admission::admit_config_map((**new).clone(), &uid)?)
        }
        (Object::Secret(new), Object::Secret(old)) => {
            let admitted = admission::admit_secret((**new).clone(), &uid)?;
            let fixed = old.immutable == Some(true)
                && (new.immutable != Some(true) || admitted.object.data != old.data);
            unless_fixed(fixed, Kind::Secret, &old.metadata)?;
            any(admitted)
        }
        (Object::Namespace(new), Object::Namespace(old)) => {
            let mut admitted = admission::admit_namespace((**new).clone(), &uid)?;
            admitted.object.spec.clone_from(&old.spec);
            admitted.object.status.clone_from(&old.status);
            any(admitted)
        }
        (Object::Event(new), Object::Event(old)) if version == Version::Events => {
            any(admission::admit_event_v1_update((**new).clone(), old)?)
        }
        (Object::Event(new), _) => any(admission::admit_event((**new).clone(), &uid)?),
        (Object::Node(new), Object::Node(old)) => {
            let mut admitted = admission::admit_node((**new).clone(), &uid)?;
            admitted.object.status.clone_from(&old.status);
            any(admitted)
        }
        (Object::ResourceQuota(new), Object::ResourceQuota(old)) => {
            any(admission::admit_resource_quota_update((**new).clone(), old)?)
        }
        (Object::PriorityClass(new), Object::PriorityClass(old)) => {
            any(admission::admit_priority_class_update((**new).clone(), old)?)
        }
        (new, _) => create(new, version, &uid)?,
    })
}

/// Has `object` say that `user` asks, if it is a request for a certificate; refuses it if there are too
/// many, or too many of theirs.
pub(super) fn asked_by(user: &User, object: &mut Object, api: &Api) -> Result<(), Refusal> {
    let Object::CertificateSigningRequest(request) = object else { return Ok(()) };
    let kind = Kind::CertificateSigningRequest;
    let refused = |why: String| {
        let name = request.metadata.name.as_deref().unwrap_or_default();
        Err(Status::forbidden(kind, name, &why).into())
    };
    if CERTIFICATE_REQUESTS_MAX <= api.store.count(kind) {
        return refused(format!(
            "there are {CERTIFICATE_REQUESTS_MAX} requests for certificates already, each of which \
             goes an hour after it was signed or refused, or a day after it was made"
        ));
    }
    if CERTIFICATE_REQUESTS_PENDING_MAX <= pending_of(user, &api.store)
        && !access::may_do_everything(api, user)
    {
        return refused(format!(
            "{:?} has {CERTIFICATE_REQUESTS_PENDING_MAX} requests for certificates already that \
             nobody has decided on, each of which goes a day after it was made",
            user.name
        ));
    }
    let spec = &mut Arc::make_mut(request).spec;
    spec.username = Some(user.name.clone());
    spec.uid = Some(user.uid.clone()).filter(|uid| !uid.is_empty());
    spec.groups = Some(user.groups.clone());
    spec.extra = None;
    Ok(())
}

/// How many requests for certificates of `user` nobody has decided on.
fn pending_of(user: &User, store: &Store) -> usize {
    let all = store.list::<CertificateSigningRequest>(None).items;
    let is_theirs =
        |request: &CertificateSigningRequest| request.spec.username.as_deref() == Some(&*user.name);
    all.iter().filter(|request| is_theirs(request) && is_pending(request)).count()
}

/// Admits a part of the request for a certificate `new` to be written over that of `old` at `now`.
pub(super) fn certificate(
    new: &Object,
    old: &Object,
    part: Option<Subresource>,
    now: Timestamp,
) -> Result<Admitted<Object>, Refusal> {
    let part = match part {
        Some(Subresource::Status) => CertificatePart::Status,
        Some(Subresource::Approval) => CertificatePart::Approval,
        _ => CertificatePart::Whole,
    };
    match (new, old) {
        (Object::CertificateSigningRequest(new), Object::CertificateSigningRequest(old)) => {
            let new = (**new).clone();
            Ok(any(admission::admit_certificate_signing_request_update(new, old, part, now)?))
        }
        (new, old) => update(new, old, Version::Kept),
    }
}

/// Admits the finalizers in the spec of `new`, which is a namespace, to be written over those of
/// `old`.
pub(super) fn finalize(new: &Object, old: &Object) -> Result<Admitted<Object>, Refusal> {
    let mut admitted = update(new, old, Version::Kept)?;
    if let (Object::Namespace(admitted), Object::Namespace(new)) = (&mut admitted.object, new) {
        Arc::make_mut(admitted).spec.clone_from(&new.spec);
    }
    Ok(admitted)
}

/// Admits the status of `new` to be written over that of `old`.
pub(super) fn status(new: &Object, old: &Object) -> Result<Admitted<Object>, Refusal> {
    match (new, old) {
        (Object::Job(new), Object::Job(old)) => {
            Ok(any(admission::admit_job_status((**new).clone(), old)?))
        }
        (Object::CronJob(new), Object::CronJob(old)) => {
            let with_spec = CronJob { spec: old.spec.clone(), ..(**new).clone() };
            let mut admitted = admission::admit_cron_job_update(with_spec, old)?;
            admitted.object.status.clone_from(&new.status);
            // What is wrong with the spec is not to be told whoever writes the status.
            Ok(any(Admitted { warnings: Vec::new(), ..admitted }))
        }
        (Object::Pod(new), Object::Pod(old)) => {
            let mut with_spec = Pod { spec: old.spec.clone(), ..(**new).clone() };
            // As with Kubernetes: whoever writes the status does not say whose the pod is.
            with_spec.metadata.owner_references.clone_from(&old.metadata.owner_references);
            let mut admitted = admission::admit_pod_update(with_spec, old)?;
            admitted.object.status.clone_from(&new.status);
            Ok(any(Admitted { warnings: Vec::new(), ..admitted }))
        }
        (Object::Node(new), Object::Node(old)) => {
            let with_spec = Node { spec: old.spec.clone(), ..(**new).clone() };
            let uid = old.metadata.uid.clone().unwrap_or_default();
            Ok(any(admission::admit_node(with_spec, &uid)?))
        }
        (Object::Namespace(new), Object::Namespace(old)) => {
            let uid = old.metadata.uid.clone().unwrap_or_default();
            let mut admitted = admission::admit_namespace((**new).clone(), &uid)?;
            admitted.object.spec.clone_from(&old.spec);
            admitted.object.status.clone_from(&new.status);
            phase(&admitted.object, old)?;
            Ok(any(admitted))
        }
        (Object::ResourceQuota(new), Object::ResourceQuota(old)) => {
            Ok(any(admission::admit_resource_quota_status((**new).clone(), old)?))
        }
        (new, old) => update(new, old, Version::Kept),
    }
}

/// A namespace is active until it is deleted, and never again after that.
fn phase(new: &Namespace, old: &Namespace) -> Result<(), Invalid> {
    let phase = new.status.as_ref().and_then(|status| status.phase.as_deref());
    let phase = phase.unwrap_or_default();
    let (must_be, when) = match old.metadata.deletion_timestamp {
        None => ("Active", "empty"),
        Some(_) => ("Terminating", "not empty"),
    };
    if phase == must_be {
        return Ok(());
    }
    let cause = FieldError {
        kind: ErrorKind::Invalid,
        field: "status.Phase".to_owned(),
        value: Some(format!("\"{phase}\"")),
        detail: format!("may only be '{must_be}' if `deletionTimestamp` is {when}"),
    };
    let name = old.metadata.name.clone().unwrap_or_default();
    Err(Invalid { kind: Kind::Namespace, name, causes: vec![cause] })
}

fn unless_fixed(is_fixed: bool, kind: Kind, metadata: &ObjectMeta) -> Result<(), Invalid> {
    let why = "field is immutable when `immutable` is set";
    if is_fixed { Err(refused(kind, metadata, "data", why)) } else { Ok(()) }
}

fn refused(kind: Kind, metadata: &ObjectMeta, field: &str, why: &str) -> Invalid {
    let cause = FieldError {
        kind: ErrorKind::Forbidden,
        field: field.to_owned(),
        value: None,
        detail: why.to_owned(),
    };
    Invalid { kind, name: metadata.name.clone().unwrap_or_default(), causes: vec![cause] }
}

fn any<T: Resource>(admitted: Admitted<T>) -> Admitted<Object> {
    let Admitted { object, warnings } = admitted;
    Admitted { object: T::into_object(Arc::new(object)), warnings }
}
