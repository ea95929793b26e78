//! What can be set while the server runs: how much it says in its log.
//!
//! | path | GET | PUT |
//! |---|---|---|
//! | `/debug/flags/log` | what is said | directives, such as `mayfly_controller=debug`; nothing for what it began with |
//! | `/debug/flags/v` | | a number, as Kubernetes' components take it |

use axum::body::{Body, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response};

use super::discovery::not_found;
use super::refusal::Refusal;
use super::router::Api;
use super::status::Status;
use crate::limits::FLAG_BYTES_MAX;

/// How much is said in a log.
pub trait LogFilter: Send + Sync + 'static {
    /// What is said, as directives.
    fn get(&self) -> String;

    /// From now on says what `directives` want, and what it began with if they are empty. The error
    /// says what is wrong with them, and nothing has changed.
    fn set(&self, directives: &str) -> Result<(), String>;
}

/// Whether a request is about that.
pub(super) fn is_meant(parts: &Parts) -> bool {
    matches!(parts.uri.path().trim_end_matches('/'), "/debug/flags/log" | "/debug/flags/v")
}

/// The answer to such a request.
pub(super) async fn answer(
    api: &Api,
    parts: &Parts,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    let Some(filter) = &api.log_filter else { return Ok(not_found()) };
    let is_verbosity = parts.uri.path().trim_end_matches('/').ends_with("/v");
    match parts.method {
        Method::GET | Method::HEAD => Ok(text(filter.get() + "\n")),
        Method::PUT => {
            let bytes = to_bytes(body, FLAG_BYTES_MAX).await;
            let bytes = bytes.map_err(|_| Status::too_large(FLAG_BYTES_MAX))?;
            let said = String::from_utf8_lossy(&bytes);
            let said = said.trim();
            if is_verbosity {
                let directives = directives(said)?;
                filter.set(directives).map_err(Status::bad_request)?;
                return Ok(text(format!("successfully set klog.logging.verbosity to {said}")));
            }
            filter.set(said).map_err(Status::bad_request)?;
            Ok(text(filter.get() + "\n"))
        }
        _ => Err(Status::method_not_allowed().into()),
    }
}

/// What a verbosity of Kubernetes' components means here: 2 is what they recommend, 4 is for finding
/// errors, 6 and more is everything.
fn directives(verbosity: &str) -> Result<&'static str, Refusal> {
    let number: u32 = verbosity.parse().map_err(|_| {
        Status::bad_request(format!("failed to set klog.logging.verbosity {verbosity:?}"))
    })?;
    Ok(match number {
        0 | 1 => "",
        2 | 3 => "info",
        4 | 5 => "debug",
        _ => "trace",
    })
}

fn text(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;
    use crate::clock::Clock;
    use crate::http::access::{Access, Policy, TokenHash};
    use crate::http::router;
    use crate::store::{Names, Store};

    /// Takes whatever has no `!` in it.
    #[derive(Default)]
    struct Said(Mutex<String>);

    impl LogFilter for Said {
        fn get(&self) -> String {
            self.0.lock().unwrap().clone()
        }

        fn set(&self, directives: &str) -> Result<(), String> {
            if directives.contains('!') {
                return Err(format!("{directives} is wrong"));
            }
            let directives = if directives.is_empty() { "first" } else { directives };
            directives.clone_into(&mut self.0.lock().unwrap());
            Ok(())
        }
    }

    async fn send(api: &Api, user: &str, request: (&str, &str), body: &str) -> (u16, String) {
        let (method, path) = request;
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {user}"));
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = router(api.clone()).oneshot(request).await.unwrap();
        let code = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (code, String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn api() -> Api {
        let user = |name: &str, role: &str| {
            let hash = TokenHash::of(name);
            format!("- {{name: {name}, roles: [{{role: {role}}}], tokens: [{{sha256: {hash}}}]}}\n")
        };
        let users = [user("admin", "admin"), user("editor", "edit")].concat();
        let policy = Policy::parse(&format!("users:\n{users}")).unwrap();
        let store = Store::in_memory(Clock::system(), Names::seeded(1));
        Api::new(store).with_access(Arc::new(Access::new(policy)))
    }

    #[tokio::test]
    async fn an_admin_says_how_much_is_logged() {
        let said = Arc::new(Said::default());
        let api = api().with_log_filter(said.clone());
        let log = "/debug/flags/log";
        assert_eq!(
            send(&api, "admin", ("PUT", log), " a=debug\n").await,
            (200, "a=debug\n".into())
        );
        assert_eq!(send(&api, "admin", ("GET", log), "").await, (200, "a=debug\n".into()));
        let (code, text) = send(&api, "admin", ("PUT", log), "!").await;
        assert!(code == 400 && text.contains("! is wrong"), "{code} {text}");
        let (code, _) = send(&api, "admin", ("PUT", log), &"a".repeat(5000)).await;
        assert_eq!(code, 413);
        assert_eq!(send(&api, "admin", ("DELETE", log), "").await.0, 405);
        assert_eq!(said.get(), "a=debug", "what is wrong changes nothing");
        assert_eq!(send(&api, "admin", ("PUT", log), "").await, (200, "first\n".into()));
    }

    #[tokio::test]
    async fn verbosities_of_kubernetes_are_understood() {
        let said = Arc::new(Said::default());
        let api = api().with_log_filter(said.clone());
        for (number, expect) in [("0", "first"), ("2", "info"), ("4", "debug"), ("10", "trace")] {
            let answer = send(&api, "admin", ("PUT", "/debug/flags/v"), number).await;
            let text = format!("successfully set klog.logging.verbosity to {number}");
            assert_eq!((answer, said.get().as_str()), ((200, text), expect));
        }
        for wrong in ["", "-1", "much"] {
            let (code, text) = send(&api, "admin", ("PUT", "/debug/flags/v"), wrong).await;
            assert!(code == 400 && text.contains("failed to set"), "{text}");
        }
    }

    #[tokio::test]
    async fn nobody_else_says_it_or_sees_it() {
        let api = api().with_log_filter(Arc::new(Said::default()));
        for method in ["GET", "PUT"] {
            for path in ["/debug/flags/log", "/debug/flags/v"] {
                assert_eq!(send(&api, "editor", (method, path), "1").await.0, 403, "{path}");
                assert_eq!(send(&api, "nobody", (method, path), "1").await.0, 401, "{path}");
            }
        }
        assert_eq!(send(&self::api(), "admin", ("GET", "/debug/flags/log"), "").await.0, 404);
    }
}
