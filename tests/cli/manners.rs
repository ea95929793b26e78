//! Manners of a Unix program.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Home, PATIENCE, Stream, guest, job};

#[test]
fn help_has_examples() {
    let home = Home::new();
    let help = home.run(&["run", "--help"]).exits(0).stdout;
    for text in ["Examples:", "mayfly run examples/pi.yaml", "Exit codes:", "--state-dir"] {
        assert!(help.contains(text), "{help}");
    }
    assert!(home.run(&["--version"]).exits(0).stdout.starts_with("mayfly 0."));
}

#[test]
fn a_reader_that_goes_is_no_error() {
    let home = Home::new();
    home.write("job.yaml", job("a", "", &format!("image: {}", guest("hog_output"))));
    let mut command = home.mayfly();
    command.args(["run", "--quiet", "job.yaml"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("mayfly must start");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("mayfly must end");
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn ctrl_c_stops_and_cleans_up() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let home = Home::new();
        home.write("job.yaml", job("a", "", &format!("image: {}", guest("hog_cpu"))));
        let mut running = home.start(&["run", "job.yaml"]);
        running.line(|from, line| from == Stream::Stderr && line.contains("1 active"));
        running.signal(signal);
        running.wait().exits(code).says("stopped with");
        let left = fs::read_dir(home.path(".")).expect("the home must be there");
        let left = left.filter(|it| {
            it.as_ref().is_ok_and(|it| it.file_name().to_string_lossy().starts_with("mayfly-"))
        });
        assert_eq!(left.count(), 0, "the temporary folder is gone");
    }
}

/// A process that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn ctrl_c_again_ends_what_waits_for_its_reader() {
    let home = Home::new();
    home.write("job.yaml", job("a", "", &format!("image: {}", guest("hog_output"))));
    let mut command = home.mayfly();
    command.args(["run", "job.yaml"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Killed(command.spawn().expect("mayfly must start"));
    let begun = Instant::now();
    let until = |step: &mut dyn FnMut() -> bool| {
        while !step() {
            assert!(begun.elapsed() < PATIENCE, "it must come to that");
            thread::yield_now();
        }
    };
    // From the first byte on, nobody reads.
    let reader = child.0.stdout.as_mut().expect("it must be a pipe");
    reader.read_exact(&mut [0]).expect("the guest must print");
    let process = Pid::from_child(&child.0);
    let interrupt = || kill_process(process, Signal::INT).expect("it must be there");
    interrupt();
    // Whatever the others wait for from now on, there is one who listens.
    let threads = format!("/proc/{}/task", process.as_raw_nonzero());
    let name = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("comm")).ok();
    until(&mut || {
        let threads = fs::read_dir(&threads).expect("it must be there").flatten();
        threads.filter_map(name).any(|name| name.trim() == "mayfly-signals")
    });
    let mut status = None;
    until(&mut || {
        interrupt();
        status = child.0.try_wait().expect("it must be ours");
        status.is_some()
    });
    assert_eq!(status.and_then(|it| it.code()), Some(130));
}

#[test]
fn no_colours_where_nobody_sees_them() {
    let home = Home::new();
    home.write("job.yaml", job("a", "", &format!("image: {}", guest("job_echo"))));
    let ended = home.run(&["run", "-v", "job.yaml"]).exits(0);
    assert!(!ended.stderr.contains('\x1b') && !ended.stdout.contains('\x1b'), "{ended:?}");
}
