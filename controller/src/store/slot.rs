//! How the state holds an object: whole, or packed when nobody has written it for a while.
//!
//! ```text
//! whole ─ not written for a while ─▶ JSON ─▶ packed, as what differs from another of its kind
//!   ▲                                                                              │
//!   └───────────────────── for who asks, and for as long ──────────────────────────┘
//! ```
//!
//! Readers see whole objects alone, the same that were packed. Who looks at very many takes slots, which
//! cost nothing, and unpacks one at a time.

use std::collections::HashMap;
use std::sync::Arc;

use lz4_flex::block;

use super::common::{self, PodSpecs};
use crate::api::{Kind, Object, Timestamp};
use crate::limits::PACKED_BYTES_MAX;

/// What was packed here is unpacked here.
const RIGHTLY: &str = "what was packed must be packed rightly";

/// An object, or how to get it again. A clone costs next to nothing.
#[derive(Clone)]
pub(crate) enum Slot {
    Whole(Object),
    Packed(Packed),
}

impl Slot {
    /// The version of the state that its last change made.
    pub(super) fn version(&self) -> Option<u64> {
        match self {
            Self::Whole(object) => version_of(object),
            Self::Packed(packed) => Some(packed.version),
        }
    }

    /// The object, for who asks. It takes some microseconds to unpack one, so no lock is held for
    /// many of them.
    pub(crate) fn object(&self) -> Object {
        match self {
            Self::Whole(object) => object.clone(),
            Self::Packed(packed) => packed.unpack(),
        }
    }

    /// The same without a copy where it is whole.
    pub(crate) fn into_object(self) -> Object {
        match self {
            Self::Whole(object) => object,
            Self::Packed(packed) => packed.unpack(),
        }
    }

    /// The same for who holds it for a while: with what others of `specs` hold, also where it was
    /// packed.
    pub(super) fn into_held(self, specs: &PodSpecs) -> Object {
        match self {
            Self::Whole(object) => object,
            Self::Packed(packed) => {
                let mut object = packed.unpack();
                common::share(&mut object, specs);
                object
            }
        }
    }
}

/// The version of the state that the last change of `object` made.
pub(super) fn version_of(object: &Object) -> Option<u64> {
    object.metadata().resource_version.as_deref()?.parse().ok()
}

/// An object, written down and compressed by what it has in common with another.
///
/// ```text
/// number of times (2 bytes) │ nanoseconds of each (4 bytes) │ JSON, where times have seconds
/// ```
#[derive(Clone)]
pub(crate) struct Packed {
    kind: Kind,
    /// The version of the state that its last change made.
    version: u64,
    /// As lz4, with its size before it.
    bytes: Arc<[u8]>,
    dictionary: Arc<[u8]>,
}

impl Packed {
    fn unpack(&self) -> Object {
        #[cfg(test)]
        tests::UNPACKED.set(tests::UNPACKED.get() + 1);
        let text = block::decompress_size_prepended_with_dict(&self.bytes, &self.dictionary);
        let text = text.expect(RIGHTLY);
        let (count, rest) = text.split_first_chunk().expect(RIGHTLY);
        let (nanoseconds, json) = rest.split_at(4 * usize::from(u16::from_le_bytes(*count)));
        let mut object = Object::from_json(self.kind, json).expect(RIGHTLY);
        let (nanoseconds, _) = nanoseconds.as_chunks();
        let mut nanoseconds = nanoseconds.iter().map(|it| i128::from(u32::from_le_bytes(*it)));
        object.each_time(|time| {
            let exact = time.0.as_nanosecond() + nanoseconds.next().expect(RIGHTLY);
            time.0 = Timestamp::from_nanosecond(exact).expect(RIGHTLY);
        });
        object
    }
}

/// Writes `object` down, to be packed.
fn written(object: &Object) -> Vec<u8> {
    let mut nanoseconds = Vec::new();
    object.clone().each_time(|time| {
        let nanosecond = time.0.as_nanosecond().rem_euclid(1_000_000_000);
        nanoseconds.push(u32::try_from(nanosecond).expect("a second must have no more"));
    });
    let count = u16::try_from(nanoseconds.len()).unwrap_or(u16::MAX);
    let mut text = count.to_le_bytes().to_vec();
    text.extend(nanoseconds.into_iter().flat_map(u32::to_le_bytes));
    text.extend(object.to_json());
    text
}

/// Packs objects, each with one of its kind that came before as the dictionary.
#[derive(Default)]
pub(super) struct Packer {
    dictionaries: HashMap<Kind, Dictionary>,
}

struct Dictionary {
    text: Arc<[u8]>,
    /// How many have been packed with it.
    used: usize,
}

impl Packer {
    /// Of each kind that is packed there may be very many objects.
    pub(super) fn packs(kind: Kind) -> bool {
        matches!(kind, Kind::Pod | Kind::Job | Kind::Event)
    }

    /// `None` for one that is too large for it.
    pub(super) fn pack(&mut self, object: &Object) -> Option<Packed> {
        /// Packed objects for which a dictionary stays, however little it has in common with them:
        /// so that dictionaries together are small beside what is packed with them.
        const DICTIONARY_USES_MIN: usize = 64;
        let (kind, text) = (object.kind(), written(object));
        let version = version_of(object).unwrap_or_default();
        if text.len() > PACKED_BYTES_MAX {
            return None;
        }
        let fresh = || Dictionary { text: text.as_slice().into(), used: 0 };
        let dictionary = self.dictionaries.entry(kind).or_insert_with(fresh);
        let mut bytes = block::compress_prepend_size_with_dict(&text, &dictionary.text);
        if bytes.len() > text.len() / 2 && dictionary.used >= DICTIONARY_USES_MIN {
            *dictionary = fresh();
            bytes = block::compress_prepend_size_with_dict(&text, &dictionary.text);
        }
        dictionary.used += 1;
        Some(Packed {
            kind,
            version,
            bytes: bytes.into(),
            dictionary: Arc::clone(&dictionary.text),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use serde_json::json;

    use super::*;

    thread_local! {
        /// How many objects this thread, which is one test, has unpacked.
        pub(super) static UNPACKED: Cell<usize> = const { Cell::new(0) };
    }

    /// How many objects `work` unpacks.
    pub(crate) async fn unpacked_by<T>(work: impl Future<Output = T>) -> (T, usize) {
        let before = UNPACKED.get();
        let done = work.await;
        (done, UNPACKED.get() - before)
    }

    fn event(number: usize, note: &str) -> Object {
        let event = json!({
            "metadata": {"name": format!("pi.{number}"), "namespace": "default", "uid": number.to_string()},
            "involvedObject": {"kind": "Pod", "name": "pi", "namespace": "default"},
            "reason": "Created", "message": note, "type": "Normal", "count": 1,
        });
        Object::from_json(Kind::Event, event.to_string().as_bytes()).expect("it is an event")
    }

    #[test]
    fn what_is_packed_is_the_same_again_and_small_where_others_are_alike() {
        let mut packer = Packer::default();
        for number in 0..100 {
            let object = event(number, "Created container main");
            let packed = packer.pack(&object).expect("it is small");
            assert!(packed.bytes.len() < object.to_json().len() / 4, "{}", packed.bytes.len());
            assert_eq!(Slot::Packed(packed).into_object(), object);
        }
    }

    #[test]
    fn a_dictionary_that_has_nothing_in_common_is_left() {
        let mut packer = Packer::default();
        for number in 0..100 {
            packer.pack(&event(number, "a")).expect("it is small");
        }
        let long: String = (0..2000).map(|number| format!("{number:x}")).collect();
        for number in 0..100 {
            let object = event(number, &long);
            let packed = packer.pack(&object).expect("it is small");
            let is_small = packed.bytes.len() < object.to_json().len() / 4;
            assert!(is_small || number == 0, "{number}: {}", packed.bytes.len());
            assert_eq!(Slot::Packed(packed).into_object(), object);
        }
    }

    #[test]
    fn times_are_as_exact_as_before() {
        let time = "2026-01-02T03:04:05Z";
        let state = json!({"terminated": {"exitCode": 0, "startedAt": time, "finishedAt": time}});
        let running = json!({"running": {"startedAt": time}});
        let condition = json!([{"type": "Complete", "status": "True",
            "lastProbeTime": time, "lastTransitionTime": time}]);
        let container = json!([{"name": "main", "image": "", "imageID": "", "ready": true,
            "restartCount": 0, "state": running, "lastState": state}]);
        let metadata = json!({"name": "a", "creationTimestamp": time, "deletionTimestamp": time});
        let samples = [
            (
                Kind::Event,
                json!({"metadata": metadata, "involvedObject": {},
                "firstTimestamp": time, "lastTimestamp": time}),
            ),
            (
                Kind::Job,
                json!({"metadata": metadata, "status": {"startTime": time,
                "completionTime": time, "conditions": condition}}),
            ),
            (
                Kind::Pod,
                json!({"metadata": metadata, "status": {"startTime": time,
                "conditions": condition, "initContainerStatuses": container,
                "containerStatuses": container, "ephemeralContainerStatuses": container}}),
            ),
        ];
        for (kind, json) in samples {
            let json = json.to_string();
            let mut object = Object::from_json(kind, json.as_bytes()).expect("it is an object");
            let (mut count, mut nanosecond) = (0, 0);
            object.each_time(|time| {
                count += 1;
                // Also what would be another second if it were rounded.
                nanosecond = (nanosecond + 301_234_567) % 1_000_000_000;
                time.0 = Timestamp::new(time.0.as_second(), nanosecond).expect("it is a time");
            });
            assert_eq!(count, json.matches(time).count());
            let packed = Packer::default().pack(&object).expect("it is small");
            assert_eq!(Slot::Packed(packed).into_object(), object);
        }
    }

    #[test]
    fn what_is_too_large_is_not_packed() {
        let large = "x".repeat(PACKED_BYTES_MAX);
        assert!(Packer::default().pack(&event(0, &large)).is_none());
    }
}
