//! What is left to a compiler. Each case is a process of its own: this test once more.

use std::io;
use std::net::UdpSocket;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use rustix::process::Signal;

use crate::confine::{CompilerBounds, confine_compiler};

/// Tells the test's other process what to do.
const CHILD: &str = "MAYFLY_TEST_COMPILER_DOES";

const BOUNDS: CompilerBounds = CompilerBounds { memory_bytes_max: 64 << 20, cpu_seconds_max: 1 };

/// How a compiler ends that does `what`.
fn end_of(what: &str) -> (ExitStatus, String) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg("tests::confine::a_compiler_has_memory_and_threads_and_nothing_else")
        .env(CHILD, what)
        .output()
        .unwrap();
    (child.status, String::from_utf8_lossy(&child.stderr).into_owned())
}

fn compiler(what: &str) {
    assert!(confine_compiler(BOUNDS), "this kernel can't confine a compiler");
    match what {
        "compute" => {
            let sum = std::thread::spawn(|| {
                vec![1_u8; 1 << 20].iter().map(|it| u64::from(*it)).sum::<u64>()
            });
            assert_eq!(sum.join().unwrap(), 1_u64 << 20);
        }
        "read a file" => {
            let error = std::fs::read("/etc/passwd").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        }
        "open a socket" => drop(UdpSocket::bind("127.0.0.1:0")),
        "start a process" => drop(Command::new("/bin/true").status()),
        "signal its parent" => {
            let parent = rustix::process::getppid().unwrap();
            let _ = rustix::process::kill_process(parent, Signal::CONT);
        }
        "take memory" => drop(std::hint::black_box(vec![1_u8; 128 << 20])),
        "take time" => loop {
            std::hint::black_box(0);
        },
        "abort" => std::process::abort(),
        _ => panic!("{what} is no case"),
    }
    // The test's own summary comes from a process that may write it.
    std::process::exit(0);
}

#[test]
fn a_compiler_has_memory_and_threads_and_nothing_else() {
    if let Some(what) = std::env::var_os(CHILD) {
        return compiler(what.to_str().unwrap());
    }
    let check = |what: &str, signal: Option<Signal>| {
        let (status, said) = end_of(what);
        if said.contains("can't confine a compiler") {
            eprintln!("skipped: {said}");
            return;
        }
        assert_eq!(status.signal(), signal.map(Signal::as_raw), "{what}: {status}: {said}");
        assert!(status.signal().is_some() || status.success(), "{what}: {status}: {said}");
    };
    check("compute", None);
    check("read a file", None);
    check("open a socket", Some(Signal::SYS));
    check("start a process", Some(Signal::SYS));
    check("signal its parent", Some(Signal::SYS));
    check("take memory", Some(Signal::ABORT));
    check("take time", Some(Signal::XCPU));
    check("abort", Some(Signal::ABORT));
}
