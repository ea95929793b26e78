//! Shows what containers print while they run, besides keeping it.
//!
//! A [`PodRuntime`] around another: each container's output goes where it went, and to people.
//! With one container alone its bytes are passed on as they are; otherwise in whole lines, each
//! with the name of its pod and container before it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use mayfly_controller::api::Object;
use mayfly_controller::node::{
    Container, ContainerEnd, Image, Output, PodRuntime, Pull, PullError, StartError, Storage,
    StorageExceeded, StorageLimits, Stream,
};
use tokio_util::sync::CancellationToken;

use super::prepare::{containers, pod_of};
use super::printer::{Printer, To};

/// The longest line that is kept together. Stops a container that never ends its line from filling
/// our memory.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Where and how containers' output is shown.
#[derive(Clone)]
pub(crate) struct Display {
    /// Shows it.
    pub(crate) printer: Printer,
    /// Whether lines say which container they are from.
    pub(crate) names: Names,
    /// Where containers' standard output goes; their standard error goes to ours.
    pub(crate) stdout: To,
}

/// Whether lines say which container they are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// `[pod/container] ` before each.
    Shown,
    /// The bytes as they are.
    Hidden,
}

impl Display {
    /// Shows the containers of `objects` on `printer`; `is_stdout_taken` by something else than
    /// what they print.
    pub(crate) fn new(printer: Printer, objects: &[Object], is_stdout_taken: bool) -> Self {
        let names = if is_one_container(objects) { Names::Hidden } else { Names::Shown };
        let stdout = if is_stdout_taken { To::Stderr } else { To::Stdout };
        Self { printer, names, stdout }
    }
}

/// Whether at most one container runs at a time, and it is always the same one. Another try of it
/// is not another container.
fn is_one_container(objects: &[Object]) -> bool {
    let [object] = objects else { return false };
    let is_one_pod = match object {
        Object::Job(job) => job
            .spec
            .as_ref()
            .is_some_and(|spec| spec.completions == Some(1) && spec.parallelism.unwrap_or(1) <= 1),
        _ => true,
    };
    is_one_pod && pod_of(object).is_some_and(|(_, spec)| containers(spec).count() == 1)
}

/// Runs containers in `inner`, and shows what they print.
pub(crate) struct Streamed<R> {
    inner: R,
    display: Display,
}

impl<R> Streamed<R> {
    /// Shows on `display` what containers in `inner` print.
    pub(crate) fn new(inner: R, display: Display) -> Self {
        Self { inner, display }
    }
}

impl<R: PodRuntime> PodRuntime for Streamed<R> {
    async fn pull(&self, pull: Pull) -> Result<Image, PullError> {
        self.inner.pull(pull).await
    }

    async fn run(
        &self,
        mut container: Container,
        cancel: CancellationToken,
    ) -> Result<ContainerEnd, StartError> {
        let tee = Arc::new(Tee {
            kept: container.output.clone(),
            display: self.display.clone(),
            prefix: format!("[{}/{}] ", container.pod.name, container.name),
            cancel: cancel.clone(),
            lines: Mutex::default(),
        });
        container.output = tee.clone();
        let end = self.inner.run(container, cancel).await;
        tee.finish();
        end
    }

    fn storage(
        &self,
        limits: StorageLimits,
        exceeded: Arc<dyn Fn(StorageExceeded) + Send + Sync>,
    ) -> Option<Arc<dyn Storage>> {
        self.inner.storage(limits, exceeded)
    }
}

/// Takes the output of one container.
struct Tee {
    kept: Arc<dyn Output>,
    display: Display,
    prefix: String,
    cancel: CancellationToken,
    /// The lines of both streams that have not ended yet.
    lines: Mutex<[Vec<u8>; 2]>,
}

impl Output for Tee {
    fn write(&self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        // What is kept has a limit of its own, and whoever reads along still gets the rest; so the
        // container need not know of it.
        if let Err(error) = self.kept.write(stream, bytes) {
            tracing::debug!(container = self.prefix, %error, "output is shown and not kept");
        }
        let shown = match self.display.names {
            Names::Hidden => bytes.to_vec(),
            Names::Shown => {
                let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
                whole_lines(&mut lines[stream as usize], bytes, &self.prefix)
            }
        };
        if !shown.is_empty() {
            // Cancelled while waiting: the container is on its way out, and what it printed is kept.
            let _is_shown =
                self.display.printer.print_or_wait(self.to(stream), shown, &self.cancel);
        }
        Ok(())
    }
}

impl Tee {
    fn to(&self, stream: Stream) -> To {
        match stream {
            Stream::Stdout => self.display.stdout,
            Stream::Stderr => To::Stderr,
        }
    }

    /// Shows lines that have not ended when the container has.
    fn finish(&self) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in [Stream::Stdout, Stream::Stderr] {
            let line = &mut lines[stream as usize];
            if !line.is_empty() {
                let shown = whole_lines(line, b"\n", &self.prefix);
                self.display.printer.print(self.to(stream), shown);
            }
        }
    }
}

/// The lines that end in `bytes`, after what has been `begun`, each with `prefix` before it; what
/// is left begins the next.
fn whole_lines(begun: &mut Vec<u8>, bytes: &[u8], prefix: &str) -> Vec<u8> {
    let mut shown = Vec::with_capacity(bytes.len() + prefix.len());
    for part in bytes.split_inclusive(|byte| *byte == b'\n') {
        begun.extend_from_slice(part);
        if part.ends_with(b"\n") || begun.len() >= LINE_BYTES_MAX {
            shown.extend_from_slice(prefix.as_bytes());
            shown.append(begun);
            if !shown.ends_with(b"\n") {
                shown.push(b'\n');
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole() {
        let check = |writes: &[&str], expect: &str, left: &str| {
            let mut begun = Vec::new();
            let shown: Vec<u8> =
                writes.iter().flat_map(|it| whole_lines(&mut begun, it.as_bytes(), "> ")).collect();
            assert_eq!(String::from_utf8(shown).unwrap(), expect, "{writes:?}");
            assert_eq!(String::from_utf8(begun).unwrap(), left, "{writes:?}");
        };
        check(&["a\n"], "> a\n", "");
        check(&["a", "b\nc"], "> ab\n", "c");
        check(&["a\nb\n\n"], "> a\n> b\n> \n", "");
        check(&[""], "", "");
        let long = "x".repeat(LINE_BYTES_MAX);
        check(&[&long, "y"], &format!("> {long}\n"), "y");
    }
}
