//! The engine's side: starts a compiler, hands it the module, and kills it when it is not wanted any
//! more.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Once;
use std::thread;

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::Work;
use super::wire::{ANSWER_HEAD_BYTES, Answer, Request};
use crate::confine::CompilerBounds;
use crate::error::ModuleError;

/// Compiled code of one module. The largest known program has 60 MB and 250 MB of code; this stops a
/// compiler that somebody got into from filling our memory.
const ARTIFACT_BYTES_MAX: u64 = 2 << 30;

/// What a compiler says when it crashes, of which people are told the first lines.
const LAST_WORDS_BYTES_MAX: u64 = 4096;

/// Threads of one compiler. Each takes address space, and more of them do little for one module.
const THREADS_MAX: usize = 8;

/// How the standard library tells of memory that it did not get.
const OUT_OF_MEMORY: &str = "memory allocation of";

/// A compiler at work, which is killed with all that it started when this is dropped.
struct Working {
    child: Child,
    group: Option<Pid>,
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // It may have ended by itself; the child was not waited for, so the number is its own.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Has `program` compile `wasm`. Dropping the future kills the compiler.
pub(crate) async fn in_child(
    program: &Path,
    args: &[OsString],
    work: Work,
    bounds: CompilerBounds,
    wasm: Bytes,
) -> Result<Vec<u8>, ModuleError> {
    let length = wasm.len() as u64;
    let request = Request { work, bounds, length }.to_bytes();
    let failed = |error: io::Error| ModuleError::Compiler(error);
    let mut working = start(program, args).map_err(failed)?;
    let child = &mut working.child;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // Open until it has ended: to the compiler, its end means that nobody waits any more.
    let mut stdin = stdin.expect("standard input must be piped");
    let send = async {
        // A compiler that does not read on has a reason, which it tells.
        let _ = stdin.write_all(&request).await;
        let _ = stdin.write_all(&wasm).await;
    };
    let answer =
        up_to(stdout.expect("it must be piped"), ANSWER_HEAD_BYTES as u64 + ARTIFACT_BYTES_MAX);
    let last_words = up_to(stderr.expect("it must be piped"), LAST_WORDS_BYTES_MAX);
    let ((), answer, last_words) = tokio::join!(send, answer, last_words);
    let status = working.child.wait().await.map_err(failed)?;
    working.group = None;

    let last_words = String::from_utf8_lossy(&last_words).into_owned();
    if !status.success() {
        return Err(reason(status, bounds, &last_words));
    }
    let crashed = || ModuleError::CompilerCrashed { how: "did not answer".to_owned() };
    let answer = Answer::parse(answer, work, length).ok_or_else(crashed)?;
    if !answer.is_confined {
        warn_once();
    }
    answer.result
}

fn start(program: &Path, args: &[OsString]) -> io::Result<Working> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let child = Command::new(program)
        .args(args)
        .env_clear()
        .env("RAYON_NUM_THREADS", threads.to_string())
        // A program that has mimalloc would set a gibibyte aside as if it were written to, and its
        // bound is on what may be written to.
        .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Of its own, so that what it starts is killed with it, and Ctrl-C is ours to answer.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok(Working { child, group })
}

/// The first `max` bytes; what is beyond is not read, and whoever writes it finds the pipe closed.
async fn up_to(from: impl AsyncRead + Unpin, max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was read before an error is what there is.
    let _ = from.take(max).read_to_end(&mut bytes).await;
    bytes
}

/// Why a compiler that did not exit with 0 did so.
fn reason(status: ExitStatus, bounds: CompilerBounds, last_words: &str) -> ModuleError {
    use std::os::unix::process::ExitStatusExt as _;
    let words = last_words.lines().map(str::trim).filter(|line| !line.is_empty());
    let words = words.take(4).collect::<Vec<_>>().join("; ");
    let of = |signal: Signal| Some(signal.as_raw());
    let signal = status.signal();
    if last_words.contains(OUT_OF_MEMORY) {
        return ModuleError::CompilerMemory { bytes_max: bounds.memory_bytes_max };
    }
    if signal == of(Signal::XCPU) {
        return ModuleError::CompilerCpu { seconds_max: bounds.cpu_seconds_max };
    }
    if signal == of(Signal::SYS) {
        return ModuleError::CompilerForbidden;
    }
    let how = match (signal, status.code()) {
        (signal, _) if signal == of(Signal::KILL) => {
            "was killed, most likely by the system for want of memory".to_owned()
        }
        (Some(signal), _) => format!("was ended by signal {signal}"),
        (None, code) => format!("exited with code {}", code.unwrap_or_default()),
    };
    let how = if words.is_empty() { how } else { format!("{how}: {words}") };
    ModuleError::CompilerCrashed { how }
}

fn warn_once() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "this kernel can't confine compilers wholly (seccomp and landlock are wanted); they have \
             limits of time and memory"
        );
    });
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn each_end_of_a_compiler_has_its_words() {
        let bounds = CompilerBounds { memory_bytes_max: 5, cpu_seconds_max: 6 };
        let check = |raw: i32, said: &str, expect: &str| {
            let error = reason(ExitStatus::from_raw(raw), bounds, said).to_string();
            assert!(error.contains(expect), "{raw}: {error}");
        };
        check(Signal::ABORT.as_raw(), "memory allocation of 9 bytes failed", "more than 5 bytes");
        check(Signal::XCPU.as_raw(), "", "more than 6 s of processor time");
        check(Signal::SYS.as_raw(), "", "what a compiler may not");
        check(Signal::KILL.as_raw(), "", "for want of memory");
        check(Signal::SEGV.as_raw(), "", "was ended by signal 11");
        check(
            Signal::ABORT.as_raw(),
            "\nthread 'main' has\n overflowed",
            "6: thread 'main' has; over",
        );
        check(101 << 8, "thread panicked", "exited with code 101: thread panicked");
    }
}
