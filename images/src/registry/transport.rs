//! Sends requests, to whom they may be sent.
//!
//! Redirects are followed here and not by the HTTP library: each is a server that somebody else
//! has named.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::OnceLock;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RANGE};
use reqwest::{Body, Client, Method, RequestBuilder, Response, Url, redirect};

use super::guard::{Guard, ThisHost, proxies};
use crate::address::{Host, Named, NotAllowed, private_kind};
use crate::error::{Error, Result};
use crate::limits::{CONNECT_TIME_MAX, REDIRECTS_MAX, SILENCE_TIME_MAX, UPLOAD_TIME_MAX};

/// Sends requests.
pub(crate) struct Transport {
    allowed: Named,
    /// The names of the operator's proxies, which nobody else may ask for anything of their own.
    proxies: BTreeSet<String>,
    /// Made when somebody is asked: most never ask a registry, and should not read certificates.
    usual: OnceLock<Clients>,
    /// For uploads, whose answer comes when everything is sent.
    patient: OnceLock<Clients>,
}

/// Who speaks to whom.
struct Clients {
    /// For servers that anybody may name.
    public: Client,
    /// For those that the operator has named.
    named: Client,
    /// For plain HTTP, which never leaves this host.
    loopback: Client,
}

/// One request.
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) accept: Option<String>,
    /// Shown to the server of `url` alone, not to where it sends us.
    pub(crate) authorization: Option<HeaderValue>,
    /// The first byte that is wanted, if not all are.
    pub(crate) from: Option<u64>,
    /// With its media type. What has a body is not sent on elsewhere.
    pub(crate) body: Option<(Body, String)>,
    pub(crate) length: Option<u64>,
}

impl Ask {
    pub(crate) fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            accept: None,
            authorization: None,
            from: None,
            body: None,
            length: None,
        }
    }
}

impl Transport {
    /// Asks public servers, and those that are `allowed` wherever they are.
    pub(crate) fn new(allowed: Named) -> Self {
        Self { allowed, proxies: proxies(), usual: OnceLock::new(), patient: OnceLock::new() }
    }

    /// Sends `ask`, and goes where its answer sends it.
    pub(crate) async fn send(&self, mut ask: Ask) -> Result<Response> {
        let first = Host::of(&ask.url);
        let from_plain = ask.url.scheme() == "http";
        for _ in 0..=REDIRECTS_MAX {
            let url = ask.url.clone();
            let has_body = ask.body.is_some();
            let request = self.request(&mut ask)?;
            let response = request.send().await.map_err(|error| failed(&url, error))?;
            if !response.status().is_redirection() || has_body {
                return Ok(response);
            }
            let Some(location) = response.headers().get(LOCATION) else { return Ok(response) };
            let next = location.to_str().ok().and_then(|text| url.join(text).ok());
            let next = next.ok_or_else(|| {
                Error::answer(shown(&url), "it sends us on to what is no address")
            })?;
            if next.scheme() == "http" && !from_plain {
                return Err(NotAllowed::Plain(shown(&next)).into());
            }
            if Host::of(&next) != first || next.scheme() != ask.url.scheme() {
                ask.authorization = None;
            }
            ask.url = next;
        }
        Err(Error::limit(
            shown(&ask.url),
            format!("we were sent on more than {REDIRECTS_MAX} times"),
        ))
    }

    fn request(&self, ask: &mut Ask) -> Result<RequestBuilder> {
        let client = self.client_for(&ask.url, ask.body.is_some())?;
        let mut request = client.request(ask.method.clone(), ask.url.clone());
        if let Some(accept) = &ask.accept {
            request = request.header(ACCEPT, accept);
        }
        if let Some(authorization) = &ask.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(from) = ask.from {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        if let Some(length) = ask.length {
            request = request.header(reqwest::header::CONTENT_LENGTH, length);
        }
        if let Some((body, media_type)) = ask.body.take() {
            request = request.header(CONTENT_TYPE, media_type).body(body);
        }
        Ok(request)
    }

    /// Whoever may speak to the server of `url`.
    fn client_for(&self, url: &Url, is_upload: bool) -> Result<&Client> {
        let host = Host::of(url).filter(|_| url.username().is_empty() && url.password().is_none());
        let host = host.ok_or_else(|| Error::answer(shown(url), "this is no server to ask"))?;
        let is_named = self.allowed.has(url);
        match url.scheme() {
            "https" if is_named => return Ok(&self.clients(is_upload)?.named),
            "http" if is_named && host.is_loopback() => {
                return Ok(&self.clients(is_upload)?.loopback);
            }
            "https" => {}
            "http" if host.is_loopback() => {}
            _ => return Err(NotAllowed::Plain(shown(url)).into()),
        }
        // They are let through when they are looked up, wherever they are.
        if self.proxies.contains(host.name()) {
            return Err(NotAllowed::Proxy(host.to_string()).into());
        }
        // Numbers are connected to without being looked up.
        let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let number = if name == "localhost" { "127.0.0.1" } else { name };
        if let Ok(address) = IpAddr::from_str(number)
            && let Some(kind) = private_kind(address)
        {
            return Err(NotAllowed::Address { host: host.to_string(), address, kind }.into());
        }
        Ok(&self.clients(is_upload)?.public)
    }

    fn clients(&self, is_upload: bool) -> Result<&Clients> {
        let clients = if is_upload { &self.patient } else { &self.usual };
        if let Some(clients) = clients.get() {
            return Ok(clients);
        }
        let made = Clients::new(is_upload, &self.proxies).map_err(|source| Error::Request {
            url: "any registry".to_owned(),
            source: Box::new(source),
        })?;
        Ok(clients.get_or_init(|| made))
    }
}

impl Clients {
    fn new(is_upload: bool, proxies: &BTreeSet<String>) -> reqwest::Result<Self> {
        // A second one finds the first; both are the same.
        let _is_first = rustls::crypto::ring::default_provider().install_default();
        let client = || {
            let client = Client::builder()
                .user_agent(concat!("mayfly/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .referer(false)
                .connect_timeout(CONNECT_TIME_MAX);
            match is_upload {
                true => client.timeout(UPLOAD_TIME_MAX),
                false => client.read_timeout(SILENCE_TIME_MAX),
            }
        };
        Ok(Self {
            public: client().dns_resolver(Guard::new(proxies.clone())).build()?,
            named: client().build()?,
            loopback: client().no_proxy().dns_resolver(ThisHost).build()?,
        })
    }
}

/// `url` without its query, in which token servers and stores of blobs have secrets.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// Why a request to `url` came to nothing; our own refusals are found again in the library's error.
pub(super) fn failed(url: &Url, error: reqwest::Error) -> Error {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(not_allowed) = inner.downcast_ref::<NotAllowed>() {
            return not_allowed.clone().at(url).into();
        }
        source = inner.source();
    }
    if error.is_timeout() && error.is_connect() {
        let seconds = CONNECT_TIME_MAX.as_secs();
        return Error::limit(shown(url), format!("it can't be connected to in {seconds} seconds"));
    }
    if error.is_timeout() {
        let seconds = SILENCE_TIME_MAX.as_secs();
        return Error::limit(shown(url), format!("nothing came for {seconds} seconds"));
    }
    Error::Request { url: shown(url), source: cause(&error.without_url()).into() }
}

/// What is at the bottom of `error`: every layer above says that something below has failed.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_comes_to_nothing_says_why_and_no_more() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let transport = Transport::new(Named::new([closed.to_string().parse().unwrap()]));
        let url = Url::parse(&format!("https://{closed}/v2/?secret=1")).unwrap();
        let Err(error) = transport.send(Ask::get(url)).await else { panic!("nobody is there") };
        let why = std::error::Error::source(&error).unwrap();
        assert_eq!(error.to_string(), format!("can't ask https://{closed}/v2/"));
        assert_eq!(why.to_string(), "Connection refused (os error 111)");
        assert!(why.source().is_none());
    }

    #[test]
    fn only_servers_that_may_be_asked_are() {
        let named = Named::new(
            ["127.0.0.1:5000", "10.0.0.1", "localhost:5000"].map(|it| it.parse().unwrap()),
        );
        let proxies = BTreeSet::from(["proxy.example".to_owned()]);
        let transport = Transport { proxies, ..Transport::new(named) };
        let check = |url: &str, expect: Option<&str>| {
            let url = Url::parse(url).unwrap();
            let refusal = transport.client_for(&url, false).err().map(|error| error.to_string());
            match (refusal, expect) {
                (None, None) => {}
                (Some(refusal), Some(expect)) if refusal.contains(expect) => {}
                (refusal, _) => panic!("{url}: {refusal:?}"),
            }
        };
        check("https://ghcr.io/v2/", None);
        check("http://127.0.0.1:5000/v2/", None);
        check("http://localhost:5000/v2/", None);
        check("https://10.0.0.1/v2/", None);
        check("http://ghcr.io/v2/", Some("is not encrypted"));
        check("http://10.0.0.1/v2/", Some("is not encrypted"));
        check("http://127.0.0.1:5001/v2/", Some("which is loopback"));
        check("https://127.0.0.1:5001/v2/", Some("which is loopback"));
        check("https://localhost/v2/", Some("which is loopback"));
        check("https://10.0.0.2/v2/", Some("which is private"));
        check("https://169.254.169.254/latest", Some("link-local"));
        check("https://0xa9fea9fe/latest", Some("link-local"));
        check("https://[::ffff:127.0.0.1]/", Some("loopback"));
        check("https://me:pw@ghcr.io/", Some("no server"));
        check("ftp://ghcr.io/", Some("is not encrypted"));
        check("https://proxy.example:8443/", Some("proxy.example:8443 is a proxy of this host"));
        check("https://other.proxy.example/", None);
    }
}
