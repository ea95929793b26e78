//! A backup read as it comes, and whatever can be wrong with it.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{FORM, Header, Trailer, hexadecimal};
use crate::admission::check_kept;
use crate::admission::decode::{FieldValidation, Unreadable as Undecodable, decode_as};
use crate::api::{Key, Kind, Object};
use crate::limits::{BACKUP_BYTES_MAX, BACKUP_LINE_BYTES_MAX, BACKUP_VERSION_MAX};
use crate::store::{Sharing, Snapshot, schema};

/// Why a backup is not taken. Nothing has been done with it.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is something else.
    #[error("this is no backup of mayfly")]
    NotABackup,
    /// It was made by a newer mayfly.
    #[error(
        "this backup was made by mayfly {writer} and is of schema {schema}, and this is mayfly {}, \
         which knows schemas up to {}; restore it with that one, or a newer one",
        env!("CARGO_PKG_VERSION"), schema::CURRENT.version()
    )]
    Newer {
        /// The version of that mayfly.
        writer: String,
        /// What it is of.
        schema: u32,
    },
    /// Its end is missing.
    #[error("this backup is cut off: {found} of its {wanted} objects are there, and no checksum")]
    CutOff {
        /// How many objects are whole.
        found: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// It is not what was written.
    #[error("this backup is damaged: {why}")]
    Damaged {
        /// What shows it.
        why: String,
    },
    /// It is larger than anything that can be restored.
    #[error("this backup has more than {BACKUP_BYTES_MAX} bytes")]
    TooLarge,
}

/// How much of a backup is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Whether it is whole; one of any mayfly can be.
    Checksum,
    /// Every object, which is kept.
    Objects,
}

/// What has been read.
#[derive(Debug)]
pub struct Read {
    /// What it says of itself.
    pub header: Header,
    /// Its objects, in the shape of today; none if only its checksum was looked at.
    pub snapshot: Snapshot,
}

/// Reads a backup, whatever the pieces are in which it comes.
pub struct Reader {
    depth: Depth,
    /// The beginning of a line.
    line: Vec<u8>,
    lines: usize,
    bytes: u64,
    digest: Sha256,
    header: Option<Header>,
    objects: Vec<Object>,
    /// A million pods have few specs, and are held in the memory of few.
    sharing: Sharing,
    places: HashSet<(Kind, Key)>,
    uids: HashSet<String>,
    resource_version: u64,
    is_whole: bool,
}

impl Reader {
    /// Nothing yet.
    pub fn new(depth: Depth) -> Self {
        Self {
            depth,
            line: Vec::new(),
            lines: 0,
            bytes: 0,
            digest: Sha256::new(),
            header: None,
            objects: Vec::new(),
            sharing: Sharing::default(),
            places: HashSet::new(),
            uids: HashSet::new(),
            resource_version: 0,
            is_whole: false,
        }
    }

    /// The same, whose objects hold what those of a store hold already.
    #[must_use]
    pub fn with_sharing(self, sharing: Sharing) -> Self {
        Self { sharing, ..self }
    }

    /// Goes on with `bytes`.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Unreadable> {
        self.bytes += bytes.len() as u64;
        if self.bytes > BACKUP_BYTES_MAX {
            return Err(Unreadable::TooLarge);
        }
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            self.line.extend_from_slice(line);
            let line = std::mem::take(&mut self.line);
            self.lines += 1;
            self.take(&line)?;
        }
        self.line.extend_from_slice(bytes);
        match self.line.len() > BACKUP_LINE_BYTES_MAX {
            true if self.lines == 0 => Err(Unreadable::NotABackup),
            true => Err(self.damaged("has no end")),
            false => Ok(()),
        }
    }

    /// All of it, now that nothing more comes.
    pub fn finish(self) -> Result<Read, Unreadable> {
        let Some(header) = self.header else { return Err(Unreadable::NotABackup) };
        if !self.is_whole {
            let found = self.lines.saturating_sub(1).min(header.objects);
            return Err(Unreadable::CutOff { found, wanted: header.objects });
        }
        let Self { objects, resource_version, .. } = self;
        Ok(Read { header, snapshot: Snapshot { objects, resource_version } })
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Unreadable> {
        let Some(header) = &self.header else {
            self.digest.update(line);
            return self.take_header(line);
        };
        if self.is_whole {
            return Err(self.damaged("comes after the end"));
        }
        if self.lines <= 1 + header.objects {
            self.digest.update(line);
            return match self.depth {
                Depth::Checksum => Ok(()),
                Depth::Objects => {
                    let schema = header.schema;
                    self.take_object(schema, line)
                }
            };
        }
        let Ok(Trailer { sha256 }) = serde_json::from_slice(line) else {
            return Err(self.damaged("should be the checksum"));
        };
        if hexadecimal(&self.digest.finalize_reset()) != sha256 {
            return Err(Unreadable::Damaged { why: "the checksum is of something else".into() });
        }
        self.is_whole = true;
        Ok(())
    }

    fn take_header(&mut self, line: &[u8]) -> Result<(), Unreadable> {
        /// What a backup of any form says.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Any {
            mayfly_backup: u32,
            schema: u32,
            mayfly: String,
        }
        let any: Any = serde_json::from_slice(line).map_err(|_| Unreadable::NotABackup)?;
        let is_newer = any.schema > schema::CURRENT.version() && self.depth == Depth::Objects;
        if any.mayfly_backup > FORM || is_newer {
            return Err(Unreadable::Newer { writer: any.mayfly, schema: any.schema });
        }
        let header: Header = serde_json::from_slice(line).map_err(|_| Unreadable::NotABackup)?;
        self.resource_version = self.version(&header.resource_version, BACKUP_VERSION_MAX)?;
        self.header = Some(header);
        Ok(())
    }

    /// The resource version that a line says, which is a number up to `newest`.
    fn version(&self, text: &str, newest: u64) -> Result<u64, Unreadable> {
        text.parse().ok().filter(|version| *version <= newest).ok_or_else(|| {
            self.damaged(&format!(
                "has the resourceVersion \"{text}\", which is none up to {newest}"
            ))
        })
    }

    fn take_object(&mut self, schema: u32, line: &[u8]) -> Result<(), Unreadable> {
        let mut value: Value =
            serde_json::from_slice(line).map_err(|error| self.damaged(&error.to_string()))?;
        schema::CURRENT.bring(schema, &mut value);
        let says = |field: &str| value[field].as_str().unwrap_or_default();
        let is_it =
            |kind: &&Kind| kind.name() == says("kind") && kind.api_version() == says("apiVersion");
        let Some(kind) = Kind::ALL.iter().copied().find(|kind| is_it(&kind)) else {
            return Err(self.damaged(&format!("is of an unknown kind, \"{}\"", says("kind"))));
        };
        let brought = value.to_string();
        // As it was written, a key that is there twice can be seen.
        let is_as_written = schema == schema::CURRENT.version();
        let json = if is_as_written { line } else { brought.as_bytes() };
        let mut object = Object::from_json(kind, json)
            .map_err(|error| self.damaged(&format!("can't be read: {error}")))?;
        // What no such object has would be lost in silence.
        decode_as(json, kind, FieldValidation::Strict)
            .map_err(|error| self.damaged(&format!("is no {}: {}", kind.name(), told(&error))))?;
        let key = object.key();
        if key.namespace.is_empty() == kind.is_namespaced() {
            return Err(self.damaged("is nowhere"));
        }
        let metadata = object.metadata();
        let uid = metadata.uid.as_deref().unwrap_or_default();
        let namespace = kind.is_namespaced().then_some(&*key.namespace);
        for (what, text) in
            [("name", Some(&*key.name)), ("namespace", namespace), ("uid", Some(uid))]
        {
            if text.is_some_and(|text| !is_segment(text)) {
                return Err(self.damaged(&format!("has a {what} that none can be")));
            }
        }
        check_kept(kind, metadata)
            .map_err(|invalid| self.damaged(&format!("can't have been kept: {invalid}")))?;
        self.version(
            metadata.resource_version.as_deref().unwrap_or_default(),
            self.resource_version,
        )?;
        if !self.places.insert((kind, key.clone())) {
            return Err(self.damaged(&format!("is {} {key} once more", kind.name())));
        }
        if !self.uids.insert(uid.to_owned()) {
            return Err(self.damaged(&format!("has the uid {uid}, which another object has")));
        }
        self.sharing.share(&mut object);
        self.objects.push(object);
        Ok(())
    }

    fn damaged(&self, what: &str) -> Unreadable {
        Unreadable::Damaged { why: format!("line {} {what}", self.lines.max(1)) }
    }
}

/// What is wrong with an object, without where: a line is all of it.
fn told(error: &Undecodable) -> String {
    let Undecodable::Malformed(malformed) = error else { return error.to_string() };
    let all = malformed.0.iter().map(|complaint| complaint.problem.to_string());
    all.collect::<Vec<_>>().join(", ")
}

/// Whether `text` can be part of a path, as whatever names an object is of the API's and of the node's.
fn is_segment(text: &str) -> bool {
    !text.is_empty() && text != "." && text != ".." && !text.contains(['/', '%', '\0'])
}
