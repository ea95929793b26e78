//! The steps that are known where they are done: a request, and a plan that makes pods.

use super::ids::{SpanId, parse_traceparent};
use super::span::Role;
use super::tracer::{Trace, Tracer};
use crate::api::names::TRACEPARENT;
use crate::api::{Kind, Object, ObjectMeta, Timestamp};

/// A request that may make what a trace is about.
pub(crate) struct Request<'a> {
    tracer: &'a Tracer,
    /// What the client says of what it does.
    traceparent: Option<&'a str>,
    verb: &'static str,
    begun: Timestamp,
}

impl<'a> Request<'a> {
    /// One that began at `begun`, with the header `traceparent` if it had one.
    pub(crate) fn new(
        tracer: &'a Tracer,
        traceparent: Option<&'a str>,
        verb: &'static str,
        begun: Timestamp,
    ) -> Self {
        Self { tracer, traceparent, verb, begun }
    }

    /// Notes in `object` that it is part of what the client does, unless it says itself what it is
    /// part of.
    pub(crate) fn mark(&self, object: &mut Object) {
        let is_about = matches!(object.kind(), Kind::Job | Kind::Pod);
        let parent = self.traceparent.filter(|_| is_about && self.tracer.is_on());
        if let Some(parent) = parent.and_then(parse_traceparent) {
            let annotations = object.metadata_mut().annotations.get_or_insert_default();
            annotations.entry(TRACEPARENT.to_owned()).or_insert_with(|| parent.to_string());
        }
    }

    /// It has made `object`, which is durable.
    pub(crate) fn made(&self, object: &Object, now: Timestamp) {
        let kind = object.kind();
        if !self.tracer.is_on() || !matches!(kind, Kind::Job | Kind::Pod) {
            return;
        }
        let metadata = object.metadata();
        let Some(trace) = self.tracer.of(metadata) else { return };
        if !trace.is_about(metadata.uid.as_deref().unwrap_or_default()) {
            return;
        }
        let (api, plural) = (kind.api_version(), kind.plural());
        let prefix = if api.contains('/') { "apis" } else { "api" };
        let own = if self.verb == "PATCH" { "/{name}" } else { "" };
        let route = format!("/{prefix}/{api}/namespaces/{{namespace}}/{plural}{own}");
        let name = format!("{} {route}", self.verb);
        let parent = trace.parent();
        let ids = (trace.request(), parent.map(|it| it.span));
        let mut span = trace.span(name, ids, (self.begun, now));
        span.parent_is_remote = parent.is_some();
        span.role = Role::Server;
        let span = span
            .with("http.request.method", self.verb)
            .with("http.route", &*route)
            .with("http.response.status_code", 201_i64)
            .with_some("k8s.namespace.name", metadata.namespace.as_deref());
        let (name, uid) = match kind {
            Kind::Job => ("k8s.job.name", "k8s.job.uid"),
            _ => ("k8s.pod.name", "k8s.pod.uid"),
        };
        trace.add(
            span.with_some(name, metadata.name.as_deref()).with_some(uid, metadata.uid.as_deref()),
        );
    }
}

/// A plan for the Job with `metadata` was committed as `version`, and made so many pods.
pub(crate) fn reconciled(
    trace: &Trace,
    metadata: &ObjectMeta,
    times: (Timestamp, Timestamp),
    (pods_made, version): (usize, u64),
) {
    let uid = metadata.uid.as_deref().unwrap_or_default();
    let ids = (SpanId::of(uid, &format!("reconcile {version}")), Some(trace.job()));
    let span = trace.span("reconcile", ids, times);
    trace.add(
        span.with_some("k8s.namespace.name", metadata.namespace.as_deref())
            .with_some("k8s.job.name", metadata.name.as_deref())
            .with("mayfly.pods_created", pods_made as u64),
    );
}
