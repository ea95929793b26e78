//! Reads what registries answer, within limits.

use futures_util::StreamExt as _;
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::transport::{failed, shown};
use crate::error::{Error, Result};
use crate::limits::{ANSWER_TIME_MAX, COMPLAINT_BYTES_MAX};

/// How much of what a stranger says is shown.
const SHOWN_CHARACTERS_MAX: usize = 300;

/// The body of `response`, if it is no larger than `bytes_max`.
pub(super) async fn body(response: Response, what: &str, bytes_max: u64) -> Result<Vec<u8>> {
    let url = response.url().clone();
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(|error| failed(&url, error))?;
        if (body.len() + bytes.len()) as u64 > bytes_max {
            return Err(Error::limit(what, format!("it is larger than {bytes_max} bytes")));
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

/// `response`, if its status says that it is what was asked for.
pub(super) async fn success(response: Response, what: &str) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let place = shown(response.url());
    let said = beginning(response).await;
    let complaint = complaint(status, &said);
    Err(Error::Refused { what: format!("{what} ({place})"), status: status.as_u16(), complaint })
}

/// The first bytes of a body, as far as they come in time; what can't be read is left out.
async fn beginning(response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    let read = async {
        while let Some(Ok(bytes)) = stream.next().await {
            body.extend_from_slice(&bytes);
            if body.len() as u64 > COMPLAINT_BYTES_MAX {
                break;
            }
        }
    };
    // What has come by then is as good as the whole.
    let _is_whole = tokio::time::timeout(ANSWER_TIME_MAX, read).await;
    body
}

#[derive(Deserialize)]
struct Complaints {
    errors: Vec<Complaint>,
}

#[derive(Deserialize)]
struct Complaint {
    code: String,
    #[serde(default)]
    message: Option<String>,
}

fn complaint(status: StatusCode, said: &[u8]) -> String {
    let status = match status {
        StatusCode::UNAUTHORIZED => {
            "401 Unauthorized: it is not there, or needs a login".to_owned()
        }
        StatusCode::NOT_FOUND => "404 Not Found".to_owned(),
        status => status.to_string(),
    };
    let said = match serde_json::from_slice::<Complaints>(said) {
        Ok(Complaints { errors }) => errors.first().map(|first| match &first.message {
            Some(message) => format!("{}: {message}", first.code),
            None => first.code.clone(),
        }),
        Err(_) => None,
    };
    match said {
        Some(said) => format!("{status} ({})", printable(&said)),
        None => status,
    }
}

/// What a stranger has said, fit for a terminal and a log.
pub(crate) fn printable(text: &str) -> String {
    let clean = text.chars().map(|it| if it.is_control() { ' ' } else { it });
    clean.take(SHOWN_CHARACTERS_MAX).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    /// An answer that has a byte every ten seconds.
    ///
    /// It comes over no line, on which bytes would still be under way when a clock that nobody waits
    /// for has gone on.
    pub(in crate::registry) fn trickle() -> Response {
        let bytes = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            Some((Ok::<_, std::io::Error>(vec![b'x']), ()))
        });
        axum::http::Response::new(reqwest::Body::wrap_stream(bytes)).into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_complaint_that_trickles_is_not_waited_for_for_ever() {
        let began = tokio::time::Instant::now();
        let said = beginning(trickle()).await;
        assert!((5..=6).contains(&said.len()), "{said:?}");
        assert_eq!(began.elapsed().as_secs(), ANSWER_TIME_MAX.as_secs());
    }

    #[test]
    fn a_registry_complains_in_its_own_words_without_control_characters() {
        let said = br#"{"errors":[{"code":"NAME_UNKNOWN","message":"no\u001b[31m such"}]}"#;
        assert_eq!(
            complaint(StatusCode::NOT_FOUND, said),
            "404 Not Found (NAME_UNKNOWN: no [31m such)"
        );
        assert_eq!(complaint(StatusCode::BAD_GATEWAY, b"<html>"), "502 Bad Gateway");
        let long = format!(r#"{{"errors":[{{"code":"{}"}}]}}"#, "x".repeat(5000));
        assert!(complaint(StatusCode::BAD_REQUEST, long.as_bytes()).len() < 400);
    }
}
