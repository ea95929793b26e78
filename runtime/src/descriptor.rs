//! The guest's own numbering of its descriptors.
//!
//! Numbers are given out as wasmtime-wasi gives them: the highest that has become free, else the
//! next one. WASI promises nothing, but programs were tried where they were made: Yosys writes its
//! log into its output if the lowest comes first. Behind each is either one of our own devices and
//! directories or a descriptor of wasmtime-wasi, whose numbers the guest never sees.

use std::collections::BTreeSet;

use wasmtime_wasi::p1::types::{Errno, Error, Fd};

use crate::device::Device;
use crate::permits::{NoPermit, Permit, Permits};
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
    slots: Vec<Option<Slot>>,
    /// The slots that have become empty.
    free: BTreeSet<usize>,
    permits: Permits,
}

#[derive(Debug)]
struct Slot {
    descriptor: Descriptor,
    /// Given back when it is closed; what was given to the guest takes none.
    #[expect(dead_code, reason = "it is there to be dropped")]
    permit: Option<Permit>,
}

impl Descriptors {
    /// The three standard streams, and room to open as many as there are `permits`.
    pub(crate) fn new(permits: Permits) -> Self {
        let (slots, free) = (Vec::new(), BTreeSet::new());
        let mut descriptors = Self { slots, free, permits };
        for device in [Device::Stdin, Device::Stdout, Device::Stderr] {
            descriptors.give(Descriptor::Device { device, position: 0 });
        }
        descriptors
    }

    /// Adds what the guest is given, after what is there.
    pub(crate) fn give(&mut self, descriptor: Descriptor) {
        self.slots.push(Some(Slot { descriptor, permit: None }));
    }

    /// A permit to open one more; fails if the guest has as many open as it may, or all guests have.
    pub(crate) fn permit(&self) -> Result<Permit, Error> {
        self.permits.take().map_err(|none| match none {
            NoPermit::Own => Errno::Mfile.into(),
            NoPermit::All => Errno::Nfile.into(),
        })
    }

    /// Puts `descriptor` at a free number.
    pub(crate) fn open(&mut self, permit: Permit, descriptor: Descriptor) -> Result<Fd, Error> {
        let number = self.free.pop_last().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[number] = Some(Slot { descriptor, permit: Some(permit) });
        Ok(Fd::from(u32::try_from(number)?))
    }

    pub(crate) fn get(&self, fd: Fd) -> Result<&Descriptor, Error> {
        let slot = self.slots.get(index(fd)).and_then(Option::as_ref);
        slot.map(|slot| &slot.descriptor).ok_or_else(|| Errno::Badf.into())
    }

    pub(crate) fn get_mut(&mut self, fd: Fd) -> Result<&mut Descriptor, Error> {
        let slot = self.slots.get_mut(index(fd)).and_then(Option::as_mut);
        slot.map(|slot| &mut slot.descriptor).ok_or_else(|| Errno::Badf.into())
    }

    /// Frees the number and gives back what was behind it.
    pub(crate) fn close(&mut self, fd: Fd) -> Result<Descriptor, Error> {
        let closed = self.slots.get_mut(index(fd)).and_then(Option::take).ok_or(Errno::Badf)?;
        self.free.insert(index(fd));
        Ok(closed.descriptor)
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
        let replaced = std::mem::replace(&mut self.slots[index(to)], moved);
        Ok(replaced.map(|slot| slot.descriptor))
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

#[cfg(test)]
use crate::permits::HostDescriptors;

#[test]
fn numbers_are_given_out_as_wasmtime_gives_them() {
    let null = || Descriptor::Device { device: Device::Null, position: 0 };
    let mut descriptors = Descriptors::new(Permits::new(7, &HostDescriptors::new(100).opened));
    let open = |descriptors: &mut Descriptors| {
        let permit = descriptors.permit().ok()?;
        descriptors.open(permit, null()).map(u32::from).ok()
    };
    assert_eq!([(); 4].map(|()| open(&mut descriptors)), [Some(3), Some(4), Some(5), Some(6)]);
    for closed in [1, 4] {
        descriptors.close(Fd::from(closed)).unwrap();
    }
    assert!(descriptors.renumber(Fd::from(6), Fd::from(1)).is_err(), "1 is closed");
    assert!(descriptors.renumber(Fd::from(6), Fd::from(2)).unwrap().is_some());
    assert_eq!([(); 3].map(|()| open(&mut descriptors)), [Some(6), Some(4), Some(1)]);
    // What was given and is closed, such as 1, makes no room; what took its place, as in 2, takes it.
    assert_eq!(open(&mut descriptors), Some(7));
    assert_eq!(open(&mut descriptors), None, "as many as it may are open");
}
