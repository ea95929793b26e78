//! A guest's two outputs, and its termination log: what it writes that leaves the sandbox.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bucket::Bucket;
use crate::limits::Limits;
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

/// What a line counts for besides its bytes: where each line has its time, it takes so much more.
/// Stops a flood of empty lines from being fifty times the flood that it seems.
const LINE_BYTES: u64 = 48;

/// Passes on what is printed, at a bounded rate, up to a limit; both for both streams together.
pub(crate) struct Console {
    output: Arc<dyn Output>,
    bytes_left: u64,
    /// What may be printed now.
    rate: Bucket,
    meter: Meter,
}

impl Console {
    pub(crate) fn new(output: Arc<dyn Output>, limits: &Limits, meter: Meter) -> Self {
        let (burst, per_second) = (limits.output_burst_bytes, limits.output_bytes_per_second);
        let rate = Bucket::full(burst, per_second, Instant::now());
        Self { output, bytes_left: limits.output_bytes, rate, meter }
    }

    /// How long the guest must wait before it prints more; zero if it need not.
    ///
    /// One that does not wait (a component that writes to many streams at once) waits the longer
    /// later.
    pub(crate) fn wait(&mut self) -> Duration {
        self.rate.wait(Instant::now())
    }

    /// Passes `bytes` on; ends the guest if they are more than is left, once that is passed on.
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<(), Unprinted> {
        let room = usize::try_from(self.bytes_left).unwrap_or(usize::MAX).min(bytes.len());
        let (bytes, rest) = bytes.split_at(room);
        self.output.write(stream, bytes).map_err(|error| {
            tracing::warn!(%error, "the output of a guest is lost");
            Unprinted::Lost
        })?;
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.rate.spend(room as u64 + lines * LINE_BYTES, Instant::now());
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
    use crate::output::Discard;

    fn console(limits: Limits) -> Console {
        Console::new(Arc::new(Discard), &limits, Meter::new())
    }

    #[test]
    fn what_is_more_than_a_burst_has_to_wait() {
        // So slow that it does not matter how quick the machine is.
        let mut console = console(Limits {
            output_bytes_per_second: 1,
            output_burst_bytes: 2_000_000,
            ..Limits::default()
        });
        let mut printed = 0;
        while console.wait().is_zero() {
            assert!(console.write(Stream::Stdout, &[b'x'; 10_000]).is_ok());
            printed += 10_000;
        }
        assert_eq!(printed, 2_010_000);
        assert!(console.wait() > Duration::from_secs(9000));
    }

    #[test]
    fn empty_lines_count_for_what_they_take_in_a_log() {
        let mut console = console(Limits {
            output_bytes_per_second: 49,
            output_burst_bytes: 0,
            ..Limits::default()
        });
        assert!(console.write(Stream::Stderr, &[b'\n'; 1000]).is_ok());
        let wait = console.wait().as_secs_f64();
        assert!((900.0..=1000.0).contains(&wait), "{wait}");
    }

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
