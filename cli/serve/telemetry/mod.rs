//! Sends traces on as OpenTelemetry has it: OTLP over HTTP, in batches, to whom the operator names.
//!
//! ```text
//! control plane ─▶ Span ─▶ sink ─▶ bounded queue, a thread of its own ─▶ sender ─▶ collector
//! ```
//!
//! Nothing waits for it: what the queue has no room for is dropped, and a collector that is not there
//! is told of in the log. Without an endpoint there is none of this.

mod sender;
mod settings;
mod sink;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use mayfly_controller::trace::Tracer;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, OTEL_BSP_MAX_QUEUE_SIZE, SpanProcessor,
};

use sender::Sender;
use settings::Settings;
pub(crate) use settings::certificate;
use sink::Sink;

/// Spans that wait to be sent, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise. Stops a collector
/// that is slow or not there from costing memory: some 20 MB; the pods of half a second at most.
const SPANS_QUEUE_MAX: usize = 16_384;

/// How long what is left may take to be sent when the server stops. Stops a collector that does not
/// answer from holding it up.
const FLUSH_MAX: Duration = Duration::from_secs(5);

/// What sends traces on.
pub(super) struct Telemetry {
    processor: Arc<BatchSpanProcessor>,
    tracer: Tracer,
}

impl Telemetry {
    /// Starts to send to `endpoint`, or to where the environment says; `None` if neither names any.
    pub(super) fn start(endpoint: Option<&str>) -> anyhow::Result<Option<Self>> {
        let Some(settings) = Settings::read(endpoint, |name| std::env::var(name).ok())? else {
            return Ok(None);
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&*settings.endpoint)
            .with_http_client(Sender::new(&settings.trust)?)
            .build()
            .with_context(|| format!("can't send traces to {}", settings.host))?;
        let mut config = BatchConfigBuilder::default();
        if std::env::var_os(OTEL_BSP_MAX_QUEUE_SIZE).is_none() {
            config = config.with_max_queue_size(SPANS_QUEUE_MAX);
        }
        let mut processor =
            BatchSpanProcessor::builder(exporter).with_batch_config(config.build()).build();
        processor.set_resource(&resource(settings.has_service_name));
        let processor = Arc::new(processor);
        let tracer = Tracer::new(Sink::new(Arc::clone(&processor), settings.sampling));
        tracing::info!(to = settings.host, "traces are sent on");
        Ok(Some(Self { processor, tracer }))
    }

    /// What makes spans.
    pub(super) fn tracer(&self) -> Tracer {
        self.tracer.clone()
    }

    /// Sends what is left, as far as that goes within some seconds.
    pub(super) async fn stop(self) {
        let flushed = move || self.processor.shutdown_with_timeout(FLUSH_MAX);
        // The processor has a thread of its own, which is waited for.
        match tokio::task::spawn_blocking(flushed).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last traces were not sent"),
            Err(error) => tracing::error!(%error, "the last traces were lost"),
        }
    }
}

/// Who we are, as far as `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` don't say.
fn resource(has_service_name: bool) -> Resource {
    let builder = Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    match has_service_name {
        true => builder.build(),
        false => builder.with_service_name("mayfly").build(),
    }
}
