//! Looks for devices of the host, and tries to change the `/dev` that it was given.
//!
//! Args: none. Expect: a line `denied PATH` each and exit code 0; `ESCAPED PATH` and exit code 1 when
//! one was opened, made or removed.

use std::fs::{self, OpenOptions};
use std::process;

const PATHS: [&str; 16] = [
    "/dev/mem",
    "/dev/kmsg",
    "/dev/sda",
    "/dev/tty",
    "/dev/pts/0",
    "/dev/fd/0",
    "/dev/shm/x",
    "/dev/null/./x",
    "/dev/null/x",
    "/dev/null/../../etc/passwd",
    "/dev/../etc/passwd",
    "/dev/./../etc/passwd",
    "/dev/made",
    "/dev/NULL",
    "/dev//../dev/mem",
    "/dev/stdout/../mem",
];

fn main() {
    let mut escaped = false;
    for path in PATHS {
        let done = OpenOptions::new().read(true).open(path).is_ok()
            || OpenOptions::new().write(true).create(true).open(path).is_ok()
            || fs::create_dir(path).is_ok()
            || fs::remove_file(path).is_ok();
        println!("{} {}", if done { "ESCAPED" } else { "denied" }, path);
        escaped |= done;
    }
    process::exit(i32::from(escaped));
}
