//! Answers that are the same for everyone until the next start: documents with a tag, which are not
//! sent to whoever has them.

use axum::body::{Body, Bytes};
use axum::http::header::{
    CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    VARY,
};
use axum::http::{Response, StatusCode};
use jiff::fmt::rfc2822;
use sha2::{Digest as _, Sha512};

use crate::api::Timestamp;

/// Bytes that don't change, and their tag.
pub(super) struct Document {
    pub(super) content_type: &'static str,
    pub(super) bytes: Bytes,
    /// The hash of what it says, as Kubernetes writes it: in capital letters and without quotes.
    pub(super) hash: String,
}

impl Document {
    pub(super) fn new(content_type: &'static str, bytes: Vec<u8>) -> Self {
        let hash = Sha512::digest(&bytes).iter().map(|byte| format!("{byte:02X}")).collect();
        Self { content_type, bytes: bytes.into(), hash }
    }

    /// The same in another form, under the same hash.
    pub(super) fn in_form(&self, content_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { content_type, bytes: bytes.into(), hash: self.hash.clone() }
    }

    /// Answers with it, unless the client has it.
    pub(super) fn tagged(&self, headers: &HeaderMap) -> Response<Body> {
        let tag = format!("\"{}\"", self.hash);
        let known = headers.get(IF_NONE_MATCH).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let is_known = known.split(',').any(|it| it.trim() == tag || it.trim() == "*");
        let mut response = self.unless(is_known);
        let tag = HeaderValue::from_str(&tag).expect("a hash must be a header");
        response.headers_mut().insert(ETAG, tag);
        response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
        response
    }

    /// Answers with it, unless the client has it since `changed` or later.
    pub(super) fn dated(&self, headers: &HeaderMap, changed: Timestamp) -> Response<Body> {
        let since = headers.get(IF_MODIFIED_SINCE).and_then(|it| it.to_str().ok());
        let since = since.and_then(|it| rfc2822::parse(it).ok());
        // The header has whole seconds.
        let is_known = since.is_some_and(|it| it.timestamp().as_second() >= changed.as_second());
        let mut response = self.unless(is_known);
        response.headers_mut().extend(date(changed).map(|date| (LAST_MODIFIED, date)));
        response
    }

    fn unless(&self, is_known: bool) -> Response<Body> {
        if is_known {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        let mut response = Response::new(Body::from(self.bytes.clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response
    }
}

/// A time as headers have it; `None` for years that they can't say.
pub(super) fn date(time: Timestamp) -> Option<HeaderValue> {
    let text = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()?;
    HeaderValue::from_str(&text).ok()
}
