//! What traces and their spans are called, and how that is passed on: W3C Trace Context.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

/// A span within its trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

/// What somebody else did, of which what is done here is a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its trace.
    pub trace: TraceId,
    /// Its span.
    pub span: SpanId,
    /// Whether they keep it.
    pub is_sampled: bool,
}

impl TraceId {
    /// That of the object with this uid.
    ///
    /// A uid has as many bits, but not all of them are random, and who keeps a share of all traces
    /// looks at any.
    pub(super) fn of(uid: &str) -> Self {
        Self(first(&Sha256::digest(format!("trace {uid}"))))
    }
}

impl SpanId {
    /// That of `step` of the object with this uid.
    pub(crate) fn of(uid: &str, step: &str) -> Self {
        Self(first(&Sha256::digest(format!("{step} {uid}"))))
    }
}

/// The first bytes; of a digest they are all zero, which would be no id, about never.
fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().expect("a digest must be longer than an id")
}

/// What the header `traceparent` says; `None` if it is none, as for whoever is sent none.
pub fn parse_traceparent(text: &str) -> Option<Parent> {
    let mut parts = text.split('-');
    let version = hex::<1>(parts.next()?)?;
    let trace = TraceId(hex(parts.next()?)?);
    let span = SpanId(hex(parts.next()?)?);
    let [flags] = hex::<1>(parts.next()?)?;
    // A later version may say more.
    let is_whole = parts.next().is_none() || version != [0];
    let is_valid = version != [0xff] && trace.0 != [0; 16] && span.0 != [0; 8];
    (is_whole && is_valid).then_some(Parent { trace, span, is_sampled: flags & 1 == 1 })
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_digit = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.bytes().all(is_digit) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.0, f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.0, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.0, f)
    }
}

/// As the header `traceparent` has it.
impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, span, is_sampled } = self;
        write!(f, "00-{trace}-{span}-{:02x}", u8::from(*is_sampled))
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_w3c_has_it() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let parent = parse_traceparent(good).unwrap();
        assert_eq!((parent.to_string().as_str(), parent.is_sampled), (good, true));
        for good in [
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02-what-the-future-brings",
        ] {
            assert!(!parse_traceparent(good).unwrap().is_sampled, "{good}");
        }
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-+1",
            "00-0af7651916cd43dd8448eb211c8031éc-b7ad6b7169203331-01",
        ] {
            assert_eq!(parse_traceparent(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_id_is_the_same_in_every_process() {
        let uid = "11111111-2222-4333-8444-555555555555";
        assert_ne!(SpanId::of(uid, "job"), SpanId::of(uid, "request"));
        // Whoever reads traces of last year compares them with those of today.
        assert_eq!(TraceId::of(uid).to_string(), "4e4ff34d63cb86b767fa9ea63f117ac1");
        assert_eq!(SpanId::of(uid, "job").to_string(), "0d4e869e646d2538");
    }
}
