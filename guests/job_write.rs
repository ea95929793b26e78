//! Writes a text into a file, as a step that leaves something for the next one.
//!
//! Args: `FILE TEXT…`. Expect: FILE holds each TEXT on a line of its own, nothing on stdout and
//! exit code 0; a line on stderr and exit code 1 when it can't be written.

use std::env;
use std::fs;
use std::process;

fn main() {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().unwrap_or_default();
    let text: String = arguments.map(|line| line + "\n").collect();
    if let Err(error) = fs::write(&path, text) {
        eprintln!("job_write: {}: {}", path, error);
        process::exit(1);
    }
}
