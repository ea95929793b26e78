//! The one place where randomness is made: uids, the ends of generated names, and jitter.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::api::Timestamp;

/// Without vowels and what looks like them, so that no word comes out: Kubernetes' own choice.
const SUFFIX_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH: usize = 5;
/// Kubernetes cuts the given part so that the whole is a DNS label.
const GENERATED_NAME_LENGTH_MAX: usize = 63;

/// Makes uids and name suffixes. A clone goes on in the same sequence.
#[derive(Clone)]
pub struct Names(Arc<Mutex<Source>>);

struct Source {
    random: fastrand::Rng,
    last_stamp: u64,
}

impl Names {
    /// Another sequence each time.
    pub fn random() -> Self {
        Self::from(fastrand::Rng::new())
    }

    /// The same sequence for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self::from(fastrand::Rng::with_seed(seed))
    }

    fn from(random: fastrand::Rng) -> Self {
        Self(Arc::new(Mutex::new(Source { random, last_stamp: 0 })))
    }

    /// A new uid: a random UUID.
    pub fn uid(&self) -> String {
        let mut bytes = [0; 16];
        self.with(|source| source.random.fill(&mut bytes));
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// Five characters to end a name with.
    pub fn suffix(&self) -> String {
        self.with(|Source { random, .. }| {
            let mut pick = || char::from(SUFFIX_ALPHABET[random.usize(..SUFFIX_ALPHABET.len())]);
            (0..SUFFIX_LENGTH).map(|_| pick()).collect()
        })
    }

    /// A name that begins with `generate_name`, as `metadata.generateName` asks for.
    pub fn generate(&self, generate_name: &str) -> String {
        let kept = generate_name.floor_char_boundary(GENERATED_NAME_LENGTH_MAX - SUFFIX_LENGTH);
        format!("{}{}", &generate_name[..kept], self.suffix())
    }

    /// A span below `most`, so that what is begun together does not end together.
    pub fn jitter(&self, most: Duration) -> Duration {
        most.mul_f64(self.with(|source| source.random.f64()))
    }

    /// `now` in nanoseconds, or a little later: no two are the same, and they only grow.
    pub fn stamp(&self, now: Timestamp) -> u64 {
        let now = u64::try_from(now.as_nanosecond()).unwrap_or(0);
        self.with(|source| {
            source.last_stamp = now.max(source.last_stamp.saturating_add(1));
            source.last_stamp
        })
    }

    fn with<T>(&self, draw: impl FnOnce(&mut Source) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_sequence() {
        let draw = |names: Names| [names.uid(), names.suffix(), names.uid()];
        assert_eq!(draw(Names::seeded(7)), draw(Names::seeded(7)));
        assert_ne!(draw(Names::seeded(7)), draw(Names::seeded(8)));
        assert_ne!(draw(Names::random()), draw(Names::random()));
    }

    #[test]
    fn no_two_stamps_are_the_same() {
        let names = Names::seeded(1);
        let at = Timestamp::from_nanosecond(5).unwrap();
        let stamps = [at, at, Timestamp::UNIX_EPOCH, at].map(|now| names.stamp(now));
        assert_eq!(stamps, [5, 6, 7, 8]);
    }

    #[test]
    fn generated_names_are_labels() {
        let names = Names::seeded(1);
        assert_eq!(names.generate("pi-").len(), 8);
        assert_eq!(names.generate(&"x".repeat(200)).len(), GENERATED_NAME_LENGTH_MAX);
        assert_eq!(names.uid().len(), 36);
        assert_eq!(&names.uid()[14..15], "4");
    }
}
