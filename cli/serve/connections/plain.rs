//! HTTP without TLS, where there is only HTTP with it.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What Go's servers answer.
const ANSWER: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// The stream, unless plain HTTP comes over it: then `None`, and the client has been told.
pub(super) async fn refuse(mut stream: TcpStream) -> io::Result<Option<TcpStream>> {
    let mut first = [0];
    // A method begins with a letter, and nothing of TLS does.
    if stream.peek(&mut first).await? == 0 || !first[0].is_ascii_uppercase() {
        return Ok(Some(stream));
    }
    stream.write_all(ANSWER).await?;
    stream.shutdown().await?;
    // What is left unread when a connection closes takes the answer with it.
    let mut rest = [0; 1024];
    for _ in 0..64 {
        stream.readable().await?;
        match stream.try_read(&mut rest) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
