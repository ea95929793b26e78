//! Images and a real registry: Debian's `docker-registry`, on loopback, at a port of its own.

pub(crate) mod debian;
mod jobs;
mod proxy;
mod secrets;
mod transfers;
