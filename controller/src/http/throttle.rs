//! The limits that every request is under, before anybody looks at what it asks.
//!
//! ```text
//! size of the head ─▶ how many at once ─▶ how long ─▶ what answers; a panic in it is an answer, too
//! ```
//!
//! What goes on for long by its nature, such as a watch, is limited in number where it is served.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header::CACHE_CONTROL};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::backup;
use super::options::Query;
use super::refusal::Refusal;
use super::status::Status;
use crate::limits::{
    READS_AT_ONCE_MAX, REQUEST_HEADER_BYTES_MAX, REQUEST_HEADERS_MAX, REQUEST_SECONDS_MAX,
    WRITES_AT_ONCE_MAX,
};

/// What requests share.
struct Places {
    reads: Semaphore,
    writes: Semaphore,
}

/// `router`, within the limits.
pub(super) fn limited(router: Router) -> Router {
    let reads = Semaphore::new(READS_AT_ONCE_MAX);
    let writes = Semaphore::new(WRITES_AT_ONCE_MAX);
    within(router, Places { reads, writes })
}

fn within(router: Router, places: Places) -> Router {
    router.layer(from_fn_with_state(Arc::new(places), answer))
}

async fn answer(State(places): State<Arc<Places>>, request: Request, next: Next) -> Response {
    let mut response = match guarded(&places, request, next).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    // Nobody between us and the client may keep an answer.
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache, private"));
    response
}

async fn guarded(places: &Places, request: Request, next: Next) -> Result<Response, Refusal> {
    check_head(&request)?;
    if goes_on(&request) {
        return unless_it_panics(request, next).await;
    }
    let _place = places.take(request.method())?;
    let patience = patience(&request)?;
    let answered = timeout(patience, unless_it_panics(request, next)).await;
    answered.unwrap_or_else(|_| Err(Status::timed_out().into()))
}

impl Places {
    fn take(&self, method: &Method) -> Result<tokio::sync::SemaphorePermit<'_>, Refusal> {
        let (places, limit, what) = if matches!(*method, Method::GET | Method::HEAD) {
            (&self.reads, READS_AT_ONCE_MAX, "read")
        } else {
            (&self.writes, WRITES_AT_ONCE_MAX, "write")
        };
        places.try_acquire().map_err(|_| {
            Status::too_many_requests(&format!("no more than {limit} that {what} at once")).into()
        })
    }
}

fn check_head(request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    if headers.len() > REQUEST_HEADERS_MAX {
        return Err(Status::head_too_large("headers", REQUEST_HEADERS_MAX).into());
    }
    let path = request.uri().path_and_query().map_or(0, |it| it.as_str().len());
    let sizes = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    if path + sizes.sum::<usize>() > REQUEST_HEADER_BYTES_MAX {
        return Err(Status::head_too_large("bytes", REQUEST_HEADER_BYTES_MAX).into());
    }
    Ok(())
}

/// Whether the request asks for something that goes on until somebody ends it.
fn goes_on(request: &Request) -> bool {
    let path = request.uri().path();
    // It takes as long as what is sent is large, and keeps a place of its own.
    if path == backup::RESTORE {
        return true;
    }
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let segments: Vec<&str> = path.trim_matches('/').splitn(5, '/').collect();
    // Not only somewhere in it: a namespace may have that name.
    if matches!(segments[..], ["api", _, "watch", ..] | ["apis", _, _, "watch", ..]) {
        return true;
    }
    if path.contains("/pods/") && matches!(last, "log" | "attach" | "exec" | "portforward") {
        return true;
    }
    let query = request.uri().query().unwrap_or_default();
    // Most have none of it, and need not be parsed.
    *request.method() == Method::GET
        && query.contains("watch")
        && Query::parse(query).is_set("watch")
}

/// How long the request may take: as long as it says itself, but no longer than any.
fn patience(request: &Request) -> Result<Duration, Refusal> {
    let most = Duration::from_secs(REQUEST_SECONDS_MAX);
    let query = request.uri().query().unwrap_or_default();
    if !query.contains("timeout") {
        return Ok(most);
    }
    let Some(text) = Query::parse(query).get("timeout").map(str::to_owned) else { return Ok(most) };
    let wanted = text.parse::<jiff::SignedDuration>().ok().and_then(|it| it.try_into().ok());
    match wanted {
        // None at all means that the client leaves it to us.
        Some(Duration::ZERO) => Ok(most),
        Some(wanted) => Ok(most.min(wanted)),
        None => Err(Status::bad_request("invalid timeout specified in the request URL").into()),
    }
}

/// The answer of `next`. A panic ends its request, and no other.
async fn unless_it_panics(request: Request, next: Next) -> Result<Response, Refusal> {
    let what = format!("{} {}", request.method(), request.uri().path());
    // Nothing outlives a panic but the store, which is whole between any two of its steps.
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answered.map_err(|_| {
        tracing::error!(request = what, "a request caused a panic");
        Status::internal("the request caused a panic; the log has more").into()
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::any;
    use tokio::sync::Notify;
    use tower::ServiceExt;

    use super::*;

    fn request(method: &str, uri: &str) -> Request {
        Request::builder().method(method).uri(uri).body(Body::empty()).unwrap()
    }

    async fn told(response: Response) -> (u16, String) {
        let code = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (code, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_is_told_the_limit() {
        let router = limited(Router::new().fallback(|| async { "ok" }));
        let check = async |request: Request, code: u16, message: &str| {
            let (found, body) = told(router.clone().oneshot(request).await.unwrap()).await;
            assert_eq!(found, code, "{body}");
            assert!(body.contains(message), "{body}");
        };
        check(request("GET", "/"), 200, "ok").await;
        let mut many = request("GET", "/");
        for number in 0..=REQUEST_HEADERS_MAX {
            let name: axum::http::HeaderName = format!("x-{number}").parse().unwrap();
            many.headers_mut().insert(name, HeaderValue::from_static("1"));
        }
        check(many, 431, "limit is 100 headers").await;
        let mut large = request("GET", "/");
        let value = HeaderValue::from_str(&"a".repeat(REQUEST_HEADER_BYTES_MAX)).unwrap();
        large.headers_mut().insert("x-large", value);
        check(large, 431, "limit is 65536 bytes").await;
        let long = format!("/{}", "a".repeat(REQUEST_HEADER_BYTES_MAX - 1));
        check(request("GET", &long[..60_000]), 200, "ok").await;
    }

    #[tokio::test]
    async fn one_too_many_is_told_to_come_back() {
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (started, released) = (begun.clone(), go_on.clone());
        let slow = any(move || async move {
            started.notify_one();
            released.notified().await;
        });
        let places = Places { reads: Semaphore::new(1), writes: Semaphore::new(1) };
        let quick = any(|| async { "ok" });
        let router = Router::new().route("/slow", slow).fallback_service(quick);
        let router = within(router, places);
        let first = tokio::spawn(router.clone().oneshot(request("POST", "/slow")));
        begun.notified().await;

        let refused = router.clone().oneshot(request("POST", "/")).await.unwrap();
        assert_eq!(refused.headers()["retry-after"], "1");
        let (code, body) = told(refused).await;
        assert_eq!(code, 429);
        assert!(body.contains(r#""reason":"TooManyRequests""#), "{body}");
        assert!(body.contains("no more than 200 that write at once"), "{body}");
        let read = router.clone().oneshot(request("GET", "/")).await.unwrap();
        assert_eq!(read.status(), 200, "reads have places of their own");

        go_on.notify_one();
        assert_eq!(first.await.unwrap().unwrap().status(), 200);
        let again = router.oneshot(request("POST", "/")).await.unwrap();
        assert_eq!(again.status(), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_ended_unless_it_is_meant_to() {
        let never = || async { std::future::pending::<()>().await };
        let router = limited(Router::new().fallback(never));
        let check = async |uri: &str, seconds: Option<u64>| {
            let begun = tokio::time::Instant::now();
            let day = Duration::from_secs(24 * 3600);
            let answered = timeout(day, router.clone().oneshot(request("GET", uri))).await;
            let Some(seconds) = seconds else {
                assert!(answered.is_err(), "{uri}");
                return;
            };
            let (code, body) = told(answered.unwrap().unwrap()).await;
            assert_eq!((begun.elapsed().as_secs(), code), (seconds, 504), "{uri}: {body}");
            assert!(body.contains("did not complete within the allotted timeout"), "{body}");
        };
        check("/api/v1/pods", Some(60)).await;
        check("/api/v1/pods?timeout=32s", Some(32)).await;
        check("/api/v1/pods?timeout=1h", Some(60)).await;
        check("/api/v1/pods?timeoutSeconds=5", Some(60)).await;
        check("/api/v1/pods?watch=true", None).await;
        check("/api/v1/pods?watch=false", Some(60)).await;
        check("/api/v1/watch/pods", None).await;
        check("/api/v1/namespaces/watch/pods", Some(60)).await;
        check("/api/v1/namespaces/a/pods/b/log?follow=true", None).await;
        check("/api/v1/namespaces/a/pods/b/attach", None).await;
        let wrong = router.clone().oneshot(request("GET", "/api?timeout=soon")).await.unwrap();
        let (code, body) = told(wrong).await;
        assert_eq!(code, 400);
        assert!(body.contains("invalid timeout specified in the request URL"), "{body}");
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        async fn panics() {
            panic!("on purpose")
        }
        let router = limited(Router::new().fallback(panics));
        let (code, body) = told(router.oneshot(request("GET", "/")).await.unwrap()).await;
        assert_eq!(code, 500);
        assert!(body.contains("InternalError"), "{body}");
    }
}
