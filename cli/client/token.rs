//! `mayfly token`: what other hosts join with.
//!
//! A token is a Secret, as in Kubernetes, of which the digest is kept; who makes one is shown it once.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use mayfly_controller::api::Kind;
use mayfly_controller::bootstrap::{
    DESCRIPTION, EXPIRATION, NAME_PREFIX, NAMESPACE, SECRET_TYPE, TOKEN_ID, TOKEN_SHA256, Token,
    USAGE_AUTHENTICATION,
};
use mayfly_controller::clock::Clock;
use mayfly_controller::http::table::span;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::complaint::{Complaint, Complaints, is_refusal};
use super::connect::Connection;
use super::output::print;
use super::request::{As, Server};
use super::resource::Resource;
use crate::args::client::{TokenCommand, TokenCreateArguments};
use crate::exit::Exit;
use crate::pin::Pin;

/// The characters of tokens.
const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Makes, lists or deletes tokens.
pub(super) async fn token(command: &TokenCommand) -> anyhow::Result<Exit> {
    match command {
        TokenCommand::Create(arguments) => create(arguments).await,
        TokenCommand::List { server } => list(&Connection::to(server).await?).await,
        TokenCommand::Delete { tokens, server } => {
            delete(&Connection::to(server).await?, tokens).await
        }
    }
}

async fn create(arguments: &TokenCreateArguments) -> anyhow::Result<Exit> {
    let server = Connection::to(&arguments.server).await?;
    let pin = pin(&server).await?;
    let text = format!("{}.{}", random(6)?, random(16)?);
    let token = Token::parse(&text).expect("what is made must be a token");
    let mut data = json!({
        TOKEN_ID: token.id, TOKEN_SHA256: token.digest(), USAGE_AUTHENTICATION: "true",
    });
    if let Some(description) = &arguments.description {
        data[DESCRIPTION] = json!(description);
    }
    if arguments.ttl > SignedDuration::ZERO {
        let ends = Clock::system().now().checked_add(arguments.ttl);
        let ends = ends.map_err(|_| Complaint::usage("--ttl is too long; 0s is for ever"))?;
        data[EXPIRATION] = json!(format!("{ends:.0}"));
    }
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": SECRET_TYPE,
        "metadata": {"name": format!("{NAME_PREFIX}{}", token.id), "namespace": NAMESPACE},
        "stringData": data,
    });
    let path = Resource::of(Kind::Secret).path(Some(NAMESPACE));
    server.post(&path, &Vec::new(), &secret).await?;
    let url = arguments.reached_at.clone().unwrap_or_else(|| server.url());
    let mut line = format!("mayfly node --join {url} --token {text}");
    if let Some(pin) = pin {
        let _ = write!(line, " --ca-cert-hash {pin}");
    }
    print(&(line + "\n"))?;
    if pin.is_none() {
        eprintln!(
            "mayfly: there is no ConfigMap kube-public/cluster-info, where a server that is known by an \
             authority of its own says which: without --ca-cert-hash, hosts join if their systems \
             believe its certificate"
        );
    }
    if is_for_this_host_alone(&url) {
        eprintln!(
            "mayfly: other hosts do not reach {url}: have `mayfly serve --listen` listen where they \
             do, and say where that is with --server"
        );
    }
    Ok(Exit::Done)
}

/// By which hash the authority of `server` is known; none if the server says nothing of it, as one does
/// that every system knows.
async fn pin(server: &Server) -> anyhow::Result<Option<Pin>> {
    let path = Resource::of(Kind::ConfigMap).path_of("kube-public", "cluster-info");
    let info = match server.get(&path, &Vec::new(), As::Objects).await {
        Ok(info) => info,
        Err(error) if is_refusal(&error, 404) => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = info["data"]["kubeconfig"].as_str().unwrap_or_default();
    let authority = crate::pin::authority_of(text).unwrap_or_default();
    let all = CertificateDer::pem_slice_iter(&authority).collect::<Result<Vec<_>, _>>();
    match all.ok().and_then(|all| Pin::of_authority(&all)) {
        Some(pin) => Ok(Some(pin)),
        None => Err(Complaint::failed(
            "the ConfigMap kube-public/cluster-info does not say by which authority the server is \
             known",
        )),
    }
}

fn is_for_this_host_alone(url: &str) -> bool {
    let url: Option<hyper::Uri> = url.parse().ok();
    let host = url.as_ref().and_then(hyper::Uri::host).unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|it| it.is_loopback())
}

/// So many characters that nobody can guess.
fn random(count: usize) -> anyhow::Result<String> {
    let provider = rustls::crypto::ring::default_provider();
    let mut text = String::new();
    while text.len() < count {
        let mut bytes = [0; 32];
        let filled = provider.secure_random.fill(&mut bytes);
        filled.map_err(|_| Complaint::failed("the system has no random numbers"))?;
        // Beyond, some characters would come more often than others.
        let fair = bytes.iter().map(|byte| usize::from(*byte)).filter(|it| *it < 252);
        text.extend(fair.map(|it| char::from(LETTERS[it % LETTERS.len()])));
    }
    text.truncate(count);
    Ok(text)
}

async fn list(server: &Server) -> anyhow::Result<Exit> {
    let path = Resource::of(Kind::Secret).path(Some(NAMESPACE));
    let query = vec![("fieldSelector", format!("type={SECRET_TYPE}"))];
    let secrets = server.list(&path, &query).await?;
    if secrets.is_empty() {
        eprintln!("there are no tokens; `mayfly token create` makes one");
        return Ok(Exit::Done);
    }
    let now = Clock::system().now();
    let head = ["TOKEN", "TTL", "EXPIRES", "DESCRIPTION"].map(str::to_owned);
    let rows: Vec<_> =
        [head].into_iter().chain(secrets.iter().map(|secret| row(secret, now))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0) + 3;
    let [first, second, third] = [0, 1, 2].map(width);
    let mut text = String::new();
    for [id, ttl, expires, description] in &rows {
        let _ = writeln!(text, "{id:first$}{ttl:second$}{expires:third$}{description}");
    }
    print(&text)?;
    Ok(Exit::Done)
}

fn row(secret: &Value, now: Timestamp) -> [String; 4] {
    let text = |key: &str| {
        let bytes = BASE64.decode(secret["data"][key].as_str().unwrap_or_default());
        String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    };
    let none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
    let expires = text(EXPIRATION);
    let ttl = match expires.parse::<Timestamp>() {
        Ok(at) if now < at => span(at.duration_since(now)),
        Ok(_) => "<invalid>".to_owned(),
        Err(_) if expires.is_empty() => "<forever>".to_owned(),
        Err(_) => "<invalid>".to_owned(),
    };
    let expires = if expires.is_empty() { "<never>".to_owned() } else { expires };
    let description = super::table::on_one_line(&none(text(DESCRIPTION)));
    [text(TOKEN_ID), ttl, expires, description]
}

async fn delete(server: &Server, tokens: &[String]) -> anyhow::Result<Exit> {
    let mut complaints = Complaints::default();
    for token in tokens {
        let id = token.split('.').next().unwrap_or_default();
        let path = Resource::of(Kind::Secret).path_of(NAMESPACE, &format!("{NAME_PREFIX}{id}"));
        let deleted = server.delete(&path, &Vec::new(), &json!({})).await;
        let deleted = match deleted {
            Err(error) if is_refusal(&error, 404) => {
                Err(Complaint::failed(format!("there is no token \"{id}\"")))
            }
            other => other,
        };
        if complaints.take(deleted)?.is_some() {
            print(&format!("token \"{id}\" deleted\n"))?;
        }
    }
    complaints.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_told_by_its_id_alone() {
        let now = "2026-03-01T00:00:00Z".parse().expect("a time");
        let check = |data: Value, expect: [&str; 4]| {
            let encoded = data.as_object().expect("a map").iter().map(|(key, value)| {
                (key.clone(), json!(BASE64.encode(value.as_str().expect("text"))))
            });
            let secret = json!({"data": encoded.collect::<serde_json::Map<_, _>>()});
            assert_eq!(row(&secret, now), expect);
        };
        let (id, ends) = ("abcdef", "2026-03-01T23:00:00Z");
        let all = json!({TOKEN_ID: id, EXPIRATION: ends, DESCRIPTION: "rack"});
        check(all, ["abcdef", "23h", ends, "rack"]);
        check(json!({TOKEN_ID: id}), ["abcdef", "<forever>", "<never>", "<none>"]);
    }

    #[test]
    fn what_is_made_is_a_token() {
        let text = format!("{}.{}", random(6).expect("six"), random(16).expect("sixteen"));
        assert!(Token::parse(&text).is_some(), "{text}");
        assert_ne!(random(16).expect("sixteen"), random(16).expect("sixteen"));
    }

    #[test]
    fn an_address_of_this_host_is_none_for_others() {
        let check = |url: &str, expect: bool| assert_eq!(is_for_this_host_alone(url), expect);
        check("https://127.0.0.1:6443", true);
        check("https://localhost:6443", true);
        check("https://[::1]:6443", true);
        check("https://10.0.0.1:6443", false);
        check("https://build.example.org", false);
    }
}
