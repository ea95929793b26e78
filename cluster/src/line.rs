//! The line to the API server: one request, one answer, within a time.
//!
//! It knows whether the server can be reached, and says so in the log once for each outage.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{Stream, StreamExt};
use kube::Client;
use kube::core::WatchEvent;
use mayfly_controller::api::Pod;
use mayfly_controller::node::ClientError;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::limits::ANSWER_MAX;
use crate::requests::Built;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The server has answered, and refuses.
    #[error("the API server refuses it with {code} {reason}: {message}")]
    Refused {
        /// The HTTP status.
        code: u16,
        /// Its reason, in a word.
        reason: String,
        /// The same in a sentence.
        message: String,
    },
    /// It did not answer in time.
    #[error("the API server does not answer")]
    Late,
    /// There was no answer that could be read.
    #[error("the API server can't be reached")]
    Unreachable(#[source] Box<kube::Error>),
    /// It could not even be asked.
    #[error("the request can't be made")]
    Unmade(#[source] kube::core::request::Error),
}

impl Failure {
    /// The HTTP status of a refusal.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether the server says that there is no such object. That somebody on the way to it knows
    /// no such page says nothing.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: 404, reason, .. } if reason == "NotFound")
    }

    /// Whether the server has read what it was sent and takes it no better a second time. One that
    /// is busy, that another was quicker at, or that does not know who asks may do so later.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.code(), Some(400 | 405 | 406 | 413 | 415 | 422))
    }

    /// Whether the server says that it may not be done. As long as rights are given, or it has not
    /// heard yet whose a pod is, that may change.
    pub(crate) fn is_forbidden(&self) -> bool {
        self.code() == Some(403)
    }

    /// Whether nobody has answered.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::Late | Self::Unreachable(_))
    }

    /// The same for the agent.
    pub(crate) fn of(self, attempt: String) -> ClientError {
        ClientError { attempt, source: Box::new(self) }
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused {
                code: status.code,
                reason: status.reason.clone(),
                message: status.message.clone(),
            },
            other => Self::Unreachable(Box::new(other)),
        }
    }
}

/// A line to an API server. A clone is the same line.
#[derive(Clone)]
pub(crate) struct Line {
    client: Client,
    is_down: Arc<AtomicBool>,
    recovered: Arc<Notify>,
}

impl Line {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, is_down: Arc::default(), recovered: Arc::default() }
    }

    /// Sends `request`, and reads the answer.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, request: Built) -> Result<T, Failure> {
        let request = request.map_err(Failure::Unmade)?;
        let answer = timeout(ANSWER_MAX, self.client.request::<T>(request)).await;
        let answer = match answer {
            Ok(answer) => answer.map_err(Failure::from),
            Err(_) => Err(Failure::Late),
        };
        self.note(answer.as_ref().err());
        answer
    }

    /// The same of something that may not be there.
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        request: Built,
    ) -> Result<Option<T>, Failure> {
        match self.ask(request).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Sends `request`, and gives what is told as it happens.
    pub(crate) async fn follow(
        &self,
        request: Built,
    ) -> Result<impl Stream<Item = Result<WatchEvent<Pod>, Failure>> + Send + use<>, Failure> {
        let request = request.map_err(Failure::Unmade)?;
        let begun = timeout(ANSWER_MAX, self.client.request_events::<Pod>(request)).await;
        let begun = match begun {
            Ok(begun) => begun.map_err(Failure::from),
            Err(_) => Err(Failure::Late),
        };
        self.note(begun.as_ref().err());
        Ok(begun?.map(|event| event.map_err(Failure::from)))
    }

    /// Waits until the server is reached after it could not be.
    pub(crate) async fn recovered(&self) {
        self.recovered.notified().await;
    }

    fn note(&self, failure: Option<&Failure>) {
        match failure.filter(|failure| failure.is_outage()) {
            Some(failure) => {
                if !self.is_down.swap(true, Ordering::Relaxed) {
                    let error = failure as &dyn std::error::Error;
                    tracing::warn!(error, "no API server: runs go on, and are reported later");
                }
            }
            None => {
                if self.is_down.swap(false, Ordering::Relaxed) {
                    tracing::info!("the API server is there again");
                    self.recovered.notify_waiters();
                }
            }
        }
    }
}
