//! Posts batches to a collector, and says in the log when that stops going well, and when it does
//! again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::{Certificate, Client, redirect};
use tokio::runtime::Handle;

use super::settings::Trust;

/// How long a batch may take to be sent. Stops a collector that does not answer from keeping the
/// queue full for longer; OpenTelemetry's number.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read. Stops something else than a collector from filling memory; an
/// answer has some words.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Posts from whatever thread it is asked in.
#[derive(Debug)]
pub(super) struct Sender {
    client: Client,
    /// Where requests are sent from: the thread that asks has no async runtime.
    threads: Handle,
    is_failing: AtomicBool,
}

impl Sender {
    /// One for a collector by `trust`. Must be made in a tokio runtime.
    pub(super) fn new(trust: &Trust) -> anyhow::Result<Self> {
        // A second one finds the first; both are the same.
        let _is_first = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .user_agent(concat!("mayfly/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(SEND_TIME_MAX);
        let given = match &trust.certificate {
            None => Vec::new(),
            Some(file) => {
                let why = || format!("OTEL_EXPORTER_OTLP_CERTIFICATE: {}", file.display());
                let pem = std::fs::read(file).with_context(why)?;
                Certificate::from_pem_bundle(&pem).with_context(why)?
            }
        };
        client = match trust.is_encrypted {
            true => client.tls_certs_merge(given),
            // The host need not have any of its own then.
            false => client.tls_certs_only(given),
        };
        let client = client.build().context("can't make a client for traces")?;
        Ok(Self { client, threads: Handle::current(), is_failing: AtomicBool::new(false) })
    }

    /// Says so when it begins to fail, and when it does not any more.
    fn tell(&self, failure: Option<String>) {
        let was_failing = self.is_failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(why) if !was_failing => {
                tracing::warn!(why, "traces can't be sent; they are dropped until they can");
            }
            None if was_failing => tracing::info!("traces are sent again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.threads.spawn(post(self.client.clone(), request)).await;
        let answer = sent.map_err(HttpError::from).and_then(|answer| answer);
        self.tell(match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it was answered with {}", answer.status())),
            Err(error) => Some(all_of(&**error)),
        });
        answer
    }
}

async fn post(client: Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let sent = client.execute(reqwest::Request::try_from(request)?).await;
    // An address may have a password in it.
    let mut answer = sent.map_err(reqwest::Error::without_url)?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.extend(std::mem::take(answer.headers_mut()));
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > ANSWER_BYTES_MAX {
            return Err("the answer is too long for one of a collector".into());
        }
        body.extend_from_slice(&piece);
    }
    Ok(response.body(body.into())?)
}

/// An error with what it comes from.
fn all_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
