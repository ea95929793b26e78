//! What a compiler is asked, and what it answers, as bytes.
//!
//! ```text
//! request   magic, kind, metering, bounds, limits, length │ module │ (open until nobody waits)
//! answer    magic, whether it was confined, what it is │ artifact, or words │ end
//! ```
//!
//! Both ends are the same program, so there is one version. The answer may be anything: whoever
//! wrote the module may have got into the compiler.

use std::io::{self, Read};

use super::Work;
use crate::confine::CompilerBounds;
use crate::error::{ModuleError, told};
use crate::inspect::Kind;
use crate::module::Metering;
use crate::module_limits::ModuleLimits;

const REQUEST: &[u8; 8] = b"mayfly?\x01";
const ANSWER: &[u8; 8] = b"mayfly!\x01";

/// The numbers of a request, after the magic.
const NUMBERS: usize = 5 + ModuleLimits::COUNT;

/// The bytes of an answer before the artifact, or the words.
pub(super) const ANSWER_HEAD_BYTES: usize = ANSWER.len() + 2;

/// By their numbers.
const KINDS: [Kind; 2] = [Kind::Module, Kind::Component];
const METERINGS: [Metering; 3] = [Metering::Epochs, Metering::Fuel, Metering::Deterministic];

fn of_number<T: Copy>(table: &[T], number: u64) -> io::Result<T> {
    let found = usize::try_from(number).ok().and_then(|number| table.get(number));
    found.copied().ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) work: Work,
    pub(super) bounds: CompilerBounds,
    /// Of the module that follows.
    pub(super) length: u64,
}

impl Request {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let Self { work, bounds, length } = self;
        let kind = KINDS.iter().position(|kind| *kind == work.kind);
        let metering = METERINGS.iter().position(|metering| *metering == work.metering);
        let number = |index: Option<usize>| index.map_or(u64::MAX, |index| index as u64);
        let (kind, metering) = (number(kind), number(metering));
        let numbers = [kind, metering, bounds.memory_bytes_max, bounds.cpu_seconds_max, length];
        let numbers = numbers.into_iter().chain(work.limits.to_numbers());
        REQUEST.iter().copied().chain(numbers.flat_map(u64::to_le_bytes)).collect()
    }

    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut magic = [0; REQUEST.len()];
        from.read_exact(&mut magic)?;
        let mut numbers = [0; NUMBERS];
        for number in &mut numbers {
            let mut bytes = [0; 8];
            from.read_exact(&mut bytes)?;
            *number = u64::from_le_bytes(bytes);
        }
        if magic != *REQUEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let [kind, metering, memory_bytes_max, cpu_seconds_max, length, limits @ ..] = numbers;
        let (kind, metering) = (of_number(&KINDS, kind)?, of_number(&METERINGS, metering)?);
        let work = Work { kind, metering, limits: ModuleLimits::of_numbers(limits) };
        let bounds = CompilerBounds { memory_bytes_max, cpu_seconds_max };
        Ok(Self { work, bounds, length })
    }
}

/// What came of it.
pub(super) struct Answer {
    /// Whether the kernel could confine the compiler as far as it was asked to.
    pub(super) is_confined: bool,
    pub(super) result: Result<Vec<u8>, ModuleError>,
}

impl Answer {
    /// The bytes before what the result has, and that.
    pub(super) fn to_bytes(&self) -> ([u8; ANSWER_HEAD_BYTES], Vec<u8>) {
        let (tag, words) = match &self.result {
            Ok(_) => (0, Vec::new()),
            Err(ModuleError::Invalid { detail, .. }) => (1, detail.clone().into_bytes()),
            Err(ModuleError::Truncated { .. }) => (2, Vec::new()),
            Err(ModuleError::OverLimit { what, found, max }) => {
                (3, format!("{found} {max} {what}").into_bytes())
            }
            Err(error) => (4, error.to_string().into_bytes()),
        };
        let mut head = [0; ANSWER_HEAD_BYTES];
        head[..ANSWER.len()].copy_from_slice(ANSWER);
        head[ANSWER.len()..].copy_from_slice(&[u8::from(self.is_confined), tag]);
        (head, words)
    }

    /// Reads what the compiler of `work` answered to a module of `length` bytes; `None` if it is no
    /// answer.
    pub(super) fn parse(mut bytes: Vec<u8>, work: Work, length: u64) -> Option<Self> {
        let rest = bytes.strip_prefix(ANSWER)?;
        let (is_confined, tag) = (*rest.first()? == 1, *rest.get(1)?);
        let words = || told(String::from_utf8_lossy(&rest[2..]).into_owned());
        let what = work.kind.name();
        let error = match tag {
            0 => {
                bytes.drain(..ANSWER_HEAD_BYTES);
                return Some(Self { is_confined, result: Ok(bytes) });
            }
            1 => ModuleError::Invalid { what, detail: words() },
            2 => ModuleError::Truncated { what, bytes: length },
            3 => {
                let words = words();
                let mut parts = words.splitn(3, ' ');
                let mut number = || parts.next()?.parse().ok();
                let (found, max) = (number()?, number()?);
                ModuleError::OverLimit { what: parts.next()?.to_owned(), found, max }
            }
            4 => ModuleError::Host(words().into()),
            _ => return None,
        };
        Some(Self { is_confined, result: Err(error) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Work = Work {
        kind: Kind::Component,
        metering: Metering::Fuel,
        limits: ModuleLimits { functions: 3, ..ModuleLimits::DEFAULT },
    };

    #[test]
    fn a_request_is_read_as_it_was_meant() {
        let bounds = CompilerBounds { memory_bytes_max: 1 << 40, cpu_seconds_max: 7 };
        for (kind, metering) in KINDS.into_iter().flat_map(|kind| METERINGS.map(|it| (kind, it))) {
            let work = Work { kind, metering, ..WORK };
            let request = Request { work, bounds, length: 0 };
            assert_eq!(Request::read(&mut request.to_bytes().as_slice()).unwrap(), request);
        }
        let request = Request { work: WORK, bounds, length: 12 };
        let bytes = request.to_bytes();
        assert_eq!(Request::read(&mut bytes.as_slice()).unwrap(), request);
        for length in 0..bytes.len() {
            assert!(Request::read(&mut &bytes[..length]).is_err(), "{length}");
        }
        let mut other = bytes;
        other[0] ^= 1;
        assert!(Request::read(&mut other.as_slice()).is_err());
    }

    #[test]
    fn an_answer_is_read_as_it_was_meant() {
        let check = |result: Result<Vec<u8>, ModuleError>| {
            let expect = format!("{result:?}");
            let answer = Answer { is_confined: true, result };
            let (head, words) = answer.to_bytes();
            let rest = answer.result.unwrap_or(words);
            let read = Answer::parse([&head[..], &rest].concat(), WORK, 12).unwrap();
            assert!(read.is_confined);
            assert_eq!(format!("{:?}", read.result), expect);
        };
        check(Ok(b"artifact".to_vec()));
        check(Ok(Vec::new()));
        check(Err(ModuleError::Invalid { what: "component", detail: "so".into() }));
        check(Err(ModuleError::Truncated { what: "component", bytes: 12 }));
        check(Err(ModuleError::OverLimit { what: "a b".into(), found: 4, max: 3 }));
        for nonsense in [&b""[..], b"mayfly!\x01", b"mayfly!\x01\0", b"mayfly!\x01\0\x09", b"x"] {
            assert!(Answer::parse(nonsense.to_vec(), WORK, 12).is_none(), "{nonsense:?}");
        }
        let flood = [&b"mayfly!\x01\x01\x01"[..], &[b'x'; 1 << 20]].concat();
        let told = Answer::parse(flood, WORK, 12).unwrap().result.unwrap_err().to_string();
        assert!(told.len() < 2000, "{}", told.len());
        let no_numbers = b"mayfly!\x01\x01\x03x y z".to_vec();
        assert!(Answer::parse(no_numbers, WORK, 12).is_none());
    }
}
