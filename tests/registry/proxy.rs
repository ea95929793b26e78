//! A line to a registry that breaks.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Passes everything on to `host`; each of the first `breaks` answers larger than `bytes` is cut off
/// after so many. Gives where it listens, and how many have been cut off.
pub(super) fn breaking(host: &str, bytes: usize, breaks: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port must be free");
    let address = listener.local_addr().expect("it must have an address").to_string();
    let host = host.to_owned();
    let broken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&broken);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (server, count) = (TcpStream::connect(&host), Arc::clone(&count));
            let Ok(server) = server else { return };
            let (from, to) = (client.try_clone(), server.try_clone());
            let (Ok(from), Ok(to)) = (from, to) else { return };
            thread::spawn(move || pass(from, to, usize::MAX, &AtomicUsize::new(0), usize::MAX));
            thread::spawn(move || pass(server, client, bytes, &count, breaks));
        }
    });
    (address, broken)
}

fn pass(mut from: TcpStream, mut to: TcpStream, bytes: usize, count: &AtomicUsize, breaks: usize) {
    let (mut buffer, mut passed) = ([0; 8192], 0);
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        passed += read;
        let next = |count| (count < breaks).then_some(count + 1);
        if passed > bytes && count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok() {
            break;
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
