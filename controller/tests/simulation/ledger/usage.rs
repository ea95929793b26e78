//! That what a pod's annotations say of its usage is what its guests have used.

use mayfly_controller::api::{Pod, names};

use super::Found;
use super::guests::GuestBook;
use crate::guests::HELLO;
use crate::world::uid;

/// Fails unless `pod` says no less than `old` did, and no more than there were runs. What the last
/// word of an earlier process said may be gone, if runs are said to be unknown instead.
pub(super) fn is_true(old: &Pod, pod: &Pod, guests: &GuestBook) -> Found {
    let (before, now) = (Said::of(old)?, Said::of(pod)?);
    let is_less = now.printed < before.printed && now.unknown == before.unknown;
    if is_less || now.unknown < before.unknown {
        return Err(format!("its usage went back from {before:?} to {now:?}"));
    }
    let hello = HELLO.len() as u64;
    let begun = guests.begun(uid(pod));
    if now.printed % hello != 0 || now.printed / hello + now.unknown > begun {
        return Err(format!("after {begun} runs it has used {now:?}"));
    }
    Ok(())
}

#[derive(Debug)]
struct Said {
    printed: u64,
    unknown: u64,
}

impl Said {
    fn of(pod: &Pod) -> Result<Self, String> {
        let number = |name: &str| {
            let said = pod.metadata.annotations.as_ref().and_then(|all| all.get(name));
            let said = said.map_or("0", String::as_str);
            said.parse().map_err(|_| format!("{name} is no number: {said}"))
        };
        Ok(Self {
            printed: number(names::USAGE_PRINTED_BYTES)?,
            unknown: number(names::USAGE_RUNS_UNKNOWN)?,
        })
    }
}
