//! The files that we make up: `/dev`, the termination log, and files mounted one by one.
//!
//! They lie over what is mounted, by their absolute path in the guest. A directory is made up only
//! to hold them, and can't be written to.

use std::borrow::Cow;

use wasmtime_wasi::p1::types::{Fdflags, Fdstat, Filestat, Filetype, Rights};

use crate::device::Device;
use crate::path;

/// One made-up file or directory.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// A directory that holds some of the others.
    Directory,
    /// Something that reading and writing do their own thing to.
    Device(Device),
    /// A single file of the host.
    File {
        /// The number of its mount, which is the directory that it is in; the guest never sees that.
        mount: u32,
        /// Its name there.
        name: String,
    },
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<(Cow<'static, str>, Node)>,
}

impl Tree {
    /// The devices that every guest has, and the termination log where it is wanted.
    pub(crate) fn new(termination_log: &str) -> Self {
        const DEVICES: [(&str, Device); 7] = [
            ("/dev/null", Device::Null),
            ("/dev/zero", Device::Zero),
            ("/dev/random", Device::Random),
            ("/dev/urandom", Device::Random),
            ("/dev/stdin", Device::Stdin),
            ("/dev/stdout", Device::Stdout),
            ("/dev/stderr", Device::Stderr),
        ];
        let mut nodes = Vec::with_capacity(DEVICES.len() + 2);
        nodes.push((Cow::Borrowed("/dev"), Node::Directory));
        nodes.extend(DEVICES.map(|(path, device)| (Cow::Borrowed(path), Node::Device(device))));
        let mut tree = Self { nodes };
        tree.add(termination_log, Node::Device(Device::TerminationLog));
        tree
    }

    /// Lays `node` over what may be at `path`, which is absolute and in the one form.
    pub(crate) fn add(&mut self, path: &str, node: Node) {
        self.nodes.retain(|(there, _)| there != path);
        self.nodes.push((Cow::Owned(path.to_owned()), node));
    }

    /// Makes up a directory, unless there is one.
    pub(crate) fn add_directory(&mut self, path: &str) {
        if self.get(path).is_none() {
            self.add(path, Node::Directory);
        }
    }

    /// What is at `path`, if it is made up.
    pub(crate) fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.iter().find(|(there, _)| there == path).map(|(_, node)| node)
    }

    /// The directories.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &str> {
        self.nodes
            .iter()
            .filter(|(_, node)| matches!(node, Node::Directory))
            .map(|(path, _)| path.as_ref())
    }

    /// The paths of all that are no directories.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.nodes
            .iter()
            .filter(|(_, node)| !matches!(node, Node::Directory))
            .map(|(path, _)| path.as_ref())
    }

    /// What the made-up directory `directory` holds, by name.
    pub(crate) fn list<'a>(
        &'a self,
        directory: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Node)> {
        self.nodes.iter().filter_map(move |(there, node)| {
            let (parent, name) = path::split(there);
            (parent == directory && !name.is_empty()).then_some((name, node))
        })
    }
}

/// What `fcntl(F_GETFL)` says of a directory that we make up.
pub(crate) fn made_up_fdstat() -> Fdstat {
    let rights = Rights::PATH_OPEN
        | Rights::PATH_FILESTAT_GET
        | Rights::PATH_READLINK
        | Rights::FD_READDIR
        | Rights::FD_FILESTAT_GET;
    Fdstat {
        fs_filetype: Filetype::Directory,
        fs_flags: Fdflags::empty(),
        fs_rights_base: rights,
        fs_rights_inheriting: rights
            | Rights::FD_READ
            | Rights::FD_WRITE
            | Rights::FD_SEEK
            | Rights::FD_TELL
            | Rights::FD_FDSTAT_SET_FLAGS
            | Rights::POLL_FD_READWRITE,
    }
}

/// What `stat` says of a directory that we make up.
pub(crate) fn made_up_filestat() -> Filestat {
    Filestat {
        dev: 2,
        ino: 0,
        filetype: Filetype::Directory,
        nlink: 1,
        size: 0,
        atim: 0,
        mtim: 0,
        ctim: 0,
    }
}
