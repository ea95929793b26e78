//! The dashboard: files that a browser shows, which ask the API as kubectl does.
//!
//! They are the same for everybody and tell nothing, so they need no credentials; every byte that
//! they show is asked of the API, with the credentials of whoever looks.

use std::sync::LazyLock;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, Response, StatusCode};
use axum::middleware::{Next, from_fn};
use sha2::{Digest as _, Sha256};

/// What a page may do: load what is served here, and ask what is served here.
///
/// Text can't become HTML or a script in it (trusted types), whatever a Job is called or prints.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; \
                      form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const CSS: &str = "text/css; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The page itself.
const INDEX: &str = "index.html";

struct File {
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

macro_rules! served {
    ($path:literal, $content_type:expr) => {
        File {
            path: $path,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../dashboard/", $path)),
        }
    };
}

/// Every file in `dashboard/`, in order.
const FILES: &[File] = &[
    served!("api/access.js", JAVASCRIPT),
    served!("api/client.js", JAVASCRIPT),
    served!("api/create.js", JAVASCRIPT),
    served!("api/lines.js", JAVASCRIPT),
    served!("api/paths.js", JAVASCRIPT),
    served!("api/session.js", JAVASCRIPT),
    served!("api/watch.js", JAVASCRIPT),
    served!("app.js", JAVASCRIPT),
    served!("facts/again.js", JAVASCRIPT),
    served!("facts/complaints.js", JAVASCRIPT),
    served!("facts/cron.js", JAVASCRIPT),
    served!("facts/cron_job.js", JAVASCRIPT),
    served!("facts/documents.js", JAVASCRIPT),
    served!("facts/indexes.js", JAVASCRIPT),
    served!("facts/job.js", JAVASCRIPT),
    served!("facts/pod.js", JAVASCRIPT),
    served!("facts/templates.js", JAVASCRIPT),
    served!("facts/usage.js", JAVASCRIPT),
    served!("facts/words.js", JAVASCRIPT),
    served!("facts/yaml.js", JAVASCRIPT),
    served!("icon.svg", SVG),
    served!("index.html", HTML),
    served!("main.js", JAVASCRIPT),
    served!("pages/create.js", JAVASCRIPT),
    served!("pages/cron_job.js", JAVASCRIPT),
    served!("pages/cron_jobs.js", JAVASCRIPT),
    served!("pages/job.js", JAVASCRIPT),
    served!("pages/jobs.js", JAVASCRIPT),
    served!("pages/pod.js", JAVASCRIPT),
    served!("pages/sign_in.js", JAVASCRIPT),
    served!("parts/badge.js", JAVASCRIPT),
    served!("parts/dialog.js", JAVASCRIPT),
    served!("parts/dom.js", JAVASCRIPT),
    served!("parts/editor.js", JAVASCRIPT),
    served!("parts/events.js", JAVASCRIPT),
    served!("parts/facts.js", JAVASCRIPT),
    served!("parts/grid.js", JAVASCRIPT),
    served!("parts/head.js", JAVASCRIPT),
    served!("parts/health.js", JAVASCRIPT),
    served!("parts/log.js", JAVASCRIPT),
    served!("parts/notices.js", JAVASCRIPT),
    served!("parts/pod_log.js", JAVASCRIPT),
    served!("parts/pods.js", JAVASCRIPT),
    served!("parts/table.js", JAVASCRIPT),
    served!("parts/timeline.js", JAVASCRIPT),
    served!("parts/toolbar.js", JAVASCRIPT),
    served!("parts/use.js", JAVASCRIPT),
    served!("style/base.css", CSS),
    served!("style/pages.css", CSS),
    served!("style/parts.css", CSS),
];

/// `api`, with the dashboard before it.
pub(super) fn before(api: Router) -> Router {
    api.layer(from_fn(answer))
}

async fn answer(request: Request, next: Next) -> Response<Body> {
    match file(request.method(), request.uri().path(), request.headers()) {
        Some(file) => file.response(request.headers()),
        None => next.run(request).await,
    }
}

/// The file that a request is for, if it is for one.
fn file(method: &Method, path: &str, headers: &HeaderMap) -> Option<&'static File> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let name = match path {
        // Clients of the API are told there which paths there are.
        "/" if is_browser(headers) => INDEX,
        "/dashboard" | "/dashboard/" => INDEX,
        path => path.strip_prefix("/dashboard/")?,
    };
    FILES.iter().find(|file| file.path == name)
}

/// Whether it asks for a page by name, as browsers do and other clients don't.
fn is_browser(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|it| it.split(';').next().unwrap_or_default().trim() == "text/html")
}

impl File {
    /// What is in it, by which a browser knows whether it has it.
    fn tag(&self) -> &'static HeaderValue {
        static TAGS: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| {
            let tag = |file: &File| format!("\"{:x}\"", Sha256::digest(file.bytes));
            let header = |file| HeaderValue::from_str(&tag(file)).expect("a hash must be a header");
            FILES.iter().map(header).collect()
        });
        let at = FILES.iter().position(|file| file.path == self.path);
        &TAGS[at.expect("a file must be among all files")]
    }

    /// Answers with it, unless the browser has it.
    fn response(&self, headers: &HeaderMap) -> Response<Body> {
        let tag = self.tag();
        let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| known == tag);
        let body =
            if is_known { Body::empty() } else { Body::from(Bytes::from_static(self.bytes)) };
        let mut response = Response::new(body);
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let answer = response.headers_mut();
        answer.insert(ETAG, tag.clone());
        let said = [
            (CONTENT_TYPE, self.content_type),
            // Asked for each time, so that all files are of one version.
            (CACHE_CONTROL, "no-cache"),
            (VARY, "Accept"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ];
        answer.extend(said.map(|(name, value)| (name, HeaderValue::from_static(value))));
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn a_page_is_for_browsers() {
        let check = |method: Method, path: &str, accept: &'static str, expect: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            let found = file(&method, path, &headers).map(|file| file.path);
            assert_eq!(found, expect, "{method} {path}, {accept}");
        };
        check(Method::GET, "/", "text/html,application/xhtml+xml,*/*;q=0.8", Some("index.html"));
        check(Method::GET, "/", "*/*", None);
        check(Method::GET, "/", "application/json", None);
        check(Method::POST, "/", "text/html", None);
        check(Method::HEAD, "/dashboard/main.js", "*/*", Some("main.js"));
        check(Method::GET, "/dashboard/", "*/*", Some("index.html"));
        check(Method::GET, "/dashboard/../Cargo.toml", "*/*", None);
        check(Method::GET, "/api", "text/html", None);
    }

    #[test]
    fn every_file_is_served_and_whatever_a_file_names_is_there() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("dashboard");
        let mut on_disk = BTreeSet::new();
        walk(&folder, &folder, &mut on_disk);
        // It tells node and editors what the others are, and is not for browsers.
        assert!(on_disk.remove("package.json"));
        let served: BTreeSet<_> = FILES.iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(served, on_disk);
        for file in FILES {
            let text = String::from_utf8_lossy(file.bytes);
            for import in text.split(" from '").skip(1).filter_map(|it| it.split('\'').next()) {
                let beside = folder.join(file.path).parent().expect("a file").join(import);
                assert!(beside.is_file(), "{} imports {import}", file.path);
            }
            for foreign in ["http://", "https://", "innerHTML", "eval(", "document.cookie"] {
                let is_name = foreign == "http://" && file.content_type == SVG;
                assert!(is_name || !text.contains(foreign), "{} says {foreign}", file.path);
            }
        }
    }

    fn walk(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        let index = FILES.iter().find(|file| file.path == INDEX).unwrap();
        let first = index.response(&HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        let again = index.response(&headers);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[CONTENT_SECURITY_POLICY], POLICY);
    }
}
