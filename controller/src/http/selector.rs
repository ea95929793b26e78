//! Which objects of a collection are meant: label and field selectors.
//!
//! Pure. A selector is parsed once, with Kubernetes' complaints, and then asked of each object.

mod field;
mod label;

use super::options::Query;
use super::refusal::Refusal;
use super::status::Status;
use crate::api::{Kind, Object};

use self::field::FieldSelector;
use self::label::LabelSelector;

/// What an object must have to be meant.
#[derive(Debug, Default)]
pub(super) struct Selector {
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selector {
    /// The selectors of a query for objects of `kind`.
    pub(super) fn parse(kind: Kind, query: &Query) -> Result<Self, Refusal> {
        let labels = query.get("labelSelector").unwrap_or_default();
        let fields = query.get("fieldSelector").unwrap_or_default();
        Ok(Self {
            labels: LabelSelector::parse(labels).map_err(Status::bad_request)?,
            fields: FieldSelector::parse(kind, fields).map_err(Status::bad_request)?,
        })
    }

    /// Whether it takes everything.
    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The name that an object must have, if it must have one.
    pub(super) fn name(&self) -> Option<&str> {
        self.fields.name()
    }

    /// The same, of objects called `name` alone.
    pub(super) fn named(mut self, name: &str) -> Self {
        self.fields.require_name(name);
        self
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        self.labels.matches(object.metadata().labels.as_ref()) && self.fields.matches(object)
    }
}
