//! One client that is attached to one run of a container, from the switch of protocols to its end.

use std::io;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::channel::{self, Protocol, Said};
use crate::http::status::Status;
use crate::limits::ATTACH_CLOSE_WITHIN;
use crate::node::logs::Attached;
use crate::node::{Stream, Typing};

/// What a client is attached to.
pub(super) struct Session {
    protocol: Protocol,
    output: Attached,
    outputs: Outputs,
    input: Option<Typing>,
    /// Typed, and not read by the container yet. While there is any, the client is not heard.
    typed: Bytes,
    shutdown: CancellationToken,
    /// Others may have it when this is over.
    _place: OwnedSemaphorePermit,
}

/// Which outputs a client wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outputs {
    pub(super) stdout: bool,
    pub(super) stderr: bool,
}

/// What happens next.
enum Event {
    Printed(io::Result<Option<(Stream, Vec<u8>)>>),
    Heard(Option<Result<Message, axum::Error>>),
    Written(io::Result<usize>),
}

impl Session {
    pub(super) fn new(
        protocol: Protocol,
        output: Attached,
        outputs: Outputs,
        input: Option<Typing>,
        shutdown: CancellationToken,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let typed = Bytes::new();
        Self { protocol, output, outputs, input, typed, shutdown, _place: place }
    }

    /// Carries what is typed and printed until the run is over, the client goes or the server does.
    pub(super) async fn run(mut self, mut socket: WebSocket) {
        let shutdown = self.shutdown.clone();
        let end = shutdown.run_until_cancelled(self.carry(&mut socket)).await;
        let end = match end {
            Some(None) => return,
            Some(Some(end)) => end,
            None => Status::shutting_down(),
        };
        // A client that does not listen is not waited for.
        let close = tokio::time::timeout(ATTACH_CLOSE_WITHIN, close(&mut socket, &end)).await;
        if close.is_err() {
            tracing::debug!("a client that was attached did not close its connection");
        }
    }

    /// Gives how the run ended; nothing if the client went before.
    async fn carry(&mut self, socket: &mut WebSocket) -> Option<Status> {
        loop {
            match self.next(socket).await {
                Event::Printed(Ok(Some((stream, bytes)))) => {
                    if self.outputs.has(stream) {
                        let message = Message::Binary(channel::printed(stream, &bytes));
                        socket.send(message).await.ok()?;
                    }
                }
                Event::Printed(Ok(None)) => return Some(Status::success()),
                Event::Printed(Err(error)) => {
                    let why = format!("error attaching to container: {error}");
                    return Some(Status::internal(&why));
                }
                Event::Heard(Some(Ok(message))) => self.hear(message),
                Event::Heard(Some(Err(_)) | None) => return None,
                Event::Written(Ok(count)) => drop(self.typed.split_to(count)),
                // Nobody reads it any more.
                Event::Written(Err(_)) => {
                    self.input = None;
                    self.typed.clear();
                }
            }
        }
    }

    async fn next(&mut self, socket: &mut WebSocket) -> Event {
        let is_typing = self.input.is_some() && !self.typed.is_empty();
        let write = async {
            match &mut self.input {
                Some(input) if is_typing => input.write(&self.typed).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // First, so that one who floods us is read only as fast as the container reads.
            written = write => Event::Written(written),
            printed = self.output.next() => Event::Printed(printed),
            heard = socket.recv(), if !is_typing => Event::Heard(heard),
        }
    }

    fn hear(&mut self, message: Message) {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => text.into(),
            // A closing is followed by the end, and pings are answered below us.
            _ => return,
        };
        match self.protocol.said(&bytes) {
            Said::Typed(bytes) if self.input.is_some() => self.typed = bytes,
            Said::TypedAll => {
                if let Some(input) = &mut self.input {
                    input.end();
                }
            }
            Said::Typed(_) | Said::Nothing => {}
        }
    }
}

impl Outputs {
    fn has(self, stream: Stream) -> bool {
        match stream {
            Stream::Stdout => self.stdout,
            Stream::Stderr => self.stderr,
        }
    }
}

/// Tells the client how it ended, and waits until it has heard that.
async fn close(socket: &mut WebSocket, end: &Status) {
    let frame = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    for message in [Message::Binary(channel::ended(end)), Message::Close(Some(frame))] {
        if socket.send(message).await.is_err() {
            return;
        }
    }
    while let Some(Ok(_)) = socket.recv().await {}
}
