//! A line of a log that has not ended yet.

/// How much of it is held back. Stops a container that never ends a line from filling our memory.
const LINE_BYTES_MAX: usize = 1 << 20;

/// What has come since the last end of a line.
#[derive(Default)]
pub(super) struct Unfinished(Vec<u8>);

impl Unfinished {
    /// The lines that end with `bytes`, together; one that has grown too long without an end is
    /// among them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.extend_from_slice(bytes);
        let end = match self.0.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            None if self.0.len() > LINE_BYTES_MAX => self.0.len(),
            None => return Vec::new(),
        };
        let rest = self.0.split_off(end);
        std::mem::replace(&mut self.0, rest)
    }

    /// The rest, which has no end.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_held_back_within_a_limit() {
        let mut line = Unfinished::default();
        assert_eq!(line.take(b"a\nb\nc"), b"a\nb\n");
        assert_eq!(line.take(b"d"), b"");
        assert_eq!(line.finish(), b"cd");
        assert_eq!(line.take(&vec![b'x'; LINE_BYTES_MAX]), b"");
        assert_eq!(line.take(b"x").len(), LINE_BYTES_MAX + 1);
    }
}
