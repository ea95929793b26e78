//! Requests that other sites make in a browser, which are refused.
//!
//! A browser shows a client certificate to whoever it connects to, whichever site asked it to. So
//! without this, any page that an operator opens could create Jobs in their name. Browsers say where
//! a request comes from (`Sec-Fetch-Site`, and of WebSockets in Chromium `Origin` alone), and no page
//! can say it for them; other clients say nothing.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{HOST, HeaderName, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{Method, Response};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use mayfly_controller::http::status::Status;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// `router`, which answers no other site.
pub(super) fn own(router: Router) -> Router {
    router.layer(from_fn(answer))
}

async fn answer(request: Request, next: Next) -> Response<Body> {
    if is_foreign(&request) {
        return Status::of_another_site().into_response();
    }
    next.run(request).await
}

/// Whether another site asks. A link that somebody follows is their own doing, and only shows; what a
/// page loads into a frame is the page's.
fn is_foreign(request: &Request) -> bool {
    let headers = request.headers();
    let is = |name: &HeaderName, value: &str| headers.get(name).is_some_and(|it| it == value);
    if !headers.contains_key(&SITE) {
        return is_of_another_origin(request);
    }
    let is_other = is(&SITE, "cross-site") || is(&SITE, "same-site");
    let is_link =
        is(&MODE, "navigate") && is(&DEST, "document") && *request.method() == Method::GET;
    is_other && !is_link
}

/// Whether `Origin` names another host than is asked: all that Chromium says of a WebSocket, and that
/// browsers from before 2023 say of anything. Schemes are not compared: some clients that are no
/// browsers write `http` whatever they speak.
fn is_of_another_origin(request: &Request) -> bool {
    let Some(origin) = request.headers().get(ORIGIN) else { return false };
    let host = request.headers().get(HOST).and_then(|it| it.to_str().ok());
    // HTTP/2 has it in the address.
    let host = host.or(request.uri().authority().map(Authority::as_str));
    let origin = origin.to_str().ok().and_then(|it| it.split_once("://"));
    match (origin, host) {
        (Some((_, origin)), Some(host)) => !origin.eq_ignore_ascii_case(host),
        // `null`, of frames without an origin.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, uri: &str, headers: &[(HeaderName, &str)]) -> Request {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = uri.parse().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    }

    #[test]
    fn other_sites_may_link_and_nothing_else() {
        let check = |method: Method, site: &str, mode: &str, dest: &str, expect: bool| {
            let headers = [(SITE, site), (MODE, mode), (DEST, dest)];
            let request = request(method, "/", &headers);
            assert_eq!(is_foreign(&request), expect, "{request:?}");
        };
        check(Method::POST, "cross-site", "no-cors", "empty", true);
        check(Method::POST, "same-site", "cors", "empty", true);
        check(Method::POST, "cross-site", "navigate", "document", true);
        check(Method::GET, "cross-site", "websocket", "empty", true);
        check(Method::GET, "cross-site", "navigate", "iframe", true);
        check(Method::GET, "cross-site", "navigate", "document", false);
        check(Method::POST, "same-origin", "cors", "empty", false);
        check(Method::GET, "none", "navigate", "document", false);
    }

    #[test]
    fn a_websocket_is_its_origins() {
        let check = |uri: &str, headers: &[(HeaderName, &str)], expect: bool| {
            let request = request(Method::GET, uri, headers);
            assert_eq!(is_foreign(&request), expect, "{request:?}");
        };
        let of = |origin| [(HOST, "mayfly:6443"), (ORIGIN, origin)];
        check("/", &of("https://evil.example"), true);
        check("/", &of("https://mayfly:8443"), true);
        check("/", &of("https://mayfly:6443.evil.example"), true);
        check("/", &of("null"), true);
        check("/", &of("https://mayfly:6443"), false);
        check("/", &of("http://Mayfly:6443"), false);
        // HTTP/2 has no `Host`.
        check("https://mayfly:6443/", &[(ORIGIN, "https://mayfly:6443")], false);
        check("https://mayfly:6443/", &[(ORIGIN, "https://evil.example")], true);
        check("/", &[(ORIGIN, "https://evil.example")], true);
        // Clients that are no browsers.
        check("/", &[(HOST, "mayfly:6443")], false);
        check("https://mayfly:6443/", &[], false);
    }
}
