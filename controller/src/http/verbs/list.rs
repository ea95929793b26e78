//! The objects of a collection, in pages if that is asked for.
//!
//! Kubernetes differs: a page goes on from where the last one ended in the state of now, since no
//! older state is kept; what was there all the time is listed once.

use axum::body::Body;
use axum::http::Response;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};

use crate::api::{Key, Object};
use crate::http::answer::{self, ListMeta};
use crate::http::options::Query;
use crate::http::refusal::Refusal;
use crate::http::router::Call;
use crate::http::selector::Selector;
use crate::http::status::Status;

/// Where a list goes on, as Kubernetes writes it.
const TOKENS: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Where a list goes on: after this object. Opaque to clients.
#[derive(Serialize, Deserialize)]
struct Continue {
    v: String,
    rv: u64,
    namespace: String,
    name: String,
}

pub(in crate::http) fn list(call: &Call) -> Result<Response<Body>, Refusal> {
    let (target, query) = (&call.target, &call.query);
    let selector = Selector::parse(target.kind, query)?;
    let limit = limit(query)?;
    let after = query.get("continue").map(decode).transpose()?;
    if query.is_set("watch") {
        return Err(Status::not_implemented("watching").into());
    }
    let wanted = resource_version(query)?;
    let (objects, version) = call.store().list_objects(target.kind, target.namespace.as_deref());
    if wanted > version {
        return Err(Status::version_too_large(wanted, version).into());
    }
    let is_next = |object: &Object| after.as_ref().is_none_or(|after| object.key() > *after);
    let mut items: Vec<Object> =
        objects.into_iter().filter(|object| is_next(object) && selector.matches(object)).collect();
    let mut meta = ListMeta { resource_version: version, ..ListMeta::default() };
    if items.len() > limit {
        // How many are left of a selection is not told, as in Kubernetes.
        meta.remaining = selector.is_empty().then(|| items.len() - limit);
        items.truncate(limit);
        meta.proceed = items.last().map(|last| encode(&last.key(), version));
    }
    let now = call.store().clock().now();
    Ok(answer::list(call.form, target.kind, &items, &meta, now))
}

/// How many are wanted at most; none or 0 means all.
fn limit(query: &Query) -> Result<usize, Refusal> {
    let Some(text) = query.get("limit") else { return Ok(usize::MAX) };
    match text.parse::<u32>() {
        Ok(0) => Ok(usize::MAX),
        Ok(limit) => Ok(limit as usize),
        Err(_) => Err(Status::bad_request(format!(
            "strconv.ParseInt: parsing \"{text}\": invalid syntax"
        ))
        .into()),
    }
}

/// The state that must have been reached; 0 if any will do.
fn resource_version(query: &Query) -> Result<u64, Refusal> {
    let Some(text) = query.get("resourceVersion") else { return Ok(0) };
    text.parse().map_err(|_| {
        Status::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: \"{text}\": \
             strconv.ParseUint: parsing \"{text}\": invalid syntax"
        ))
        .into()
    })
}

fn encode(key: &Key, version: u64) -> String {
    let token = Continue {
        v: "meta.k8s.io/v1".to_owned(),
        rv: version,
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
    };
    TOKENS.encode(serde_json::to_vec(&token).expect("a token must have a JSON form"))
}

fn decode(text: &str) -> Result<Key, Refusal> {
    let wrong = |why: String| {
        Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
    };
    let bytes = TOKENS.decode(text).map_err(|error| wrong(error.to_string()))?;
    let token: Continue = serde_json::from_slice(&bytes).map_err(|error| {
        wrong(match bytes.first() {
            Some(b'{') => error.to_string(),
            // Go reads the byte as a character of its own.
            Some(first) => {
                format!("invalid character '{}' looking for beginning of value", char::from(*first))
            }
            None => "unexpected end of JSON input".to_owned(),
        })
    })?;
    Ok(Key::new(&token.namespace, &token.name))
}
