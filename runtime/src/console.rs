//! A guest's two outputs, and its termination log: what it writes that leaves the sandbox.

use std::sync::Arc;

use crate::meter::Meter;
use crate::output::{Output, Stream};
use crate::stop::Stop;

/// Why something was not printed.
#[derive(Debug)]
pub(crate) enum Unprinted {
    /// Whoever takes it could not; the guest is told so and goes on.
    Lost,
    /// It was too much, which ends the guest.
    Stop(Stop),
}

/// Passes on what is printed, up to a limit for both streams together.
pub(crate) struct Console {
    output: Arc<dyn Output>,
    bytes_left: u64,
    meter: Meter,
}

impl Console {
    pub(crate) fn new(output: Arc<dyn Output>, bytes_max: u64, meter: Meter) -> Self {
        Self { output, bytes_left: bytes_max, meter }
    }

    /// Passes `bytes` on; ends the guest if they are more than is left, once that is passed on.
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<(), Unprinted> {
        let room = usize::try_from(self.bytes_left).unwrap_or(usize::MAX).min(bytes.len());
        let (bytes, rest) = bytes.split_at(room);
        self.output.write(stream, bytes).map_err(|error| {
            tracing::warn!(%error, "the output of a guest is lost");
            Unprinted::Lost
        })?;
        self.bytes_left -= room as u64;
        self.meter.printed(room as u64);
        if rest.is_empty() { Ok(()) } else { Err(Unprinted::Stop(Stop::OutputExceeded)) }
    }
}

/// The last bytes that were written to it.
#[derive(Debug, Default)]
pub(crate) struct TerminationMessage {
    bytes: Vec<u8>,
}

impl TerminationMessage {
    /// How much is kept: enough for a sentence or a short backtrace.
    pub(crate) const BYTES_MAX: usize = 4096;

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(Self::BYTES_MAX)..];
        let over = (self.bytes.len() + bytes.len()).saturating_sub(Self::BYTES_MAX);
        self.bytes.drain(..over);
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_of_a_termination_message_are_kept() {
        let mut message = TerminationMessage::default();
        message.write(&[b'a'; 4000]);
        message.write(&[b'b'; 100]);
        assert_eq!(message.bytes(), [vec![b'a'; 3996], vec![b'b'; 100]].concat());
        message.write(&[b'c'; 9000]);
        assert_eq!(message.bytes(), [b'c'; 4096]);
        message.clear();
        message.write(b"done");
        assert_eq!(message.bytes(), b"done");
    }
}
