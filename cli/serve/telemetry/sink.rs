//! Spans of the control plane, in the words of OpenTelemetry.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use mayfly_controller::trace::{Parent, Role, Span, SpanSink, TraceId, Value};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SamplingDecision, ShouldSample, SpanData, SpanEvents, SpanLinks,
    SpanProcessor,
};

use super::settings::Sampling;

/// Queues spans to be sent.
pub(super) struct Sink {
    processor: Arc<BatchSpanProcessor>,
    sampling: Sampling,
    scope: InstrumentationScope,
}

impl Sink {
    pub(super) fn new(processor: Arc<BatchSpanProcessor>, sampling: Sampling) -> Self {
        let scope = InstrumentationScope::builder("mayfly");
        let scope = scope.with_version(env!("CARGO_PKG_VERSION")).build();
        Self { processor, sampling, scope }
    }
}

impl SpanSink for Sink {
    fn keeps(&self, trace: TraceId, parent: Option<Parent>) -> bool {
        if let Some(parent) = parent.filter(|_| self.sampling.follows_parent) {
            return parent.is_sampled;
        }
        let id = opentelemetry::trace::TraceId::from_bytes(trace.0);
        let root = &self.sampling.root;
        let sampled = root.should_sample(None, id, "", &SpanKind::Internal, &[], &[]);
        sampled.decision == SamplingDecision::RecordAndSample
    }

    fn take(&self, span: Span) {
        self.processor.on_end(data(span, self.scope.clone()));
    }
}

fn data(span: Span, scope: InstrumentationScope) -> SpanData {
    let trace = opentelemetry::trace::TraceId::from_bytes(span.trace.0);
    let id = SpanId::from_bytes(span.id.0);
    let state = TraceState::default();
    SpanData {
        span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, state),
        parent_span_id: span.parent.map_or(SpanId::INVALID, |it| SpanId::from_bytes(it.0)),
        parent_span_is_remote: span.parent_is_remote,
        span_kind: match span.role {
            Role::Server => SpanKind::Server,
            Role::Internal => SpanKind::Internal,
        },
        name: span.name,
        start_time: SystemTime::from(span.from),
        end_time: SystemTime::from(span.to),
        attributes: span.attributes.into_iter().map(attribute).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: span.error.map_or(Status::Unset, Status::error),
        instrumentation_scope: scope,
    }
}

fn attribute((name, value): (&'static str, Value)) -> KeyValue {
    match value {
        Value::Text(text) => KeyValue::new(name, text),
        Value::Number(number) => KeyValue::new(name, number),
        Value::Real(number) => KeyValue::new(name, number),
        Value::Flag(is_so) => KeyValue::new(name, is_so),
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("sampling", &self.sampling).finish_non_exhaustive()
    }
}
