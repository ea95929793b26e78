//! Asks the host's resolver what a name stands for.
//!
//! The resolver blocks, as the C library's does, and can't be stopped. So it runs on a thread for
//! that, and who waits for it gives up by a limit of ours; how many such threads there may be, the
//! given up ones among them, has a limit as well.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::{Arc, LazyLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::host::HostName;
use crate::limits::{ADDRESSES_MAX, LOOKUP_TIME_MAX, LOOKUPS_OF_ALL_MAX};

/// Why a name could not be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookupError {
    /// It is none of those that may be.
    Denied,
    /// It stands for nothing.
    Unknown,
    /// Nobody has answered in time.
    Timeout,
}

static LOOKUPS: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(LOOKUPS_OF_ALL_MAX)));

/// The addresses that `name` stands for, at most [`ADDRESSES_MAX`]. `permit` is given back when the
/// resolver is done, whether anybody still waits for it or not.
pub(super) async fn look_up(
    name: HostName,
    permit: Option<OwnedSemaphorePermit>,
) -> Result<Vec<IpAddr>, LookupError> {
    let asked = async {
        let of_all = Arc::clone(&LOOKUPS).acquire_owned().await;
        let resolve = tokio::task::spawn_blocking(move || {
            let _permits = (permit, of_all);
            let addresses = (name.as_str(), 0).to_socket_addrs();
            let mut found: Vec<IpAddr> = Vec::new();
            for address in addresses.map_err(|_| LookupError::Unknown)?.take(ADDRESSES_MAX) {
                let address = address.ip().to_canonical();
                if !found.contains(&address) {
                    found.push(address);
                }
            }
            if found.is_empty() { Err(LookupError::Unknown) } else { Ok(found) }
        });
        resolve.await.unwrap_or(Err(LookupError::Unknown))
    };
    timeout(LOOKUP_TIME_MAX, asked).await.unwrap_or(Err(LookupError::Timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_hosts_own_names_are_known() {
        let found = look_up(HostName::new("localhost").unwrap(), None).await.unwrap();
        assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
        // RFC 6761: never a name of anything.
        let none = look_up(HostName::new("nothing.invalid").unwrap(), None).await;
        assert!(none.is_err(), "{none:?}");
    }
}
