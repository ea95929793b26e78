//! Manners of a Unix program.

use std::process::{Child, Stdio};
use std::thread;
use std::time::Instant;

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
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
        let left = std::fs::read_dir(home.path(".")).expect("the home must be there");
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
fn ctrl_c_again_ends_it_whatever_it_waits_for() {
    let home = Home::new();
    home.write("job.yaml", job("a", "", "image: slow"));
    let pipe = home.path("pipe");
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, &pipe, FileType::Fifo, mode, 0).expect("a pipe must be made");
    let image = format!("--image=slow={}", pipe.display());
    let mut command = home.mayfly();
    command.args(["run", &image, "job.yaml"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = Killed(command.spawn().expect("mayfly must start"));
    let begun = Instant::now();
    let until = |step: &mut dyn FnMut() -> bool| {
        while !step() {
            assert!(begun.elapsed() < PATIENCE, "it must come to that");
            thread::yield_now();
        }
    };
    // Whoever writes is let in as soon as somebody reads, and then writes nothing.
    let mut writer = None;
    until(&mut || {
        writer = open(&pipe, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty()).ok();
        writer.is_some()
    });
    let process = Pid::from_child(&child.0);
    let mut status = None;
    until(&mut || {
        kill_process(process, Signal::INT).expect("it must be there");
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
