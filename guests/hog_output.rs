//! Floods its standard output.
//!
//! Args: `[MEBIBYTES]`; without one it never ends. Expect: lines of 63 letters `x`, as many as make
//! up so much, and exit code 0; exit code 1 when the output is closed before.

use std::env;
use std::io::{self, Write};
use std::process;

/// Lines in a write: 64 KiB, so that the host's own work is what is measured.
const LINES: usize = 1024;
const WRITES_PER_MEBIBYTE: u64 = 16;

fn main() {
    let writes = match env::args().nth(1).map(|text| text.parse::<u64>()) {
        None => u64::MAX,
        Some(Ok(mebibytes)) => mebibytes.saturating_mul(WRITES_PER_MEBIBYTE),
        Some(Err(_)) => {
            eprintln!("hog_output: the number of mebibytes must be a number");
            process::exit(2);
        }
    };
    let block = ("x".repeat(63) + "\n").repeat(LINES);
    let mut stdout = io::stdout();
    for _ in 0..writes {
        if stdout.write_all(block.as_bytes()).is_err() {
            process::exit(1);
        }
    }
}
