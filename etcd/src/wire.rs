//! What is said to etcd's gateway, and what it answers: JSON, with keys and values in base64 and
//! numbers in quotes.
//!
//! Source: etcd's documentation, "gRPC gateway", and `rpc.proto` of etcd 3.4. Fields that are zero are
//! left out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

/// A condition of a transaction.
pub(crate) enum Compare<'a> {
    /// The key was made at this revision; 0 if it is not there.
    MadeAt(&'a str, i64),
    /// The key is there, with this value.
    Is(&'a str, &'a str),
}

impl Compare<'_> {
    fn to_json(&self) -> Value {
        match self {
            Self::MadeAt(key, revision) => json!({
                "result": "EQUAL", "target": "CREATE", "key": BASE64.encode(key),
                "create_revision": revision.to_string(),
            }),
            Self::Is(key, value) => json!({
                "result": "EQUAL", "target": "VALUE", "key": BASE64.encode(key),
                "value": BASE64.encode(value),
            }),
        }
    }
}

/// What one operation of a transaction does.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    json: Value,
    /// Bytes of keys and values.
    pub(crate) bytes: usize,
}

impl Operation {
    pub(crate) fn put(key: &str, value: &[u8]) -> Self {
        let json =
            json!({"requestPut": {"key": BASE64.encode(key), "value": BASE64.encode(value)}});
        Self { json, bytes: key.len() + value.len() }
    }

    /// A key that goes when `lease` does.
    pub(crate) fn put_for(key: &str, value: &[u8], lease: i64) -> Self {
        let mut put = Self::put(key, value);
        put.json["requestPut"]["lease"] = json!(lease.to_string());
        put
    }

    /// Forgets the keys from `key` up to `end`, which stays.
    pub(crate) fn delete(key: &str, end: &str) -> Self {
        let (from, to) = (BASE64.encode(key), BASE64.encode(end));
        let json = json!({"requestDeleteRange": {"key": from, "range_end": to}});
        Self { json, bytes: key.len() + end.len() }
    }

    pub(crate) fn get(key: &str) -> Self {
        Self { json: json!({"requestRange": {"key": BASE64.encode(key)}}), bytes: key.len() }
    }
}

/// A transaction, as the body of a request.
pub(crate) fn transaction(
    compare: &[Compare<'_>],
    success: Vec<Operation>,
    failure: Vec<Operation>,
) -> Value {
    let all = |of: Vec<Operation>| of.into_iter().map(|it| it.json).collect::<Vec<_>>();
    json!({
        "compare": compare.iter().map(Compare::to_json).collect::<Vec<_>>(),
        "success": all(success),
        "failure": all(failure),
    })
}

/// The keys from `key` up to `end`, which is left out, `limit` at most; in order.
pub(crate) fn range(key: &str, end: &str, limit: usize) -> Value {
    json!({"key": BASE64.encode(key), "range_end": BASE64.encode(end), "limit": limit.to_string()})
}

/// One key.
pub(crate) fn get(key: &str) -> Value {
    json!({"key": BASE64.encode(key)})
}

/// What etcd answers, with who says so.
pub(crate) trait Answer: DeserializeOwned {
    fn header(&self) -> &Header;
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Header {
    /// The number of the cluster, which no `i64` has room for.
    pub(crate) cluster_id: String,
    /// Of the whole etcd, when it answered.
    #[serde(deserialize_with = "number")]
    pub(crate) revision: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct KeyValue {
    #[serde(deserialize_with = "text")]
    pub(crate) key: String,
    #[serde(deserialize_with = "bytes")]
    pub(crate) value: Vec<u8>,
    #[serde(deserialize_with = "number")]
    pub(crate) create_revision: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Found {
    header: Header,
    pub(crate) kvs: Vec<KeyValue>,
    pub(crate) more: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Transacted {
    pub(crate) header: Header,
    pub(crate) succeeded: bool,
    responses: Vec<OperationAnswer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OperationAnswer {
    response_range: Option<Found>,
}

impl Transacted {
    /// What its operation number `index` has found, if it has looked for one key.
    pub(crate) fn found(&self, index: usize) -> Option<&KeyValue> {
        self.responses.get(index)?.response_range.as_ref()?.kvs.first()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Lease {
    header: Header,
    #[serde(rename = "ID", deserialize_with = "number")]
    pub(crate) id: i64,
    /// In seconds; 0 if there is no such lease.
    #[serde(rename = "TTL", deserialize_with = "number")]
    pub(crate) ttl: i64,
}

/// One answer of a stream.
#[derive(Debug, Deserialize)]
pub(crate) struct Renewed {
    /// Without it, it is an error, and no lease that has ended.
    pub(crate) result: Lease,
}

/// What is of no interest.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Done {
    header: Header,
}

impl Answer for Found {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl Answer for Transacted {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl Answer for Lease {
    fn header(&self) -> &Header {
        &self.header
    }
}

impl Answer for Renewed {
    fn header(&self) -> &Header {
        &self.result.header
    }
}

impl Answer for Done {
    fn header(&self) -> &Header {
        &self.header
    }
}

/// Why something was not done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Refusal {
    message: String,
    /// Of earlier gateways, that have no message; or that of a stream, which has all in it.
    error: Value,
    /// gRPC's.
    code: u16,
}

impl Refusal {
    /// gRPC's code, and what etcd says.
    pub(crate) fn reason(self) -> (u16, String) {
        let Self { message, error, code } = self;
        match error {
            Value::Object(error) => {
                let code = ["grpc_code", "code"].iter().find_map(|name| error.get(*name)?.as_u64());
                let code = code.and_then(|code| u16::try_from(code).ok()).unwrap_or_default();
                let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
                (code, message.to_owned())
            }
            Value::String(error) if message.is_empty() => (code, error),
            _ => (code, message),
        }
    }
}

fn number<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    match Value::deserialize(from)? {
        Value::String(text) => text.parse().map_err(de::Error::custom),
        other => other.as_i64().ok_or_else(|| de::Error::custom("a number is wanted")),
    }
}

fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    BASE64.decode(String::deserialize(from)?).map_err(de::Error::custom)
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    String::from_utf8(bytes(from)?).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_has_failed_tells_what_there_is() {
        let answer = json!({
            "header": {"cluster_id": "14841639068965178418", "revision": "7"},
            "responses": [
                {"response_range": {"header": {"revision": "7"}, "kvs": [
                    {"key": "L2E=", "create_revision": "2", "value": "aGVsbG8="},
                ], "count": "1"}},
                {"response_range": {"header": {"revision": "7"}}},
            ],
        });
        let answer: Transacted = serde_json::from_value(answer).unwrap();
        assert_eq!((answer.succeeded, answer.header.revision), (false, 7));
        assert_eq!(answer.header().cluster_id, "14841639068965178418");
        let found = answer.found(0).unwrap();
        assert_eq!((&*found.key, &*found.value, found.create_revision), ("/a", &b"hello"[..], 2));
        assert!(answer.found(1).is_none() && answer.found(2).is_none());
    }

    #[test]
    fn a_lease_that_is_no_more_has_no_time() {
        let renewed: Renewed = serde_json::from_value(json!({"result": {"ID": "123"}})).unwrap();
        assert_eq!((renewed.result.id, renewed.result.ttl), (123, 0));
        assert!(serde_json::from_value::<Renewed>(json!({"error": {"code": 14}})).is_err());
    }
}
