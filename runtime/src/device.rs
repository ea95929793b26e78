//! The devices of a guest's `/dev`. None of them is the host's: each is a few lines here.

use wasmtime_wasi::p1::types::{Errno, Fdflags, Fdstat, Filestat, Filetype, Rights};

/// A file that reading and writing do their own thing to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// At its end; swallows all.
    Null,
    /// Zero bytes without end; swallows all.
    Zero,
    /// Random bytes without end; swallows all.
    Random,
    /// The guest's standard input.
    Stdin,
    /// The guest's standard output.
    Stdout,
    /// The guest's standard error.
    Stderr,
    /// What the guest wants to be remembered by.
    TerminationLog,
}

impl Device {
    /// What `fstat` says, `size` being that of the termination log.
    pub(crate) fn filestat(self, size: u64) -> Filestat {
        let is_log = self == Self::TerminationLog;
        Filestat {
            dev: 2, // mounts are 1 for wasmtime-wasi
            ino: self as u64 + 1,
            filetype: self.filetype(),
            nlink: 1,
            size: if is_log { size } else { 0 },
            atim: 0,
            mtim: 0,
            ctim: 0,
        }
    }

    /// What `fcntl(F_GETFL)` says.
    ///
    /// The rights to seek and tell are what C libraries tell a device from a terminal by.
    pub(crate) fn fdstat(self) -> Fdstat {
        let stream = Rights::POLL_FD_READWRITE | Rights::FD_FILESTAT_GET;
        let file = stream | Rights::FD_SEEK | Rights::FD_TELL;
        let rights = match self {
            Self::Stdin => stream | Rights::FD_READ,
            Self::Stdout | Self::Stderr => stream | Rights::FD_WRITE,
            _ => file | Rights::FD_READ | Rights::FD_WRITE,
        };
        Fdstat {
            fs_filetype: self.filetype(),
            fs_flags: Fdflags::empty(),
            fs_rights_base: rights,
            fs_rights_inheriting: rights,
        }
    }

    pub(crate) fn filetype(self) -> Filetype {
        match self {
            Self::Null | Self::Zero | Self::Random => Filetype::CharacterDevice,
            // Neither terminal nor file: a pipe, for which WASI has no word.
            Self::Stdin | Self::Stdout | Self::Stderr => Filetype::Unknown,
            Self::TerminationLog => Filetype::RegularFile,
        }
    }

    /// Whether it has places that one can seek to, and what a call that needs them fails with.
    pub(crate) fn check_seekable(self) -> Result<(), Errno> {
        match self {
            Self::Stdin | Self::Stdout | Self::Stderr => Err(Errno::Spipe),
            _ => Ok(()),
        }
    }
}
