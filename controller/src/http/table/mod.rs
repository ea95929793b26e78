//! Objects as the rows of a table, which is what `kubectl get` asks for.
//!
//! Pure: an object and the time make a row, every cell of it, wide ones too; which are shown is for
//! the client to choose. Kubernetes' own columns and words (its internal printers).

mod age;
mod certificate;
mod columns;
mod event;
mod job;
mod plain;
mod pod;

use serde::Serialize;
use serde_json::Value;

pub use self::age::span;
pub use self::columns::{Column, of as columns};
pub use self::job::selector_text;
use crate::api::{Object, Timestamp};

/// What a table says of one object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// One for each column.
    pub cells: Vec<Value>,
    /// What is to be said of the object beyond its cells: whether a pod has ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// What is to be said of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Always `Completed`.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// Always `True`.
    pub status: &'static str,
    /// How it ended.
    pub reason: &'static str,
    /// The same in a sentence.
    pub message: &'static str,
}

/// The row of `object` as of `now`.
pub fn row(object: &Object, now: Timestamp) -> Row {
    let cells = match object {
        Object::Job(object) => job::job(object, now),
        Object::CronJob(object) => job::cron_job(object, now),
        Object::Pod(object) => return pod::row(object, now),
        Object::Event(object) => event::cells(object, now),
        Object::ConfigMap(object) => plain::config_map(object, now),
        Object::Secret(object) => plain::secret(object, now),
        Object::Namespace(object) => plain::namespace(object, now),
        Object::Node(object) => plain::node(object, now),
        Object::ServiceAccount(object) => plain::service_account(object, now),
        Object::Lease(object) => plain::lease(object, now),
        Object::ResourceQuota(object) => plain::resource_quota(object, now),
        Object::LimitRange(object) => plain::limit_range(object),
        Object::CertificateSigningRequest(object) => certificate::cells(object, now),
        Object::PriorityClass(object) => plain::priority_class(object, now),
    };
    Row { cells, conditions: Vec::new() }
}

/// `text`, or what stands for nothing.
fn or_none(text: Option<&str>) -> &str {
    text.filter(|text| !text.is_empty()).unwrap_or("<none>")
}

fn count(number: usize) -> Value {
    Value::from(number)
}

#[cfg(test)]
mod tests;
