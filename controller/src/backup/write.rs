//! A backup, a piece at a time, as whoever reads it takes them.

use std::vec;

use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{FORM, Header, Trailer, hexadecimal};
use crate::api::{Object, Timestamp};
use crate::limits::LIST_PIECE_BYTES;
use crate::store::{Snapshot, schema};

/// What is left of a backup.
pub struct Writer {
    header: Option<Header>,
    objects: vec::IntoIter<Object>,
    digest: Sha256,
    has_ended: bool,
}

impl Writer {
    /// `snapshot` as a backup that is made `now`.
    pub fn new(snapshot: Snapshot, now: Timestamp) -> Self {
        let header = Header {
            form: FORM,
            schema: schema::CURRENT.version(),
            mayfly: env!("CARGO_PKG_VERSION").to_owned(),
            resource_version: snapshot.resource_version.to_string(),
            objects: snapshot.objects.len(),
            time: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        };
        Self {
            header: Some(header),
            objects: snapshot.objects.into_iter(),
            digest: Sha256::new(),
            has_ended: false,
        }
    }
}

impl Iterator for Writer {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.has_ended {
            return None;
        }
        let mut piece = Vec::new();
        if let Some(header) = self.header.take() {
            write_line(&header, &mut piece);
        }
        while piece.len() < LIST_PIECE_BYTES {
            let Some(object) = self.objects.next() else {
                self.has_ended = true;
                break;
            };
            object.write_json(&mut piece);
            piece.push(b'\n');
        }
        self.digest.update(&piece);
        if self.has_ended {
            let sha256 = hexadecimal(&self.digest.finalize_reset());
            write_line(&Trailer { sha256 }, &mut piece);
        }
        Some(piece.into())
    }
}

fn write_line(line: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, line).expect("a line must be writable as JSON");
    out.push(b'\n');
}
