//! Copies its standard input to its standard output until the input ends.
//!
//! Args: none. Expect: what came in goes out, exit code 0. Without an input it ends at once; with
//! one that stays open and silent it is blocked in a call of the host for ever.

use std::io;
use std::process;

fn main() {
    if let Err(error) = io::copy(&mut io::stdin(), &mut io::stdout()) {
        eprintln!("job_stdin: {}", error);
        process::exit(1);
    }
}
