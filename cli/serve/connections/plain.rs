//! HTTP without TLS, where there is only HTTP with it.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::lingering::Lingering;

/// What Go's servers answer.
const ANSWER: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Whether plain HTTP comes over `stream`.
pub(super) async fn is_plain(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    // A method begins with a letter, and nothing of TLS does.
    Ok(stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase())
}

/// Tells the client that it should speak TLS.
pub(super) async fn refuse(mut stream: Lingering) -> io::Result<()> {
    stream.write_all(ANSWER).await?;
    stream.flush().await
}
