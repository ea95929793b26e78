//! Where spans go, and which trace an object is part of.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::ids::{Parent, SpanId, TraceId, parse_traceparent};
use super::span::{Role, Span};
use crate::api::names::TRACEPARENT;
use crate::api::{ObjectMeta, Timestamp};

/// Sends spans on.
///
/// It is asked from any thread, in the middle of what is traced: it must not block, and what it can't
/// take it drops.
pub trait SpanSink: Send + Sync + 'static {
    /// Whether the trace is kept, of which somebody else's `parent` is a part. The same trace must get
    /// the same answer, in every process.
    fn keeps(&self, trace: TraceId, parent: Option<Parent>) -> bool;

    /// Takes a step that is over.
    fn take(&self, span: Span);
}

/// What makes spans, if they go anywhere. A clone is the same; the default makes none.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<dyn SpanSink>>);

/// A trace that is kept, and the Job or the pod by itself that it is about.
#[derive(Clone)]
pub struct Trace {
    sink: Arc<dyn SpanSink>,
    id: TraceId,
    /// What somebody else did.
    parent: Option<Parent>,
    /// The uid of what it is about.
    root: String,
}

impl Tracer {
    /// One whose spans `sink` takes.
    pub fn new(sink: impl SpanSink) -> Self {
        Self(Some(Arc::new(sink)))
    }

    /// Whether there is anybody who takes spans.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The trace that the Job or pod with `metadata` is part of, if it is kept.
    pub(crate) fn of(&self, metadata: &ObjectMeta) -> Option<Trace> {
        let sink = self.0.as_ref()?;
        let owners = metadata.owner_references.as_deref().unwrap_or_default();
        let job = owners.iter().find(|it| it.kind == "Job" && it.controller == Some(true));
        let root = job.map(|it| it.uid.clone()).or_else(|| metadata.uid.clone())?;
        let annotations = metadata.annotations.as_ref();
        let parent = annotations.and_then(|it| parse_traceparent(it.get(TRACEPARENT)?));
        let id = parent.map_or_else(|| TraceId::of(&root), |parent| parent.trace);
        let sink = Arc::clone(sink);
        sink.keeps(id, parent).then_some(Trace { sink, id, parent, root })
    }
}

impl Trace {
    /// The request that made what it is about.
    pub(crate) fn request(&self) -> SpanId {
        SpanId::of(&self.root, "request")
    }

    /// What it is about: a Job, or a pod by itself.
    pub(crate) fn job(&self) -> SpanId {
        SpanId::of(&self.root, "job")
    }

    /// Whether it is about the object with this uid.
    pub(crate) fn is_about(&self, uid: &str) -> bool {
        self.root == uid
    }

    /// What somebody else did.
    pub(crate) fn parent(&self) -> Option<Parent> {
        self.parent
    }

    /// What tells others that what they do is part of `span`: the value of the header `traceparent`.
    pub(crate) fn traceparent(&self, span: SpanId) -> String {
        Parent { trace: self.id, span, is_sampled: true }.to_string()
    }

    /// A step, which is part of `parent`.
    pub(crate) fn span(
        &self,
        name: impl Into<Cow<'static, str>>,
        (id, parent): (SpanId, Option<SpanId>),
        (from, to): (Timestamp, Timestamp),
    ) -> Span {
        Span {
            trace: self.id,
            id,
            parent,
            parent_is_remote: false,
            name: name.into(),
            role: Role::Internal,
            from,
            // A clock may have been set back.
            to: to.max(from),
            attributes: Vec::new(),
            error: None,
        }
    }

    /// Adds a step.
    pub(crate) fn add(&self, span: Span) {
        self.sink.take(span);
    }
}

impl PartialEq for Tracer {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Eq for Tracer {}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Tracer(on)" } else { "Tracer(off)" })
    }
}
