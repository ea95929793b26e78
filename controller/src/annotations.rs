//! mayfly's own annotations of a pod, parsed once: what it asks for that Kubernetes has no field
//! for. Pure.
//!
//! They hold for each container of the pod, and for each run of it.

use std::collections::BTreeMap;

use crate::api::ObjectMeta;
use crate::api::names::{DETERMINISTIC, FUEL, NETWORK_BYTES, OPEN_FILES, OUTPUT_BYTES};
use crate::quantity::Amount;

/// The longest seed. Stops one from making its pod large; what is longer is no better a seed.
const SEED_BYTES_MAX: usize = 256;

/// What the annotations of a pod ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// `mayfly.dev/fuel`: instructions.
    pub fuel: Option<u64>,
    /// `mayfly.dev/output-bytes`: bytes that it may print.
    pub output_bytes: Option<u64>,
    /// `mayfly.dev/open-files`: files that it may have open at a time.
    pub open_files: Option<u64>,
    /// `mayfly.dev/network-bytes`: bytes that it may send and receive.
    pub network_bytes: Option<u64>,
    /// `mayfly.dev/deterministic`: the seed of its clocks and random numbers.
    pub deterministic: Option<String>,
}

/// An annotation whose value says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// What is wanted instead.
    pub wanted: &'static str,
}

impl Annotations {
    /// What `metadata` asks for; what is wrong in it was refused when it was admitted, and asks for
    /// nothing.
    pub fn of(metadata: &ObjectMeta) -> Self {
        Self::parse(metadata.annotations.as_ref()).0
    }

    /// What `annotations` ask for, and everything that is wrong in them.
    pub fn parse(annotations: Option<&BTreeMap<String, String>>) -> (Self, Vec<Wrong>) {
        let mut wrong = Vec::new();
        let mut read = |name: &'static str, wanted: &'static str| {
            let value = annotations?.get(name)?;
            let count = count(value);
            if count.is_none() {
                wrong.push(Wrong { name, value: value.clone(), wanted });
            }
            count
        };
        let mut parsed = Self {
            fuel: read(FUEL, "must be a number of instructions, such as 1000000000 or 1G"),
            output_bytes: read(OUTPUT_BYTES, "must be a number of bytes, such as 64Mi"),
            open_files: read(OPEN_FILES, "must be a number of files, such as 100"),
            network_bytes: read(NETWORK_BYTES, "must be a number of bytes, such as 64Mi"),
            deterministic: None,
        };
        if let Some(seed) = annotations.and_then(|annotations| annotations.get(DETERMINISTIC)) {
            if (1..=SEED_BYTES_MAX).contains(&seed.len()) {
                parsed.deterministic = Some(seed.clone());
            } else {
                let wanted = "must be a seed of 1 to 256 bytes; any text is one";
                wrong.push(Wrong { name: DETERMINISTIC, value: seed.clone(), wanted });
            }
        }
        (parsed, wrong)
    }
}

/// A whole number above zero, in Kubernetes' notation of quantities.
fn count(text: &str) -> Option<u64> {
    // A quantity ends where an i64 does.
    if let Ok(count) = text.parse::<u64>() {
        return Some(count).filter(|count| *count > 0);
    }
    let amount = Amount::parse(text).filter(|amount| amount.is_whole())?;
    u64::try_from(amount.units()).ok().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, value: &str) -> (Annotations, Vec<Wrong>) {
        let annotations = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        Annotations::parse(Some(&annotations))
    }

    #[test]
    fn numbers_are_whole_and_more_than_none() {
        let check = |value: &str, expect: Option<u64>| {
            for name in [FUEL, OUTPUT_BYTES, OPEN_FILES, NETWORK_BYTES] {
                let (parsed, wrong) = parse(name, value);
                let (fuel, files) = (parsed.fuel, parsed.open_files);
                let found = [fuel, parsed.output_bytes, files, parsed.network_bytes];
                assert_eq!(found.into_iter().flatten().next(), expect, "{name} {value}");
                let told: Vec<_> = wrong.iter().map(|it| (it.name, it.value.as_str())).collect();
                let expected = if expect.is_some() { vec![] } else { vec![(name, value)] };
                assert_eq!(told, expected, "{name} {value}");
            }
        };
        check("1", Some(1));
        check("18446744073709551615", Some(u64::MAX));
        check("64Mi", Some(64 << 20));
        check("1e9", Some(1_000_000_000));
        check("2G", Some(2_000_000_000));
        for wrong in ["0", "-1", "500m", "0.5", "", " 1", "lots", "1 Mi"] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_seed_is_any_text_of_some_length() {
        let seed = |text: &str| parse(DETERMINISTIC, text).0.deterministic;
        assert_eq!(seed("7").as_deref(), Some("7"));
        assert_eq!(seed("ä seed"), Some("ä seed".to_owned()));
        assert_eq!(seed(""), None);
        assert_eq!(seed(&"x".repeat(257)), None);
        assert_eq!(parse(DETERMINISTIC, "").1.len(), 1);
    }
}
