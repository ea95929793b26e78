//! What all runs of a pod's containers have used, as annotations of the pod.
//!
//! One annotation says one number, in plain units and without a suffix: `kubectl get -o
//! custom-columns` and `jsonpath` reach each by its name, and programs need no parser for them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Usage;
use crate::api::names;

/// The sum of what the ended runs of a pod's containers have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodUsage {
    /// `None` until the end of a run is known with its usage.
    known: Option<Usage>,
    /// Runs whose end nobody has seen, and so what they used.
    runs_unknown: u64,
}

impl PodUsage {
    /// What an earlier process has written of a pod that has run. Whoever may write the pod may have
    /// changed it; what is no number counts for nothing.
    pub(crate) fn of_annotations(annotations: &BTreeMap<String, String>) -> Self {
        let number = |name: &str| annotations.get(name)?.parse().ok();
        let cpu = annotations.get(names::USAGE_CPU_SECONDS).map(String::as_str);
        let known = number(names::USAGE_MEMORY_PEAK_BYTES).map(|memory_bytes_peak| Usage {
            cpu: cpu.and_then(seconds).unwrap_or_default(),
            memory_bytes: 0,
            memory_bytes_peak,
            fuel: number(names::USAGE_FUEL),
            file_bytes_read: number(names::USAGE_FILE_READ_BYTES).unwrap_or_default(),
            file_bytes_written: number(names::USAGE_FILE_WRITTEN_BYTES).unwrap_or_default(),
            printed_bytes: number(names::USAGE_PRINTED_BYTES).unwrap_or_default(),
            network_bytes_received: number(names::USAGE_NETWORK_RECEIVED_BYTES).unwrap_or_default(),
            network_bytes_sent: number(names::USAGE_NETWORK_SENT_BYTES).unwrap_or_default(),
        });
        Self { known, runs_unknown: number(names::USAGE_RUNS_UNKNOWN).unwrap_or_default() }
    }

    /// A run has ended that used so much.
    pub(crate) fn add(&mut self, usage: &Usage) {
        self.known.get_or_insert_default().add(usage);
    }

    /// A run is over whose end nobody has seen.
    pub(crate) fn add_unknown(&mut self) {
        self.runs_unknown = self.runs_unknown.saturating_add(1);
    }

    /// How it is written; empty if there is nothing to say yet.
    pub(crate) fn annotations(&self) -> BTreeMap<String, String> {
        let mut annotations = BTreeMap::new();
        let mut say = |name: &str, value: String| annotations.insert(name.to_owned(), value);
        if let Some(usage) = &self.known {
            let (seconds, micros) = (usage.cpu.as_secs(), usage.cpu.subsec_micros());
            say(names::USAGE_CPU_SECONDS, format!("{seconds}.{micros:06}"));
            say(names::USAGE_MEMORY_PEAK_BYTES, usage.memory_bytes_peak.to_string());
            if let Some(fuel) = usage.fuel {
                say(names::USAGE_FUEL, fuel.to_string());
            }
            say(names::USAGE_FILE_READ_BYTES, usage.file_bytes_read.to_string());
            say(names::USAGE_FILE_WRITTEN_BYTES, usage.file_bytes_written.to_string());
            say(names::USAGE_PRINTED_BYTES, usage.printed_bytes.to_string());
            // Most pods have no network.
            if usage.network_bytes_received > 0 || usage.network_bytes_sent > 0 {
                let (received, sent) = (usage.network_bytes_received, usage.network_bytes_sent);
                say(names::USAGE_NETWORK_RECEIVED_BYTES, received.to_string());
                say(names::USAGE_NETWORK_SENT_BYTES, sent.to_string());
            }
        }
        if self.runs_unknown > 0 {
            say(names::USAGE_RUNS_UNKNOWN, self.runs_unknown.to_string());
        }
        annotations
    }
}

/// `3.250000` as a time, to the microsecond.
fn seconds(text: &str) -> Option<Duration> {
    let (seconds, micros) = text.split_once('.')?;
    let micros = micros.parse().ok().filter(|_| micros.len() == 6)?;
    Some(Duration::from_secs(seconds.parse().ok()?) + Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage() -> Usage {
        Usage {
            cpu: Duration::from_micros(3_250_001),
            memory_bytes: 1,
            memory_bytes_peak: 17_301_504,
            fuel: Some(u64::MAX),
            file_bytes_read: 1,
            file_bytes_written: 2,
            printed_bytes: 3,
            network_bytes_received: 4,
            network_bytes_sent: 5,
        }
    }

    #[test]
    fn one_annotation_says_one_number() {
        assert_eq!(PodUsage::default().annotations(), BTreeMap::new());
        let mut sum = PodUsage::default();
        sum.add(&Usage { fuel: None, ..usage() });
        let written = |sum: &PodUsage| {
            let each = sum.annotations().into_iter();
            each.map(|(name, value)| format!("{name}={value}\n")).collect::<String>()
        };
        assert_eq!(
            written(&sum),
            "mayfly.dev/usage-cpu-seconds=3.250001\n\
             mayfly.dev/usage-file-read-bytes=1\n\
             mayfly.dev/usage-file-written-bytes=2\n\
             mayfly.dev/usage-memory-peak-bytes=17301504\n\
             mayfly.dev/usage-network-received-bytes=4\n\
             mayfly.dev/usage-network-sent-bytes=5\n\
             mayfly.dev/usage-printed-bytes=3\n"
        );
        sum.add(&Usage { memory_bytes_peak: 5, fuel: Some(7), ..usage() });
        sum.add_unknown();
        assert_eq!(
            written(&sum),
            "mayfly.dev/usage-cpu-seconds=6.500002\n\
             mayfly.dev/usage-file-read-bytes=2\n\
             mayfly.dev/usage-file-written-bytes=4\n\
             mayfly.dev/usage-fuel=7\n\
             mayfly.dev/usage-memory-peak-bytes=17301504\n\
             mayfly.dev/usage-network-received-bytes=8\n\
             mayfly.dev/usage-network-sent-bytes=10\n\
             mayfly.dev/usage-printed-bytes=6\n\
             mayfly.dev/usage-runs-unknown=1\n"
        );
    }

    #[test]
    fn the_next_process_goes_on_from_what_was_written() {
        let mut sum = PodUsage::default();
        sum.add(&usage());
        sum.add_unknown();
        let mut recovered = PodUsage::of_annotations(&sum.annotations());
        assert_eq!(recovered.annotations(), sum.annotations());
        recovered.add(&usage());
        assert_eq!(recovered.annotations()[names::USAGE_FUEL], u64::MAX.to_string(), "it is full");
        assert_eq!(recovered.annotations()[names::USAGE_PRINTED_BYTES], "6");
    }

    #[test]
    fn what_others_have_written_does_no_harm() {
        let wrong =
            ["", "-1", "1e9", "18446744073709551616", "NaN", "1.5", "99999999999999999999.0"];
        for value in wrong {
            let said = usage_with(value);
            let mut sum = PodUsage::of_annotations(&said);
            sum.add(&usage());
            assert_eq!(sum.annotations()[names::USAGE_PRINTED_BYTES], "3", "{value}");
            assert_eq!(sum.annotations()[names::USAGE_CPU_SECONDS], "3.250001", "{value}");
        }
        let most = format!("{}.999999", u64::MAX);
        let said = BTreeMap::from([
            (names::USAGE_MEMORY_PEAK_BYTES.to_owned(), "0".to_owned()),
            (names::USAGE_CPU_SECONDS.to_owned(), most.clone()),
        ]);
        let mut sum = PodUsage::of_annotations(&said);
        sum.add(&usage());
        assert_eq!(sum.annotations()[names::USAGE_CPU_SECONDS], most);
    }

    fn usage_with(value: &str) -> BTreeMap<String, String> {
        let mut sum = PodUsage::default();
        sum.add(&usage());
        let names = sum.annotations().into_keys().filter(|it| it != names::USAGE_MEMORY_PEAK_BYTES);
        let mut said: BTreeMap<_, _> = names.map(|name| (name, value.to_owned())).collect();
        said.insert(names::USAGE_MEMORY_PEAK_BYTES.to_owned(), "0".to_owned());
        said
    }
}
