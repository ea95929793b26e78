//! The packages, as an operator meets them: made, installed, upgraded and removed.
//!
//! ```text
//! packages/build ─▶ old.deb, new.deb ─▶ machine: a systemd of its own ─▶ life: what the operator does
//! ```
//!
//! They are made of the binary under test. The machine is namespaces over an overlay of this one's
//! files, so the unit's hardening is systemd's own, and nothing of this machine is changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Ended, Running, guest, repository, say};

/// How long a life may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(15);

/// What `machine` exits with where there can be none.
const CANNOT: i32 = 77;

/// The most exposed that `systemd-analyze security` may find the unit, from 0 to 10: what is left is
/// the network, the compiler's machine code, and /proc.
const EXPOSURE_MAX: f64 = 1.5;

/// The first systemd that looks at a unit that is not installed.
const OFFLINE_SINCE: u32 = 250;

/// Makes packages of the binary under test in `folder`; `None` if this machine can't.
fn build(folder: &Path, options: &[&str]) -> Option<Ended> {
    for program in ["dpkg-deb", "dpkg-shlibdeps", "strip", "objdump"] {
        if !has(program) {
            say!("skipped: there is no {program}, which makes packages");
            return None;
        }
    }
    let mut command = Command::new(repository().join("packages/build"));
    command.args(["--binary", env!("CARGO_BIN_EXE_mayfly"), "--quick", "--output"]).arg(folder);
    command.args(options).env("SOURCE_DATE_EPOCH", "1700000000");
    Some(Running::patiently(&mut command, PATIENCE).wait())
}

fn has(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder must be had")
}

/// The only file in `folder` whose name ends so.
fn only(folder: &Path, end: &str) -> PathBuf {
    let files = fs::read_dir(folder).expect("it is a folder").flatten().map(|file| file.path());
    let mut found: Vec<_> = files.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{end}: {found:?}");
    found.remove(0)
}

fn told(program: &str, arguments: &[&str], file: &Path) -> String {
    let mut command = Command::new(program);
    Running::start(command.args(arguments).arg(file)).wait().exits(0).stdout
}

#[test]
fn the_same_binary_makes_the_same_packages() {
    let (one, other) = (folder(), folder());
    for folder in [&one, &other] {
        let Some(ended) = build(folder.path(), &[]) else { return };
        ended.exits(0);
    }
    for end in [".deb", ".tar.gz"] {
        let [one, other] = [&one, &other].map(|it| only(it.path(), end));
        assert_eq!(one.file_name(), other.file_name());
        assert!(fs::read(&one).expect("read") == fs::read(&other).expect("read"), "{end} differ");
    }
    let deb = only(one.path(), ".deb");
    let depends = told("dpkg-deb", &["--showformat=${Depends}", "--show"], &deb);
    assert!(depends.contains("libc6 (>= 2."), "{depends}");
    let content = told("dpkg-deb", &["--contents"], &deb);
    for file in [
        "./etc/mayfly/serve.yaml",
        "./usr/bin/mayfly",
        "./usr/lib/systemd/system/mayfly.service",
        "./usr/lib/sysusers.d/mayfly.conf",
        "./usr/share/bash-completion/completions/mayfly",
        "./usr/share/doc/mayfly/copyright",
        "./usr/share/man/man1/mayfly-serve.1.gz",
    ] {
        assert!(content.lines().any(|line| line.ends_with(file)), "{file}: {content}");
    }
    let is_roots = |line: &str| line.contains(" root/root ");
    assert!(content.lines().all(is_roots), "{content}");
}

#[test]
fn a_tarball_works_from_wherever_it_is() {
    let (made, home) = (folder(), folder());
    let Some(ended) = build(made.path(), &["tar"]) else { return };
    ended.exits(0);
    let archive = only(made.path(), ".tar.gz");
    let mut unpack = Command::new("tar");
    unpack.arg("-xzf").arg(&archive).arg("-C").arg(home.path());
    Running::start(&mut unpack).wait().exits(0);
    let name = archive.file_name().expect("it has a name").to_string_lossy();
    let top = home.path().join(name.trim_end_matches(".tar.gz"));
    let install = fs::read_to_string(top.join("INSTALL")).expect("it says how");
    assert!(install.contains("bin/mayfly works from wherever it is. It needs "), "{install}");
    let home = crate::harness::Home::new();
    home.write(
        "job.yaml",
        crate::harness::job("echo", "", &format!("image: {}\nargs: [hello]", guest("job_echo"))),
    );
    let mut run = home.mayfly_from(&top.join("bin/mayfly"));
    let ended = Running::start(run.args(["run", "job.yaml"])).wait().exits(0);
    assert!(ended.stdout.contains("hello"), "{ended:?}");
}

#[test]
fn the_unit_is_as_hardened_as_it_can_be() {
    if !has("systemd-analyze") {
        return say!("skipped: there is no systemd-analyze");
    }
    let mut command = Command::new("systemd-analyze");
    let version = Running::start(command.arg("--version")).wait().exits(0).stdout;
    let number = version.split_whitespace().nth(1).and_then(|it| it.parse().ok());
    let number: u32 = number.unwrap_or_else(|| panic!("{version}"));
    if number < OFFLINE_SINCE {
        return say!("skipped: systemd {number} looks at no unit that is not installed");
    }
    // It wants the program to be where the unit says, and the user to be there.
    let unit = repository().join("packages/mayfly.service");
    let told = told("systemd-analyze", &["security", "--offline=true", "--no-pager"], &unit);
    let line = told.lines().find(|line| line.contains("Overall exposure level"));
    let number = line.and_then(|line| line.split(": ").nth(1)?.split(' ').next()?.parse().ok());
    let exposure: f64 = number.unwrap_or_else(|| panic!("{told}"));
    assert!(exposure <= EXPOSURE_MAX, "{told}");
}

#[test]
fn it_is_installed_upgraded_and_removed() {
    let folder = folder();
    for (version, name) in [("0.0.1", "old.deb"), ("0.0.2", "new.deb")] {
        let made = self::folder();
        let Some(ended) = build(made.path(), &["deb", "--version", version]) else { return };
        ended.exits(0);
        fs::copy(only(made.path(), ".deb"), folder.path().join(name)).expect("copy");
    }
    let (here, guests) = (repository().join("tests/packages"), folder.path().join("guests"));
    fs::copy(here.join("life"), folder.path().join("life")).expect("copy");
    fs::create_dir(&guests).expect("a folder");
    for guest in ["job_echo.wasm", "job_sleep.wasm"] {
        let from = repository().join("guests/prebuilt").join(guest);
        fs::copy(from, guests.join(guest)).expect("copy");
    }
    let mut machine = Command::new(here.join("machine"));
    machine.arg(folder.path()).arg("life");
    let ended = Running::patiently(&mut machine, PATIENCE).wait();
    if ended.status.code() == Some(CANNOT) {
        return say!("{}", ended.stdout.trim());
    }
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    assert!(read("code").trim() == "0", "{}\n{ended:#?}", read("log"));
    assert!(read("log").trim_end().ends_with("-- all is well"), "{}", read("log"));
}
