//! Spans of the control plane, in the words of OpenTelemetry.

use std::borrow::Cow;
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

/// Bytes of one text of a span. Stops what strangers write, such as the name of an image, from making
/// the spans that wait large; longer than any name that somebody reads.
const TEXT_BYTES_MAX: usize = 1024;

/// Stands for what was cut off a text.
const CUT: &str = "…";

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
        name: short(span.name),
        start_time: SystemTime::from(span.from),
        end_time: SystemTime::from(span.to),
        attributes: span.attributes.into_iter().map(attribute).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: span.error.map_or(Status::Unset, |why| Status::error(short(why.into()))),
        instrumentation_scope: scope,
    }
}

fn attribute((name, value): (&'static str, Value)) -> KeyValue {
    match value {
        Value::Text(text) => KeyValue::new(name, short(text.into()).into_owned()),
        Value::Number(number) => KeyValue::new(name, number),
        Value::Real(number) => KeyValue::new(name, number),
        Value::Flag(is_so) => KeyValue::new(name, is_so),
    }
}

/// `text`, or its beginning if it is long.
fn short(text: Cow<'static, str>) -> Cow<'static, str> {
    if text.len() <= TEXT_BYTES_MAX {
        return text;
    }
    let kept = text.floor_char_boundary(TEXT_BYTES_MAX - CUT.len());
    format!("{}{CUT}", &text[..kept]).into()
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("sampling", &self.sampling).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use mayfly_controller::api::Timestamp;
    use mayfly_controller::trace::SpanId as Id;

    use super::*;

    #[test]
    fn no_text_of_a_span_is_long() {
        // As long as a request can be, of letters that have two bytes.
        let long = "é".repeat(1_500_000);
        let span = Span {
            trace: TraceId([1; 16]),
            id: Id([1; 8]),
            parent: None,
            parent_is_remote: false,
            name: long.clone().into(),
            role: Role::Internal,
            from: Timestamp::UNIX_EPOCH,
            to: Timestamp::UNIX_EPOCH,
            attributes: vec![
                ("container.image.name", Value::Text(long.clone())),
                ("k8s.pod.name", Value::Text("p".to_owned())),
            ],
            error: Some(long),
        };
        let data = data(span, InstrumentationScope::default());
        let Status::Error { description } = data.status else { panic!("{:?}", data.status) };
        let image = data.attributes[0].value.to_string();
        for text in [&*data.name, &*description, &*image] {
            assert!(
                text.len() <= TEXT_BYTES_MAX && text.len() > TEXT_BYTES_MAX - 2,
                "{}",
                text.len()
            );
            assert!(text.starts_with("éé") && text.ends_with("é…"));
        }
        assert_eq!(data.attributes[1].value.to_string(), "p");
    }
}
