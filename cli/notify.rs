//! Tells the service manager that started us how we are, if one did and wants to know.
//!
//! The protocol is systemd's (`sd_notify(3)`): a line to a socket that `NOTIFY_SOCKET` names.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Clients are answered from now on.
pub(crate) fn ready() {
    tell("READY=1");
}

/// We stop, as we were asked to.
pub(crate) fn stopping() {
    tell("STOPPING=1");
}

fn tell(state: &str) {
    let Some(socket) = env::var_os("NOTIFY_SOCKET").filter(|it| !it.is_empty()) else { return };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, state, "the service manager can't be told");
    }
}

fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let address = match socket.as_bytes() {
        // One without a file.
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_either_sort_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notify");
        let name = format!("mayfly-test-{}", std::process::id());
        let addresses = [
            SocketAddr::from_pathname(&file).unwrap(),
            SocketAddr::from_abstract_name(&name).unwrap(),
        ];
        for (address, socket) in
            addresses.iter().zip([file.into_os_string(), format!("@{name}").into()])
        {
            let listener = UnixDatagram::bind_addr(address).unwrap();
            send(&socket, "READY=1").unwrap();
            let mut heard = [0; 32];
            let length = listener.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], b"READY=1");
        }
    }
}
