//! `poll_oneoff`: waiting for clocks and descriptors.

use wasmtime_wasi::p1::types::{
    Errno, Error, Event, EventFdReadwrite, Eventrwflags, Eventtype, Fd, Size, Subscription,
    SubscriptionFdReadwrite, SubscriptionU,
};
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wiggle::{GuestMemory, GuestPtr, GuestType as _};

use crate::descriptor::Descriptor;
use crate::device::Device;
use crate::preview1::WASI_STDIN;
use crate::world::World;

type Result<T, E = Error> = std::result::Result<T, E>;

/// How much a guest may wait for at a time; each takes some memory of the host's. As many as there
/// may be descriptors by default, and then some clocks.
const SUBSCRIPTIONS_MAX: u32 = 1024;

/// Waits until something that the guest asked for has come about.
///
/// Our devices are always ready, so if there is one among them there is nothing to wait for. The
/// others wait in wasmtime-wasi, which knows them under other numbers: it is given a copy of the
/// guest's list with its own numbers in place.
pub(crate) async fn poll(
    world: &mut World,
    memory: &mut GuestMemory<'_>,
    subscriptions: GuestPtr<Subscription>,
    events: GuestPtr<Event>,
    count: Size,
) -> Result<Size> {
    if count > SUBSCRIPTIONS_MAX {
        return Err(Errno::Inval.into());
    }
    let mut ready = Vec::new();
    let mut waiting = Vec::new();
    for subscription in subscriptions.as_array(count).iter() {
        let subscription = memory.read(subscription?)?;
        match translated(world, &subscription)? {
            Some(translated) => waiting.push(translated),
            None => ready.push(event(&subscription)),
        }
    }
    if ready.is_empty() {
        return wait(world, memory, &waiting, events).await;
    }
    let ready_count = u32::try_from(ready.len())?;
    for (slot, event) in events.as_array(ready_count).iter().zip(ready) {
        memory.write(slot?, event)?;
    }
    Ok(ready_count)
}

/// The subscription in wasmtime-wasi's numbers; nothing if it is to a device that is ready.
fn translated(world: &World, subscription: &Subscription) -> Result<Option<Subscription>> {
    let fd = |of: &SubscriptionFdReadwrite| {
        Ok(match world.descriptors.get(of.file_descriptor)? {
            Descriptor::Wasi { fd, .. } => Some(Fd::from(*fd)),
            Descriptor::Device { device: Device::Stdin, .. } => Some(Fd::from(WASI_STDIN)),
            Descriptor::Device { .. } => None,
            Descriptor::MadeUp { .. } => return Err(Error::from(Errno::Badf)),
        })
    };
    let u = match &subscription.u {
        SubscriptionU::Clock(clock) => Some(SubscriptionU::Clock(clock.clone())),
        SubscriptionU::FdRead(of) => fd(of)?.map(|file_descriptor| {
            SubscriptionU::FdRead(SubscriptionFdReadwrite { file_descriptor })
        }),
        SubscriptionU::FdWrite(of) => fd(of)?.map(|file_descriptor| {
            SubscriptionU::FdWrite(SubscriptionFdReadwrite { file_descriptor })
        }),
    };
    Ok(u.map(|u| Subscription { userdata: subscription.userdata, u }))
}

fn event(subscription: &Subscription) -> Event {
    let type_ = match subscription.u {
        SubscriptionU::Clock(_) => Eventtype::Clock,
        SubscriptionU::FdRead(_) => Eventtype::FdRead,
        SubscriptionU::FdWrite(_) => Eventtype::FdWrite,
    };
    Event {
        userdata: subscription.userdata,
        error: Errno::Success,
        type_,
        fd_readwrite: EventFdReadwrite { nbytes: 1, flags: Eventrwflags::empty() },
    }
}

/// Waits in wasmtime-wasi, in a small memory of our own that holds the list and then the events.
async fn wait(
    world: &mut World,
    memory: &mut GuestMemory<'_>,
    subscriptions: &[Subscription],
    events: GuestPtr<Event>,
) -> Result<Size> {
    let count = u32::try_from(subscriptions.len())?;
    let list_bytes = count * Subscription::guest_size();
    let bytes = list_bytes + count * Event::guest_size();
    // wiggle wants the host's addresses aligned too.
    let mut buffer = vec![0u8; bytes as usize + 8];
    let aligned = buffer.as_ptr().align_offset(8);
    let mut own = GuestMemory::Unshared(&mut buffer[aligned..]);
    let own_list = GuestPtr::<Subscription>::new(0);
    let own_events = GuestPtr::<Event>::new(list_bytes);

    for (slot, subscription) in own_list.as_array(count).iter().zip(subscriptions) {
        own.write(slot?, subscription.clone())?;
    }
    let happened = world.wasi.poll_oneoff(&mut own, own_list, own_events, count).await?;
    for (from, to) in own_events.as_array(happened).iter().zip(events.as_array(happened).iter()) {
        memory.write(to?, own.read(from?)?)?;
    }
    Ok(happened)
}
