//! What is said to those of whose request nobody knows what has become.
//!
//! Clients of Kubernetes repeat by themselves what is answered with 503 and `Retry-After`, whatever it
//! is: a Job with a `generateName` would be there twice. So that is said only where asking again does
//! what asking once does.

use axum::extract::Request;
use axum::http::Method;
use mayfly_controller::http::status::Status;

use super::peers;

/// Whether `request` may be asked again by whoever did not see what came of it. What is upgraded, such
/// as an exec, begins with a GET, and is none.
pub(super) fn may_be_repeated(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD) && !peers::is_upgrade(request.headers())
}

/// The answer to a request that broke off because of `why`.
pub(super) fn broken_off(may_be_repeated: bool, why: &str) -> Status {
    if may_be_repeated { Status::unavailable(why) } else { Status::in_doubt(why) }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn who_only_reads_may_ask_again() {
        let check = |method: Method, upgrade: Option<&str>, expect: bool| {
            let request = Request::builder().method(&method).uri("/api/v1/pods");
            let request = match upgrade {
                Some(to) => request.header("connection", "Upgrade").header("upgrade", to),
                None => request,
            };
            let request = request.body(Body::empty()).expect("it must be one");
            assert_eq!(may_be_repeated(&request), expect, "{method} {upgrade:?}");
        };
        check(Method::GET, None, true);
        check(Method::HEAD, None, true);
        check(Method::GET, Some("websocket"), false);
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::CONNECT] {
            check(method, None, false);
        }
    }
}
