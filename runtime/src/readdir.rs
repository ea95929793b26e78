//! Listing a directory for a module.
//!
//! wasmtime-wasi reads all of a directory before it gives a part of it. What that takes counts as the
//! guest's memory, and a directory that is too large is not read at all.

use wasmtime_wasi::p1::types::{Dircookie, Dirent, Errno, Error, Fd, Filestat, Filetype, Size};
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wiggle::{GuestMemory, GuestPtr, GuestType as _};

use crate::descriptor::Descriptor;
use crate::outcome::MemoryUse;
use crate::path;
use crate::seeded::Seeded;
use crate::tree::Node;
use crate::world::World;

type Result<T, E = Error> = std::result::Result<T, E>;

/// What of a listing is in memory for each byte that its directory has on disk: names are short, and
/// each is a string of its own.
const LISTED_PER_BYTE: u64 = 6;

/// The least that a listing of a whole directory is given; a small one's names can have more bytes
/// than the file system says that it has.
const LISTING_BYTES_MIN: u64 = 64 << 10;

/// One name of a directory.
struct Entry {
    name: Vec<u8>,
    number: u64,
    filetype: u8,
}

impl World {
    /// Lists the directory behind `fd` from `cookie` on, as far as there is room.
    pub(crate) async fn list(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        buffer: GuestPtr<[u8]>,
        cookie: Dircookie,
    ) -> Result<Size> {
        if let Descriptor::MadeUp { path, .. } = self.descriptors.get(fd)? {
            return give(memory, self.made_up_entries(path), buffer, cookie);
        }
        let directory = self.mounted(fd, Errno::Notdir)?;
        let size = self.wasi.fd_filestat_get(memory, directory).await?.size;
        if size > self.limits.directory_bytes {
            return Err(Errno::Nomem.into());
        }
        let bytes = size.saturating_mul(LISTED_PER_BYTE);
        let held = self.memory.account().hold(bytes, MemoryUse::Directory);
        let _held = held.map_err(|stop| Error::trap(stop.into()))?;
        match &self.seeded {
            None => {
                let (start, length) = (buffer.as_ptr(), buffer.len());
                self.wasi.fd_readdir(memory, directory, start, length, cookie).await
            }
            Some(_) => match self.sorted_entries(fd, directory, bytes).await {
                Ok(entries) => give(memory, entries, buffer, cookie),
                Err(error) => Err(error),
            },
        }
    }

    fn made_up_entries(&self, directory: &str) -> Vec<Entry> {
        let dots = [".", ".."].map(|name| (name, Filetype::Directory));
        let nodes = self.tree.list(directory).map(|(name, node)| (name, filetype(node)));
        let named = (1..).zip(dots.into_iter().chain(nodes));
        let entry = |(number, (name, filetype)): (u64, (&str, Filetype))| Entry {
            name: name.as_bytes().to_vec(),
            number,
            filetype: filetype as u8,
        };
        named.map(entry).collect()
    }

    /// All of a directory of wasmtime-wasi's in the order of its names, `.` and `..` first, with
    /// numbers that are the same on every run.
    async fn sorted_entries(&mut self, fd: Fd, directory: Fd, bytes: u64) -> Result<Vec<Entry>> {
        let length = u32::try_from(bytes.max(LISTING_BYTES_MIN))?;
        let mut entries = Vec::new();
        let mut cookie = 0;
        loop {
            let mut listing = vec![0; length as usize];
            let own = &mut GuestMemory::Unshared(&mut listing);
            let listed =
                self.wasi.fd_readdir(own, directory, GuestPtr::new(0), length, cookie).await?;
            let mut rest = &listing[..listed as usize];
            while let Some((next, entry, after)) = parsed(rest) {
                entries.push(entry);
                (cookie, rest) = (next, after);
            }
            if listed < length {
                break;
            }
        }
        let Descriptor::Wasi { path: directory, .. } = self.descriptors.get(fd)? else {
            return Err(Errno::Badf.into());
        };
        entries.sort_by(|a, b| (!a.is_dots(), &a.name).cmp(&(!b.is_dots(), &b.name)));
        for entry in &mut entries {
            let name = String::from_utf8_lossy(&entry.name);
            let path = path::absolute(&format!("{directory}/{name}"));
            let path = path.unwrap_or_else(|| "/".to_owned());
            let number = self.seeded.as_ref().map(|seeded| seeded.file_number(&path));
            entry.number = number.unwrap_or(entry.number);
        }
        Ok(entries)
    }
}

impl Entry {
    fn is_dots(&self) -> bool {
        self.name == b"." || self.name == b".."
    }
}

/// Writes `entries` from `cookie` on to `buffer`, as far as there is room.
fn give(
    memory: &mut GuestMemory<'_>,
    entries: Vec<Entry>,
    buffer: GuestPtr<[u8]>,
    cookie: Dircookie,
) -> Result<Size> {
    let mut listing = Vec::new();
    for (next, entry) in (1..).zip(entries).skip(usize::try_from(cookie)?) {
        if listing.len() >= buffer.len() as usize {
            break;
        }
        listing.extend_from_slice(&entry.bytes(next)?);
    }
    listing.truncate(buffer.len() as usize);
    let written = u32::try_from(listing.len())?;
    let buffer = buffer.get_range(0..written).ok_or(Errno::Overflow)?;
    memory.copy_from_slice(&listing, buffer)?;
    Ok(written)
}

impl Entry {
    /// As it lies in a guest's memory: a `dirent`, then the name.
    fn bytes(&self, next: Dircookie) -> Result<Vec<u8>> {
        let mut bytes = vec![0; Dirent::guest_size() as usize];
        bytes[0..8].copy_from_slice(&next.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..20].copy_from_slice(&u32::try_from(self.name.len())?.to_le_bytes());
        bytes[20] = self.filetype;
        bytes.extend_from_slice(&self.name);
        Ok(bytes)
    }
}

/// The first entry of a listing, the cookie of the next, and what is left; nothing if it was cut.
fn parsed(listing: &[u8]) -> Option<(Dircookie, Entry, &[u8])> {
    let (dirent, rest) = listing.split_at_checked(Dirent::guest_size() as usize)?;
    let number = |range: std::ops::Range<usize>| -> Option<u64> {
        Some(u64::from_le_bytes(dirent.get(range)?.try_into().ok()?))
    };
    let length = u32::from_le_bytes(dirent.get(16..20)?.try_into().ok()?) as usize;
    let (name, rest) = rest.split_at_checked(length)?;
    let entry = Entry { name: name.to_vec(), number: number(8..16)?, filetype: dirent[20] };
    Some((number(0..8)?, entry, rest))
}

/// What `stat` says of the file at `path`: what wasmtime-wasi does, or of that what is the same on
/// every run.
pub(crate) fn seeded_filestat(seeded: Option<&Seeded>, stat: Filestat, path: &str) -> Filestat {
    let Some(seeded) = seeded else { return stat };
    let time = seeded.file_time();
    // How large a directory is, and how many links it has, is the file system's affair.
    let is_directory = stat.filetype == Filetype::Directory;
    Filestat {
        ino: seeded.file_number(path),
        nlink: if is_directory { 1 } else { stat.nlink },
        size: if is_directory { 0 } else { stat.size },
        atim: time,
        mtim: time,
        ctim: time,
        ..stat
    }
}

fn filetype(node: &Node) -> Filetype {
    match node {
        Node::Directory => Filetype::Directory,
        Node::Device(device) => device.filetype(),
        Node::File { .. } => Filetype::RegularFile,
    }
}
