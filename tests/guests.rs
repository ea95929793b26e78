//! The prebuilt guests are what their sources say.
//!
//! Knows the files of `guests/` and its build script, and nothing of what runs them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// The largest module that is kept in the repository; the git history holds each version for ever.
const PREBUILT_BYTES_MAX: usize = 100_000;

/// What `guests/build` ends with when there is no toolchain to build with.
const NO_TOOLCHAIN: i32 = 3;

fn guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests")
}

/// The names, without `extension`, of the files in a folder that have it.
fn stems(folder: &Path, extension: &str) -> BTreeSet<String> {
    fs::read_dir(folder)
        .expect("the folder must be readable")
        .map(|entry| entry.expect("the entry must be readable").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}

/// What `SHA256SUMS` must be for the modules in a folder, in the form of `sha256sum`.
fn sums(folder: &Path) -> String {
    let line = |name: &String| {
        let bytes = fs::read(folder.join(format!("{name}.wasm"))).expect("it was just listed");
        assert!(bytes.len() <= PREBUILT_BYTES_MAX, "{name} has {} bytes", bytes.len());
        format!("{:x}  {name}.wasm\n", Sha256::digest(bytes))
    };
    stems(folder, "wasm").iter().map(line).collect()
}

#[test]
fn prebuilt_guests_have_their_sources_and_sums() {
    let prebuilt = guests().join("prebuilt");
    assert_eq!(stems(&guests(), "rs"), stems(&prebuilt, "wasm"), "run guests/build --update");
    let committed = fs::read_to_string(prebuilt.join("SHA256SUMS")).expect("it is committed");
    assert_eq!(sums(&prebuilt), committed, "run guests/build --update");
}

#[test]
fn every_guest_says_what_it_does() {
    for (extension, comment) in [("rs", "//! "), ("wat", ";; ")] {
        for name in stems(&guests(), extension) {
            let file = format!("{name}.{extension}");
            let source = fs::read_to_string(guests().join(&file)).expect("listed");
            assert!(source.starts_with(comment), "{file} opens without {comment:?}");
            for word in ["Args: ", "Expect:"] {
                assert!(source.contains(word), "{file} lacks {word:?} in its first comment");
            }
        }
    }
}

/// Needs Linux on x86_64 and Debian 12's packages, and some 20 seconds the first time.
#[test]
fn building_the_guests_again_gives_the_same_bytes() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in target/");
    let built = Command::new(guests().join("build"))
        .args(["--with", "debian"])
        .env("MAYFLY_GUESTS_TARGET", target)
        .output()
        .expect("the script must start");
    let said = String::from_utf8_lossy(&built.stderr);
    if built.status.code() == Some(NO_TOOLCHAIN) {
        // Not `eprintln!`, which the test harness keeps to itself when a test passes.
        let why = said.lines().collect::<Vec<_>>().join("; ");
        writeln!(io::stderr(), "skipped: {why}").expect("stderr must be open");
        return;
    }
    assert!(built.status.success(), "guests/build failed:\n{said}");
    assert_eq!(sums(&target.join("guests")), sums(&guests().join("prebuilt")));
}
