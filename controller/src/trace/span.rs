//! One step of a trace.

use std::borrow::Cow;

use super::ids::{SpanId, TraceId};
use crate::api::Timestamp;

/// One step, which is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The trace that it is part of.
    pub trace: TraceId,
    /// Which step it is.
    pub id: SpanId,
    /// The step that it is part of.
    pub parent: Option<SpanId>,
    /// Whether that step was somebody else's.
    pub parent_is_remote: bool,
    /// What was done, in few words that many spans share.
    pub name: Cow<'static, str>,
    /// For whom.
    pub role: Role,
    /// When it began.
    pub from: Timestamp,
    /// When it was over.
    pub to: Timestamp,
    /// What else is known of it, by the names of OpenTelemetry's semantic conventions where there are
    /// some.
    pub attributes: Vec<(&'static str, Value)>,
    /// What went wrong, if anything did.
    pub error: Option<String>,
}

/// For whom a step was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// For a client that waits for it.
    Server,
    /// As a part of something.
    Internal,
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// In words.
    Text(String),
    /// In numbers.
    Number(i64),
    /// In numbers that need not be whole.
    Real(f64),
    /// Yes or no.
    Flag(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<bool> for Value {
    fn from(is_so: bool) -> Self {
        Self::Flag(is_so)
    }
}

impl Span {
    /// The same, of which `name` is known, too.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// The same, of which `name` is known if there is a value.
    #[must_use]
    pub(crate) fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The same, which went wrong if there is an `error`.
    #[must_use]
    pub(crate) fn failed(self, error: Option<String>) -> Self {
        Self { error, ..self }
    }
}
