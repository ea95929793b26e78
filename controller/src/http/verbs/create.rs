//! A new object.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};

use crate::admission;
use crate::api::{Key, Kind, Namespace, Object, Time};
use crate::http::access;
use crate::http::fields::{self, Writer};
use crate::http::refusal::Refusal;
use crate::http::router::Call;
use crate::http::status::Status;
use crate::http::target::Target;
use crate::http::{admit, answer, body};
use crate::quota::{OperatorLimits, Usage, bounds_of, charge};
use crate::store::{CommitError, Store, Transaction};
use crate::trace::Request;

const OPTIONS: &str = "CreateOptions";

pub(in crate::http) async fn create(call: Call) -> Result<Response<Body>, Refusal> {
    let Call { api, user, target, query, form, headers, body } = call;
    let store = &api.store;
    let parent = traceparent(&headers);
    let request = Request::new(&api.tracer, parent, "POST", store.clock().now());
    let validation = query.field_validation(OPTIONS)?;
    let is_dry_run = query.is_dry_run(OPTIONS)?;
    let writer = Writer::of(&target, &query, &headers, OPTIONS)?;
    let (mut object, mut warnings) = body::object(&headers, body, &target, validation).await?;
    place(&mut object, target.namespace.as_deref())?;
    let now = store.clock().now();
    admission::name(object.metadata_mut(), || store.names().suffix());
    access::restrict(&api, &user, None, &object)?;
    admit::with_defaults(&mut object);
    fields::track(&writer, None, &mut object, now);
    admit::hosts(&object, &api.allowed_hosts)?;
    admit::asked_by(&user, &mut object, &api)?;
    let (operator, request) = (api.operator, Some(&request));
    let creation = Creation { store, target: &target, operator, is_dry_run, request };
    let (created, more) = creation.create(object).await?;
    warnings.extend(more);
    Ok(answer::object(StatusCode::CREATED, form, &created, now, &warnings))
}

/// Where an object is to be created, and whether it really is.
pub(super) struct Creation<'a> {
    pub(super) store: &'a Store,
    pub(super) target: &'a Target,
    pub(super) operator: OperatorLimits,
    pub(super) is_dry_run: bool,
    /// What is traced of it.
    pub(super) request: Option<&'a Request<'a>>,
}

impl Creation<'_> {
    /// Creates `object`, which is in its place and has its name and its owners; what is stored, and
    /// warnings.
    pub(super) async fn create(
        &self,
        mut object: Object,
    ) -> Result<(Object, Vec<String>), Refusal> {
        let store = self.store;
        if let Some(request) = self.request {
            request.mark(&mut object);
        }
        let metadata = object.metadata_mut();
        if metadata.resource_version.as_ref().is_some_and(|version| !version.is_empty()) {
            return Err(Status::unexplained(
                "resourceVersion should not be set on objects to be created",
            )
            .into());
        }
        metadata.resource_version = None;
        let namespace = self.target.namespace.as_deref();
        let bounds = namespace.map(|it| bounds_of(store, it)).unwrap_or_default();
        let mut bounds = bounds.within(self.operator);
        if let Object::Pod(pod) = &mut object {
            let pod = Arc::make_mut(pod);
            let given = bounds.classes.apply(pod);
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            given.map_err(|why| Status::forbidden(Kind::Pod, name, &why))?;
            bounds.default(pod);
        }
        let admitted = admit::create(&object, self.target.version, &store.names().uid())?;
        if let Some(namespace) = &self.target.namespace {
            live_namespace(store, namespace, &admitted.object)?;
        }
        admit::beside(&admitted.object, store)?;
        let (kind, name) = (admitted.object.kind(), admitted.object.key().name);
        let taken = bounds.take(&admitted.object, store.clock().now());
        taken.map_err(|why| Status::forbidden(kind, &name, &why))?;
        let created = if self.is_dry_run {
            let (kind, key) = (self.target.kind, admitted.object.key());
            if store.get_object(kind, &key).is_some() {
                return Err(CommitError::AlreadyExists { kind, key }.into());
            }
            let mut object = admitted.object;
            object.metadata_mut().creation_timestamp = Some(Time(store.clock().now()));
            object
        } else {
            let created = commit(store, admitted.object).await?;
            if let Some(request) = self.request {
                request.made(&created, store.clock().now());
            }
            created
        };
        Ok((created, admitted.warnings))
    }
}

/// What a client says that its request is part of.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<&str> {
    headers.get("traceparent").and_then(|it| it.to_str().ok())
}

/// Puts `object` into the namespace of the path, unless it says another.
pub(super) fn place(object: &mut Object, namespace: Option<&str>) -> Result<(), Refusal> {
    let metadata = object.metadata_mut();
    let says = metadata.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    if says.is_some() && says != namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        )
        .into());
    }
    metadata.namespace = namespace.map(str::to_owned);
    Ok(())
}

/// Nothing is made in a namespace that is not there, or is on its way out.
fn live_namespace(store: &Store, namespace: &str, object: &Object) -> Result<(), Refusal> {
    let Some(found) = store.get::<Namespace>(&Key::new("", namespace)) else {
        return Err(Status::not_found(Kind::Namespace, namespace).into());
    };
    if found.metadata.deletion_timestamp.is_some() {
        return Err(Status::terminating(object.kind(), &object.key().name, namespace).into());
    }
    Ok(())
}

/// Makes `object`, which is admitted; its namespace must be there until it is.
async fn commit(store: &Store, object: Object) -> Result<Object, Refusal> {
    let (kind, key) = (object.kind(), object.key());
    let mut transaction = Transaction::new();
    if kind.is_namespaced() {
        let usage = Usage::of(&object, store.clock().now());
        let charge = charge(&key.namespace, vec![usage]);
        transaction = transaction.within(&*key.namespace).and(charge);
    }
    let committed = store.commit(transaction.create_object(object)).await;
    let committed = committed.map_err(|error| match error {
        CommitError::Terminating { namespace } => {
            Status::terminating(kind, &key.name, &namespace).into()
        }
        CommitError::Vetoed { why, .. } => Status::forbidden(kind, &key.name, &why).into(),
        other => Refusal::from(other),
    })?;
    Ok(committed.objects.into_iter().next().expect("a create must give what it made"))
}
