//! The process that runs guests has only what it needs of the host.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use mayfly_runtime::confine::{self, Extent, Files};

use crate::harness::{Home, Server, say};

/// Tells the test's other process which it is, and where to try.
const CHILD: &str = "MAYFLY_TEST_CONFINED_IN";

/// Runs this very test once more in a process of its own, which `confined` may spoil.
fn in_a_process(name: &str, confined: impl FnOnce(&Path)) {
    if let Some(folder) = env::var_os(CHILD) {
        return confined(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a temporary folder must be had");
    let child = Command::new(env::current_exe().expect("the test must know itself"))
        .args(["--exact", "--nocapture", "--test-threads=1", name])
        .env(CHILD, folder.path())
        .output()
        .expect("the test must start");
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said}");
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"), "{said}");
}

#[test]
fn files_are_confined_to_what_is_named() {
    in_a_process("confinement::host::files_are_confined_to_what_is_named", |folder| {
        let at = |name: &str| folder.join(name);
        for name in ["ours", "read", "others"] {
            fs::create_dir(at(name)).expect("the folder must be made");
            fs::write(at(name).join("file"), name).expect("the file must be written");
        }
        let files = Files {
            read: Some(vec![at("ours"), at("read")]),
            change: Some(vec![at("ours"), at("missing")]),
            execute: Some(vec![]),
            ..Files::default()
        };
        if confine::confine_files(&files).expect("it must be confined") == Extent::Nothing {
            say!("skipped: this kernel has no landlock");
            return;
        }
        let denied = |result: std::io::Result<()>| {
            assert_eq!(result.expect_err("it must be denied").kind(), ErrorKind::PermissionDenied);
        };
        fs::write(at("ours/new"), "ours").expect("ours may be changed");
        fs::create_dir(at("ours/deep")).expect("ours may be changed");
        fs::rename(at("ours/new"), at("ours/deep/new")).expect("ours may be changed");
        fs::remove_file(at("ours/deep/new")).expect("ours may be changed");
        assert_eq!(fs::read(at("read/file")).expect("it may be read"), b"read");
        denied(fs::write(at("read/file"), ""));
        denied(fs::write(at("read/new"), ""));
        denied(fs::read(at("others/file")).map(drop));
        denied(fs::write(at("others/new"), ""));
        denied(fs::remove_file(at("others/file")));
        denied(fs::rename(at("ours/file"), at("others/file")));
        denied(std::os::unix::fs::symlink("/", at("others/link")));
        denied(Command::new("/bin/true").status().map(drop));

        // Less and less, never more.
        let all = Some(vec!["/".into()]);
        let all =
            Files { read: all.clone(), change: all.clone(), execute: all, ..Files::default() };
        confine::confine_files(&all).expect("it must be confined");
        denied(fs::read(at("others/file")).map(drop));
    });
}

#[test]
fn system_calls_of_administrators_are_refused() {
    in_a_process("confinement::host::system_calls_of_administrators_are_refused", |_| {
        use rustix::thread::{UnshareFlags, unshare_unsafe};
        confine::confine_process().expect("it must be confined");
        confine::confine_calls().expect("it must be confined");
        // Anybody may have a table of descriptors of their own, but for the filter.
        #[expect(unsafe_code, reason = "what it does to descriptors is the refused part")]
        // SAFETY: it is refused; were it not, this thread's descriptors would be copies.
        let refused = unsafe { unshare_unsafe(UnshareFlags::FILES) };
        assert_eq!(refused, Err(rustix::io::Errno::PERM));
        // Threads, files, processes and sockets are not.
        std::thread::spawn(|| fs::read("/proc/self/status").expect("it may be read"))
            .join()
            .expect("a thread must start");
        assert!(Command::new("/bin/true").status().expect("it may be started").success());
        std::net::TcpListener::bind("127.0.0.1:0").expect("it may listen");
    });
}

/// What the system says of a process: whether calls are filtered, and whether it may gain anything.
fn status(process: u32) -> (String, String) {
    let text = fs::read_to_string(format!("/proc/{process}/status")).expect("it must run");
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.expect("the system must say so").trim().to_owned()
    };
    (of("Seccomp:"), of("NoNewPrivs:"))
}

#[test]
fn a_server_is_confined_unless_it_is_told_not_to_be() {
    let home = Home::new();
    // Where it writes something is made before it is confined.
    let mut confined = Server::start(&home, &["--kubeconfig", "made/for/it"]);
    let is_on = ("2".to_owned(), "1".to_owned());
    assert_eq!(status(confined.running().id()), is_on);
    confined.stop().exits(0).says("this process is confined: no new privileges, no core dumps");

    let mut free = Server::start(&home, &["--no-confinement"]);
    let of_this_test = status(std::process::id());
    assert_eq!(status(free.running().id()), of_this_test);
    free.stop().exits(0).says("this process is not confined");
}

#[test]
fn a_run_is_confined_and_leaves_nothing_behind() {
    let home = Home::new();
    home.write("tmp/.keep", "");
    home.write(
        "jobs/job.yaml",
        crate::harness::job("echo", "", "image: ../guests/job_echo.wasm\n"),
    );
    for options in [&["run", "jobs/job.yaml"][..], &["run", "--no-confinement", "jobs/job.yaml"]] {
        let mut command = home.mayfly();
        command.args(options).env("TMPDIR", home.path("tmp"));
        crate::harness::Running::start(&mut command).wait().exits(0);
        let left: Vec<_> = fs::read_dir(home.path("tmp")).expect("it must be there").collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}
