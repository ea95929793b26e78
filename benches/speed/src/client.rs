//! As much of HTTP/1.1 over TLS as asking a Kubernetes API takes.
//!
//! A client library would use a good part of the two cores that the server needs.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// How to reach a server.
#[derive(Clone)]
pub(crate) struct Access {
    address: String,
    tls: Arc<ClientConfig>,
}

impl Access {
    /// Reads a kubeconfig as mayfly writes it.
    pub(crate) fn read(kubeconfig: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(kubeconfig)?;
        let field = |name: &str| {
            let line =
                text.lines().find_map(|it| it.trim().trim_start_matches("- ").strip_prefix(name));
            line.map(str::trim).ok_or_else(|| invalid(format!("the kubeconfig has no {name}")))
        };
        let pem = |name: &str| BASE64.decode(field(name)?).map_err(invalid);
        let authority = pem("certificate-authority-data:")?;
        let certificates = CertificateDer::pem_slice_iter(&authority).flatten();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        let certificate = pem("client-certificate-data:")?;
        let chain = CertificateDer::pem_slice_iter(&certificate).flatten().collect();
        let key = PrivateKeyDer::from_pem_slice(&pem("client-key-data:")?).map_err(invalid)?;
        let config = ClientConfig::builder().with_root_certificates(roots);
        let tls = Arc::new(config.with_client_auth_cert(chain, key).map_err(invalid)?);
        let url = field("server:")?;
        let address = url.strip_prefix("https://").unwrap_or(url).to_owned();
        Ok(Self { address, tls })
    }
}

/// One connection.
pub(crate) struct Client {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    host: String,
    /// What came of a watch, and how much of that has been taken.
    pending: (Vec<u8>, usize),
}

impl Client {
    pub(crate) fn connect(access: &Access) -> io::Result<Self> {
        let host = access.address.clone();
        let tcp = TcpStream::connect(&host)?;
        tcp.set_nodelay(true)?;
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).to_owned();
        let name = ServerName::try_from(name).map_err(invalid)?;
        let tls = ClientConnection::new(Arc::clone(&access.tls), name).map_err(invalid)?;
        let stream = BufReader::with_capacity(64 * 1024, StreamOwned::new(tls, tcp));
        Ok(Self { stream, host, pending: (Vec::new(), 0) })
    }

    /// The body of what is at `path`.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Vec<u8>> {
        self.get_as(path, "application/json")
    }

    /// The same in the form that `accept` names.
    pub(crate) fn get_as(&mut self, path: &str, accept: &str) -> io::Result<Vec<u8>> {
        self.send("GET", path, accept, b"")?;
        self.body()
    }

    /// Creates `object` in the list at `path`.
    pub(crate) fn post(&mut self, path: &str, object: &Value) -> io::Result<Vec<u8>> {
        self.send("POST", path, "application/json", object.to_string().as_bytes())?;
        self.body()
    }

    /// Begins a watch, whose events [`line`](Self::line) reads.
    pub(crate) fn watch(&mut self, path: &str) -> io::Result<()> {
        self.send("GET", path, "application/json", b"")?;
        self.head().map(drop)
    }

    /// The next event of a watch, as the line that it is.
    pub(crate) fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            // A chunk may hold several lines, and end anywhere in one.
            let (pending, taken) = &mut self.pending;
            let rest = &pending[*taken..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line = rest[..=end].to_vec();
                *taken += line.len();
                return Ok(line);
            }
            pending.drain(..*taken);
            *taken = 0;
            let chunk = self.chunk()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            self.pending.0.extend(chunk);
        }
    }

    fn send(&mut self, method: &str, path: &str, accept: &str, body: &[u8]) -> io::Result<()> {
        let (host, length) = (&self.host, body.len());
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        let stream = self.stream.get_mut();
        stream.write_all(&request)?;
        stream.flush()
    }

    /// The length of the body that follows; `None` if it comes in chunks.
    fn head(&mut self) -> io::Result<Option<usize>> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let code = line.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
        let status = line.trim_end().to_owned();
        let mut length = None;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            }
        }
        if code.is_some_and(|code| (200..300).contains(&code)) {
            return Ok(length);
        }
        let mut body = vec![0; length.unwrap_or_default()];
        self.stream.read_exact(&mut body)?;
        Err(invalid(format!("{status}: {}", String::from_utf8_lossy(&body))))
    }

    fn body(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        match self.head()? {
            Some(length) => {
                body.resize(length, 0);
                self.stream.read_exact(&mut body)?;
            }
            None => {
                while let Some(chunk) = self.chunk()? {
                    body.extend(chunk);
                }
            }
        }
        Ok(body)
    }

    /// The next piece of a body in chunks; `None` at its end.
    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim_end(), 16).map_err(invalid)?;
        let mut chunk = vec![0; length + 2];
        self.stream.read_exact(&mut chunk)?;
        chunk.truncate(length);
        Ok((length > 0).then_some(chunk))
    }
}

fn invalid(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
