//! A state as a file: JSON lines that say themselves whether they are whole. Pure.
//!
//! ```text
//! {"mayflyBackup":1,"schema":2,"mayfly":"0.1.0","resourceVersion":"57","objects":2,"time":"…"}
//! {"apiVersion":"v1","kind":"Namespace","metadata":{…}}
//! {"apiVersion":"batch/v1","kind":"Job","metadata":{…}}
//! {"sha256":"…"}                                                  of everything before this line
//! ```
//!
//! It has every object, Secrets among them. What is no object is not in it: logs, images, files of
//! volumes, and what a server is known by (certificates, keys, users).

mod read;
#[cfg(test)]
mod tests;
mod write;

use serde::{Deserialize, Serialize};

pub use read::{Depth, Read, Reader, Unreadable};
pub use write::Writer;

/// Of which form the file is.
const FORM: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    #[serde(rename = "mayflyBackup")]
    form: u32,
    /// The schema of the objects, as in the store.
    schema: u32,
    /// The version of the mayfly that has written it.
    pub mayfly: String,
    /// The state that the objects are of, as a number in a string.
    pub resource_version: String,
    /// How many there are.
    pub objects: usize,
    /// When it was made.
    pub time: String,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
struct Trailer {
    sha256: String,
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
