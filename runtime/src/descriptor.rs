//! The guest's own numbering of its descriptors.
//!
//! Numbers are given out as wasmtime-wasi gives them: the highest that has become free, else the
//! next one. WASI promises nothing, but programs were tried where they were made: Yosys writes its
//! log into its output if the lowest comes first. Behind each is either one of our own devices and
//! directories or a descriptor of wasmtime-wasi, whose numbers the guest never sees.

use std::collections::BTreeSet;

use wasmtime_wasi::p1::types::{Errno, Error, Fd};

use crate::device::Device;
use crate::stored::Stored;

/// What is behind a descriptor.
#[derive(Clone, Debug)]
pub(crate) enum Descriptor {
    /// A device of ours.
    Device {
        /// Which.
        device: Device,
        /// How far it was read, where that matters.
        position: u64,
    },
    /// A directory that we make up.
    MadeUp {
        /// Absolute.
        path: String,
        /// Whether the guest was given it, or opened it itself.
        origin: Origin,
    },
    /// A file or directory of a mount.
    Wasi {
        /// wasmtime-wasi's number for it.
        fd: u32,
        /// Its absolute path in the guest.
        path: String,
        /// Whether the guest was given it, or opened it itself.
        origin: Origin,
        /// What it takes space of, if that is limited.
        stored: Option<Stored>,
    },
}

/// Whether a descriptor was there at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A preopen, under this name.
    Given(String),
    /// The guest opened it.
    Opened,
}

/// All descriptors of one guest.
#[derive(Debug)]
pub(crate) struct Descriptors {
    slots: Vec<Option<Descriptor>>,
    /// The slots that have become empty.
    free: BTreeSet<usize>,
    live: u32,
    live_max: u32,
}

impl Descriptors {
    /// The three standard streams, and room to open as many as that.
    pub(crate) fn new(opened_max: u32) -> Self {
        let streams = [Device::Stdin, Device::Stdout, Device::Stderr];
        let slots = streams.map(|device| Some(Descriptor::Device { device, position: 0 }));
        let (slots, free) = (slots.into(), BTreeSet::new());
        Self { slots, free, live: 3, live_max: opened_max.saturating_add(3) }
    }

    /// Adds a preopen, after those that are there.
    pub(crate) fn give(&mut self, descriptor: Descriptor) {
        self.slots.push(Some(descriptor));
        self.live += 1;
        self.live_max = self.live_max.saturating_add(1);
    }

    /// Fails if the guest has as many open as it may.
    pub(crate) fn check_room(&self) -> Result<(), Error> {
        if self.live >= self.live_max { Err(Errno::Mfile.into()) } else { Ok(()) }
    }

    /// Puts `descriptor` at a free number.
    pub(crate) fn open(&mut self, descriptor: Descriptor) -> Result<Fd, Error> {
        self.check_room()?;
        self.live += 1;
        let number = self.free.pop_last().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[number] = Some(descriptor);
        Ok(Fd::from(u32::try_from(number)?))
    }

    pub(crate) fn get(&self, fd: Fd) -> Result<&Descriptor, Error> {
        let slot = self.slots.get(index(fd)).and_then(Option::as_ref);
        slot.ok_or_else(|| Errno::Badf.into())
    }

    pub(crate) fn get_mut(&mut self, fd: Fd) -> Result<&mut Descriptor, Error> {
        let slot = self.slots.get_mut(index(fd)).and_then(Option::as_mut);
        slot.ok_or_else(|| Errno::Badf.into())
    }

    /// Frees the number and gives back what was behind it.
    pub(crate) fn close(&mut self, fd: Fd) -> Result<Descriptor, Error> {
        let closed = self.slots.get_mut(index(fd)).and_then(Option::take).ok_or(Errno::Badf)?;
        self.free.insert(index(fd));
        self.live -= 1;
        Ok(closed)
    }

    /// Moves `from` to the number `to`, and gives back what was there.
    pub(crate) fn renumber(&mut self, from: Fd, to: Fd) -> Result<Option<Descriptor>, Error> {
        self.get(from)?;
        self.get(to)?;
        if index(from) == index(to) {
            return Ok(None);
        }
        let moved = self.slots[index(from)].take();
        self.free.insert(index(from));
        self.live -= 1;
        Ok(std::mem::replace(&mut self.slots[index(to)], moved))
    }
}

fn index(fd: Fd) -> usize {
    u32::from(fd) as usize
}

impl Descriptor {
    /// The name under which it was given to the guest, if it was.
    pub(crate) fn preopen_name(&self) -> Option<&str> {
        match self {
            Self::MadeUp { origin: Origin::Given(name), .. }
            | Self::Wasi { origin: Origin::Given(name), .. } => Some(name),
            _ => None,
        }
    }
}

#[test]
fn numbers_are_given_out_as_wasmtime_gives_them() {
    let null = || Descriptor::Device { device: Device::Null, position: 0 };
    let mut descriptors = Descriptors::new(5);
    let mut open = |descriptors: &mut Descriptors| descriptors.open(null()).map(u32::from).ok();
    assert_eq!([(); 4].map(|()| open(&mut descriptors)), [Some(3), Some(4), Some(5), Some(6)]);
    for closed in [1, 4] {
        descriptors.close(Fd::from(closed)).unwrap();
    }
    assert!(descriptors.renumber(Fd::from(6), Fd::from(1)).is_err(), "1 is closed");
    assert!(descriptors.renumber(Fd::from(6), Fd::from(2)).unwrap().is_some());
    assert_eq!([(); 3].map(|()| open(&mut descriptors)), [Some(6), Some(4), Some(1)]);
    assert_eq!(open(&mut descriptors), Some(7));
    assert_eq!(open(&mut descriptors), None, "as many as it may are open");
}
