//! Tells of one run of a container, step by step, if anybody wants to know.
//!
//! ```text
//! pod ─┬▶ start ─▶ pull ─▶ compile
//!      └▶ run
//! ```

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::pod::Progress;
use super::record::Termination;
use super::runtime::{Image, PodIdentity, PullError};
use super::usage::Usage;
use crate::api::{Pod, Timestamp};
use crate::trace::{Span, SpanId, Trace, Tracer};

/// The steps of one run, whose trace is kept.
pub(crate) struct Spans {
    trace: Trace,
    pod: Arc<PodIdentity>,
    container: String,
    restart: u32,
    /// When its start began.
    begun: Timestamp,
    /// How long its image took to compile, if it had to be.
    pub(crate) compiled: Arc<OnceLock<Duration>>,
}

impl Spans {
    /// Those of a container of `pod` that is started at `begun`; `None` if nobody wants to know.
    pub(crate) fn of(
        tracer: &Tracer,
        pod: &Pod,
        identity: &Arc<PodIdentity>,
        (container, restart): (&str, u32),
        begun: impl FnOnce() -> Timestamp,
    ) -> Option<Box<Self>> {
        let trace = tracer.of(&pod.metadata)?;
        let (pod, container) = (Arc::clone(identity), container.to_owned());
        let (begun, compiled) = (begun(), Arc::default());
        Some(Box::new(Self { trace, pod, container, restart, begun, compiled }))
    }

    /// What outgoing requests carry, so that whoever answers them can say what they are part of.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        vec![("traceparent".to_owned(), self.trace.traceparent(self.id("run")))]
    }

    /// The image was made ready, or not.
    pub(crate) fn pulled(
        &self,
        (from, to): (Timestamp, Timestamp),
        image: &str,
        result: &Result<Image, PullError>,
    ) {
        // A pull that has failed is tried again before the container has run.
        let id = self.id(&format!("pull {from}"));
        let error = result.as_ref().err().map(ToString::to_string);
        let span = self.step("pull", (id, self.id("start")), (from, to)).failed(error);
        let image_of = result.as_ref().ok();
        self.trace.add(
            span.with("container.image.name", image)
                .with_some("container.image.id", image_of.map(|it| &*it.id))
                .with_some("mayfly.image.was_present", image_of.map(|it| it.was_present))
                .with_some("mayfly.image.bytes", image_of.map(|it| it.bytes)),
        );
        if let Some(took) = self.compiled.get() {
            let begun = to.saturating_sub(*took).unwrap_or(from);
            let ids = (self.id("compile"), id);
            self.trace.add(self.step("compile", ids, (begun.max(from), to)));
        }
    }

    /// The container runs.
    pub(crate) fn started(&self, at: Timestamp) {
        self.trace.add(self.start(at));
    }

    /// The container could not be started.
    pub(crate) fn failed(&self, at: Timestamp, why: &Progress) {
        let why = match why {
            Progress::PullFailed(error, _) => error.to_string(),
            Progress::ConfigFailed(reason, message) => format!("{reason}: {message}"),
            _ => String::new(),
        };
        self.trace.add(self.start(at).failed(Some(why)));
    }

    fn start(&self, at: Timestamp) -> Span {
        let ids = (self.id("start"), SpanId::of(&self.pod.uid, "pod"));
        self.step("start", ids, (self.begun, at))
    }

    /// The run has ended.
    pub(crate) fn ran(&self, end: &Termination, usage: Option<&Usage>) {
        let (Some(from), Some(to)) = (end.started_at, end.finished_at) else { return };
        let ids = (self.id("run"), SpanId::of(&self.pod.uid, "pod"));
        let error = (end.exit_code != 0).then(|| end.reason.clone());
        let span = self.step("run", ids, (from, to)).failed(error);
        let span = span
            .with("mayfly.container.exit_code", end.exit_code)
            .with("k8s.container.status.reason", &*end.reason);
        let Some(usage) = usage else { return self.trace.add(span) };
        self.trace.add(
            span.with("mayfly.usage.cpu_seconds", usage.cpu.as_secs_f64())
                .with("mayfly.usage.memory_peak_bytes", usage.memory_bytes_peak)
                .with_some("mayfly.usage.fuel", usage.fuel)
                .with("mayfly.usage.file_read_bytes", usage.file_bytes_read)
                .with("mayfly.usage.file_written_bytes", usage.file_bytes_written)
                .with("mayfly.usage.printed_bytes", usage.printed_bytes)
                .with("mayfly.usage.network_received_bytes", usage.network_bytes_received)
                .with("mayfly.usage.network_sent_bytes", usage.network_bytes_sent),
        );
    }

    fn id(&self, step: &str) -> SpanId {
        // One that is cut off and begins once more, uncounted, is another.
        let Self { pod, container, restart, begun, .. } = self;
        SpanId::of(&pod.uid, &format!("{step} {container} {restart} {begun}"))
    }

    fn step(
        &self,
        name: &'static str,
        (id, parent): (SpanId, SpanId),
        times: (Timestamp, Timestamp),
    ) -> Span {
        let span = self.trace.span(name, (id, Some(parent)), times);
        span.with("k8s.namespace.name", &*self.pod.namespace)
            .with("k8s.pod.name", &*self.pod.name)
            .with("k8s.container.name", &*self.container)
            .with("k8s.container.restart_count", i64::from(self.restart))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ObjectMeta;
    use crate::trace::{Parent, SpanSink, TraceId};

    struct Nowhere;

    impl SpanSink for Nowhere {
        fn keeps(&self, _: TraceId, _: Option<Parent>) -> bool {
            true
        }

        fn take(&self, _: Span) {}
    }

    #[test]
    fn a_run_that_begins_once_more_has_spans_of_its_own() {
        let metadata = ObjectMeta { uid: Some("u".to_owned()), ..ObjectMeta::default() };
        let pod = Pod { metadata, ..Pod::default() };
        let identity = Arc::new(PodIdentity::of(&pod));
        let ids = |restart: u32, second: i64| {
            let begun = || Timestamp::from_second(second).unwrap();
            let tracer = Tracer::new(Nowhere);
            let spans = Spans::of(&tracer, &pod, &identity, ("main", restart), begun).unwrap();
            (spans.id("start"), spans.id("run"))
        };
        assert_eq!(ids(0, 1), ids(0, 1));
        assert_ne!(ids(0, 1).0, ids(0, 1).1);
        // The same run, which was cut off by the end of its node's process.
        assert_ne!(ids(0, 1).0, ids(0, 2).0);
        assert_ne!(ids(0, 1).1, ids(0, 2).1);
        assert_ne!(ids(0, 1), ids(1, 1));
    }
}
