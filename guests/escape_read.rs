//! Tries to read files of the host, by absolute paths and by climbing out of its folders.
//!
//! Args: `[FOLDER…]`, mounted folders to climb out of besides `/`, `.` and `/dev`. Expect: a line
//! `denied PATH: WHY` each and exit code 0; `ESCAPED PATH` and exit code 1 when one was read.

use std::env;
use std::fs;
use std::process;

/// What every Linux host has, and no guest is given.
const TARGETS: [&str; 4] = ["etc/passwd", "etc/hostname", "proc/self/environ", "proc/version"];

fn main() {
    let mut folders = vec!["/".to_string(), "./".to_string(), "/dev/".to_string()];
    folders.extend(env::args().skip(1).map(|folder| folder + "/"));
    let mut escaped = false;
    for folder in folders {
        for climb in ["", "../", "../../../../../../../../", "./.././../", "x/../../"] {
            for target in TARGETS {
                escaped |= tried(&format!("{}{}{}", folder, climb, target));
            }
        }
    }
    process::exit(i32::from(escaped));
}

/// Whether the file could be read.
fn tried(path: &str) -> bool {
    match fs::read(path) {
        Ok(_) => println!("ESCAPED {}", path),
        Err(error) => {
            println!("denied {}: {}", path, error);
            return false;
        }
    }
    true
}
