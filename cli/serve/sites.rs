//! Requests that other sites make in a browser, which are refused.
//!
//! A browser shows a client certificate to whoever it connects to, whichever site asked it to. So
//! without this, any page that an operator opens could create Jobs in their name. Browsers say where
//! a request comes from (`Sec-Fetch-Site`), and no page can say it for them; other clients say
//! nothing.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{HeaderMap, HeaderName};
use axum::http::{Method, Response};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use mayfly_controller::http::status::Status;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// `router`, which answers no other site.
pub(super) fn own(router: Router) -> Router {
    router.layer(from_fn(answer))
}

async fn answer(request: Request, next: Next) -> Response<Body> {
    if is_foreign(request.method(), request.headers()) {
        return Status::of_another_site().into_response();
    }
    next.run(request).await
}

/// Whether another site asks. A link that somebody follows is their own doing, and only shows.
fn is_foreign(method: &Method, headers: &HeaderMap) -> bool {
    let is = |name: &HeaderName, value: &str| headers.get(name).is_some_and(|it| it == value);
    let is_other = is(&SITE, "cross-site") || is(&SITE, "same-site");
    let is_link = is(&MODE, "navigate") && *method == Method::GET;
    is_other && !is_link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_may_link_and_nothing_else() {
        let check = |method: Method, site: Option<&str>, mode: &str, expect: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(MODE, mode.parse().unwrap());
            if let Some(site) = site {
                headers.insert(SITE, site.parse().unwrap());
            }
            assert_eq!(is_foreign(&method, &headers), expect, "{method} {site:?} {mode}");
        };
        check(Method::POST, Some("cross-site"), "no-cors", true);
        check(Method::POST, Some("same-site"), "cors", true);
        check(Method::POST, Some("cross-site"), "navigate", true);
        check(Method::GET, Some("cross-site"), "websocket", true);
        check(Method::GET, Some("cross-site"), "navigate", false);
        check(Method::POST, Some("same-origin"), "cors", false);
        check(Method::GET, Some("none"), "navigate", false);
        check(Method::POST, None, "cors", false);
    }
}
