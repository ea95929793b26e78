//! Tries to make files outside of what it was given.
//!
//! Args: `[FOLDER…]`, mounted folders to climb out of besides `/`. Expect: a line
//! `denied PATH: WHY` each and exit code 0; `ESCAPED PATH` and exit code 1 when one was made.

use std::env;
use std::fs;
use std::process;

const NAME: &str = "mayfly-guest-was-here";

fn main() {
    let mut paths = Vec::new();
    for folder in ["/etc", "/usr", "/var/lib", "/root", "/home", "/proc/self", "/dev/.."] {
        paths.push(format!("{}/{}", folder, NAME));
    }
    for folder in env::args().skip(1) {
        for climb in ["..", "../..", "../../../../../../../../tmp", "./../"] {
            paths.push(format!("{}/{}/{}", folder, climb, NAME));
        }
    }
    let mut escaped = false;
    for path in &paths {
        match fs::write(path, "a guest wrote this") {
            Ok(()) => {
                println!("ESCAPED {}", path);
                escaped = true;
            }
            Err(error) => println!("denied {}: {}", path, error),
        }
    }
    process::exit(i32::from(escaped));
}
