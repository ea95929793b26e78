//! Whether we are well: `/healthz`, `/livez` and `/readyz`, each check by itself or all together.
//!
//! The texts are the API server's own. They say which check fails and not why, since anybody may
//! ask.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Response, StatusCode};

use crate::http::options::Query;

/// Where in its life a server is; whoever runs it says so, and the health checks tell it on.
///
/// Copies share one state. It only moves on: what shuts down does not serve again.
#[derive(Clone, Debug)]
pub struct Health(Arc<AtomicU8>);

const STARTING: u8 = 0;
const SERVING: u8 = 1;
const SHUTTING_DOWN: u8 = 2;

impl Health {
    /// A server whose controllers don't run yet: it is alive, and not ready.
    pub fn starting() -> Self {
        Self(Arc::new(AtomicU8::new(STARTING)))
    }

    /// The controllers run.
    pub fn started(&self) {
        self.0.fetch_max(SERVING, Ordering::Relaxed);
    }

    /// The end has begun: what is under way is still answered, but nobody should send more.
    pub fn shutting_down(&self) {
        self.0.fetch_max(SHUTTING_DOWN, Ordering::Relaxed);
    }

    fn passes(&self, check: Check) -> bool {
        let state = self.0.load(Ordering::Relaxed);
        match check {
            Check::Ping => true,
            Check::Controllers => state != STARTING,
            Check::Shutdown => state != SHUTTING_DOWN,
        }
    }
}

impl Default for Health {
    /// A server that needs no controllers, such as one in a test.
    fn default() -> Self {
        Self(Arc::new(AtomicU8::new(SERVING)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// Someone answers.
    Ping,
    /// The controllers run.
    Controllers,
    /// The end has not begun.
    Shutdown,
}

impl Check {
    fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Controllers => "poststarthook/start-controllers",
            Self::Shutdown => "shutdown",
        }
    }

    /// What is told when it fails and is asked for alone.
    fn failure(self) -> &'static str {
        match self {
            Self::Ping => "",
            Self::Controllers => "not finished",
            Self::Shutdown => "process is shutting down",
        }
    }
}

/// The checks of each path. A server that still starts is as alive as one that ends.
fn checks(endpoint: &str) -> &'static [Check] {
    match endpoint {
        "healthz" => &[Check::Ping, Check::Controllers],
        "livez" => &[Check::Ping],
        "readyz" => &[Check::Ping, Check::Controllers, Check::Shutdown],
        _ => &[],
    }
}

/// Every path with health in it.
pub(super) fn paths() -> impl Iterator<Item = String> {
    ["healthz", "livez", "readyz"].into_iter().flat_map(|endpoint| {
        let each = checks(endpoint).iter().map(move |it| format!("/{endpoint}/{}", it.name()));
        std::iter::once(format!("/{endpoint}")).chain(each)
    })
}

/// Answers a request for `/endpoint`, or for one check beneath it, if there is such a thing.
pub(super) fn answer(
    health: &Health,
    endpoint: &str,
    check: &str,
    query: &Query,
) -> Option<Response<Body>> {
    let checks = checks(endpoint);
    if check.is_empty() {
        return (!checks.is_empty()).then(|| together(health, endpoint, checks, query));
    }
    let check = checks.iter().find(|it| it.name() == check)?;
    Some(if health.passes(*check) {
        text(StatusCode::OK, "ok".to_owned())
    } else {
        let text_of_it = format!("internal server error: {}\n", check.failure());
        text(StatusCode::INTERNAL_SERVER_ERROR, text_of_it)
    })
}

/// All checks but those that are excluded.
fn together(health: &Health, endpoint: &str, checks: &[Check], query: &Query) -> Response<Body> {
    let excluded: Vec<&str> = query.all("exclude").collect();
    let (mut lines, mut is_well) = (String::new(), true);
    for check in checks {
        let name = check.name();
        let line = if excluded.contains(&name) {
            format!("[+]{name} excluded: ok\n")
        } else if health.passes(*check) {
            format!("[+]{name} ok\n")
        } else {
            is_well = false;
            format!("[-]{name} failed: reason withheld\n")
        };
        lines.push_str(&line);
    }
    let mut unknown: Vec<&str> = excluded;
    unknown.retain(|name| checks.iter().all(|check| check.name() != *name));
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        let quoted: Vec<String> = unknown.iter().map(|name| format!("{name:?}")).collect();
        let _ = writeln!(
            lines,
            "warn: some health checks cannot be excluded: no matches for {}",
            quoted.join(",")
        );
    }
    match (is_well, query.has("verbose")) {
        (false, _) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, format!("{lines}{endpoint} check failed\n"))
        }
        (true, true) => text(StatusCode::OK, format!("{lines}{endpoint} check passed\n")),
        (true, false) => text(StatusCode::OK, "ok".to_owned()),
    }
}

/// An answer in words, which no browser is to take for something else.
pub(super) fn text(code: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
