//! Kubernetes' channels: several streams in the messages of one WebSocket.
//!
//! The first byte of a message is the number of its channel, the rest is what the channel carries.
//! Pure. Source: the subprotocols `v4.channel.k8s.io` and `v5.channel.k8s.io`; the fifth adds a way
//! to say that one channel has come to its end.

use axum::body::Bytes;
use axum::http::HeaderValue;

use crate::http::status::Status;
use crate::node::Stream;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const CLOSE: u8 = 255;

/// What is spoken here, what is liked best first.
pub(super) const PROTOCOLS: [Protocol; 2] = [Protocol::V5, Protocol::V4];

/// A subprotocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    V4,
    V5,
}

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Typed(Bytes),
    /// Nothing more will be typed.
    TypedAll,
    /// The size of a terminal, which there is none of, or what has no meaning.
    Nothing,
}

impl Protocol {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V4 => "v4.channel.k8s.io",
            Self::V5 => "v5.channel.k8s.io",
        }
    }

    pub(super) fn of(name: &HeaderValue) -> Option<Self> {
        PROTOCOLS.into_iter().find(|protocol| *name == protocol.name())
    }

    /// What a message says.
    pub(super) fn said(self, message: &Bytes) -> Said {
        match (message.first(), self) {
            (Some(&STDIN), _) => Said::Typed(message.slice(1..)),
            (Some(&CLOSE), Self::V5) if message[1..] == [STDIN] => Said::TypedAll,
            _ => Said::Nothing,
        }
    }
}

/// The message that carries what a container has printed.
pub(super) fn printed(stream: Stream, bytes: &[u8]) -> Bytes {
    let channel = match stream {
        Stream::Stdout => STDOUT,
        Stream::Stderr => STDERR,
    };
    message(channel, bytes)
}

/// The message that says how it ended.
pub(super) fn ended(status: &Status) -> Bytes {
    let status = serde_json::to_vec(status).expect("a Status must have a JSON form");
    message(ERROR, &status)
}

fn message(channel: u8, bytes: &[u8]) -> Bytes {
    let mut message = Vec::with_capacity(1 + bytes.len());
    message.push(channel);
    message.extend_from_slice(bytes);
    message.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_its_channel_means() {
        let check = |protocol: Protocol, message: &'static [u8], expected: Said| {
            assert_eq!(protocol.said(&Bytes::from_static(message)), expected, "{message:?}");
        };
        for protocol in PROTOCOLS {
            check(protocol, b"\0text", Said::Typed(Bytes::from_static(b"text")));
            check(protocol, b"\0", Said::Typed(Bytes::new()));
            check(protocol, b"", Said::Nothing);
            check(protocol, b"\x01text", Said::Nothing);
            check(protocol, b"\x04{\"Width\":80}", Said::Nothing);
            check(protocol, b"\xff", Said::Nothing);
            check(protocol, b"\xff\x01", Said::Nothing);
        }
        check(Protocol::V5, b"\xff\0", Said::TypedAll);
        check(Protocol::V4, b"\xff\0", Said::Nothing);
    }
}
