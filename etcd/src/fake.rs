//! A member of etcd for tests, that answers what it is told to.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::client::{Client, Credentials};
use crate::limits::ANSWER_MAX;

/// In how many pieces a slow answer comes.
const PIECES: usize = 3;

/// What becomes of a request.
pub(crate) enum Reply {
    Json(u16, Value),
    /// That, with status 200, piece by piece, in longer than one answer may take.
    Slowly(Value),
    /// Never anything.
    Nothing,
    /// The connection is closed.
    Hangup,
}

/// It is at work until it is dropped.
pub(crate) struct Fake {
    pub(crate) address: String,
    folder: TempDir,
    _serving: AbortOnDropHandle<()>,
}

impl Fake {
    /// One that answers what `answer` says for a path and a body.
    pub(crate) async fn start(
        answer: impl Fn(&str, &Value) -> Reply + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone()));
            }
        });
        let folder = tempfile::tempdir().unwrap();
        Self { address, folder, _serving: AbortOnDropHandle::new(serving) }
    }

    /// A client of it alone.
    pub(crate) fn client(&self) -> Client {
        self.client_of(&[self])
    }

    /// A client of `members`, which are asked in this order.
    pub(crate) fn client_of(&self, members: &[&Self]) -> Client {
        let members: Vec<_> = members.iter().map(|it| &*it.address).collect();
        let address = format!("etcd://{}", members.join(",")).parse().unwrap();
        let memory = self.folder.path().join("etcd.json");
        let prefix = "/mayfly/".parse().unwrap();
        Client::new(address, &Credentials::default(), &prefix, &memory).unwrap()
    }
}

/// Answers one request after the other; `None` when there are no more.
async fn serve(stream: TcpStream, answer: impl Fn(&str, &Value) -> Reply) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut length = 0;
        loop {
            line.clear();
            stream.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let mut pause = Duration::ZERO;
        let (status, json) = match answer(&path, &serde_json::from_slice(&body).ok()?) {
            Reply::Json(status, json) => (status, json.to_string()),
            Reply::Slowly(json) => {
                pause = ANSWER_MAX / 2;
                (200, json.to_string())
            }
            Reply::Nothing => std::future::pending().await,
            Reply::Hangup => return None,
        };
        let head = format!("HTTP/1.1 {status} \r\ncontent-length: {}\r\n\r\n", json.len());
        stream.write_all(head.as_bytes()).await.ok()?;
        for piece in json.as_bytes().chunks(json.len().div_ceil(PIECES)) {
            sleep(pause).await;
            stream.write_all(piece).await.ok()?;
        }
    }
}
