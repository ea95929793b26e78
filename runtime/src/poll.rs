//! `poll_oneoff`: waiting for clocks and descriptors.
//!
//! With a seeded clock there is nothing to wait for: it goes on to where the guest wants it.

use wasmtime_wasi::p1::types::{
    Clockid, Errno, Error, Event, EventFdReadwrite, Eventrwflags, Eventtype, Fd, Size,
    Subclockflags, Subscription, SubscriptionClock, SubscriptionFdReadwrite, SubscriptionU,
};
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wiggle::{GuestMemory, GuestPtr, GuestType as _};

use crate::descriptor::Descriptor;
use crate::device::Device;
use crate::preview1::WASI_STDIN;
use crate::seeded::Clock;
use crate::world::World;

type Result<T, E = Error> = std::result::Result<T, E>;

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
    if count > world.limits.subscriptions {
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
        match world.seeded.as_ref().map(|seeded| seeded.clock.clone()) {
            None => return wait(world, memory, &waiting, events).await,
            Some(clock) => {
                let (happened, clocks) = wait_seeded(world, &clock, waiting).await?;
                if clocks.is_empty() && happened.is_empty() {
                    return Err(Errno::Inval.into());
                }
                ready = happened.into_iter().chain(clocks).collect();
            }
        }
    }
    let ready_count = u32::try_from(ready.len())?;
    for (slot, event) in events.as_array(ready_count).iter().zip(ready) {
        memory.write(slot?, event)?;
    }
    Ok(ready_count)
}

/// Waits with a seeded clock: for what is ready, or else until the first that is to come. What has
/// happened to descriptors, and to clocks.
///
/// A file is always ready. Only the standard input may keep a guest waiting, and only if it waits
/// for no clock besides.
async fn wait_seeded(
    world: &mut World,
    clock: &Clock,
    subscriptions: Vec<Subscription>,
) -> Result<(Vec<Event>, Vec<Event>)> {
    let mut happened = Vec::new();
    let mut inputs = Vec::new();
    let mut clocks = Vec::new();
    for subscription in subscriptions {
        match &subscription.u {
            SubscriptionU::Clock(of) => clocks.push((due(clock, of)?, event(&subscription))),
            SubscriptionU::FdRead(of) if of.file_descriptor == Fd::from(WASI_STDIN) => {
                inputs.push(subscription);
            }
            SubscriptionU::FdRead(_) | SubscriptionU::FdWrite(_) => {
                happened.push(event(&subscription));
            }
        }
    }
    if happened.is_empty() && !inputs.is_empty() {
        let looked = clocks.first().map(|_| now_or_never());
        happened = inputs_ready(world, &inputs, looked).await?;
    }
    let first = clocks.iter().map(|(due, _)| *due).min();
    if let Some(first) = first.filter(|_| happened.is_empty()) {
        clock.sleep_until(first);
    }
    let now = clock.elapsed();
    let past = clocks.into_iter().filter(|(due, _)| *due <= now).map(|(_, event)| event);
    Ok((happened, past.collect()))
}

/// When a clock is due, in nanoseconds since the start.
fn due(clock: &Clock, of: &SubscriptionClock) -> Result<u64> {
    if !of.flags.contains(Subclockflags::SUBSCRIPTION_CLOCK_ABSTIME) {
        return Ok(clock.elapsed().saturating_add(of.timeout));
    }
    match of.id {
        Clockid::Monotonic => Ok(of.timeout),
        Clockid::Realtime => {
            let start = u64::try_from(clock.start().as_nanos()).unwrap_or(u64::MAX);
            Ok(of.timeout.saturating_sub(start))
        }
        _ => Err(Errno::Inval.into()),
    }
}

/// A clock that is past.
fn now_or_never() -> Subscription {
    let clock = SubscriptionClock {
        id: Clockid::Monotonic,
        timeout: 0,
        precision: 0,
        flags: Subclockflags::empty(),
    };
    Subscription { userdata: 0, u: SubscriptionU::Clock(clock) }
}

/// Which of the `inputs` are ready; waits for one of them unless `looked` is there, too.
async fn inputs_ready(
    world: &mut World,
    inputs: &[Subscription],
    looked: Option<Subscription>,
) -> Result<Vec<Event>> {
    let list: Vec<_> = inputs.iter().cloned().chain(looked).collect();
    let events = wait_own(world, &list).await?;
    Ok(events.into_iter().filter(|event| event.type_ != Eventtype::Clock).collect())
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

/// Waits in wasmtime-wasi, and tells the guest what has happened.
async fn wait(
    world: &mut World,
    memory: &mut GuestMemory<'_>,
    subscriptions: &[Subscription],
    events: GuestPtr<Event>,
) -> Result<Size> {
    let happened = wait_own(world, subscriptions).await?;
    let count = u32::try_from(happened.len())?;
    for (slot, event) in events.as_array(count).iter().zip(happened) {
        memory.write(slot?, event)?;
    }
    Ok(count)
}

/// Waits in wasmtime-wasi, in a small memory of our own that holds the list and then the events.
async fn wait_own(world: &mut World, subscriptions: &[Subscription]) -> Result<Vec<Event>> {
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
    own_events.as_array(happened).iter().map(|event| Ok(own.read(event?)?)).collect()
}
