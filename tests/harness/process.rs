//! A process, its lines as they come, and its end.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long any process of a test may live: longer than it waits for anything ([`super::PATIENCE`]), so
/// that it can say itself what it waited for.
const LIFE_MAX: Duration = Duration::from_secs(180);

/// Which stream a line is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// A process that runs.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<(Stream, Vec<u8>)>,
    seen: Vec<(Stream, Vec<u8>)>,
    patience: Duration,
    deadline: Instant,
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Running {
    /// Starts `command`, with nothing on its standard input.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::patiently(command, LIFE_MAX)
    }

    /// The same, for one that may take longer than others.
    pub(crate) fn patiently(command: &mut Command, patience: Duration) -> Self {
        Self::spawn(command.stdin(Stdio::null()), patience)
    }

    /// Starts `command`, with `input` on its standard input.
    pub(crate) fn reading(command: &mut Command, input: File) -> Self {
        Self::spawn(command.stdin(input), LIFE_MAX)
    }

    fn spawn(command: &mut Command, patience: Duration) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("mayfly must start");
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().expect("stdout must be piped");
        let stderr = child.stderr.take().expect("stderr must be piped");
        read_lines(Stream::Stdout, stdout, sender.clone());
        read_lines(Stream::Stderr, stderr, sender);
        Self { child, lines, seen: Vec::new(), patience, deadline: Instant::now() + patience }
    }

    /// Waits for a line that `is_wanted`, and returns it.
    pub(crate) fn line(&mut self, is_wanted: impl Fn(Stream, &str) -> bool) -> String {
        let found = self.line_or_end(is_wanted);
        found.unwrap_or_else(|| {
            panic!("the process ended without the line that was waited for:\n{}", self.text())
        })
    }

    /// The same for a process that may end first: then there is none.
    pub(crate) fn line_or_end(
        &mut self,
        is_wanted: impl Fn(Stream, &str) -> bool,
    ) -> Option<String> {
        while let Some((from, line)) = self.next() {
            if is_wanted(from, line.trim_end()) {
                return Some(line);
            }
        }
        None
    }

    /// Waits until each of `texts` has been in some line.
    pub(crate) fn lines_with(&mut self, texts: &[&str]) {
        let mut missing = texts.to_vec();
        while !missing.is_empty() {
            let Some(line) = self.line_or_end(|_, _| true) else {
                panic!("the process ended without {missing:?}:\n{}", self.text())
            };
            missing.retain(|text| !line.contains(text));
        }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The processor time that it has used.
    pub(crate) fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("the system must have /proc");
        // The name is in parentheses and may hold anything; user and system time are the 12th and
        // 13th field after it, in hundredths of a second.
        let fields = stat.rsplit(')').next().expect("there must be a rest").split_whitespace();
        let ticks = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number"));
        Duration::from_millis(10 * ticks.sum::<u64>())
    }

    /// Ends it as a power cut would, and waits until it has.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().expect("it must be ours to kill");
        self.wait()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(id.expect("it must have an id"), signal).expect("signal");
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        while self.next().is_some() {}
        let status = self.child.wait().expect("it must be ours to wait for");
        let text = |of| {
            let lines = self.seen.iter().filter(|(from, _)| *from == of);
            let bytes: Vec<u8> = lines.flat_map(|(_, line)| line.clone()).collect();
            String::from_utf8(bytes).expect("output must be UTF-8")
        };
        Ended { status, stdout: text(Stream::Stdout), stderr: text(Stream::Stderr) }
    }

    fn next(&mut self) -> Option<(Stream, String)> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok((from, line)) => {
                let text = String::from_utf8_lossy(&line).into_owned();
                self.seen.push((from, line));
                Some((from, text))
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.child.kill().expect("it must be ours to kill");
                panic!("the process did not end in {:?}:\n{}", self.patience, self.text());
            }
        }
    }

    fn text(&self) -> String {
        self.seen.iter().map(|(_, line)| String::from_utf8_lossy(line)).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that fails in the middle leaves nothing running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Checks its exit code.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        self
    }

    /// Checks that its standard error says `text`.
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "wanted: {text}\n{self:#?}");
        self
    }

    /// Its standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

fn read_lines(
    from: Stream,
    stream: impl Read + Send + 'static,
    to: mpsc::Sender<(Stream, Vec<u8>)>,
) {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        loop {
            let mut line = Vec::new();
            match reader.read_until(b'\n', &mut line) {
                Ok(1..) if to.send((from, line)).is_ok() => {}
                _ => return,
            }
        }
    });
}
