//! A client that sends exactly what it is told to, well-formed or not.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::harness::{PATIENCE, Server};

/// What it shows of itself.
pub(crate) enum Shows {
    /// The certificate in the kubeconfig.
    Certificate,
    /// Another certificate with its key, as PEM.
    Another(String, String),
    /// Nothing.
    Nothing,
}

/// One encrypted connection.
pub(crate) struct Client(StreamOwned<ClientConnection, TcpStream>);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    /// Connects to `server`.
    pub(crate) fn connect(server: &Server, shows: &Shows) -> Self {
        let stream = connect(server);
        let config = Arc::new(config(server, shows, &[b"http/1.1"]));
        let name = "localhost".try_into().expect("it must be a name");
        let session = ClientConnection::new(config, name).expect("the settings must be right");
        Self(StreamOwned::new(session, stream))
    }

    /// Sends `bytes` as they are. A server need not read all of it before it answers.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).and_then(|()| self.0.flush());
    }

    /// Sends a request with a body, whole.
    pub(crate) fn request(&mut self, line: &str, headers: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head =
            format!("{line} HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {length}\r\n\r\n");
        self.send(&[head.as_bytes(), body].concat());
        self.answer().expect("there must be an answer")
    }

    /// Begins to watch what `path` names.
    pub(super) fn watch(mut self, path: &str) -> Watch {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        let answer = self.answer().expect("there must be an answer");
        assert_eq!(answer.code, 200, "{answer:?}");
        Watch { client: self, raw: answer.body.into_bytes(), text: Vec::new() }
    }

    /// The next answer; `None` if the connection ends instead.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.read_into(&mut bytes) {
                assert!(bytes.is_empty(), "cut in its head: {}", String::from_utf8_lossy(&bytes));
                return None;
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).expect("the head must be text");
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse().expect("a number"))
        });
        let length: usize = length.unwrap_or(0);
        while bytes.len() < end + length {
            assert!(self.read_into(&mut bytes), "cut in its body: {head}");
        }
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a code");
        let body = String::from_utf8(bytes[end..].to_vec()).expect("the body must be text");
        Some(Answer { code, head, body })
    }

    /// Reads a little; whether there was anything.
    fn read_into(&mut self, bytes: &mut Vec<u8>) -> bool {
        let mut chunk = [0; 16 * 1024];
        match self.0.read(&mut chunk) {
            Ok(length) => {
                bytes.extend_from_slice(&chunk[..length]);
                length > 0
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("no answer came"),
            // It was closed, politely or not.
            Err(_) => false,
        }
    }
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// An answer that goes on, in chunks.
pub(super) struct Watch {
    client: Client,
    /// What came and has not been looked at: the length of a chunk in a line, the chunk, an end of
    /// line.
    raw: Vec<u8>,
    text: Vec<u8>,
}

impl Watch {
    /// The next line.
    pub(super) fn line(&mut self) -> String {
        loop {
            if let Some(at) = self.text.iter().position(|it| *it == b'\n') {
                let line = self.text.drain(..=at).collect();
                return String::from_utf8(line).expect("it must be text");
            }
            assert!(self.chunk(), "it ended: {}", String::from_utf8_lossy(&self.text));
        }
    }

    /// All that comes until it ends.
    pub(super) fn rest(mut self) -> String {
        while self.chunk() {}
        String::from_utf8(self.text).expect("it must be text")
    }

    /// Whether nothing more comes, after another chunk has been read if there is one.
    pub(super) fn rest_is_empty(&mut self) -> bool {
        !self.chunk()
    }

    fn chunk(&mut self) -> bool {
        loop {
            if let Some(at) = self.raw.windows(2).position(|it| it == b"\r\n") {
                let size = std::str::from_utf8(&self.raw[..at]).expect("a number");
                let size = usize::from_str_radix(size, 16).expect("a number");
                if self.raw.len() >= at + size + 4 {
                    self.text.extend_from_slice(&self.raw[at + 2..at + 2 + size]);
                    self.raw.drain(..at + size + 4);
                    return size > 0;
                }
            }
            if !self.client.read_into(&mut self.raw) {
                return false;
            }
        }
    }
}

/// Connects to `server` without encryption.
pub(super) fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("it must listen");
    stream.set_read_timeout(Some(PATIENCE)).expect("the limit must be good");
    stream.set_write_timeout(Some(PATIENCE)).expect("the limit must be good");
    stream
}

/// What a client of `server` trusts and shows.
pub(super) fn config(server: &Server, shows: &Shows, protocols: &[&[u8]]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let authority = server.credential("certificate-authority-data");
    for authority in CertificateDer::pem_slice_iter(&authority) {
        roots.add(authority.expect("it must be PEM")).expect("it must be an authority");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider must have them")
        .with_root_certificates(roots);
    let pair = match shows {
        Shows::Nothing => None,
        Shows::Certificate => {
            let part = |key| server.credential(key);
            Some((part("client-certificate-data"), part("client-key-data")))
        }
        Shows::Another(certificate, key) => {
            Some((certificate.clone().into_bytes(), key.clone().into_bytes()))
        }
    };
    let mut config = match pair {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_slice_iter(&certificate).collect::<Result<_, _>>();
            let key = PrivateKeyDer::from_pem_slice(&key).expect("it must be PEM");
            builder.with_client_auth_cert(chain.expect("it must be PEM"), key).expect("a pair")
        }
    };
    config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
    config
}
