//! The entries of a tar archive, as a layer has them.
//!
//! The tar library reads the blocks. What extends them (long names, PAX records) is read here,
//! since the library would keep as much of it in memory as the archive likes.

use std::io::{self, Read};

use tar::{EntryType, Header};

use super::inflate::Inflate;
use super::path::{Names, names, wrong};

/// The longest record of an extension. Paths are much shorter.
const EXTENSION_BYTES_MAX: u64 = 64 << 10;
/// What stands before the name of a file that a layer takes away.
const WHITEOUT: &str = ".wh.";
/// The name of what takes away everything that lower layers have in a directory.
const OPAQUE: &str = ".wh..wh..opq";

/// One entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Directory {
        path: Names,
    },
    /// Its content has so many bytes and comes next.
    File {
        path: Names,
        bytes: u64,
    },
    /// A symbolic link.
    Link {
        path: Names,
        target: String,
    },
    HardLink {
        path: Names,
        target: Names,
    },
    Whiteout {
        path: Names,
    },
    Opaque {
        path: Names,
    },
}

/// Reads entries one after the other.
pub(crate) struct Entries {
    reader: Inflate,
    /// What is left of the last entry, and what fills its last block up.
    left: u64,
    padding: u64,
    is_at_end: bool,
}

/// What extensions say of the entry that follows them.
#[derive(Default)]
struct Extended {
    path: Option<String>,
    target: Option<String>,
    bytes: Option<u64>,
}

const BLOCK: u64 = 512;

impl Entries {
    pub(crate) fn new(reader: Inflate) -> Self {
        Self { reader, left: 0, padding: 0, is_at_end: false }
    }

    pub(crate) fn into_reader(self) -> Inflate {
        self.reader
    }

    /// The content of the entry that came last.
    pub(crate) fn content(&mut self) -> impl Read {
        Content(self)
    }

    /// The next entry; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut extended = Extended::default();
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            let bytes = header.entry_size()?;
            match header.entry_type() {
                EntryType::GNULongName => extended.path = Some(self.text(bytes)?),
                EntryType::GNULongLink => extended.target = Some(self.text(bytes)?),
                EntryType::XHeader => extended.take(&self.record(bytes)?)?,
                EntryType::XGlobalHeader => drop(self.record(bytes)?),
                _ => return self.entry(&header, bytes, extended).map(Some),
            }
        }
    }

    fn entry(&mut self, header: &Header, bytes: u64, extended: Extended) -> io::Result<Entry> {
        let path = match extended.path {
            Some(path) => path,
            None => utf8(header.path_bytes().into_owned())?,
        };
        let target = match extended.target {
            Some(target) => Some(target),
            None => header.link_name_bytes().map(|it| utf8(it.into_owned())).transpose()?,
        };
        let bytes = extended.bytes.unwrap_or(bytes);
        let names = names(&path)?;
        let is_file = matches!(header.entry_type(), EntryType::Regular | EntryType::Continuous);
        self.begin(if is_file { bytes } else { 0 });
        if let Some(entry) = whiteout(&names) {
            return Ok(entry);
        }
        let target = || {
            target
                .clone()
                .filter(|it| !it.is_empty())
                .ok_or_else(|| wrong(&path, "it links to nothing"))
        };
        match header.entry_type() {
            EntryType::Directory => Ok(Entry::Directory { path: names }),
            // As old archives have it.
            EntryType::Regular if path.ends_with('/') => {
                self.left = 0;
                self.padding = bytes.saturating_add(padding(bytes));
                Ok(Entry::Directory { path: names })
            }
            EntryType::Regular | EntryType::Continuous => Ok(Entry::File { path: names, bytes }),
            EntryType::Symlink => Ok(Entry::Link { path: names, target: target()? }),
            EntryType::Link => {
                let target = super::path::names(&target()?)?;
                Ok(Entry::HardLink { path: names, target })
            }
            EntryType::Char | EntryType::Block => Err(wrong(&path, "it is a device")),
            EntryType::Fifo => Err(wrong(&path, "it is a pipe")),
            other => {
                Err(wrong(&path, &format!("entries of type {:?} are not known", other.as_byte())))
            }
        }
    }

    /// The next block that begins an entry; one of zeros, or the end of the file, ends the archive.
    fn header(&mut self) -> io::Result<Option<Header>> {
        self.skip()?;
        let mut header = Header::new_old();
        let block = header.as_mut_bytes();
        if self.is_at_end || !self.fill(block)? || block.iter().all(|byte| *byte == 0) {
            self.is_at_end = true;
            return Ok(None);
        }
        let expected = header.cksum().map_err(|_| damaged())?;
        let bytes = header.as_bytes();
        let found: u32 = bytes[..148].iter().chain(&bytes[156..]).map(|it| u32::from(*it)).sum();
        // The sum counts its own field as spaces.
        if found + 8 * 32 == expected { Ok(Some(header)) } else { Err(damaged()) }
    }

    fn fill(&mut self, block: &mut [u8]) -> io::Result<bool> {
        let mut filled = 0;
        while filled < block.len() {
            match self.reader.read(&mut block[filled..])? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
        }
        Ok(true)
    }

    /// The next `bytes` belong to one entry.
    fn begin(&mut self, bytes: u64) {
        self.left = bytes;
        self.padding = padding(bytes);
    }

    fn skip(&mut self) -> io::Result<()> {
        let rest = self.left.saturating_add(self.padding);
        (self.left, self.padding) = (0, 0);
        let skipped = io::copy(&mut (&mut self.reader).take(rest), &mut io::sink())?;
        if skipped < rest { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    fn record(&mut self, bytes: u64) -> io::Result<Vec<u8>> {
        if bytes > EXTENSION_BYTES_MAX {
            let limit = format!("an extension of a header has at most {EXTENSION_BYTES_MAX} bytes");
            return Err(io::Error::other(limit));
        }
        self.begin(bytes);
        let mut record = Vec::new();
        self.content().read_to_end(&mut record)?;
        if (record.len() as u64) < bytes {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok(record)
        }
    }

    fn text(&mut self, bytes: u64) -> io::Result<String> {
        let mut text = self.record(bytes)?;
        while text.last() == Some(&0) {
            text.pop();
        }
        utf8(text)
    }
}

struct Content<'a>(&'a mut Entries);

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&mut self.0.reader).take(self.0.left).read(buffer)?;
        self.0.left -= count as u64;
        Ok(count)
    }
}

impl Extended {
    /// Takes the records of PAX that change what an entry is.
    fn take(&mut self, record: &[u8]) -> io::Result<()> {
        for extension in tar::PaxExtensions::new(record) {
            let extension = extension?;
            let value = || utf8(extension.value_bytes().to_owned());
            match extension.key_bytes() {
                b"path" => self.path = Some(value()?),
                b"linkpath" => self.target = Some(value()?),
                b"size" => self.bytes = Some(value()?.parse().map_err(|_| damaged())?),
                key if key.starts_with(b"GNU.sparse") => {
                    return Err(io::Error::other("files with holes (GNU.sparse) are not known"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn whiteout(names: &Names) -> Option<Entry> {
    let (last, folder) = names.split_last()?;
    if last == OPAQUE {
        return Some(Entry::Opaque { path: folder.to_vec() });
    }
    let name = last.strip_prefix(WHITEOUT)?;
    let mut path = folder.to_vec();
    // What begins with it once more is for the tools that made the layer.
    path.extend(Some(name).filter(|name| !name.starts_with(WHITEOUT)).map(str::to_owned));
    Some(Entry::Whiteout { path })
}

/// What fills up the last block of so many bytes.
fn padding(bytes: u64) -> u64 {
    (BLOCK - bytes % BLOCK) % BLOCK
}

fn utf8(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::other("a path in it is not UTF-8"))
}

fn damaged() -> io::Error {
    io::Error::other("the archive is damaged")
}
